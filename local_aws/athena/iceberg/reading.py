"""The SQL with which DuckDB reads the files of an Iceberg table: columns are found by their field ids."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyiceberg import types as iceberg
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.manifest import DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.table import FileScanTask
from pyiceberg.transforms import IdentityTransform

from local_aws.athena.failures import unsupported
from local_aws.athena.iceberg.files import ObjectIO
from local_aws.athena.iceberg.tables import IcebergTable, columns_of
from local_aws.athena.iceberg.types import to_athena
from local_aws.athena.parquet_columns import schema_of
from local_aws.trino import Column
from local_aws.trino.typed import write_literal
from local_aws.trino.types import duckdb_type, name_fields, quote_name

if TYPE_CHECKING:
    import pyarrow as pa

HIDDEN = (Column("$path", "varchar", hidden=True), Column("$pos", "bigint", hidden=True))
_ID = b"PARQUET:field_id"
_Shape = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
"""What files that are read together have in common: the columns' SQL; names and types in the file."""


@dataclass(frozen=True)
class Scan:
    """The files of a table that a query reads.

    Attributes:
        table: The table.
        schema: The schema of the version that is read.
        tasks: The files.
    """

    table: IcebergTable
    schema: Schema
    tasks: tuple[FileScanTask, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes of the files, by URI."""
        files = [file for task in self.tasks for file in (task.file, *task.delete_files)]
        return {file.file_path: file.file_size_in_bytes for file in files}

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, without hidden ones."""
        return columns_of(self.schema)


def plan(
    table: IcebergTable, snapshot_id: int | None = None, condition: BooleanExpression | None = None
) -> Scan:
    """Find the files that a query needs.

    Args:
        table: The table.
        snapshot_id: The version to read; by default, the current one.
        condition: What rows must fulfil, to leave out files by partition and statistics.

    Raises:
        AthenaFailure: If there are files that are not supported.
    """
    scan = table.iceberg.scan(row_filter=condition or AlwaysTrue(), snapshot_id=snapshot_id)
    schema = scan.projection() if snapshot_id is not None else table.schema
    try:
        tasks = tuple(scan.plan_files())
    except ValueError as error:
        if "equality deletes" not in str(error):
            raise
        raise unsupported(f"the Iceberg table {table.full_name}, which has equality delete files") from error
    for task in tasks:
        for file in (task.file, *task.delete_files):
            _check(table, file.content, file.file_format)
    return Scan(table, schema, tasks)


def _check(table: IcebergTable, content: DataFileContent, form: FileFormat) -> None:
    if form == FileFormat.PARQUET:
        return
    what = "deletion vectors" if content != DataFileContent.DATA else f"{form.name} files"
    raise unsupported(f"the Iceberg table {table.full_name}, which has {what}")


def select(scan: Scan, hidden: Sequence[Column] = ()) -> str:
    """Write a SELECT of all columns of a scan, and of some hidden ones."""
    files = _file_io(scan.table)
    reader = _Reader(scan)
    groups: dict[_Shape, list[tuple[Path, str]]] = {}
    parts = []
    for task in scan.tasks:
        path = files.local(task.file.file_path)
        expressions = reader.expressions(task, path)
        if task.delete_files:
            deletes = [files.local(file.file_path) for file in task.delete_files]
            sql = _read(expressions, [(path, task.file.file_path)], hidden)
            parts.append(f"{sql} WHERE file_row_number NOT IN ({_deleted(task.file.file_path, deletes)})")
        else:
            # DuckDB reads all files of a group with the types of the first, which can be narrower.
            physical = tuple((field.name, str(field.type)) for field in schema_of(path))
            groups.setdefault((expressions, physical), []).append((path, task.file.file_path))
    parts += [_read(expressions, members, hidden) for (expressions, _), members in groups.items()]
    return " UNION ALL ".join(parts) or _nothing((*scan.columns, *hidden), scan.schema)


def _file_io(table: IcebergTable) -> ObjectIO:
    files = table.iceberg.io
    assert isinstance(files, ObjectIO)  # noqa: S101 - AthenaGlueCatalog has no other
    return files


def _read(expressions: Iterable[str], members: Sequence[tuple[Path, str]], hidden: Sequence[Column]) -> str:
    paths = ", ".join(write_literal(str(path)) for path, _ in members)
    uris = ", ".join(write_literal(uri) for _, uri in members)
    sql = {
        "$path": f'([{uris}])[CAST(file_index AS BIGINT) + 1] AS "$path"',
        "$pos": 'CAST(file_row_number AS BIGINT) AS "$pos"',
    }
    chosen = ", ".join([*expressions, *(sql[column.name] for column in hidden)])
    return f"SELECT {chosen} FROM read_parquet([{paths}], file_row_number = true)"  # noqa: S608 - quoted


def _deleted(uri: str, deletes: Sequence[Path]) -> str:
    paths = ", ".join(write_literal(str(path)) for path in deletes)
    return f"SELECT pos FROM read_parquet([{paths}]) WHERE file_path = {write_literal(uri)}"  # noqa: S608 - quoted


def _nothing(columns: Sequence[Column], schema: Schema) -> str:
    kinds = [duckdb_type(to_athena(field.field_type)) for field in schema.fields]
    kinds += ["VARCHAR", "BIGINT"]
    nulls = (
        f"CAST(NULL AS {kind}) AS {quote_name(column.name)}"
        for column, kind in zip(columns, kinds, strict=False)
    )
    return f"SELECT {', '.join(nulls)} WHERE false"


def name_variable(sql: str) -> str:
    """Name the variable of a lambda over a value; no variable in the value's SQL has this name."""
    return "x" * (sql.count("x") + 1)


class _Reader:
    """Writes the expressions for the columns of a file."""

    def __init__(self, scan: Scan) -> None:
        self._schema = scan.schema
        self._specs = scan.table.iceberg.specs()
        mapping = scan.table.iceberg.name_mapping()
        self._names = {name: mapped.field_id for mapped in (mapping or ()) for name in mapped.names}

    def expressions(self, task: FileScanTask, path: Path) -> tuple[str, ...]:
        arrow = schema_of(path)
        fields = self._by_id(arrow, self._names)
        constants = self._constants(task)
        return tuple(
            f"{self._column(field, fields, constants)} AS {quote_name(field.name.lower())}"
            for field in self._schema.fields
        )

    @staticmethod
    def _by_id(fields: "Iterable[pa.Field]", names: Mapping[str, int | None]) -> "dict[int, pa.Field]":
        """Return the fields by their ids, which are in the file or given by their names."""
        found = {}
        for field in fields:
            number = (field.metadata or {}).get(_ID)
            known = int(number) if number else names.get(field.name)
            if known is not None:
                found[known] = field
        return found

    def _constants(self, task: FileScanTask) -> dict[int, Any]:
        """Return the values of identity partitions: a file that was added as it is can lack them."""
        spec = self._specs[task.file.spec_id]
        return {
            field.source_id: task.file.partition[position]
            for position, field in enumerate(spec.fields)
            if isinstance(field.transform, IdentityTransform)
        }

    def _column(
        self, field: iceberg.NestedField, fields: "Mapping[int, pa.Field]", constants: Mapping[int, Any]
    ) -> str:
        kind = duckdb_type(to_athena(field.field_type))
        found = fields.get(field.field_id)
        if found is not None:
            return self._convert(quote_name(found.name), found.type, field.field_type)
        value = constants.get(field.field_id, field.initial_default)
        if value is None:
            return f"CAST(NULL AS {kind})"
        if not isinstance(field.field_type, (iceberg.StringType, iceberg.IntegerType, iceberg.LongType)):
            raise unsupported(f"the column {field.name}, whose value is not in the files of the table")
        return f"CAST({write_literal(str(value))} AS {kind})"

    def _convert(self, sql: str, arrow: "pa.DataType", kind: iceberg.IcebergType) -> str:
        match kind:
            case iceberg.StructType():
                return self._struct(sql, arrow, kind)
            case iceberg.ListType():
                each = name_variable(sql)
                element = self._convert(each, arrow.value_type, kind.element_type)
                return f"list_transform({sql}, lambda {each}: {element})"
            case iceberg.MapType():
                each = name_variable(sql)
                key = self._convert(f"{each}.key", arrow.key_type, kind.key_type)
                value = self._convert(f"{each}.value", arrow.item_type, kind.value_type)
                entry = f"struct_pack(key := {key}, value := {value})"
                entries = f"map_from_entries(list_transform(map_entries({sql}), lambda {each}: {entry}))"
                return f"CASE WHEN {sql} IS NOT NULL THEN {entries} END"
            case iceberg.TimestamptzType():
                instant = (
                    f"timezone('UTC', {sql})" if getattr(arrow, "tz", None) else f"CAST({sql} AS TIMESTAMP)"
                )
                return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack(utc := {instant}, zone := 'UTC') END"
            case iceberg.TimestampType() if getattr(arrow, "tz", None):
                return f"timezone('UTC', {sql})"
        return f"CAST({sql} AS {duckdb_type(to_athena(kind))})"

    def _struct(self, sql: str, arrow: "pa.DataType", kind: iceberg.StructType) -> str:
        fields = self._by_id(arrow, {})
        if not fields:
            raise unsupported("structures in files that have no field ids")
        parts = []
        for name, inner in zip(name_fields(to_athena(kind)), kind.fields, strict=True):
            found = fields.get(inner.field_id)
            value = (
                f"CAST(NULL AS {duckdb_type(to_athena(inner.field_type))})"
                if found is None
                else self._convert(f"{sql}.{quote_name(found.name)}", found.type, inner.field_type)
            )
            parts.append(f"{quote_name(name)} := {value}")
        return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"
