"""Athena's texts of a SELECT's result, as Arrow columns of the types that Athena says."""

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from kedro.io import DatasetError

from kedro_aws_plugin.aws.athena_query import Column

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


def schema_of(columns: Sequence[Column]) -> pa.Schema:
    """The Arrow types that a result's columns get.

    Raises:
        DatasetError: If the text of a column would not tell its values: arrays, maps and rows.
    """
    return pa.schema([(column.name, _arrow_type(column)) for column in columns])


def to_table(texts: Sequence[pa.Array], columns: Sequence[Column]) -> pa.Table:
    """Convert a result's columns.

    Args:
        texts: One array of strings a column.
        columns: As Athena describes them.
    """
    schema = schema_of(columns)
    return pa.Table.from_arrays(
        [_converted(text, column) for text, column in zip(texts, columns, strict=True)], schema=schema
    )


def _kind(column: Column) -> str:
    return column.type.lower().partition("(")[0].strip()


def _arrow_type(column: Column) -> pa.DataType:
    kind = _kind(column)
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


def _converted(texts: pa.Array, column: Column) -> pa.Array:
    target = _arrow_type(column)
    convert: Callable[[pa.Array], pa.Array] = {
        _INSTANT: _instants,
        _TIME: _times,
        pa.binary(): _bytes,
    }.get(target, lambda each: pc.cast(each, target))
    return convert(texts)


def _times(texts: pa.Array) -> pa.Array:
    days = pc.binary_join_element_wise("1970-01-01", texts, " ")
    return pc.cast(pc.cast(days, _TIMESTAMP), _TIME)


def _bytes(texts: pa.Array) -> pa.Array:
    """From Athena's `48 65 6c`."""
    return pa.array(
        [None if text is None else bytes.fromhex(text) for text in texts.to_pylist()], pa.binary()
    )


def _instants(texts: pa.Array) -> pa.Array:
    """From `2024-01-01 10:00:00.000 Europe/Paris`; of an hour that occurs twice, the first is meant."""
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
