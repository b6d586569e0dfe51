"""What a request costs beyond the handlers' own time, next to AWS's serving code: 50 connections, one model.

A model like the starter's, served by an endpoint of the local AWS and by AWS's container code (as root on
Linux; see `tests/container`), with as many workers. The same client asks both over 50 connections, in turn.
All times are processor time of the servers' processes, which other programs change little: with so many
connections, requests wait for the processors. The handlers' own time is what they take alone, in each side's
Python with its packages.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import psutil
from bench_serving import (
    Target,
    ask_at_once,
    client_options,
    deploy,
    find_endpoint,
    pack,
)
from common import environment, in_turn, judge, ratio_of, row, workshop

import local_aws
from kedro_aws_plugin.model_artifact.handlers import PROGRAM, SUBMIT_DIRECTORY
from local_aws.sagemaker.unpack import unpack

sys.path.append(str(Path(__file__).parents[1] / "tests" / "container"))
lane: Any = import_module("container")

GOAL = 0.5
_CONNECTIONS = 50
_REGION, _BUCKET = "eu-west-1", "benchmark"
_PACKAGES = Path(local_aws.__file__).parent / "sagemaker" / "image_packages"
_HANDLERS = """
import sys, time
packages, code, folder = sys.argv[1:]
sys.path[:0] = [code]
sys.path.append(packages)
import inference
model, body = inference.model_fn(folder), sys.stdin.read()
for _ in range(50):
    inference.transform_fn(model, body, "text/csv", "application/json")
began = time.process_time()
for _ in range(300):
    inference.transform_fn(model, body, "text/csv", "application/json")
print((time.process_time() - began) / 300)
"""


@dataclass(frozen=True)
class Side:
    """A server: where requests go, the process that its own ones are children of, the handlers' seconds."""

    target: Target
    pid: int
    own: float


def count_seconds(pid: int) -> float:
    """Count the seconds of processor time that a process and its children have taken so far."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def time_handlers(python: Path, folder: Path, body: bytes) -> float:
    """Seconds of processor time that the handlers take for one request in a Python, with its packages."""
    command = [str(python), "-c", _HANDLERS, str(_PACKAGES), str(folder / "code"), str(folder)]
    done = subprocess.run(command, input=body, capture_output=True, check=True, env=environment())
    return float(done.stdout)


def compare(local: Side, theirs: Side, *, body: bytes, requests: int, rounds: int) -> None:
    """Print what a request costs on both sides beyond the handlers' own seconds, and the ratio."""

    def take(side: Side) -> Callable[[], float]:
        def measure() -> float:
            before = count_seconds(side.pid)
            ask_at_once(side.target, body, requests, _CONNECTIONS)
            return (count_seconds(side.pid) - before) / requests - side.own

        return measure

    pairs = in_turn(take(local), take(theirs), rounds)
    for index, (name, side) in enumerate((("the local AWS", local), ("AWS's serving code", theirs))):
        row(f"{name}: the handlers' own", f"{1000 * side.own:.2f} ms")
        row(f"{name}: beyond it", f"{1000 * statistics.median(pair[index] for pair in pairs):.2f} ms")
    judge(ratio_of(pairs), GOAL)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=300, help="a round")
    options.add_argument("--rounds", type=int, default=7)
    chosen = options.parse_args()
    if obstacle := lane.find_obstacle():
        sys.exit(obstacle)
    os.environ.update({**environment(), "OMP_NUM_THREADS": "1"})
    print(f"A request beyond its handlers, {_CONNECTIONS} connections: the local AWS by AWS's serving code")
    with workshop() as folder:
        archive, body = pack(folder)
        unpack(archive, folder / "model")
        aws, _ = local_aws.start(folder / ".kedro-aws", region=_REGION, exit_with_parent=True)
        s3: Any = boto3.client("s3", **client_options(aws))
        s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": _REGION})
        deploy(aws, archive, "model")
        model = folder / "model"
        here = time_handlers(Path(sys.executable), model, body)
        local = Side(find_endpoint(aws, "many-workers", "model", body), aws.pid, here)
        variables = {
            "SAGEMAKER_PROGRAM": PROGRAM,
            "SAGEMAKER_SUBMIT_DIRECTORY": SUBMIT_DIRECTORY,
            "SAGEMAKER_MODEL_SERVER_WORKERS": str(os.cpu_count() or 1),
            "OMP_NUM_THREADS": "1",
        }
        with lane.Container(archive, variables, network=True, seconds=180) as container:
            target = Target(f"127.0.0.1:{container.port}", "/invocations", local.target.headers)
            there = time_handlers(lane.find_environment() / "bin" / "python", model, body)
            compare(
                local,
                Side(target, container.pid, there),
                body=body,
                requests=chosen.requests,
                rounds=chosen.rounds,
            )


if __name__ == "__main__":
    main()
