"""INSERT INTO: the columns of a query in the order and types of the table, as Trino coerces them."""

from collections.abc import Sequence

from local_aws.athena.catalog import Table
from local_aws.athena.failures import query_failure
from local_aws.trino import Column, Translated, TrinoError
from local_aws.trino.typed import coerce_sql, fail
from local_aws.trino.types import UNKNOWN, Type, duckdb_type, quote_name, read_type

_INTEGERS = ("tinyint", "smallint", "integer", "bigint")
_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_TEXTS = ("varchar", "char")


def fit_to_table(table: Table, names: tuple[str, ...], query: Translated) -> Translated:
    """Select the table's columns from a query; those that INSERT does not name are NULL.

    Args:
        table: The table to insert into.
        names: The columns that INSERT names; none for all.
        query: The query whose rows are inserted.

    Raises:
        AthenaFailure: If a column is unknown, or a type does not fit.
    """
    columns = (*table.columns, *table.partition_keys)
    named = names or tuple(column.name for column in columns)
    _check_names(named, columns, table)
    wanted = {column.name: column.type for column in columns}
    _check_types([wanted[name] for name in named], [column.type for column in query.columns])
    aliases = {name: f"c{position}" for position, name in enumerate(named)}
    sources = {name: read_type(column.type) for name, column in zip(named, query.columns, strict=True)}
    values = ", ".join(
        _value(column, aliases.get(column.name, "NULL"), sources.get(column.name, UNKNOWN))
        for column in columns
    )
    sql = f"SELECT {values} FROM ({query.sql}) AS q({', '.join(aliases.values())})"  # noqa: S608 - quoted
    return Translated(sql, columns)


def _value(column: Column, sql: str, source: Type) -> str:
    kind = read_type(column.type)
    if source.inner:  # rows are converted by the places of their fields, which DuckDB finds by their names
        sql = coerce_sql(sql, source, kind)
    if kind.name in _TEXTS and kind.numbers:
        sql = _truncate_spaces(sql, kind)
    return f"CAST({sql} AS {duckdb_type(kind)}) AS {quote_name(column.name)}"


def _truncate_spaces(sql: str, kind: Type) -> str:
    """Write SQL that cuts a text that is too long if only spaces are cut, and fails otherwise."""
    (length,) = kind.numbers
    message = f"Cannot truncate non-space characters when casting to {kind} on INSERT"
    bad = fail("INVALID_CAST_ARGUMENT", message)
    return f"(CASE WHEN length(rtrim({sql}, ' ')) > {length} THEN {bad} ELSE left({sql}, {length}) END)"


def _check_names(named: tuple[str, ...], columns: tuple[Column, ...], table: Table) -> None:
    known = {column.name for column in columns}
    for name in named:
        if name not in known:
            message = f"line 1:1: Insert column name does not exist in target table: {name}"
            raise query_failure(TrinoError("COLUMN_NOT_FOUND", message))
        if named.count(name) > 1:
            message = f"line 1:1: Insert column name is specified more than once: {name}"
            raise query_failure(TrinoError("DUPLICATE_COLUMN_NAME", message))
    for key in table.partition_keys:
        if key.name not in named:
            message = f"line 1:1: Partition key {key.name} is missing from the columns of INSERT"
            raise query_failure(TrinoError("NOT_SUPPORTED", message))


def can_assign(wanted: Sequence[str], given: Sequence[str]) -> bool:
    """Tell whether values of the given types can be put in columns of the wanted ones, without CAST."""
    return len(wanted) == len(given) and all(
        _can_coerce(read_type(source), read_type(target))
        for source, target in zip(given, wanted, strict=True)
    )


def _check_types(wanted: list[str], given: list[str]) -> None:
    if not can_assign(wanted, given):
        raise query_failure(
            TrinoError(
                "TYPE_MISMATCH",
                "line 1:1: Insert query has mismatched column types: "
                f"Table: [{', '.join(wanted)}], Query: [{', '.join(given)}]",
            )
        )


def _can_coerce(source: Type, target: Type) -> bool:  # noqa: PLR0911 - a kind of type each
    if source == target or source.name == "unknown":
        return True
    if source.name in _TEXTS and target.name in _TEXTS:
        return True
    if source.name in _INTEGERS and target.name in _INTEGERS:
        return _INTEGERS.index(source.name) <= _INTEGERS.index(target.name)
    if target.name in {"real", "double"}:
        return source.name in {*_INTEGERS, "decimal", "real"}
    if target.name == "decimal":
        return _fits_decimal(source, target)
    if target.name == "timestamp":
        return source.name in {"date", "timestamp"}
    if target.name in {"time", "timestamp with time zone"}:
        return source.name == target.name
    if target.name == source.name and target.inner:
        pairs = zip(source.inner, target.inner, strict=False)
        return len(source.inner) == len(target.inner) and all(_can_coerce(one, other) for one, other in pairs)
    return False


def _fits_decimal(source: Type, target: Type) -> bool:
    precision, scale = target.numbers
    if source.name in _INTEGERS:
        return _DIGITS[source.name] <= precision - scale
    if source.name != "decimal":
        return False
    return source.numbers[1] <= scale and source.numbers[0] - source.numbers[1] <= precision - scale
