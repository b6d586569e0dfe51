"""Find out before a submission what would fail on AWS: (workflow, snapshot, settings) -> findings.

The codes are those of Kedro's own `validate_deployment_grouping` where it has one. Kedro warns of local files
between steps; here they are errors, since no two jobs share a disk.
"""

from collections.abc import Collection, Iterator, Sequence

from kedro_aws_plugin.config.pipelines import Pipelines
from kedro_aws_plugin.plan.workflow import Dataset, Finding, Snapshot, Workflow, strip_transcoding

_NAMED = 5


def check_workflow(workflow: Workflow, snapshot: Snapshot, settings: Pipelines) -> tuple[Finding, ...]:
    """Check a workflow; the findings on its grouping come first.

    Args:
        workflow: The steps.
        snapshot: The nodes and datasets.
        settings: `pipelines:` of aws.yml.
    """
    if not workflow.groups and workflow.findings:
        return workflow.findings
    return (
        *workflow.findings,
        *_check_memory(workflow, snapshot, settings),
        *_check_spark(snapshot, settings),
        *_check_local_files(workflow, snapshot),
        *_check_inputs(snapshot),
        *_check_credentials(snapshot),
        *_check_versions(workflow, snapshot),
        *_check_own_versions(snapshot),
        *_check_number(workflow),
    )


def list_persisted(workflow: Workflow, snapshot: Snapshot) -> tuple[str, ...]:
    """List the datasets that pass from one step to another in memory."""
    return tuple(each.dataset for each in workflow.crossings if snapshot.find_dataset(each.dataset).in_memory)


def _check_memory(workflow: Workflow, snapshot: Snapshot, settings: Pipelines) -> Iterator[Finding]:
    names = set(list_persisted(workflow, snapshot))
    crossings = [each for each in workflow.crossings if each.dataset in names]
    for crossing in crossings:
        if settings.memory_datasets == "persist" and not snapshot.spark:
            continue
        readers = _quote(crossing.readers)
        why = "a Spark frame cannot be pickled" if snapshot.spark else "`pipelines.memory_datasets` is refuse"
        fix = "" if snapshot.spark else ", or set `pipelines.memory_datasets: persist`"
        message = (
            f"`{crossing.dataset}` is kept in memory and passes from step `{crossing.writer}` to {readers}, "
            f"and {why}. Add it to the catalog, put its nodes into one step{fix}."
        )
        steps = (crossing.writer, *crossing.readers)
        yield Finding("ephemeral_boundary", "error", message, steps, (crossing.dataset,))
    if crossings and settings.memory_datasets == "persist" and not snapshot.spark:
        datasets = tuple(sorted(names))
        message = (
            f"{_quote(datasets)} {_choose(datasets, 'is', 'are')} kept in memory and pass"
            f"{_choose(datasets, 'es', '')} between steps: as a pickle on S3, in the folder of the run."
        )
        steps = tuple(dict.fromkeys(each.writer for each in crossings))
        yield Finding("ephemeral_boundary", "info", message, steps, datasets)


def _check_spark(snapshot: Snapshot, settings: Pipelines) -> Iterator[Finding]:
    if snapshot.spark and settings.image is None and settings.target != "emr-serverless":
        message = (
            "`spark.enabled` is true, and Spark needs Java, which AWS's scikit-learn image does not have. "
            "Name an image that has it in `pipelines.image`."
        )
        yield Finding("spark_image", "error", message)


def _check_local_files(workflow: Workflow, snapshot: Snapshot) -> Iterator[Finding]:
    crossing = {each.dataset: each for each in workflow.crossings}
    written = {strip_transcoding(name) for node in snapshot.nodes for name in node.outputs}
    read = {strip_transcoding(name) for node in snapshot.nodes for name in node.inputs}
    for name, dataset in _list_local(snapshot).items():
        if found := crossing.get(name):
            message = (
                f"`{name}` passes from step `{found.writer}` to {_quote(found.readers)} in {dataset.path}, "
                "and two jobs share no disk. Give it an s3:// path in the catalog."
            )
            steps = (found.writer, *found.readers)
            yield Finding("local_boundary", "error", message, steps, (name,))
        elif name not in written:
            message = (
                f"`{name}` is read from {dataset.path}, which no job has. Give it an s3:// path in the "
                "catalog."
            )
            yield Finding("local_input", "error", message, datasets=(name,))
        elif name not in read:
            message = (
                f"`{name}` is written to {dataset.path}, which ends with its job. Give it an s3:// path "
                "in the catalog."
            )
            yield Finding("local_output", "warning", message, datasets=(name,))


def _list_local(snapshot: Snapshot) -> dict[str, Dataset]:
    return {strip_transcoding(name): dataset for name, dataset in snapshot.datasets.items() if dataset.local}


def _check_inputs(snapshot: Snapshot) -> Iterator[Finding]:
    """Find what is read, in memory, and made by nodes that were not chosen: it exists nowhere."""
    written = {strip_transcoding(name) for node in snapshot.nodes for name in node.outputs}
    for node in snapshot.nodes:
        for name in node.inputs:
            if strip_transcoding(name) not in written and snapshot.find_dataset(name).in_memory:
                message = (
                    f"Node `{node.name}` reads `{name}`, which none of the chosen nodes makes, and the "
                    "catalog has no entry of it. Choose the node that makes it too, or add it to the catalog."
                )
                yield Finding("missing_input", "error", message, datasets=(name,))


def _check_credentials(snapshot: Snapshot) -> Iterator[Finding]:
    for name, dataset in snapshot.datasets.items():
        if dataset.credentials:
            message = (
                f"`{name}` uses the credentials `{dataset.credentials}`, and credentials do not travel. "
                "Leave them out where the job's role may read it, or take them from a `secret:` of "
                "`globals:`."
            )
            yield Finding("credentials", "error", message, datasets=(name,))


def _check_versions(workflow: Workflow, snapshot: Snapshot) -> Iterator[Finding]:
    """Warn of files without versions between steps: another execution may replace them in between."""
    shared = []
    for crossing in workflow.crossings:
        dataset = snapshot.find_dataset(crossing.dataset)
        if dataset.path and not dataset.versioned and not dataset.local:
            shared.append(crossing.dataset)
    if shared:
        message = (
            f"{_quote(shared)} {_choose(shared, 'has', 'have')} no versions and pass"
            f"{_choose(shared, 'es', '')} between steps: an execution at the same time writes the same "
            "files. Add `versioned: true` in the catalog."
        )
        yield Finding("shared_boundary", "warning", message, datasets=tuple(shared))


def _check_own_versions(snapshot: Snapshot) -> Iterator[Finding]:
    """Warn of partitions with versions: Kedro gives each of them the time at which it is saved."""
    written = {name for node in snapshot.nodes for name in node.outputs}
    for name, dataset in snapshot.datasets.items():
        if dataset.own_versions and name in written:
            message = (
                f"Each file of `{name}` gets a version of its own, which is not the run's, so a later step "
                "may load another run's. Leave out `versioned` within its `dataset`."
            )
            yield Finding("own_versions", "warning", message, datasets=(name,))


def _check_number(workflow: Workflow) -> Iterator[Finding]:
    groups = [group for group in workflow.groups if group.nodes]
    if len(groups) > 1 and all(len(group.nodes) == 1 for group in groups):
        message = (
            f"Each of the {len(groups)} steps has one node, and a job takes minutes to start. `--group-by` "
            "puts several into one."
        )
        yield Finding("single_node_groups", "info", message, tuple(group.name for group in groups))


def _quote(names: Collection[str] | Sequence[str]) -> str:
    shown = [f"`{name}`" for name in list(names)[:_NAMED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _choose(names: Collection[str], one: str, several: str) -> str:
    return one if len(names) == 1 else several
