"""`kedro aws register-model` of a large model: its memory, and its time by what it cannot do without.

What it cannot do without: gzip of the model at the level the plugin uses, plus boto3's `upload_file` of that
very archive. The command's time is all of it: Kedro's start, the download, the check of the model in a child
process, the packing and the upload. The local AWS keeps every object: expect seven times the model's size on
the disk (TMPDIR chooses which).
"""

import argparse
import gzip
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from common import (
    environment,
    in_turn,
    judge,
    kedro,
    new_project,
    python,
    ratio_of,
    row,
    running_local_aws,
    spread,
    verdict,
    workshop,
)
from large_model import BUCKET
from register_probe import PHASES

from kedro_aws_plugin.model_artifact.archive import CHUNK, LEVEL, build_archive
from kedro_aws_plugin.model_artifact.handlers import list_model_members
from local_aws import LocalAws

MEMORY_GOAL = 250.0
TIME_GOAL = 1.2
_HERE = Path(__file__).parent
_SIGNATURE_BYTES = 4096
_GROUP = "my-flights-price"


@dataclass(frozen=True)
class Registered:
    """One `kedro aws register-model`."""

    seconds: float
    report: dict[str, Any]


@dataclass(frozen=True)
class Needed:
    """What nobody could leave out: compressing and uploading, in seconds."""

    gzip: float
    upload: float


class Bench:
    """A project with a large model on its local AWS.

    Args:
        folder: to work in.
        mib: the model's size.
    """

    def __init__(self, folder: Path, mib: int) -> None:
        self._folder = folder
        self._group = 0
        self.project = new_project(folder)
        kedro("run", cwd=self.project)
        self.aws: LocalAws = running_local_aws(self.project)
        self._variables = self.aws.environment()
        self._s3 = self._client()
        self.model = folder / "model.pickle"
        key = self._keys("models/")[0]
        python(_HERE / "large_model.py", key, str(mib), self.model, cwd=folder, extra=self._variables)
        self._archive = build_archive(list_model_members(self.model), folder / "model.tar.gz")

    def _client(self) -> Any:
        import boto3

        os.environ.update(self._variables)
        return boto3.client("s3")

    def _keys(self, prefix: str) -> list[str]:
        found = self._s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in found]

    def register(self) -> Registered:
        """Register the model in a group of its own, so that nothing is there already."""
        self._group += 1
        config = self.project / "conf" / "base" / "aws.yml"
        text = config.read_text(encoding="utf-8")
        former = _GROUP if self._group == 1 else f"bench-{self._group - 1}"
        config.write_text(text.replace(f"group: {former}", f"group: bench-{self._group}"), encoding="utf-8")
        report = self._folder / "report.json"
        seconds = python(_HERE / "register_probe.py", report, cwd=self.project).seconds
        self._check_uploaded()
        return Registered(seconds, json.loads(report.read_text()))

    def _check_uploaded(self) -> None:
        """The bytes must be as many as the other side uploads, beside the signature; then they make room."""
        prefix = f"sagemaker/bench-{self._group}/"
        key = next((key for key in self._keys(prefix) if key.endswith("model.tar.gz")), None)
        size = 0 if key is None else self._s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"]
        if not 0 <= size - self._archive.size < _SIGNATURE_BYTES:
            sys.exit("The command has not uploaded the archive that is compared with.")
        self._s3.delete_object(Bucket=BUCKET, Key=key)

    def needed(self) -> Needed:
        """Compress and upload by the plainest means."""
        packed = self._folder / "plain.gz"
        began = time.perf_counter()
        with self.model.open("rb") as source, gzip.open(packed, "wb", compresslevel=LEVEL) as target:
            shutil.copyfileobj(source, target, CHUNK)
        took = time.perf_counter() - began
        packed.unlink()
        began = time.perf_counter()
        self._s3.upload_file(str(self._archive.path), BUCKET, "plain/model.tar.gz")
        uploaded = time.perf_counter() - began
        self._s3.delete_object(Bucket=BUCKET, Key="plain/model.tar.gz")
        return Needed(took, uploaded)

    def interpreter_mib(self) -> float:
        """Memory of an interpreter that has imported what the command imports."""
        report = self._folder / "interpreter.json"
        python(_HERE / "register_probe.py", report, self._folder / "report.json", cwd=self.project)
        return float(json.loads(report.read_text())["mib"])


def show_memory(bench: Bench, runs: list[Registered]) -> None:
    """Print the memory claim, and what other processes took meanwhile."""
    own = max(run.report["mib"] for run in runs)
    interpreter = bench.interpreter_mib()
    print(" memory of the command's own process")
    row("at its peak", f"{own:.0f} MiB")
    row("the loaded interpreter", f"{interpreter:.0f} MiB")
    row("above the loaded interpreter", f"{own - interpreter:.0f} MiB")
    row("beside it: the check's process", f"{max(run.report['children_mib'] for run in runs):.0f} MiB")
    server = psutil.Process(bench.aws.pid).memory_info().rss / 1024 / 1024
    row("beside it: the local AWS, now", f"{server:.0f} MiB")
    row("ratio to the limit", f"{(own - interpreter) / MEMORY_GOAL:.2f}x")
    verdict(own - interpreter, MEMORY_GOAL, "MiB")


def show_time(pairs: list[tuple[Registered, Needed]]) -> None:
    """Print the time claim, and each phase's part in it."""
    print(" time")
    for phase in PHASES:
        row(f"  {phase}", spread([run.report["seconds"].get(phase, 0.0) for run, _ in pairs]))
    rest = [run.seconds - sum(run.report["seconds"].values()) for run, _ in pairs]
    row("  all else, Kedro's start included", spread(rest))
    row("kedro aws register-model", spread([run.seconds for run, _ in pairs]))
    row("gzip", spread([plain.gzip for _, plain in pairs]))
    row("upload_file", spread([plain.upload for _, plain in pairs]))
    judge(ratio_of([(run.seconds, plain.gzip + plain.upload) for run, plain in pairs]), TIME_GOAL)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=1024, metavar="MIB", help="of the model")
    options.add_argument("--rounds", type=int, default=2)
    chosen = options.parse_args()
    os.environ.update(environment())
    print(f"kedro aws register-model of {chosen.size} MiB by gzip and upload_file")
    with workshop() as folder:
        bench = Bench(folder, chosen.size)
        pairs = in_turn(bench.register, bench.needed, chosen.rounds, warm_up=False)
        show_memory(bench, [run for run, _ in pairs])
    show_time(pairs)


if __name__ == "__main__":
    main()
