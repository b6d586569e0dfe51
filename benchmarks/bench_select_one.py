"""`SELECT 1` by PyAthena on the local Athena, next to moto, which answers every query at once with no rows.

Both servers are processes of their own, on this machine. Each measurement is a query with its result on an
open connection, PyAthena asking for the state every 2 ms.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from socket import create_server
from typing import Any

from common import in_turn, ratio_of, row, spread, verdict, workshop

import local_aws

GOAL = 3.0
REGION, BUCKET = "eu-west-1", "results"


@contextmanager
def serving_moto() -> Iterator[str]:
    """Serve moto's own Athena; gives its endpoint."""
    with closing(create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    serving = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        serving.terminate()
        serving.wait()


def connect(endpoint: str, keys: tuple[str, str]) -> Any:
    """Make a bucket for results and a cursor."""
    import boto3
    from botocore.exceptions import EndpointConnectionError
    from pyathena import connect

    shared: dict[str, Any] = {"region_name": REGION, "endpoint_url": endpoint}
    secrets: dict[str, Any] = dict(zip(("aws_access_key_id", "aws_secret_access_key"), keys, strict=True))
    s3: Any = boto3.client("s3", **shared, **secrets)
    while True:
        with suppress(EndpointConnectionError):  # moto is starting
            s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
            break
    opened = connect(s3_staging_dir=f"s3://{BUCKET}/", poll_interval=0.002, **shared, **secrets)
    return opened.cursor()


def ask(cursor: Any, rows: list[Any]) -> float:
    """Measure one query."""
    began = time.perf_counter()
    found = cursor.execute("SELECT 1").fetchall()
    taken = time.perf_counter() - began
    if found != rows:
        sys.exit(f"SELECT 1 gave {found}, not {rows}")
    return taken


def measure(folder: Path, moto: str, pairs: int) -> list[tuple[float, float]]:
    """Measure both sides in turn."""
    aws, _ = local_aws.start(folder / ".kedro-aws", region=REGION, exit_with_parent=True)
    ours = connect(aws.endpoint_url, (aws.access_key_id, aws.secret_access_key))
    theirs = connect(moto, ("testing", "testing"))
    return in_turn(partial(ask, ours, [(1,)]), partial(ask, theirs, []), pairs)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=100)
    pairs = options.parse_args().pairs
    os.environ.pop("AWS_PROFILE", None)
    with workshop() as folder, serving_moto() as moto:
        measured = measure(folder, moto, pairs)
    row("SELECT 1, local Athena", spread([ours for ours, _ in measured]))
    row("moto's empty answer", spread([theirs for _, theirs in measured]))
    ratio = ratio_of(measured)
    row("ratio", str(ratio))
    verdict(ratio.median, GOAL)


if __name__ == "__main__":
    main()
