"""A load of `AthenaTableDataset`: Glue says where the files are, pyarrow reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
from kedro.io import DatasetError

from kedro_aws_plugin.aws.glue import Glue, Partition
from kedro_aws_plugin.datasets._glue_types import UnknownType, from_glue
from kedro_aws_plugin.datasets._table_definition import Layout, Stores, check_readable
from kedro_aws_plugin.datasets._table_files import Part, read_files, read_first_rows

_HIDDEN = ("_", ".")
_ATTEMPTS = 3


@dataclass(frozen=True)
class Loading:
    """What is to be loaded.

    Attributes:
        name: The table, with its database.
        columns: Those wanted, in order; all if None, partition keys last.
        partition_filter: Glue's expression.
    """

    name: str
    columns: tuple[str, ...] | None
    partition_filter: str | None


def read_table(loading: Loading, stores: Stores, rows: int | None = None) -> pa.Table:
    """Read a table, or its first rows.

    Raises:
        DatasetError: If there is no such table or column.
    """
    attempt = 0
    while True:
        try:
            return _read(loading, stores, rows)
        except FileNotFoundError as error:
            # A save has replaced the files since Glue was asked.
            attempt += 1
            if attempt == _ATTEMPTS:
                raise DatasetError(
                    f"Files of {loading.name} vanish while they are read: {error}. "
                    "Load again when nobody saves it."
                ) from error


def _read(loading: Loading, stores: Stores, rows: int | None) -> pa.Table:
    layout, partitions = find_partitions(loading, stores.glue)
    columns = chosen(loading, layout)
    uris = stores.files.below_each([one.location for one in partitions])
    parts = [
        [Part(uri, one.values) for uri in of_partition if _is_data(uri)]
        for one, of_partition in zip(partitions, uris, strict=True)
    ]
    # Every save writes a file at least, so what has none may have been emptied since Glue was asked.
    if not all(parts) and set(find_partitions(loading, stores.glue)[1]) != set(partitions):
        raise FileNotFoundError(partitions[parts.index([])].location)
    every = list(chain.from_iterable(parts))
    if rows is not None:
        return read_first_rows(every, layout, columns, stores.filesystem(), rows)
    return read_files(every, layout, columns, stores.filesystem())


def _is_data(uri: str) -> bool:
    return not uri.rpartition("/")[2].startswith(_HIDDEN) and not uri.endswith("/")


def find_partitions(loading: Loading, glue: Glue) -> tuple[Layout, Sequence[Partition]]:
    """Columns of a table, and the folders that it reads.

    Raises:
        DatasetError: If there is no such table, or it is of another kind.
    """
    table = glue.table()
    if table is None:
        raise DatasetError(
            f"There is no table {loading.name} in Glue. Run the pipeline that saves it, or correct `table` "
            "and `database`."
        )
    check_readable(loading.name, table)
    layout = Layout(table.columns(), table.partition_keys())
    if not layout.keys and loading.partition_filter is not None:
        raise DatasetError(f"{loading.name} has no partitions. Leave `partition_filter` out.")
    if not layout.keys:
        return layout, [Partition((), table.location)]
    return layout, glue.partitions(loading.partition_filter)


def chosen(loading: Loading, layout: Layout) -> list[str]:
    """The columns wanted, if the table has them.

    Raises:
        DatasetError: If it does not, or one has a type that cannot be read.
    """
    everything = layout.everything()
    wanted = list(everything if loading.columns is None else loading.columns)
    absent = [column for column in wanted if column not in everything]
    if absent:
        raise DatasetError(
            f"{loading.name} has no column `{absent[0]}`. It has {', '.join(everything)}. Correct `columns`."
        )
    for column in wanted:
        try:
            from_glue(everything[column])
        except UnknownType as error:
            raise DatasetError(
                f"The column `{column}` of {loading.name}: {error}. "
                "Leave it out by `columns`, or correct it in Glue."
            ) from error
    return wanted
