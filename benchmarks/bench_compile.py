"""How long the steps of a pipeline are planned, for pipelines of 125 to 2,000 nodes in groups of ten.

The nodes and datasets are plain values, as the project's reader gives them: what is measured is grouping, the
pre-flight and the definition. Opening a Kedro project takes seconds, and no planner can change that.
"""

import argparse
import gc
import time

from common import row, verdict

from kedro_aws_plugin.config.pipelines import Pipelines
from kedro_aws_plugin.plan.job_requests import JobPlace
from kedro_aws_plugin.plan.preflight import check_workflow
from kedro_aws_plugin.plan.sagemaker_definition import (
    build_definition,
    check_limits,
    write_definition,
)
from kedro_aws_plugin.plan.workflow import Dataset, Node, Snapshot, plan_workflow

SIZES = (125, 250, 500, 1000, 2000)
GOAL_SECONDS = 0.5
GOAL_RATIO = 2.5
"""How much longer twice the nodes may take: 2 is linear, and the rest is what a shared machine adds."""

_ROUNDS = 30
_PLACE = JobPlace("s3://b/kedro-aws/jobs/x", "image", "arn:aws:iam::123456789012:role/r", {"a": "b"})


def make_snapshot(count: int) -> Snapshot:
    """Make a pipeline in which each node reads what the two before it write, in namespaces of ten nodes."""
    nodes = tuple(
        Node(
            f"node_{number}",
            tuple(f"data_{each}" for each in range(max(0, number - 2), number)),
            (f"data_{number}",),
            f"group_{number // 10}",
        )
        for number in range(count)
    )
    datasets = {
        f"data_{number}": Dataset("pandas.ParquetDataset", f"s3://b/{number}.parquet", versioned=True)
        for number in range(0, count, 2)
    }
    return Snapshot(nodes, datasets)


def measure(snapshot: Snapshot) -> float:
    """Measure the fastest of some rounds, in seconds of the processor: others work on this machine."""
    chosen = Pipelines(group_by="namespace")
    taken = []
    gc.disable()  # whose pauses grow with what else the process holds
    for _ in range(_ROUNDS):
        began = time.process_time()
        workflow = plan_workflow(snapshot, chosen)
        check_workflow(workflow, snapshot, chosen)
        definition = build_definition(workflow, _PLACE)
        list(check_limits(definition))
        write_definition(definition)
        taken.append(time.process_time() - began)
    gc.enable()
    return min(taken)


def main() -> None:
    """Print the times, and the ratio of each to that of half the nodes."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    times = {count: measure(make_snapshot(count)) for count in SIZES}
    for count, taken in times.items():
        half = times.get(count // 2)
        ratio = f", {taken / half:.2f}x of half the nodes" if half else ""
        row(f"{count} nodes", f"{taken * 1000:.1f} ms{ratio}")
    verdict(times[1000], GOAL_SECONDS, "seconds for 1,000 nodes")
    verdict(max(times[count] / times[count // 2] for count in SIZES[1:]), GOAL_RATIO)


if __name__ == "__main__":
    main()
