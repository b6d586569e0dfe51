"""A load of `AthenaTableDataset`: look up the files in Glue, then read them with pyarrow."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
from kedro.io import DatasetError

from kedro_aws_plugin.aws.glue import Glue, Partition
from kedro_aws_plugin.datasets._glue_types import UnknownType, from_glue
from kedro_aws_plugin.datasets._table_definition import Layout, Stores, check_readable
from kedro_aws_plugin.datasets._table_files import TableFile, read_files, read_first_rows

_HIDDEN = ("_", ".")
_ATTEMPTS = 3


@dataclass(frozen=True)
class TableSelection:
    """The part of a table to load.

    Attributes:
        name: The table, with its database.
        columns: The columns to load, in order; None for all, the partition keys last.
        partition_filter: An expression in Glue's language; None for all partitions.
    """

    name: str
    columns: tuple[str, ...] | None
    partition_filter: str | None


def read_table(selection: TableSelection, stores: Stores, rows: int | None = None) -> pa.Table:
    """Read a table, or its first rows.

    Raises:
        DatasetError: If the table or a column does not exist, or saves keep replacing the files.
    """
    attempt = 0
    while True:
        try:
            return _read(selection, stores, rows)
        except FileNotFoundError as error:
            # A save has replaced the files since they were looked up.
            attempt += 1
            if attempt == _ATTEMPTS:
                raise DatasetError(
                    f"Files of {selection.name} were deleted while they were read: {error}. "
                    "Load again when no save of this table is running."
                ) from error


def _read(selection: TableSelection, stores: Stores, rows: int | None) -> pa.Table:
    layout, partitions = find_partitions(selection, stores.glue)
    columns = choose_columns(selection, layout)
    uris = stores.files.list_folders([one.location for one in partitions])
    parts = [
        [TableFile(uri, one.values) for uri in of_partition if _is_data(uri)]
        for one, of_partition in zip(partitions, uris, strict=True)
    ]
    # Every save writes at least one file, so a save may have replaced a folder without any.
    if not all(parts) and set(find_partitions(selection, stores.glue)[1]) != set(partitions):
        raise FileNotFoundError(partitions[parts.index([])].location)
    every = list(chain.from_iterable(parts))
    if rows is not None:
        return read_first_rows(every, layout, columns, stores.filesystem(), rows)
    return read_files(every, layout, columns, stores.filesystem())


def _is_data(uri: str) -> bool:
    return not uri.rpartition("/")[2].startswith(_HIDDEN) and not uri.endswith("/")


def find_partitions(selection: TableSelection, glue: Glue) -> tuple[Layout, Sequence[Partition]]:
    """Look up a table's columns and the partitions to read.

    Raises:
        DatasetError: If the table does not exist, or does not consist of Parquet files.
    """
    table = glue.get_table()
    if table is None:
        raise DatasetError(
            f"The table {selection.name} does not exist in Glue. Run the pipeline that saves it, or correct "
            "`table` and `database`."
        )
    check_readable(selection.name, table)
    layout = Layout(table.columns, table.partition_keys)
    if not layout.keys and selection.partition_filter is not None:
        raise DatasetError(f"{selection.name} has no partitions. Leave `partition_filter` out.")
    if not layout.keys:
        return layout, [Partition((), table.location)]
    return layout, glue.list_partitions(selection.partition_filter)


def choose_columns(selection: TableSelection, layout: Layout) -> list[str]:
    """Return the columns to load.

    Raises:
        DatasetError: If the table lacks one, or one has a type that cannot be read.
    """
    everything = layout.all_columns
    wanted = list(everything if selection.columns is None else selection.columns)
    absent = [column for column in wanted if column not in everything]
    if absent:
        raise DatasetError(
            f"{selection.name} has no column `{absent[0]}`. It has {', '.join(everything)}. "
            "Correct `columns`."
        )
    for column in wanted:
        try:
            from_glue(everything[column])
        except UnknownType as error:
            raise DatasetError(
                f"The column `{column}` of {selection.name}: {error}. "
                "Leave it out with `columns`, or correct its type in Glue."
            ) from error
    return wanted
