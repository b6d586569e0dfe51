"""SHOW and DESCRIBE of Iceberg tables."""

from collections.abc import Callable, Iterable

from local_aws.athena.failures import unsupported
from local_aws.athena.iceberg.partitioning import write_transform
from local_aws.athena.iceberg.properties import show_properties
from local_aws.athena.iceberg.tables import IcebergTable
from local_aws.athena.iceberg.types import ddl_type
from local_aws.athena.statement import Describe, ShowTable

Rows = list[tuple[str, ...]]


def describe(table: IcebergTable, statement: ShowTable | Describe) -> tuple[tuple[str, ...], Rows] | None:
    """Answer with columns and rows; None for what is as for other tables.

    Raises:
        AthenaFailure: If Athena does not answer it for an Iceberg table, or the local Athena does not.
    """
    if isinstance(statement, Describe):
        if statement.detail:
            raise unsupported(f"DESCRIBE {statement.detail} of an Iceberg table")
        return ("col_name", "data_type", "comment"), list(_describe(table))
    readers: dict[str, Callable[[], tuple[tuple[str, ...], Rows]]] = {
        "CREATE TABLE": lambda: (("createtab_stmt",), [(line,) for line in _create_table(table)]),
        "TBLPROPERTIES": lambda: (("prpt_name", "prpt_value"), _properties(table, statement.property)),
    }
    if statement.what == "PARTITIONS":
        raise unsupported(f'SHOW PARTITIONS of an Iceberg table: ask "{table.name}$partitions"')
    return readers[statement.what]() if statement.what in readers else None


def _describe(table: IcebergTable) -> Iterable[tuple[str, ...]]:
    yield "# Table schema:", "", ""
    yield "# col_name", "data_type", "comment"
    for field, column in zip(table.schema.fields, table.columns, strict=True):
        yield column.name, ddl_type(field.field_type), field.doc or ""
    yield "", "", ""
    yield "# Partition spec:", "", ""
    yield "# field_name", "field_transform", "column_name"
    for part in table.iceberg.spec().fields:
        yield part.name, str(part.transform), table.schema.find_field(part.source_id).name


def _properties(table: IcebergTable, wanted: str) -> Rows:
    shown = show_properties(table.iceberg.properties)
    if wanted and wanted not in shown:
        return [(wanted, f"Table {table.full_name} does not have property: {wanted}")]
    return [(key, value) for key, value in shown.items() if not wanted or key == wanted]


def _create_table(table: IcebergTable) -> Iterable[str]:
    yield f"CREATE TABLE {table.full_name} ("
    columns = [
        f"  {column.name} {ddl_type(field.field_type)}"
        + (f" COMMENT {_quote(field.doc)}" if field.doc else "")
        for field, column in zip(table.schema.fields, table.columns, strict=True)
    ]
    yield from (f"{column}," for column in columns[:-1])
    yield f"{columns[-1]})"
    if comment := table.iceberg.properties.get("comment"):
        yield f"COMMENT {_quote(comment)}"
    transforms = [
        write_transform(field.transform, table.schema.find_field(field.source_id).name)
        for field in table.iceberg.spec().fields
    ]
    if transforms:
        yield f"PARTITIONED BY ({', '.join(transforms)})"
    yield f"LOCATION {_quote(table.iceberg.location())}"
    yield "TBLPROPERTIES ("
    properties = [
        f"  {_quote(key)}={_quote(value)}" for key, value in show_properties(table.iceberg.properties).items()
    ]
    yield from (f"{each}," for each in properties[:-1])
    yield properties[-1]
    yield ")"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
