"""What keeping the control planes costs a request that changes something, with little there and with much.

Two servers get the same requests in turn, one that keeps what it holds and one that does not. What is
compared is the processor time of the servers, which other programs disturb little, and the clock's time as a
client sees it. Then the same with 2,000 partitions, 1,000 model packages and 10,000 log events, and how
long a server needs to start with those.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from common import in_turn, judge, ratio_of, row, spread, verdict, workshop

import local_aws

GOAL = 1.3
MORE_MS = 3.0
BATCH = 20
PARTITIONS, PACKAGES, EVENTS = 2_000, 1_000, 10_000
_COLUMNS = [{"Name": f"c{number}", "Type": "double"} for number in range(20)]
_STORAGE = {"Columns": _COLUMNS, "Location": "s3://b/t/", "SerdeInfo": {"SerializationLibrary": "parquet"}}


class Side:
    """A server, and requests of which no two are the same."""

    def __init__(self, folder: Path, *, keep: bool) -> None:
        folder.mkdir()
        self.state_dir = folder / ".kedro-aws"
        aws, _started = local_aws.start(self.state_dir, region="eu-west-1", keep=keep)
        self._server = psutil.Process(aws.pid)
        self.glue, self.logs, self.sagemaker = map(aws.client, ("glue", "logs", "sagemaker"))
        self._count = 0
        self.glue.create_database(DatabaseInput={"Name": "d"})
        table = {
            "Name": "t",
            "StorageDescriptor": _STORAGE,
            "PartitionKeys": [{"Name": "k", "Type": "string"}],
        }
        self.glue.create_table(DatabaseName="d", TableInput=table)
        self.logs.create_log_group(logGroupName="g")
        self.logs.create_log_stream(logGroupName="g", logStreamName="s")
        self.sagemaker.create_model_package_group(ModelPackageGroupName="p")

    def create_table(self) -> None:
        """Create a table of 20 columns, and drop it."""
        self.glue.create_table(DatabaseName="d", TableInput={"Name": "u", "StorageDescriptor": _STORAGE})
        self.glue.delete_table(DatabaseName="d", Name="u")

    def create_partition(self) -> None:
        """Create a partition."""
        partition = {"Values": [self._name()], "StorageDescriptor": _STORAGE}
        self.glue.create_partition(DatabaseName="d", TableName="t", PartitionInput=partition)

    def create_package(self) -> None:
        """Create a model package."""
        self.sagemaker.create_model_package(
            ModelPackageGroupName="p", CustomerMetadataProperties={"run": self._name()}
        )

    def put_event(self) -> None:
        """Put a log event."""
        self.put_events(1)

    def put_events(self, count: int) -> None:
        """Put log events."""
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": f"line {self._name()} of a model"} for _ in range(count)]
        self.logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=events)

    def fill(self) -> None:
        """Make what is much."""
        for _ in range(PARTITIONS // 100):
            partitions = [{"Values": [self._name()], "StorageDescriptor": _STORAGE} for _ in range(100)]
            self.glue.batch_create_partition(DatabaseName="d", TableName="t", PartitionInputList=partitions)
        for _ in range(PACKAGES):
            self.create_package()
        for _ in range(EVENTS // 1000):
            self.put_events(1000)

    def measure(self, call: Callable[[], None]) -> tuple[float, float]:
        """Measure the seconds of one request, by the clock and in the server's work, over a batch."""
        worked, began = self._work(), time.perf_counter()
        for _ in range(BATCH):
            call()
        return (time.perf_counter() - began) / BATCH, (self._work() - worked) / BATCH

    def _work(self) -> float:
        times = self._server.cpu_times()
        return float(times.user + times.system)

    def _name(self) -> str:
        self._count += 1
        return f"{self._count:07d}"


KINDS = ("create_table", "create_partition", "create_package", "put_event")


def compare(kind: str, keeping: Side, forgetting: Side, pairs: int) -> float:
    """Print what a kind of request costs, and return the milliseconds of work that keeping adds."""
    first: Any = getattr(keeping, kind)
    second: Any = getattr(forgetting, kind)
    measured = in_turn(lambda: keeping.measure(first), lambda: forgetting.measure(second), pairs)
    more = 1000 * statistics.median(kept[1] - lost[1] for kept, lost in measured)
    print(kind.replace("_", " "))
    row("kept, a request", spread([kept[0] for kept, _lost in measured]))
    row("not kept, a request", spread([lost[0] for _kept, lost in measured]))
    row("work that keeping adds", f"{more:.2f} ms")
    row("ratio of work", str(ratio_of([(kept[1], lost[1]) for kept, lost in measured])))
    judge(ratio_of([(kept[0], lost[0]) for kept, lost in measured]), GOAL)
    return more


def time_start(state_dir: Path) -> float:
    """Stop a server, and return the seconds that the next one needs to start and to answer a client."""
    local_aws.stop(state_dir)
    began = time.perf_counter()
    aws, _started = local_aws.start(state_dir, region="eu-west-1")
    aws.client("glue").get_database(Name="d")
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    pairs = parser.parse_args().pairs
    with workshop() as folder:
        keeping, forgetting = Side(folder / "kept", keep=True), Side(folder / "lost", keep=False)
        little = {kind: compare(kind, keeping, forgetting, pairs) for kind in KINDS}
        small = [time_start(keeping.state_dir) for _ in range(3)]
        keeping = Side(folder / "much", keep=True)
        forgetting = Side(folder / "much lost", keep=False)
        keeping.fill()
        forgetting.fill()
        print(f"with {PARTITIONS:,} partitions, {PACKAGES:,} packages and {EVENTS:,} log events\n")
        for kind in KINDS:
            more = compare(kind, keeping, forgetting, pairs) - little[kind]
            row("work more than with little there", f"{more:.2f} ms")
            verdict(more, MORE_MS, "ms")
        print("start and first answer")
        row("with little", spread(small))
        row("with much", spread([time_start(keeping.state_dir) for _ in range(3)]))


if __name__ == "__main__":
    main()
