"""How long a local AWS takes to start that has kept 100,000 objects of 10 GB, by one that has kept nothing.

The contents are sparse files, one for each object: a start looks at each of them and reads none.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from common import in_turn, progress, ratio_of, row, verdict

import local_aws

GOAL = 2.0
REGION, BUCKET = "eu-west-1", "kept"


def fill(state_dir: Path, objects: int, size: int) -> None:
    """Put objects into a stopped local AWS, without a request for each."""
    from moto.s3.models import s3_backends

    from local_aws.s3.content import Content, Segment
    from local_aws.s3.keeping import Keeping
    from local_aws.s3.objects import keep_in_files

    keeping = Keeping(state_dir / "kept")
    keep_in_files(keeping.store, keeping)
    keeping.restore()
    backend = s3_backends["123456789012"]["aws"]
    for first in range(0, objects, 1000):
        with keeping.kept():
            for number in range(first, min(first + 1000, objects)):
                written = keeping.store.write(_Byte())
                (segment,) = written.segments
                with segment.file.path.open("ab") as file:
                    file.truncate(size)
                content: Any = Content((Segment(segment.file, 0, size),), {"MD5": number.to_bytes(16, "big")})
                backend.put_object(BUCKET, f"year={number % 100}/part-{number:06}.parquet", content)
        progress(f"{first + 1000} of {objects} objects")
    keeping.close()


class _Byte:
    """A content of one byte."""

    left = 1

    def readinto(self, buffer: memoryview) -> int:
        """Give the byte once."""
        count, self.left = self.left, 0
        buffer[:count] = b"x" * count
        return count


def prepare(folder: Path, name: str, objects: int, size: int) -> Path:
    """Make a state folder that has kept a bucket with objects."""
    state_dir = folder / name
    aws, _ = local_aws.start(state_dir, region=REGION)
    if objects:
        place = {"LocationConstraint": REGION}
        aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    local_aws.stop(state_dir)
    if objects:
        fill(state_dir, objects, size)
    return state_dir


def start(state_dir: Path, objects: int = 0) -> float:
    """Seconds until it answers; its objects are counted, and it is stopped again."""
    began = time.monotonic()
    aws, _ = local_aws.start(state_dir, region=REGION)
    taken = time.monotonic() - began
    try:
        sizes = local_aws.status(aws)["sizes"]
        assert sum(each["objects"] for each in sizes.values()) == objects, sizes
    finally:
        local_aws.stop(state_dir)
    return taken


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=7)
    options.add_argument("--objects", type=int, default=100_000)
    options.add_argument("--bytes", type=int, default=100_000, help="the size of each")
    given = options.parse_args()
    what = f"{given.objects:,} objects, {given.objects * given.bytes / 1e9:.1f} GB"
    print(f"start with {what}, by one that has kept nothing")
    with tempfile.TemporaryDirectory() as folder:
        full = prepare(Path(folder), "full", given.objects, given.bytes)
        empty = prepare(Path(folder), "empty", 0, 0)
        pairs = in_turn(lambda: start(full, given.objects), lambda: start(empty), given.pairs)
        aws, _ = local_aws.start(full, region=REGION)
        began = time.monotonic()
        aws.client("s3").list_objects_v2(Bucket=BUCKET)
        listed = time.monotonic() - began
        local_aws.stop(full)
    row("until it answers", f"{statistics.median(first for first, _ in pairs):.2f} s")
    row("of one that kept nothing", f"{statistics.median(second for _, second in pairs):.2f} s")
    row("the first listing of the bucket", f"{listed:.2f} s")
    ratio = ratio_of(pairs)
    row("ratio", str(ratio))
    verdict(ratio.median, GOAL, "x")


if __name__ == "__main__":
    main()
