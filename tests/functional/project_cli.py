"""`kedro aws ...` in a generated project: in this process, or in one of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

GROUP = "my-flights-price"
BUCKET = "my-flights-data"
PACKAGES = f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/{GROUP}"
CLOSED = "http://127.0.0.1:9"
OFFLINE = {"HTTPS_PROXY": CLOSED, "AWS_EC2_METADATA_DISABLED": "true"}
"""Whatever would go to the real AWS ends at a closed port of this machine."""


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """All of standard output, which must be one JSON document."""
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The one sentence of a refused command, without the line that says which AWS is spoken to."""
        assert (self.code, self.stdout) == (1, ""), self
        assert "Traceback" not in self.stderr
        [sentence] = [line for line in self.stderr.splitlines() if line.startswith("Error: ")]
        assert self.stderr.endswith(f"{sentence}\n")
        return sentence.removeprefix("Error: ")


def kedro_aws(*arguments: str, stdin: str | bytes | None = None) -> Ran:
    """Run a command in this process; anything but a clean exit is raised."""
    from kedro_aws_plugin.cli import commands

    result = CliRunner().invoke(commands, ["aws", *arguments], input=stdin, prog_name="kedro")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def clean_environment(**variables: str) -> dict[str, str]:
    """The variables of a newcomer's shell: without those of coverage, which makes processes twice as slow."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "COVERAGE_", "KEDRO_")) and not name.lower().endswith("_proxy")
    }
    return {**kept, "KEDRO_DISABLE_TELEMETRY": "1", "COLUMNS": "200", **variables}


def kedro(*arguments: str, cwd: Path, stdin: str = "", **variables: str) -> Ran:
    """Run the real `kedro` in a process of its own, without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=cwd,
        env=clean_environment(**variables),
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(*arguments: str, cwd: Path) -> Iterator["subprocess.Popen[str]"]:
    """A `kedro` under way, in a process group of its own; ended with the context."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=cwd,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def interrupt(process: "subprocess.Popen[str]") -> Ran:
    """Press Ctrl-C, and wait for the end."""
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    return Ran(process.returncode, stdout, stderr)


class State:
    """What a local AWS holds, for comparing before and after."""

    def __init__(self, aws: Any) -> None:
        self.s3 = aws.client("s3")
        self.sagemaker = aws.client("sagemaker")

    def endpoints(self) -> dict[str, str]:
        """Names and configs."""
        found = self._list("list_endpoints", "Endpoints")
        described = [self.sagemaker.describe_endpoint(EndpointName=each["EndpointName"]) for each in found]
        return {each["EndpointName"]: each["EndpointConfigName"] for each in described}

    def everything(self) -> Mapping[str, Sequence[Any]]:
        """Objects, registry, models, configs and endpoints."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        groups = self._list("list_model_package_groups", "ModelPackageGroupSummaryList")
        names = [group["ModelPackageGroupName"] for group in groups]
        return {
            "objects": sorted(
                (each["Key"], each["ETag"]) for page in pages for each in page.get("Contents", [])
            ),
            "groups": sorted(names),
            "packages": sorted(package for name in names for package in self._packages(name)),
            "models": sorted(each["ModelName"] for each in self._list("list_models", "Models")),
            "configs": sorted(
                each["EndpointConfigName"] for each in self._list("list_endpoint_configs", "EndpointConfigs")
            ),
            "endpoints": sorted(self.endpoints().items()),
        }

    def _list(self, operation: str, key: str) -> list[dict[str, Any]]:
        """List all of a kind: a page has ten."""
        return [each for page in self.sagemaker.get_paginator(operation).paginate() for each in page[key]]

    def _packages(self, group: str) -> list[tuple[str, str]]:
        pages = self.sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
        return [
            (each["ModelPackageArn"], each["ModelApprovalStatus"])
            for page in pages
            for each in page["ModelPackageSummaryList"]
        ]
