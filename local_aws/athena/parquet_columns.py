"""The columns of a Parquet file for a table: found by name, and only if the types fit, as in Athena."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from local_aws.trino.types import Type, duckdb_type, name_fields, quote_name

if TYPE_CHECKING:
    import pyarrow as pa

_INTEGERS = ("tinyint", "smallint", "integer", "bigint")
_TEXTS = ("varchar", "char")


class Incompatible(Exception):
    """A column of a file that does not fit the table's type.

    Attributes:
        physical: Parquet's name for what the file has.
    """

    def __init__(self, physical: str) -> None:
        super().__init__(physical)
        self.physical = physical


@lru_cache(maxsize=4096)
def schema_of(path: Path) -> "pa.Schema":
    """Read the columns of a file; the file never changes, so they are read once.

    Raises:
        pyarrow.ArrowInvalid: If it is not a Parquet file.
    """
    import pyarrow.parquet as pq

    return pq.read_schema(path)


def column(schema: "pa.Schema", name: str, kind: Type) -> str:
    """Write DuckDB's expression for a table's column: NULL if the file has no such column.

    Raises:
        Incompatible: If its type does not fit.
    """
    found = next((field for field in schema if field.name.lower() == name), None)
    if found is None:
        return f"CAST(NULL AS {duckdb_type(kind)})"
    return _convert(quote_name(found.name), found.type, kind)


def _convert(sql: str, arrow: "pa.DataType", kind: Type) -> str:  # noqa: PLR0911 - a kind of type each
    from pyarrow import types

    if types.is_null(arrow):
        return f"CAST(NULL AS {duckdb_type(kind)})"
    if types.is_dictionary(arrow):
        return _convert(sql, arrow.value_type, kind)
    if kind.name == "row" and types.is_struct(arrow):
        return _row(sql, arrow, kind)
    if kind.name == "array" and (types.is_list(arrow) or types.is_large_list(arrow)):
        element = _convert("x", arrow.value_type, kind.inner[0])
        return sql if element == "x" else f"list_transform({sql}, lambda x: {element})"
    if kind.name == "map" and types.is_map(arrow):
        return _map(sql, arrow, kind)
    if kind.name == "timestamp" and types.is_timestamp(arrow):
        instant = f"timezone('UTC', {sql})" if arrow.tz else sql
        return f"CAST(CAST({instant} AS TIMESTAMP_MS) AS TIMESTAMP)"
    if not _fits(arrow, kind):
        raise Incompatible(_physical(arrow))
    if _is_same(arrow, kind):
        return sql
    return f"CAST({sql} AS {duckdb_type(kind)})"


def _row(sql: str, arrow: "pa.DataType", kind: Type) -> str:
    fields = {field.name.lower(): field for field in arrow}
    parts = []
    for name, inner in zip(name_fields(kind), kind.inner, strict=True):
        field = fields.get(name.lower())
        value = (
            f"CAST(NULL AS {duckdb_type(inner)})"
            if field is None
            else _convert(f"{sql}.{quote_name(field.name)}", field.type, inner)
        )
        parts.append(f"{quote_name(name)} := {value}")
    return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"


def _map(sql: str, arrow: "pa.DataType", kind: Type) -> str:
    key = _convert("x.key", arrow.key_type, kind.inner[0])
    value = _convert("x.value", arrow.item_type, kind.inner[1])
    entry = f"struct_pack(key := {key}, value := {value})"
    return f"map_from_entries(list_transform(map_entries({sql}), lambda x: {entry}))"


def _fits(arrow: "pa.DataType", kind: Type) -> bool:
    from pyarrow import types

    if kind.name in _INTEGERS:
        return bool(types.is_integer(arrow))
    if kind.name in _TEXTS:
        return bool(types.is_string(arrow) or types.is_large_string(arrow) or _is_bytes(arrow))
    checks = {
        "boolean": types.is_boolean(arrow),
        "real": types.is_float32(arrow),
        "double": types.is_float64(arrow) or types.is_float32(arrow),
        "decimal": types.is_decimal(arrow) or types.is_integer(arrow),
        "date": types.is_date(arrow),
        "varbinary": _is_bytes(arrow) or types.is_string(arrow) or types.is_large_string(arrow),
    }
    return bool(checks.get(kind.name, False))


def _is_same(arrow: "pa.DataType", kind: Type) -> bool:
    """Tell whether DuckDB reads a column as the type that it must have. It plans faster without a CAST."""
    from pyarrow import types

    if kind.name == "decimal":
        return bool(types.is_decimal128(arrow)) and (arrow.precision, arrow.scale) == kind.numbers
    checks = {
        "boolean": types.is_boolean,
        "tinyint": types.is_int8,
        "smallint": types.is_int16,
        "integer": types.is_int32,
        "bigint": types.is_int64,
        "real": types.is_float32,
        "double": types.is_float64,
        "varchar": types.is_string,
        "date": types.is_date32,
    }
    return kind.name in checks and bool(checks[kind.name](arrow))


def _is_bytes(arrow: "pa.DataType") -> bool:
    from pyarrow import types

    return bool(types.is_binary(arrow) or types.is_large_binary(arrow) or types.is_fixed_size_binary(arrow))


def _physical(arrow: "pa.DataType") -> str:
    from pyarrow import types

    names = (
        (types.is_boolean, "BOOLEAN"),
        (types.is_int64, "INT64"),
        (types.is_timestamp, "INT64"),
        (types.is_integer, "INT32"),
        (types.is_date, "INT32"),
        (types.is_float32, "FLOAT"),
        (types.is_float64, "DOUBLE"),
        (types.is_decimal, "FIXED_LEN_BYTE_ARRAY"),
        (types.is_nested, "group"),
    )
    return next((name for check, name in names if check(arrow)), "BINARY")
