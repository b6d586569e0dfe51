"""What it costs to verify the signature of every request: small requests to S3, with and without the gate.

Both servers run at once; each side of a pair sends the same requests to one of them by the same client.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from common import environment, in_turn, judge, ratio_of, row, spread, workshop

import local_aws
from local_aws.control.state import INSTANCE_VARIABLE, read_state

GOAL = 1.1
REGION, BUCKET = "eu-west-1", "small"
_STARTING_SECONDS = 60


@contextmanager
def open_server(state_dir: Path) -> Iterator[local_aws.LocalAws]:
    """The server without its gate."""
    local_aws.make_state_dir(state_dir)
    script = Path(__file__).with_name("open_server.py")
    process = subprocess.Popen(
        [
            sys.executable,
            str(script),
            "--state-dir",
            str(state_dir),
            "--region",
            REGION,
            "--exit-with-parent",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(
            {
                INSTANCE_VARIABLE: uuid4().hex,
                "MOTO_DISABLE_GLOBAL_CORS": "true",
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            }
        ),
    )
    try:
        deadline = time.monotonic() + _STARTING_SECONDS
        while (aws := read_state(state_dir)) is None:
            if time.monotonic() > deadline or process.poll() is not None:
                sys.exit("The server without a gate did not start.")
            time.sleep(0.05)
        yield aws
    finally:
        process.kill()
        process.wait()


def send(s3: Any, requests: int) -> float:
    """Send small requests, a fourth of them each: put, get, head and list."""
    began = time.perf_counter()
    for number in range(requests // 4):
        key = f"some/folder/object-{number % 50}.json"
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x" * 1024)
        s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        s3.head_object(Bucket=BUCKET, Key=key)
        s3.list_objects_v2(Bucket=BUCKET, Prefix="some/folder/", MaxKeys=10)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=15)
    options.add_argument("--requests", type=int, default=1000)
    given = options.parse_args()
    with workshop() as folder, open_server(folder / "open") as unguarded:
        guarded, _ = local_aws.start(folder / ".kedro-aws", region=REGION)
        clients = [aws.client("s3") for aws in (guarded, unguarded)]
        for s3 in clients:
            s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        verified, unverified = clients
        measured = in_turn(
            lambda: send(verified, given.requests), lambda: send(unverified, given.requests), given.pairs
        )
    print(f"{given.requests} small requests to S3")
    row("with verified signatures", spread([pair[0] for pair in measured]))
    row("without the gate", spread([pair[1] for pair in measured]))
    judge(ratio_of(measured), GOAL)


if __name__ == "__main__":
    main()
