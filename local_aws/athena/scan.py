"""The SQL with which DuckDB reads the files of a table, from local copies."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from local_aws.athena import text_columns, text_files
from local_aws.athena.catalog import Table
from local_aws.athena.failures import AthenaFailure, query_failure, unsupported
from local_aws.athena.parquet_columns import Incompatible, column, schema_of
from local_aws.athena.storage import S3Object, Storage
from local_aws.athena.table_formats import (
    AVRO,
    DELIMITED,
    HIVE_JSON,
    OPEN_CSV,
    OPENX_JSON,
    ORC,
    PARQUET,
)
from local_aws.trino import Column, TrinoError
from local_aws.trino.typed import write_literal
from local_aws.trino.types import duckdb_type, quote_name, read_type

if TYPE_CHECKING:
    import pyarrow as pa

HIDDEN = (Column("$path", "varchar", hidden=True), Column("$file_size", "bigint", hidden=True))

_HIDDEN_VALUES: dict[str, Callable[[S3Object], str]] = {
    "$path": lambda found: write_literal(found.uri),
    "$file_size": lambda found: str(found.size),
}
_UNHEEDED = {
    "line.delim": ("\n", "\\n", "10"),
    "parquet.column.index.access": ("false",),
    "serialization.encoding": ("utf-8", "utf8"),
    "serialization.last.column.takes.rest": ("false",),
    "skip.footer.line.count": ("0",),
    "timestamp.formats": ("",),
    "use.null.for.invalid.data": ("false",),
}


@dataclass(frozen=True)
class Source:
    """An object that a query reads, and the values of its partition."""

    object: S3Object
    partition: tuple[str | None, ...] = ()


def select(table: Table, sources: Sequence[Source], storage: Storage, hidden: Sequence[Column]) -> str:
    """Write a SELECT of all columns and partition keys of a table, and of some of its hidden columns.

    Raises:
        AthenaFailure: If a file does not fit the table, or the table's format is not supported.
    """
    read = _reader(table, storage)
    files = [(_expressions(table, source, path), path, source) for source, path in map(read, sources)]
    parts = []
    # DuckDB reads all files of a group with the types of the first, which can be narrower.
    for (expressions, _schema), group in groupby(files, key=lambda file: file[0]):
        members = list(group)
        values = _values_of_files(table, [source for _, _, source in members], hidden)
        paths = ", ".join(write_literal(str(path)) for _, path, _ in members)
        parts.append(f"SELECT {', '.join([*expressions, *values])} FROM read_parquet([{paths}])")  # noqa: S608 - quoted
    return " UNION ALL ".join(parts) or _nothing((*table.columns, *table.partition_keys, *hidden))


def _reader(table: Table, storage: Storage) -> Callable[[Source], tuple[Source, Path]]:
    def read(source: Source) -> tuple[Source, Path]:
        path = storage.local(source.object)
        if table.serde == PARQUET:
            return source, path
        return source, text_files.convert_to_parquet(table, path, source.object)

    _refuse_what_reads_otherwise(table)
    if table.serde not in {PARQUET, ORC, AVRO, DELIMITED, OPEN_CSV, OPENX_JSON, *HIVE_JSON}:
        raise unsupported(f"tables read by {table.serde or 'no SerDe'}")
    return read


def _refuse_what_reads_otherwise(table: Table) -> None:
    """Refuse a table with properties that change how its files are read and are not supported.

    Raises:
        AthenaFailure: If the table has one.
    """
    kind = table.parameters.get("table_type", table.parameters.get("spark.sql.sources.provider", ""))
    if kind.lower() in {"iceberg", "delta", "hudi"}:
        raise unsupported(f"tables of type {kind.upper()}")
    if "Symlink" in str(table.storage.get("InputFormat")):
        raise unsupported("tables of SymlinkTextInputFormat")
    for name, usual in _UNHEEDED.items():
        for properties in (table.serde_parameters, table.parameters):
            value = properties.get(name, usual[0])
            if value.lower() not in usual:
                raise unsupported(f"the table property {name} = {value}")


def _expressions(table: Table, source: Source, path: Path) -> "tuple[list[str], pa.Schema | None]":
    """Write the expressions of the table's columns over a file, with the file's schema if that is its own."""
    if table.serde in {DELIMITED, OPEN_CSV}:
        return [
            f"{text_columns.value(table, position, read_type(found.type))} AS {quote_name(found.name)}"
            for position, found in enumerate(table.columns)
        ], None
    import pyarrow as pa

    try:
        schema = schema_of(path)
    except pa.ArrowInvalid as error:
        raise AthenaFailure(
            f"HIVE_BAD_DATA: Not valid Parquet file: {source.object.uri} expected magic number: PAR1",
            error_type=1001,
        ) from error
    return [_typed(schema, found, source) for found in table.columns], schema


def _typed(schema: object, found: Column, source: Source) -> str:
    try:
        value, name = column(schema, found.name, read_type(found.type)), quote_name(found.name)
        return name if value == name else f"{value} AS {name}"
    except Incompatible as error:
        raise query_failure(
            TrinoError(
                "HIVE_BAD_DATA",
                f"Field {found.name}'s type {error.physical} in parquet file {source.object.uri} "
                f"is incompatible with type {found.type} defined in table schema",
            )
        ) from error


def _values_of_files(table: Table, sources: Sequence[Source], hidden: Sequence[Column]) -> Iterable[str]:
    for position, key in enumerate(table.partition_keys):
        texts = [source.partition[position] for source in sources]
        yield _by_file(map(write_literal, texts), duckdb_type(read_type(key.type)), key.name)
    for each in hidden:
        found = (_HIDDEN_VALUES[each.name](source.object) for source in sources)
        yield _by_file(found, duckdb_type(read_type(each.type)), each.name)


def _by_file(values: Iterable[str], kind: str, name: str) -> str:
    return f"CAST([{', '.join(values)}] AS {kind}[])[CAST(file_index AS BIGINT) + 1] AS {quote_name(name)}"


def _nothing(columns: Iterable[Column]) -> str:
    nulls = (f"CAST(NULL AS {duckdb_type(read_type(c.type))}) AS {quote_name(c.name)}" for c in columns)
    return f"SELECT {', '.join(nulls)} WHERE false"
