"""Let each call of each command go wrong in each way, and look whether nothing is lost.

A command's calls are counted first, in a run in which nothing goes wrong. Then the command is run once for
each of its calls and each fault (`fault_proxy.py`), with things of its own. Afterwards the same command must
do what is left, and do nothing when it is run once more; what exists must be what exists where nothing goes
wrong; `destroy` must find all of it; and a client that called the endpoint meanwhile must have got every
answer.

    python scripts/fault_table.py --write docs/concepts/faults.md      # everything, into the page's table
    python scripts/fault_table.py --sample 20 --check docs/concepts/faults.md
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from fault_commands import COMMANDS, Command, destroy, must
from fault_page import (
    AGAIN,
    THROUGH,
    TWICE,
    Results,
    compare,
    join_results,
    read_rows,
    write_rows,
    write_table,
)
from fault_proxy import (
    ABSENT,
    BROKEN,
    CLOCK_STEP,
    DISK_FULL,
    FAULTS,
    KILLED,
    LATE_CLOCK,
    LOST,
    LOST_EACH_TIME,
    RESET,
    THROTTLED,
    Call,
    Fault,
)
from fault_world import BUCKET, Caller, Ran, World, make_pipeline_name, opened

_ENDING = (THROTTLED, BROKEN, RESET, LATE_CLOCK, CLOCK_STEP)
"""Faults that end a command, unless it can do without the call."""

_CHAINS = 8
"""So many times a command has two faults in a row: one, and another one when it is run again."""


@dataclass(frozen=True)
class Trial:
    """A command of which one call goes wrong.

    Attributes:
        command: The command.
        fault: What goes wrong.
        number: With which of its calls.
        call: The call.
        is_early: Whether the fault ends the command before it has changed anything.
        then: What goes wrong when it is run again.
    """

    command: Command
    fault: Fault
    number: int
    call: Call
    is_early: bool
    then: "Trial | None" = None

    @property
    def column(self) -> str:
        """In which column of the table it counts."""
        return TWICE if self.then else self.fault.name

    def __str__(self) -> str:
        once = f"{self.command.name} | {self.fault.name} | call {self.number} {self.call}"
        return f"{once}, then {self.then}" if self.then else once


class Table:
    """Runs trials in a world, and collects what was seen."""

    def __init__(self, world: World, commands: Sequence[Command] = COMMANDS) -> None:
        self._world = world
        self._commands = commands
        self._made = 0
        self._wanted: dict[str, Mapping[str, list[str]]] = {}
        self._spare: dict[str, str] = {}
        self.results = Results()

    def list_trials(self) -> list[Trial]:
        """Run each command once without a fault, and list what can go wrong with its calls."""
        trials: list[Trial] = []
        for command in self._commands:
            calls = self._count(command)
            self.results.calls[command.name] = [str(call) for call in calls]
            before = next((number for number, call in enumerate(calls) if call.changes), len(calls))
            for fault in FAULTS:
                trials += [
                    Trial(
                        command,
                        fault,
                        number,
                        call,
                        fault in _ENDING and number < before and not command.is_alone,
                    )
                    for number, call in enumerate(calls[: len(calls) - command.varies])
                    if _makes_a_difference(fault, call)
                ]
            single = [each for each in trials if each.command is command]
            chosen = random.Random(command.name)
            trials += [
                replace(chosen.choice(single), is_early=False, then=chosen.choice(single))
                for _ in range(_CHAINS)
            ]
        return trials

    def try_out(self, trial: Trial) -> list[str]:
        """Run one trial, and tell what must not be."""
        command, name = trial.command, self._take(trial)
        calling = self._world.calling(name) if command.serves else nullcontext(Caller())
        with calling as caller:
            first = self._run(trial, name)
            problems = _judge_first(trial, first)
            if command.only_looks and self._has_changed():
                problems.append(f"it changes something: {', '.join(map(str, self._world.proxy.calls))}")
            if self._world.proxy.hit is None:
                problems.append(f"its call {trial.number} was not made")
            elif self._world.proxy.hit != trial.call:
                print(f"  its call {trial.number} was {self._world.proxy.hit}", file=sys.stderr)
            if trial.then:
                again = self._run(trial.then, name)
                # With less left to do, it may not come to the call.
                problems += _judge_first(trial.then, again) if self._world.proxy.hit else []
                first = max(first, again, key=lambda ran: ran.code != 0)
            is_spare = trial.is_early and first.code == 1 and not self._has_changed()
            if is_spare:
                self._spare[command.name] = name
            else:
                problems += self._judge_second(command, name)
        problems += [f"a client got no answer meanwhile: {each}" for each in caller.failures[:1]]
        self.results.answers += caller.answers
        if not is_spare:
            problems += self._judge_state(command, name)
        self.results.problems += [f"{trial}: {problem}" for problem in problems]
        outcome = THROUGH if first.code == 0 else AGAIN
        self.results.outcomes.append((command.name, trial.column, outcome))
        return problems

    def _has_changed(self) -> bool:
        return any(call.changes for call in self._world.proxy.calls)

    def clear(self) -> None:
        """Look at what is spare, and delete it."""
        for command in self._commands:
            if name := self._spare.pop(command.name, None):
                self.results.problems += [
                    f"{command.name}, at last: {problem}"
                    for problem in [*self._judge_second(command, name), *self._judge_state(command, name)]
                ]

    def _take(self, trial: Trial) -> str:
        """Take the name of things that are as the command needs them, and make them if there are none.

        A trial that has changed nothing leaves them for the next one that will not either.
        """
        command = trial.command
        self._world.proxy.begin()  # a clock that has stepped would be wrong now
        if trial.is_early and command.name in self._spare:
            return self._spare.pop(command.name)
        name = self._make_name(command)
        command.prepare(self._world, name)
        return name

    def _judge_second(self, command: Command, name: str) -> list[str]:
        """Run a command again, and once more."""
        problems = []
        second = self._again(command, name)
        third = self._again(command, name)
        if second.code != 0:
            problems.append(f"run again, it ends with {second.code}: {second.sentence or second.problem}")
        if not command.is_unchanged(third) or third.code != 0:
            problems.append(f"run once more, it is not done: {third}")
        return problems

    def _make_name(self, command: Command) -> str:
        self._made += 1
        return f"{re.sub('[^a-z]+', '-', command.name)}-{self._made:04}x"

    def _count(self, command: Command) -> list[Call]:
        name = self._make_name(command)
        command.prepare(self._world, name)
        self._world.proxy.begin()
        must(command.run(self._world, name))
        calls = list(self._world.proxy.calls)
        self._world.settle(name)
        self._wanted[command.name] = _count_kinds(self._world.find(name))
        self._clear(command, name)
        return calls

    def _run(self, trial: Trial, name: str) -> Ran:
        world, command = self._world, trial.command
        if trial.fault is not KILLED:
            world.proxy.begin(trial.fault, trial.number)
            return command.run(world, name)
        _ = world.session  # is opened once, before the fork

        def prepare(process: int) -> None:
            world.proxy.begin(trial.fault, trial.number, process)

        return world.in_fork(lambda: command.run(world, name), prepare)

    def _again(self, command: Command, name: str) -> Ran:
        hit = self._world.proxy.hit
        self._world.proxy.begin()
        ran = command.run(self._world, name)
        self._world.proxy.hit = hit
        return ran

    def _judge_state(self, command: Command, name: str) -> list[str]:
        """Compare what exists with what exists where nothing went wrong; then delete it."""
        problems = []
        self._world.settle(name)
        found = self._world.find(name)
        if _count_kinds(found) != self._wanted[command.name]:
            problems.append(f"there is {found}, not {self._wanted[command.name]}")
        if command.answer is not None and (answer := self._world.serves(name)) != command.answer:
            problems.append(f"the endpoint answers {answer}, not {command.answer}")
        return problems + self._clear(command, name)

    def _clear(self, command: Command, name: str) -> list[str]:
        """Delete what was made, by `destroy`; what it does not find is a problem."""
        found = self._world.find(name)
        problems = []
        kinds = ("models", "configs", "endpoints", "targets")
        if any(found[kind] for kind in kinds):
            self._world.proxy.begin()
            must(destroy(self._world, name, command.env))
            left = self._world.find(name)
            problems += [f"destroy leaves {left[kind]}" for kind in kinds if left[kind]]
        if found["stacks"]:
            self._world.clear_stack(name)
        if found["groups"]:
            problems += self._clear_registry(name, listed=command.is_owned)
        if found["pipelines"]:
            problems += self._clear_pipeline(name)
        return problems

    def _clear_pipeline(self, name: str) -> list[str]:
        plan = self._world.cli("destroy", "--dry-run", "--yes")
        pipeline = make_pipeline_name(name)
        wanted = [f"delete pipeline {pipeline}"]
        wanted += [f"delete schedule {each}" for each in self._world.find(name)["schedules"]]
        self._world.clear_schedules()
        self._world.sagemaker.delete_pipeline(PipelineName=pipeline, ClientRequestToken="t" * 32)
        return [f"destroy does not list: {each}" for each in wanted if each not in plan.stdout]

    def _clear_registry(self, name: str, *, listed: bool) -> list[str]:
        problems = []
        if listed:
            plan = self._world.cli("destroy", "--registry", "--dry-run").stdout
            keys = [f"sagemaker/{name}/", f'"ModelPackageGroupName": "{name}"', f"model-package/{name}/"]
            problems += [f"destroy --registry does not list {key}" for key in keys if key not in plan]
        sagemaker, s3 = self._world.sagemaker, self._world.s3
        for each in sagemaker.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]:
            sagemaker.delete_model_package(ModelPackageName=each["ModelPackageArn"])
        sagemaker.delete_model_package_group(ModelPackageGroupName=name)
        for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"sagemaker/{name}/").get("Contents", []):
            s3.delete_object(Bucket=BUCKET, Key=each["Key"])
        return problems


def _makes_a_difference(fault: Fault, call: Call) -> bool:
    """Tell whether a fault of a call is another one than those of the other calls and faults.

    Whether a call that only reads was carried out makes no difference.
    """
    if fault is ABSENT:
        return (call.service, call.changes) == ("s3", False)
    if fault is DISK_FULL:
        return call.changes and call.service != "sagemaker-runtime"
    return call.changes or fault not in (LOST, LOST_EACH_TIME, KILLED)


def _choose(trials: Sequence[Trial], each: int) -> list[Trial]:
    """Choose those with each n-th call, from another one on for each fault; all kills, and each n-th pair."""
    pairs = [trial for trial in trials if trial.then][::each]
    return [
        trial
        for trial in trials
        if trial in pairs
        or (
            not trial.then
            and (trial.fault is KILLED or trial.number % each == FAULTS.index(trial.fault) % each)
        )
    ]


def _count_kinds(found: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Leave of names what does not depend on them: how many there are, and which versions and files."""
    names = (
        *("models", "configs", "endpoints", "groups", "targets", "stacks", "uploads"),
        *("pipelines", "held", "schedules"),
    )
    return {kind: [str(len(each))] if kind in names else sorted(each) for kind, each in found.items()}


def _judge_first(trial: Trial, ran: Ran) -> list[str]:
    """Judge how the command ended whose call went wrong."""
    if trial.fault is KILLED:
        return [] if ran.code == -9 else [f"it was to be killed and ends with {ran.code}"]  # noqa: PLR2004
    if ran.problem or "Traceback" in ran.stderr or ran.code not in {0, 1}:
        return [f"it ends with {ran.code} and a traceback: {ran.problem}"]
    if ran.code == 0 and trial.command.only_looks and not trial.command.is_unchanged(ran):
        return [f"it shows something else: {ran}"]
    if ran.code == 0 or not trial.command.explains:
        return []
    wanted = r"kedro run$|again|[Ss]et it|kedro aws|Correct|Give a|Check|Choose another"
    if trial.fault is LATE_CLOCK and trial.call.service == "sagemaker":
        wanted = "this machine's clock is wrong"
    return [] if re.search(wanted, ran.sentence) else [f"it does not say what next: {ran.sentence}"]


def main() -> int:
    """Run the trials, print the table, and tell what must not be."""
    given = _parse_arguments()
    began = time.monotonic()
    if given.join:
        results = join_results([json.loads(file.read_text(encoding="utf-8")) for file in given.join])
    else:
        results = _run_parts(given) if given.jobs > 1 else _run(given)
    _keep(results, given.raw)
    rows = write_rows(results, read_rows(given.write) if given.add else {})
    print(rows)
    trials = len(results.outcomes)
    print(f"{trials} trials, {results.answers} answers meanwhile, {time.monotonic() - began:.0f} s")
    problems = results.problems + (compare(results, read_rows(given.check)) if given.check else [])
    for problem in problems:
        print(f"WRONG: {problem}")
    if given.write and not problems:
        write_table(given.write, rows, results.answers, add=given.add)
    return 1 if problems else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sample", type=int, help="how many trials; by default all")
    parser.add_argument(
        "--each",
        type=int,
        default=1,
        help="each n-th call only, from another one on for each fault, and each n-th pair; but all kills",
    )
    parser.add_argument("--seed", type=int, default=14, help="of the sample")
    parser.add_argument("--only", default="", help="a regular expression for the commands' names")
    parser.add_argument("--fault", default="", help="a regular expression for the columns' names")
    parser.add_argument("--check", type=Path, help="a page whose table must agree with what is seen")
    parser.add_argument("--write", type=Path, help="a page whose table is written anew")
    parser.add_argument(
        "--add", action="store_true", help="with --write: leave the cells of what is not tried"
    )
    parser.add_argument("--jobs", type=int, default=1, help="in how many processes, each with its own world")
    parser.add_argument("--part", default="0/1", help="which of how many parts of the trials")
    parser.add_argument("--raw", type=Path, help="write what was seen to this file, as JSON")
    parser.add_argument("--join", type=Path, nargs="+", help="run nothing, and read these files of --raw")
    return parser.parse_args()


def _run(given: argparse.Namespace) -> Results:
    commands = [command for command in COMMANDS if re.search(given.only, command.name)]
    part, parts = map(int, given.part.split("/"))
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        table = Table(world, commands)
        trials = [each for each in table.list_trials() if re.search(given.fault, each.column)]
        if given.sample:
            trials = random.Random(given.seed).sample(trials, given.sample)
        trials = _choose(trials, given.each)
        trials = trials[part::parts]
        for number, trial in enumerate(trials, start=1):
            before = time.monotonic()
            problems = table.try_out(trial)
            print(f"{number}/{len(trials)} {trial} {time.monotonic() - before:.1f} s", file=sys.stderr)
            for problem in problems:
                print(f"  WRONG: {problem}", file=sys.stderr)
            _keep(table.results, given.raw)  # what is stopped has not run in vain
        table.clear()
    return table.results


def _keep(results: Results, file: Path | None) -> None:
    if file:
        file.write_text(json.dumps(asdict(results)), encoding="utf-8")


def _run_parts(given: argparse.Namespace) -> Results:
    """Run the trials in several processes; with --raw, each keeps what it sees beside that file."""
    chosen = ["--only", given.only, "--fault", given.fault, "--each", str(given.each)]
    with tempfile.TemporaryDirectory() as folder:
        raw = given.raw or Path(folder, "raw")
        files = [raw.with_name(f"{raw.name}.{part}") for part in range(given.jobs)]
        started = [
            subprocess.Popen(
                [sys.executable, __file__, *chosen, "--raw", str(file), "--part", f"{part}/{given.jobs}"],
                stdout=subprocess.DEVNULL,
            )
            for part, file in enumerate(files)
        ]
        for process in started:
            process.wait()
        return join_results([json.loads(file.read_text(encoding="utf-8")) for file in files])


if __name__ == "__main__":
    sys.exit(main())
