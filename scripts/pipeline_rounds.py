"""Kill steps, the local AWS and the command in the middle of runs, go on, and look whether nothing is lost.

In each round two runs with other parameters are submitted one right after the other. A process of a step,
the local AWS, or one of the two commands is killed at a random moment. Then the same command is given again,
and `kedro aws retry` until both runs have succeeded. Each run must have its own data and no other's, no step
may run again that has succeeded, there must be two executions, and no process may be left. At last `destroy`
must leave nothing.

    python scripts/pipeline_rounds.py --rounds 60
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from click.testing import CliRunner

import local_aws

_REGION = "eu-west-1"
_BUCKET = "rounds-data"
_PIPELINE = "rounds-default-local"
_STEPS = ("first", "left", "right", "last")
_LONGEST = {"step": 8.0, "local AWS": 8.0, "command": 1.5}
_PATIENCE = 300
_RETRIES = 8
_FILES = {
    "pyproject.toml": """
        [tool.kedro]
        package_name = "rounds"
        project_name = "Rounds"
        kedro_init_version = "1.4.0"
    """,
    "conf/base/aws.yml": f"""
        region: {_REGION}
        bucket: {_BUCKET}
        pipelines: {{group_by: node}}
    """,
    "conf/base/catalog.yml": f"""
        "{{name}}_made":
          {{type: json.JSONDataset, filepath: "s3://{_BUCKET}/{{name}}.json", versioned: true}}
    """,
    "conf/base/parameters.yml": "{level: 0, ledger: none}\n",
    "conf/local/.gitkeep": "",
    "conf/logging.yml": "version: 1\ndisable_existing_loggers: false\nroot: {level: WARNING}\n",
    "src/rounds/__init__.py": "",
    "src/rounds/settings.py": "",
    "src/rounds/pipeline_registry.py": """
        import os, time
        from kedro.pipeline import node, pipeline

        def note(ledger, level, name, what):
            file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(file, f"{level} {name} {what}\\n".encode())
            os.close(file)

        def work(name):
            def run(ledger, level, *sources):
                note(ledger, level, name, "begins")
                time.sleep(0.3)
                if any(each["level"] != level for each in sources):
                    note(ledger, level, name, "reads-another-run")
                note(ledger, level, name, "ends")
                made = {"level": level, "from": [each["name"] for each in sources], "name": name}
                return (made, made) if name == "left" else made
            return run

        def register_pipelines():
            given = ["params:ledger", "params:level"]
            return {"__default__": pipeline([
                node(work("first"), given, "first_made", name="first"),
                node(work("left"), [*given, "first_made"], ["left_made", "kept in memory"], name="left"),
                node(work("right"), [*given, "first_made"], "right_made", name="right"),
                node(work("last"), [*given, "kept in memory", "right_made"], "last_made", name="last"),
            ])}
    """,
}


@dataclass
class Results:
    """What was seen.

    Attributes:
        killed: How often each was killed.
        retries: How many times runs were retried.
        problems: What must not be.
    """

    killed: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    problems: list[str] = field(default_factory=list)


class Rounds:
    """A project, its local AWS, and commands in this process."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self._folder = folder
        self._chance = chance
        self._ledger = folder / "ledger"
        self._ledger.touch()
        self.results = Results()
        self._start()
        self._aws.client("s3").create_bucket(
            Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": _REGION}
        )

    def _start(self) -> None:
        self._aws, _ = local_aws.start(self._folder / "state", region=_REGION, exit_with_parent=True)
        self._sagemaker = self._aws.client("sagemaker")

    def cli(self, *arguments: str) -> Any:
        """Run `kedro aws ...` in this process."""
        from kedro_aws_plugin.cli import commands

        return CliRunner().invoke(commands, ["aws", *arguments], prog_name="kedro")

    def run_round(self, number: int) -> None:
        """Run a round."""
        levels = (2 * number, 2 * number + 1)
        victim = self._chance.choice(tuple(_LONGEST))
        doomed = self._chance.choice(levels) if victim == "command" else None
        for level in levels:
            if level == doomed:
                self._submit_and_kill(level)
            self._submit(level)
        if victim != "command":
            self._kill(victim)
        before = {level: self._go_on(level) for level in levels}
        for level in levels:
            self._judge(level, before[level])
        executions = self._list_executions()
        if len(executions) != 2 * (number + 1):
            self._note(f"round {number}: there are {len(executions)} executions, not {2 * (number + 1)}")

    def _submit(self, level: int) -> None:
        done = self.cli(*self._make_submission(level))
        if done.exit_code != 0:
            self._note(f"run {level} cannot be submitted: {done.stderr}")

    def _make_submission(self, level: int) -> Sequence[str]:
        params = f"level={level},ledger={self._ledger}"
        return ("submit", "--no-wait", "--run-id", f"run-{level}", "--params", params)

    def _submit_and_kill(self, level: int) -> None:
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                self.cli(*self._make_submission(level))
            os._exit(0)
        time.sleep(self._chance.uniform(0, _LONGEST["command"]))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.results.killed["command"] += 1

    def _kill(self, victim: str) -> None:
        time.sleep(self._chance.uniform(0, _LONGEST[victim]))
        if victim == "local AWS":
            os.kill(self._aws.pid, signal.SIGKILL)
            local_aws.stop(self._folder / "state")  # waits for its end
            left = self._list_jobs()
            deadline = time.monotonic() + 10
            while left and time.monotonic() < deadline:
                left = [each for each in left if each.is_running()]
                time.sleep(0.1)
            if left:
                self._note(f"{len(left)} processes of steps outlive the local AWS")
            self._start()
        elif steps := self._list_jobs():
            with suppress(psutil.NoSuchProcess):
                self._chance.choice(steps).kill()
        else:
            return
        self.results.killed[victim] += 1

    def _list_jobs(self) -> list[psutil.Process]:
        """List the processes of steps on this machine that belong to this local AWS."""
        found = []
        for each in psutil.process_iter(["cmdline"]):
            words = " ".join(each.info["cmdline"] or ())
            if str(self._folder) in words and ("bootstrap.py" in words or "kedro_aws_plugin.job" in words):
                found.append(each)
        return found

    def _go_on(self, level: int) -> dict[str, int]:
        """Retry a run until it has succeeded; how often each step had begun when it had succeeded."""
        run, begun, retries = f"run-{level}", dict[str, int](), 0
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            found = json.loads(self.cli("runs", run, "-o", "json").stdout)
            counts = Counter(self._read_ledger(level, "begins"))
            for step in found["steps"]:
                if step["status"] == "Succeeded":
                    begun.setdefault(step["name"], counts[step["name"]])
            if found["status"] == "Succeeded":
                return begun
            if found["status"] in ("Failed", "Stopped"):
                retries += 1
                self.results.retries += 1
                done = self.cli("retry", run, "--no-wait")
                if done.exit_code != 0 or retries > _RETRIES:
                    self._note(f"{run} does not go on: {done.stderr} {found}")
                    return begun
            time.sleep(0.3)
        self._note(f"{run} has not succeeded in {_PATIENCE} s")
        return begun

    def _read_ledger(self, level: int, what: str) -> list[str]:
        lines = (line.split() for line in self._ledger.read_text(encoding="utf-8").splitlines())
        return [name for number, name, did in lines if (number, did) == (str(level), what)]

    def _judge(self, level: int, begun: dict[str, int]) -> None:
        run, s3 = f"run-{level}", self._aws.client("s3")
        counts = Counter(self._read_ledger(level, "begins"))
        for step in _STEPS:
            if counts[step] != begun.get(step):
                self._note(f"{run}: step {step} ran again after it had succeeded")
            key = f"{step}.json/{run}/{step}.json"
            made = json.loads(s3.get_object(Bucket=_BUCKET, Key=key)["Body"].read())
            if made["level"] != level:
                self._note(f"{run}: {step} has the data of level {made['level']}")
        if others := self._read_ledger(level, "reads-another-run"):
            self._note(f"{run}: {others} have read another run's data")

    def _list_executions(self) -> list[Any]:
        pages = self._sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=_PIPELINE)
        return [each for page in pages for each in page["PipelineExecutionSummaries"]]

    def finish(self) -> None:
        """Destroy everything, and look what is left."""
        done = self.cli("destroy", "--yes")
        listed = self._aws.client("s3").list_objects_v2(Bucket=_BUCKET, Prefix="kedro-aws/")
        left = self._sagemaker.list_pipelines()["PipelineSummaries"]
        if done.exit_code != 0 or listed["KeyCount"] or left or self._list_jobs():
            self._note(f"destroy leaves {listed['KeyCount']} objects and {left}: {done.stderr}")

    def _note(self, problem: str) -> None:
        self.results.problems.append(problem)
        print(f"\nWRONG: {problem}", file=sys.stderr)


@contextmanager
def opened(folder: Path, seed: int) -> Iterator[Rounds]:
    """Open a project in an empty folder; this process is in it as long as the context."""
    before = Path.cwd()
    for name, text in _FILES.items():
        file = folder / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
    os.environ["KEDRO_AWS_STATE_DIR"] = str(folder / "state")
    os.environ["KEDRO_DISABLE_TELEMETRY"] = "1"
    os.chdir(folder / "project")
    try:
        yield Rounds(folder, random.Random(seed))
    finally:
        os.chdir(before)
        local_aws.stop(folder / "state")


def main() -> int:
    """Run the rounds, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=15)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder).resolve(), given.seed) as rounds:
        for number in range(given.rounds):
            rounds.run_round(number)
            print(f"\rround {number + 1} of {given.rounds}", end="", file=sys.stderr, flush=True)
        rounds.finish()
    results = rounds.results
    killed = ", ".join(f"{name} {count}" for name, count in sorted(results.killed.items()))
    print(
        f"\n{given.rounds} rounds, {2 * given.rounds} runs in {time.monotonic() - began:.0f} s; "
        f"killed: {killed}; {results.retries} retries; {len(results.problems)} problems"
    )
    return 1 if results.problems else 0


if __name__ == "__main__":
    sys.exit(main())
