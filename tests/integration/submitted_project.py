"""A project that is submitted to the local SageMaker: its pipeline has two steps that wait at a gate."""

import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from job_project import BUCKET, FILES

from local_aws import LocalAws

COUNTED = """
    import os, time
    from functools import partial
    from pathlib import Path
    from kedro.pipeline import node, pipeline

    LEVEL = 1

    def make(level):
        return {"level": level, "code": LEVEL}

    def pass_on(_number, seen):
        return seen

    def hold(made, gate):
        Path(gate, f"pid-{made['level']}").write_text(str(os.getpid()))
        while not Path(gate, "open").exists():
            time.sleep(0.02)
        if Path(gate, "broken").exists():
            raise ValueError("the gate is broken")
        return made

    def copy(made):
        return made

    def register_pipelines():
        first = pipeline([
            node(make, "params:level", "made", name="make"),
            node(lambda made: made, "made", "seen"),
            node(partial(pass_on, 0), "seen", "kept"),
        ])
        second = pipeline([
            node(hold, ["kept", "params:gate"], "one_seen", name="hold"),
            node(copy, "one_seen", "two_seen", name="copy"),
        ])
        return {"first": first, "second": second, "__default__": first + second}
"""


class Project:
    """A project in a folder, and its commands, each a process."""

    def __init__(self, folder: Path, gate: Path, pipelines: str = "") -> None:
        self.folder, self.gate = folder, gate
        files = {
            **FILES,
            "conf/base/aws.yml": f"region: eu-west-1\nbucket: {BUCKET}\n{pipelines}",
            "conf/base/parameters.yml": f"level: 1\ngate: {gate}\n",
            "src/steps/pipeline_registry.py": COUNTED,
        }
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "kedro", "aws", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        process = self.begin(*arguments)
        out, err = process.communicate(timeout=240)
        assert process.returncode == code, err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def wait_for(file: Path) -> str:
    deadline = time.monotonic() + 120
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return file.read_text()


def load(aws: LocalAws, name: str, run: str) -> Any:
    found = aws.client("s3").get_object(Bucket=BUCKET, Key=f"{name}.json/{run}/{name}.json")
    return json.loads(found["Body"].read())


@contextmanager
def stopped_at_last(aws: LocalAws, gate: Path) -> Iterator[None]:
    """Open the gate after a test, and stop the executions that still run."""
    yield
    (gate / "open").touch()
    sagemaker = aws.client("sagemaker")
    for each in sagemaker.list_pipelines()["PipelineSummaries"]:
        found = sagemaker.list_pipeline_executions(PipelineName=each["PipelineName"])
        for execution in found["PipelineExecutionSummaries"]:
            if execution["PipelineExecutionStatus"] == "Executing":
                sagemaker.stop_pipeline_execution(
                    PipelineExecutionArn=execution["PipelineExecutionArn"], ClientRequestToken="t" * 32
                )
