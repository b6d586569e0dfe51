"""OPTIMIZE and VACUUM of Iceberg tables."""

import re
from collections import defaultdict
from collections.abc import Collection, Hashable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from pyiceberg.table import FileScanTask
from pyiceberg.table.snapshots import ancestors_of

from local_aws.athena.failures import AthenaFailure, query_failure
from local_aws.athena.iceberg import reading
from local_aws.athena.iceberg.alteration import find_files
from local_aws.athena.iceberg.conditions import read_partition_filter
from local_aws.athena.iceberg.properties import read_number
from local_aws.athena.iceberg.rows import replace_files
from local_aws.athena.iceberg.tables import IcebergTable
from local_aws.athena.session import Session
from local_aws.athena.statement import Optimize
from local_aws.athena.storage import split_uri
from local_aws.athena.submission import Outcome
from local_aws.trino import TrinoError
from local_aws.trino.types import quote_name

_METADATA = re.compile(r".*/(\d+)-[^/]*\.metadata\.json")


def optimize(session: Session, statement: Optimize, table: IcebergTable) -> Outcome:
    """Put the rows of small files of a partition, of too large ones and of those with deletes in new files.

    Raises:
        AthenaFailure: If the condition is about more than partitions, or another writer was faster.
    """
    condition = None
    if statement.query is not None:
        condition = read_partition_filter(statement.query.tree, table.schema)
        if condition is None or not _is_of_partitions(table, statement):
            message = (
                "Unexpected FilterNode found in plan; probably connector was not able to handle "
                "provided WHERE expression"
            )
            raise query_failure(TrinoError("NOT_SUPPORTED", message))
    scan = reading.plan(table, condition=condition)
    written: tuple[str, ...] = ()
    chosen = [task for tasks in _groups(table, scan).values() for task in tasks]
    if chosen:
        names = ", ".join(quote_name(column.name) for column in table.columns)
        sql = reading.select(replace(scan, tasks=tuple(chosen)))
        written = replace_files(session, table, chosen, f"SELECT {names} FROM ({sql})")  # noqa: S608 - quoted
    return Outcome("DML", "OPTIMIZE", written=written)


def _is_of_partitions(table: IcebergTable, statement: Optimize) -> bool:
    """Tell whether a condition names partition columns only, so that it holds for whole files."""
    from local_aws.trino import nodes

    assert statement.query is not None  # noqa: S101 - the caller has checked it
    names = {node.parts[-1] for node in nodes.walk(statement.query.tree.tree) if isinstance(node, nodes.Name)}
    sources = {table.schema.find_field(field.source_id).name.lower() for field in table.iceberg.spec().fields}
    return names <= sources


def _groups(table: IcebergTable, scan: reading.Scan) -> dict[Hashable, list[FileScanTask]]:
    """Choose the files of each partition that OPTIMIZE writes anew."""
    properties = table.iceberg.properties
    small = read_number(properties, "optimize_rewrite_min_data_file_size_bytes")
    large = read_number(properties, "optimize_rewrite_max_data_file_size_bytes")
    enough = read_number(properties, "optimize_rewrite_data_file_threshold")
    deletes = read_number(properties, "optimize_rewrite_delete_file_threshold")
    groups: dict[Hashable, list[FileScanTask]] = defaultdict(list)
    for task in scan.tasks:
        if not small <= task.file.file_size_in_bytes <= large or len(task.delete_files) >= deletes:
            groups[task.file.spec_id, task.file.partition].append(task)
    return {
        key: tasks
        for key, tasks in groups.items()
        if len(tasks) >= enough
        or any(task.delete_files or task.file.file_size_in_bytes > large for task in tasks)
    }


def vacuum(session: Session, table: IcebergTable) -> Outcome:
    """Forget snapshots that are older than the table keeps them, and delete the files that nobody needs then.

    Raises:
        AthenaFailure: If another writer was faster.
    """
    _refuse_whole_bucket(table)
    properties = table.iceberg.properties
    age = timedelta(seconds=read_number(properties, "vacuum_max_snapshot_age_seconds"))
    least = read_number(properties, "vacuum_min_snapshots_to_keep")
    before = set(find_files(table))
    metadata = table.iceberg.metadata
    oldest = datetime.now(timezone.utc) - age
    current = list(ancestors_of(metadata.current_snapshot(), metadata))
    kept = {snapshot.snapshot_id for snapshot in current[:least]}
    kept |= {ref.snapshot_id for ref in metadata.refs.values()}
    old = [
        snapshot.snapshot_id
        for snapshot in metadata.snapshots
        if snapshot.timestamp_ms < oldest.timestamp() * 1000 and snapshot.snapshot_id not in kept
    ]
    if old:
        with session.iceberg.commit(table.full_name):
            table.iceberg.maintenance.expire_snapshots().by_ids(old).commit()
    needed = set(find_files(table))
    objects = set(map(split_uri, needed))
    for uri in before - needed:
        if split_uri(uri) not in objects:
            session.iceberg.files.delete(uri)
    _delete_orphans(session, table, objects, oldest)
    _delete_old_metadata(session, table)
    return Outcome("DDL", "VACUUM", plain_text=True)


def _refuse_whole_bucket(table: IcebergTable) -> None:
    location = table.iceberg.location().rstrip("/")
    if not split_uri(location)[1]:
        raise AthenaFailure(f"GENERIC_INTERNAL_ERROR: Path missing in file system location: {location}")


def _delete_orphans(
    session: Session, table: IcebergTable, needed: Collection[tuple[str, str]], oldest: datetime
) -> None:
    """Delete the data files that no snapshot names, unless they may belong to a commit that is under way."""
    folder = table.iceberg.properties.get("write.data.path", f"{table.iceberg.location()}/data")
    for found in session.storage.list_objects(folder):
        modified = datetime.fromisoformat(found.modified.replace("Z", "+00:00"))
        if (found.bucket, found.key) not in needed and modified < oldest:
            session.storage.delete(found.uri)


def _delete_old_metadata(session: Session, table: IcebergTable) -> None:
    """Delete the metadata files before the newest ones that the table keeps.

    A file of a higher number than the current one is another writer's, who is about to commit it.
    """
    current = table.iceberg.metadata_location
    number = _METADATA.fullmatch(current)
    if number is None:
        return
    most = read_number(table.iceberg.properties, "vacuum_max_metadata_files_to_keep")
    log = table.iceberg.metadata.metadata_log
    named = [current, *(entry.metadata_file for entry in log[max(0, len(log) - most) :])]
    kept = set(map(split_uri, named))
    for found in session.storage.list_objects(current.rpartition("/")[0]):
        old = _METADATA.fullmatch(found.uri)
        if old is not None and (found.bucket, found.key) not in kept and int(old[1]) < int(number[1]):
            session.storage.delete(found.uri)
