"""What a request costs beyond the handlers' own time, next to AWS's serving code: 50 connections, one model.

A model like the starter's, served by an endpoint of the local AWS and by AWS's container code (as root on
Linux; see `tests/container`), with as many workers. The same client asks both over 50 connections, in turn.

All times are processor time, which other programs change little: with so many connections, requests wait for
the processors. What is counted of each side are all of its processes, and not the client:

- the local AWS: its server, which checks the signature, chooses the variant, measures and logs, and the
  processes that serve the model;
- AWS's serving code: gunicorn and its workers, and nginx in front of them, as in the image. What SageMaker
  itself does in front of a container, such as checking signatures, nobody can measure here: it is not in
  this side's time, while the local AWS's is in the other's. `--without-nginx` leaves nginx out as well.

The handlers' own time is subtracted. They take it themselves, in each request: the processor time of their
thread. So what they lose to the other requests' work beside them counts on neither side.
"""

import argparse
import json
import os
import shutil
import statistics
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
from kedro_aws_plugin.model_artifact.archive import Member
from kedro_aws_plugin.model_artifact.handlers import SUBMIT_DIRECTORY

sys.path.append(str(Path(__file__).parents[1] / "tests" / "container"))
lane: Any = import_module("container")

GOAL = 0.5
_CONNECTIONS = 50
_REGION, _BUCKET = "eu-west-1", "benchmark"
_PROGRAM = "timed.py"
_TIMED = """
import time
import inference
from inference import model_fn

def transform_fn(model, body, content_type, accept):
    began = time.thread_time()
    answer, kind = inference.transform_fn(model, body, content_type, accept)
    return f'{answer[:-1]}, "seconds": {time.thread_time() - began}}}', kind
"""


@dataclass(frozen=True)
class Side:
    """A server: where requests go, and the process whose children are its other ones."""

    target: Target
    pid: int


def count_seconds(pid: int) -> float:
    """Count the seconds of processor time that a process and its children have taken so far."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def measure(side: Side, body: bytes, requests: int) -> tuple[float, float]:
    """Measure a round: what a request takes beyond its handlers, and what these take."""
    answers: list[bytes] = []
    before = count_seconds(side.pid)
    ask_at_once(side.target, body, requests, _CONNECTIONS, answers)
    all_seconds = count_seconds(side.pid) - before
    own = sum(json.loads(answer)["seconds"] for answer in answers)
    return (all_seconds - own) / len(answers), own / len(answers)


def compare(local: Side, theirs: Side, *, body: bytes, requests: int, rounds: int) -> None:
    """Print what a request costs on both sides beyond the handlers' own seconds, and the ratio."""
    sides = {"the local AWS": local, "AWS's serving code": theirs}
    own: dict[str, list[float]] = {name: [] for name in sides}

    def take(name: str) -> Callable[[], float]:
        def once() -> float:
            beyond, of_handlers = measure(sides[name], body, requests)
            own[name].append(of_handlers)
            return beyond

        return once

    first, second = (take(name) for name in sides)
    pairs = in_turn(first, second, rounds)
    for index, name in enumerate(sides):
        row(f"{name}: the handlers' own", f"{1000 * statistics.median(own[name]):.2f} ms")
        row(f"{name}: beyond it", f"{1000 * statistics.median(pair[index] for pair in pairs):.2f} ms")
    judge(ratio_of(pairs), GOAL)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=300, help="a round")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--without-nginx", action="store_true", help="reach gunicorn directly")
    chosen = options.parse_args()
    if obstacle := lane.find_obstacle():
        sys.exit(obstacle)
    with_nginx = not chosen.without_nginx
    if with_nginx and shutil.which("nginx") is None:
        sys.exit("nginx, which the image has in front of gunicorn, is not installed; see --without-nginx")
    os.environ.update({**environment(), "OMP_NUM_THREADS": "1"})
    print(f"A request beyond its handlers, {_CONNECTIONS} connections: the local AWS by AWS's serving code")
    print(f" nginx in front of AWS's: {'yes' if with_nginx else 'no'}")
    with workshop() as folder:
        archive, body = pack(folder, Member(f"code/{_PROGRAM}", _TIMED.encode()))
        aws, _ = local_aws.start(folder / ".kedro-aws", region=_REGION, exit_with_parent=True)
        s3: Any = boto3.client("s3", **client_options(aws))
        s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": _REGION})
        deploy(aws, archive, "model", _PROGRAM)
        local = Side(find_endpoint(aws, "many-workers", "model", body), aws.pid)
        variables = {
            "SAGEMAKER_PROGRAM": _PROGRAM,
            "SAGEMAKER_SUBMIT_DIRECTORY": SUBMIT_DIRECTORY,
            "SAGEMAKER_MODEL_SERVER_WORKERS": str(os.cpu_count() or 1),
            "SAGEMAKER_USE_NGINX": str(with_nginx).lower(),
            "OMP_NUM_THREADS": "1",
        }
        with lane.Container(archive, variables, network=True, seconds=180) as container:
            target = Target(f"127.0.0.1:{container.port}", "/invocations", local.target.headers)
            compare(
                local,
                Side(target, container.pid),
                body=body,
                requests=chosen.requests,
                rounds=chosen.rounds,
            )


if __name__ == "__main__":
    main()
