"""Loading through AthenaQueryDataset: by pyarrow reading the same files, awswrangler and PyAthena.

All of them ask the same local AWS for the same table: 20 columns of mixed types, seeded. Each measurement is
a process of its own, whose peak memory counts from before the load. The limit is pyarrow reading, into a
pandas frame, files that an UNLOAD of the dataset has left. pyarrow runs no query, so there the dataset's time
counts from the query's end: to find the files, to read them, and to remove them.
"""

import argparse
import json
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from common import in_turn, python, ratio_of, row, spread, verdict, workshop

import local_aws

LIMIT_GOAL, PEER_GOAL, MEMORY_GOAL = 1.3, 1.0, 1.5
_REGION = "eu-west-1"
_BUCKET = "benchmark"
_PROBE = Path(__file__).with_name("athena_probe.py")


@dataclass(frozen=True)
class Load:
    """One load in a process of its own.

    Attributes:
        seconds: From the call to the frame.
        reading: Seconds of it after the query had ended.
        peak: Bytes that the process grew by.
        frame: Bytes of the frame.
    """

    seconds: float
    reading: float
    peak: int
    frame: int


def load(folder: Path, variables: dict[str, str], how: str, rows: int) -> Load:
    """Measure one side."""
    lines = python(_PROBE, how, str(rows), cwd=folder, extra=variables).stdout.splitlines()
    return Load(**json.loads(lines[-1]))


def compare(folder: Path, variables: dict[str, str], rows: int, pairs: int) -> float:
    """Print what each side takes for a number of rows.

    Returns:
        The dataset's median seconds.
    """
    print(f"{rows:,} rows x 20 columns")
    ours: list[Load] = []
    for peer, goal in (("pyarrow", LIMIT_GOAL), ("awswrangler", PEER_GOAL), ("pyathena", PEER_GOAL)):
        measured = in_turn(
            partial(load, folder, variables, "dataset", rows),
            partial(load, folder, variables, peer, rows),
            pairs,
            warm_up=False,
        )
        ours += [mine for mine, _ in measured]
        theirs = [other for _, other in measured]
        limit = peer == "pyarrow"
        row("dataset", spread([mine.reading if limit else mine.seconds for mine, _ in measured]))
        row(peer, spread([other.seconds for other in theirs]))
        ratio = ratio_of(
            [(mine.reading if limit else mine.seconds, other.seconds) for mine, other in measured]
        )
        row(f"time, dataset by {peer}", str(ratio))
        row(f"memory, {peer}", f"{max(other.peak / other.frame for other in theirs):.2f}x of the frame")
        verdict(ratio.median, goal)
    worst = max(mine.peak / mine.frame for mine in ours)
    row("peak memory by the frame's", f"{worst:.2f}x of {ours[0].frame / 1e6:.0f} MB")
    verdict(worst, MEMORY_GOAL)
    chunked = load(folder, variables, "chunks", rows)
    row("peak memory in chunks of 50,000", f"{chunked.peak / 1e6:.0f} MB")
    return sorted(mine.seconds for mine in ours)[len(ours) // 2]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000, 10_000_000])
    options.add_argument("--pairs", type=int, default=5)
    chosen = options.parse_args()
    with workshop() as folder:
        variables = started(folder)
        seconds = {}
        for rows in chosen.rows:
            python(_PROBE, "make", str(rows), cwd=folder, extra=variables)
            seconds[rows] = compare(folder, variables, rows, chosen.pairs)
        fewest, most = min(seconds), max(seconds)
        if most > fewest:
            row(
                "seconds per row, most by fewest", f"{seconds[most] / most / (seconds[fewest] / fewest):.2f}x"
            )


def started(folder: Path) -> dict[str, str]:
    """Start a local AWS with a bucket and a database.

    Returns:
        The variables that point a process at it.
    """
    aws, _ = local_aws.start(folder / ".kedro-aws", region=_REGION)
    os.environ.update(aws.environment())
    aws.client("s3").create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": _REGION})
    aws.client("glue").create_database(DatabaseInput={"Name": "bench"})
    variables: dict[str, Any] = aws.environment()
    return {**variables, "BENCHMARK_BUCKET": _BUCKET}


if __name__ == "__main__":
    main()
