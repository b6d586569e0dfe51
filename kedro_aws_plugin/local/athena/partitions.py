"""Which objects of a table a query reads."""

from kedro_aws_plugin.local.athena.catalog import Catalog, Table
from kedro_aws_plugin.local.athena.scan import Source
from kedro_aws_plugin.local.athena.storage import Storage
from kedro_aws_plugin.local.athena.trino import Query, TableName

DEFAULT = "__HIVE_DEFAULT_PARTITION__"


def sources(
    table: Table, catalog: Catalog, storage: Storage, query: Query, mention: TableName
) -> list[Source]:
    """The objects below the table's location, or below those of its partitions."""
    if not table.partition_keys:
        return [Source(found) for found in storage.data(table.location)]
    return [
        Source(found, partition.values)
        for partition in catalog.partitions(table)
        for found in storage.data(partition.location)
    ]
