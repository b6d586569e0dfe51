"""DDL of partitions: ADD, DROP and MSCK REPAIR TABLE."""

from urllib.parse import unquote

from local_aws.athena.catalog import Catalog, Partition, Table
from local_aws.athena.failures import ddl_failure, semantic_failure
from local_aws.athena.statement import AddPartitions, DropPartitions, PartitionSpec
from local_aws.athena.storage import Storage, directory, split_uri
from local_aws.athena.writing import escape_value


def add(catalog: Catalog, table: Table, statement: AddPartitions) -> None:
    """Register partitions.

    Raises:
        AthenaFailure: If one is there already, unless IF NOT EXISTS.
    """
    wanted = [_partition(table, spec) for spec in statement.partitions]
    known = {partition.values for partition in catalog.partitions(table)}
    if not statement.if_not_exists and any(partition.values in known for partition in wanted):
        raise ddl_failure("AlreadyExistsException", "Partition already exists.")
    catalog.add_partitions(table, wanted)


def drop(catalog: Catalog, table: Table, statement: DropPartitions) -> None:
    """Delete partitions from the catalog; a spec may name only some of the keys.

    Raises:
        AthenaFailure: If no partition matches, unless IF EXISTS is given.
    """
    for spec in statement.partitions:
        _check(table, spec)
        found = [partition for partition in catalog.partitions(table) if _matches(table, partition, spec)]
        if not found and not statement.if_exists:
            raise semantic_failure(f"[Error 10006]: Partition not found {_path(table, spec)}")
        for partition in found:
            catalog.drop_partition(table, partition)


def repair(catalog: Catalog, storage: Storage, table: Table) -> list[str]:
    """Register the partitions whose directories are below the table's location; return a line for each."""
    keys = [key.name for key in table.partition_keys]
    if not keys:
        return []
    known = {partition.values for partition in catalog.partitions(table)}
    start = len(split_uri(directory(table.location))[1])
    found: dict[tuple[str | None, ...], Partition] = {}
    for item in storage.list_objects(table.location):
        parts = item.key[start:].split("/")[: len(keys)]
        names = [part.partition("=")[0].lower() for part in parts]
        values = tuple(unquote(part.partition("=")[2]) for part in parts)
        if names == keys and values not in known and len(item.key[start:].split("/")) > len(keys):
            found.setdefault(values, Partition(values, f"{table.location.rstrip('/')}/{'/'.join(parts)}"))
    catalog.add_partitions(table, list(found.values()))
    below = ["/".join(partition.location.split("/")[-len(keys) :]) for partition in found.values()]
    if not below:
        return []
    named = "\t".join(f"{table.name}:{name}" for name in below)
    return [
        f"Partitions not in metastore:\t{named}",
        *(f"Repair: Added partition to metastore {table.name}:{name}" for name in below),
    ]


def _partition(table: Table, spec: PartitionSpec) -> Partition:
    _check(table, spec)
    keys = [key.name for key in table.partition_keys]
    if missing := [key for key in keys if key not in spec.values]:
        raise semantic_failure(
            f"partition spec {{{_path(table, spec)}}} doesn't contain all partition columns: {missing}"
        )
    if spec.location:
        split_uri(spec.location)
    location = spec.location or f"{table.location.rstrip('/')}/{_path(table, spec)}"
    return Partition(tuple(spec.values[key] for key in keys), location)


def _check(table: Table, spec: PartitionSpec) -> None:
    if not table.partition_keys:
        raise semantic_failure(
            f"table is not partitioned but partition spec exists: {{{_path(table, spec)}}}"
        )
    keys = {key.name for key in table.partition_keys}
    if unknown := [key for key in spec.values if key not in keys]:
        raise semantic_failure(
            f"[Error 10098]: Non-Partition column appears in the partition specification: {unknown[0]}"
        )


def _matches(table: Table, partition: Partition, spec: PartitionSpec) -> bool:
    values = dict(zip((key.name for key in table.partition_keys), partition.values, strict=True))
    return all(values[key] == value for key, value in spec.values.items())


def _path(table: Table, spec: PartitionSpec) -> str:
    order = [key.name for key in table.partition_keys if key.name in spec.values] or list(spec.values)
    return "/".join(f"{key}={escape_value(spec.values[key])}" for key in order)
