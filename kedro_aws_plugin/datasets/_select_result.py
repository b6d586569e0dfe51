"""The result of a SELECT, which Athena keeps as text, or of a statement that is not a query."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from kedro.io import DatasetError
from pyarrow import csv
from pyarrow.fs import FileSystem

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import Column, Execution
from kedro_aws_plugin.datasets._frames import split_rows
from kedro_aws_plugin.datasets._query_watch import explain_unreadable

_LONGEST_ROW = 32 * 2**20
"""Bytes; Athena's own limit."""


@dataclass(frozen=True)
class SelectedResult:
    """A result that Athena keeps as text.

    Attributes:
        athena: The connection that ran the statement.
        execution: The statement.
        filesystem: pyarrow's S3.
        columns: The columns to read, in order; None for all.
    """

    athena: Athena
    execution: Execution
    filesystem: FileSystem
    columns: tuple[str, ...] | None = None

    def read_table(self) -> pa.Table:
        """Read all rows."""
        tables = list(self._read_texts())
        return self._select_columns(pa.concat_tables(tables) if tables else self._empty_table())

    def read_chunks(self, rows: int) -> Iterator[pa.Table]:
        """Read a number of rows at a time; one empty table if there are none."""
        batches = (batch for table in self._read_texts() for batch in table.to_batches())
        any_rows = False
        for table in split_rows(batches, rows):
            any_rows = True
            yield self._select_columns(table)
        if not any_rows:
            yield self._select_columns(self._empty_table())

    def _empty_table(self) -> pa.Table:
        return to_schema(self.execution.columns).empty_table()

    def _select_columns(self, table: pa.Table) -> pa.Table:
        if self.columns is None:
            return table
        absent = [name for name in self.columns if name not in table.column_names]
        if absent:
            raise DatasetError(
                f"The query has no column `{absent[0]}`. It has {', '.join(table.column_names)}. "
                "Correct `columns`."
            )
        return table.select(list(self.columns))

    def _read_texts(self) -> Iterator[pa.Table]:
        to_schema(self.execution.columns)  # raises before anything is read
        uri = self.execution.output
        texts = self._read_file(uri) if uri and uri.endswith(".csv") else self._read_pages()
        return (to_table(each, self.execution.columns) for each in texts)

    def _read_pages(self) -> Iterator[Sequence[pa.Array]]:
        """Read through Athena, since DDL and workgroups that keep results themselves leave no CSV file."""
        width = len(self.execution.columns)
        for page in self.athena.read_rows(self.execution):
            # Rows of DESCRIBE may lack their last values.
            rows = [(*row, *([None] * (width - len(row)))) for row in page]
            yield [pa.array([row[place] for row in rows], pa.string()) for place in range(width)]

    def _read_file(self, uri: str) -> Iterator[Sequence[pa.Array]]:
        """Read Athena's CSV file, in which values are quoted and NULL is not."""
        names = [str(place) for place in range(len(self.execution.columns))]
        with explain_unreadable(uri), self.filesystem.open_input_stream(uri.removeprefix("s3://")) as file:
            reader = csv.open_csv(
                file,
                read_options=csv.ReadOptions(column_names=names, skip_rows=1, block_size=_LONGEST_ROW),
                parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
            for batch in reader:
                yield batch.columns


_NESTED = frozenset({"array", "map", "row", "struct"})
_TIMESTAMP = pa.timestamp("us")
_INSTANT = pa.timestamp("us", tz="UTC")
_TIME = pa.time64("us")
_SIMPLE = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": _TIMESTAMP,
}


def to_schema(columns: Sequence[Column]) -> pa.Schema:
    """Choose the Arrow types of a result's columns.

    Raises:
        DatasetError: If a column is an array, a map or a row, whose text is ambiguous.
    """
    return pa.schema([(column.name, _arrow_type(column)) for column in columns])


def to_table(texts: Sequence[pa.Array], columns: Sequence[Column]) -> pa.Table:
    """Convert a result's texts to the types of its columns.

    Args:
        texts: One array of strings for each column.
        columns: The columns, as Athena describes them.
    """
    schema = to_schema(columns)
    return pa.Table.from_arrays(
        [_convert(text, column) for text, column in zip(texts, columns, strict=True)], schema=schema
    )


def _name_kind(column: Column) -> str:
    return column.type.lower().partition("(")[0].strip()


def _arrow_type(column: Column) -> pa.DataType:
    kind = _name_kind(column)
    if kind in _NESTED:
        raise DatasetError(
            f"The column {column.name} is of type {kind}, whose text in a SELECT's result is ambiguous "
            "(a comma may be part of a value). Use `mode: unload`, or json_format(CAST(... AS json)) on it."
        )
    if kind == "decimal":
        return pa.decimal128(column.precision, column.scale)
    if column.type.lower().endswith("with time zone"):
        return _INSTANT if kind.startswith("timestamp") else pa.string()
    special = {"time": _TIME, "varbinary": pa.binary()}
    return _SIMPLE.get(kind) or special.get(kind) or pa.string()


def _convert(texts: pa.Array, column: Column) -> pa.Array:
    target = _arrow_type(column)
    convert: Callable[[pa.Array], pa.Array] = {
        _INSTANT: _convert_instants,
        _TIME: _convert_times,
        pa.binary(): _convert_bytes,
    }.get(target, lambda each: pc.cast(each, target))
    return convert(texts)


def _convert_times(texts: pa.Array) -> pa.Array:
    days = pc.binary_join_element_wise("1970-01-01", texts, " ")
    return pc.cast(pc.cast(days, _TIMESTAMP), _TIME)


def _convert_bytes(texts: pa.Array) -> pa.Array:
    """Convert Athena's `48 65 6c`."""
    return pa.array(
        [None if text is None else bytes.fromhex(text) for text in texts.to_pylist()], pa.binary()
    )


def _convert_instants(texts: pa.Array) -> pa.Array:
    """Convert `2024-01-01 10:00:00.000 Europe/Paris`. An hour that occurs twice is taken for the first."""
    parts = pc.extract_regex(texts, r"^(?P<local>\S+ \S+) (?P<zone>.+)$")
    local = pc.cast(pc.struct_field(parts, "local"), _TIMESTAMP)
    zones = pc.struct_field(parts, "zone")
    found = pa.nulls(len(texts), _INSTANT)
    for zone in pc.unique(zones).to_pylist():
        if zone is not None:
            here = pc.if_else(pc.equal(zones, zone), local, None)
            known = pc.assume_timezone(here, zone, ambiguous="earliest", nonexistent="latest")
            found = pc.coalesce(found, pc.cast(known, _INSTANT))
    return found
