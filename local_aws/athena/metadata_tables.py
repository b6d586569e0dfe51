"""The tables of information_schema and ``"table$partitions"``, made of what Glue knows."""

from collections.abc import Callable, Iterable, Sequence

from local_aws.athena.catalog import Catalog, Table
from local_aws.athena.failures import AthenaFailure
from local_aws.trino import Column, Relation, to_duckdb_type
from local_aws.trino.typed import write_literal
from local_aws.trino.types import display_name, quote_name

_CATALOG = "awsdatacatalog"


def information_schema(
    catalog: Catalog, table: str, read_columns: Callable[[Table], Sequence[Column]]
) -> Relation:
    """Return one of the tables of information_schema.

    Args:
        catalog: What Glue knows.
        table: Its name.
        read_columns: Gives the columns of an Iceberg table, whose types Glue does not tell.

    Raises:
        AthenaFailure: If there is no table of this name.
    """
    if table == "columns":
        return _columns_of_tables(catalog, read_columns)
    readers = {"schemata": _schemata, "tables": _tables, "views": _views}
    if table not in readers:
        raise AthenaFailure(
            f"TABLE_NOT_FOUND: Table '{_CATALOG}.information_schema.{table}' does not exist", error_type=1006
        )
    return readers[table](catalog)


def partitions(catalog: Catalog, table: Table) -> Relation:
    """Return the registered partitions of a table, with a column for each key."""
    rows = [partition.values for partition in catalog.partitions(table)]
    return _relation(table.partition_keys, rows)


def _schemata(catalog: Catalog) -> Relation:
    names = [*(str(database["Name"]) for database in catalog.databases()), "information_schema"]
    return _relation(_varchars("catalog_name", "schema_name"), [(_CATALOG, name) for name in sorted(names)])


def _all_tables(catalog: Catalog) -> Iterable[Table]:
    for database in catalog.databases():
        yield from catalog.tables(str(database["Name"]))


def _tables(catalog: Catalog) -> Relation:
    rows = [
        (_CATALOG, table.database, table.name, "VIEW" if table.is_view else "BASE TABLE")
        for table in _all_tables(catalog)
    ]
    return _relation(_varchars("table_catalog", "table_schema", "table_name", "table_type"), rows)


def _views(catalog: Catalog) -> Relation:
    rows = [
        (_CATALOG, table.database, table.name, str(table.view["originalSql"]))
        for table in _all_tables(catalog)
        if table.is_view
    ]
    return _relation(_varchars("table_catalog", "table_schema", "table_name", "view_definition"), rows)


def _columns_of_tables(catalog: Catalog, read_columns: Callable[[Table], Sequence[Column]]) -> Relation:
    rows: list[Sequence[str | None]] = []
    for table in _all_tables(catalog):
        keys = () if table.is_iceberg else table.partition_keys
        try:
            columns = read_columns(table) if table.is_iceberg else (*table.columns, *keys)
        except AthenaFailure:
            continue  # as Trino leaves out tables whose metadata it cannot read
        names = {key.name for key in keys}
        for number, column in enumerate(columns, 1):
            extra = "partition key" if column.name in names else None
            rows.append(
                (
                    *(_CATALOG, table.database, table.name, column.name, str(number)),
                    *(None, "YES", display_name(column.type), None, extra),
                )
            )
    own = [
        *("table_catalog", "table_schema", "table_name", "column_name", "ordinal_position"),
        *("column_default", "is_nullable", "data_type", "comment", "extra_info"),
    ]
    types = ("bigint" if name == "ordinal_position" else "varchar" for name in own)
    return _relation(tuple(map(Column, own, types)), rows)


def _varchars(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "varchar") for name in names)


def _relation(columns: tuple[Column, ...], rows: Iterable[Sequence[str | None]]) -> Relation:
    values = ", ".join(f"({', '.join(write_literal(value) for value in row)})" for row in rows)
    source = f"(VALUES {values})" if values else f"(SELECT {', '.join('NULL' for _ in columns)} WHERE false)"
    names = ", ".join(f"c{position}" for position, _ in enumerate(columns))
    casts = ", ".join(
        f"CAST(c{position} AS {to_duckdb_type(column.type)}) AS {quote_name(column.name)}"
        for position, column in enumerate(columns)
    )
    return Relation(f"SELECT {casts} FROM {source} AS t({names})", columns)  # noqa: S608 - quoted
