"""The objects of a table that a query reads."""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import date, datetime, timezone

from local_aws.athena import projection
from local_aws.athena.catalog import Catalog, Partition, Table
from local_aws.athena.failures import AthenaFailure
from local_aws.athena.pruning import Filter
from local_aws.athena.scan import Source
from local_aws.athena.storage import S3Object, Storage, directory, split_uri
from local_aws.trino import Column
from local_aws.trino.types import read_type

DEFAULT = "__HIVE_DEFAULT_PARTITION__"
_FEW = 8
_BITS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}


def find_sources(table: Table, catalog: Catalog, storage: Storage, wanted: Filter) -> list[Source]:
    """Find the objects below the table's location, or those of the partitions that the query can need.

    Raises:
        AthenaFailure: If a partition's value is not of its key's type.
    """
    if not table.partition_keys:
        return [Source(found) for found in storage.list_data(table.location)]
    partitions = _find_partitions(table, catalog, wanted)
    look = _make_lister(table, storage, len(partitions))
    return [Source(found, partition.values) for partition in partitions for found in look(partition.location)]


def _find_partitions(table: Table, catalog: Catalog, wanted: Filter) -> list[Partition]:
    keys = table.partition_keys
    if projection.is_enabled(table):
        found = projection.project_partitions(table, wanted, datetime.now(timezone.utc))
    else:
        found = catalog.partitions(table)
    for partition in found:
        for key, value in zip(keys, partition.values, strict=True):
            _check(key, value)
    kept = wanted.keep(keys, [partition.values for partition in found])
    return [found[position] for position in kept]


def _check(key: Column, value: str | None) -> None:
    kind = read_type(key.type)
    good = True
    if value is not None and kind.name in _BITS:
        good = (
            bool(re.fullmatch(r"-?\d+", value))
            and -(limit := 1 << (_BITS[kind.name] - 1)) <= int(value) < limit
        )
    elif value is not None and kind.name == "date":
        try:
            date.fromisoformat(value)
        except ValueError:
            good = False
    if not good:
        raise AthenaFailure(
            f"HIVE_INVALID_PARTITION_VALUE: Invalid partition value '{value}' for "
            f"{kind.name.upper()} partition key: {key.name}"
        )


def _make_lister(table: Table, storage: Storage, count: int) -> Callable[[str], Sequence[S3Object]]:
    """Return a function that lists a partition's objects, for many partitions from one listing above them."""
    root = projection.find_root(table) if projection.is_enabled(table) else table.location
    if count <= _FEW:
        return storage.list_data
    above = directory(root.rpartition("/")[0]) if projection.is_enabled(table) else directory(root)
    objects = storage.list_data(above)
    keys = [found.key for found in objects]

    def look(location: str) -> Sequence[S3Object]:
        if not location.startswith(above):
            return storage.list_data(location)
        prefix = split_uri(directory(location))[1]
        start = bisect_left(keys, prefix)
        end = bisect_left(keys, prefix + "\U0010ffff", start)
        return objects[start:end]

    return look
