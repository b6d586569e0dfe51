"""CAST to JSON: SQL that writes a value's JSON as Trino does."""

from __future__ import annotations

from local_aws.trino.failures import Unsupported
from local_aws.trino.typed import FLOATING, WHOLE, fail, write_literal
from local_aws.trino.types import BOOLEAN, REAL, UNKNOWN, Type, name_fields, quote_name
from local_aws.trino.value_texts import shown_sql, text_sql

_KEYS = {
    "boolean",
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "real",
    "double",
    "decimal",
    "varchar",
    "unknown",
}
_TIMES = {"date", "timestamp", "timestamp with time zone"}


def to_json_sql(sql: str, kind: Type) -> str:
    """Write the SQL of a value as JSON; a NULL stays one.

    Raises:
        Unsupported: If the value's JSON is not known.
    """
    return f"CASE WHEN {sql} IS NOT NULL THEN {_write(sql, kind, 0)} END"


def _write(sql: str, kind: Type, depth: int) -> str:
    nested = {"array": _array, "map": _map, "row": _row}
    return nested[kind.name](sql, kind, depth) if kind.name in nested else _write_scalar(sql, kind)


def _write_scalar(sql: str, kind: Type) -> str:
    if kind in WHOLE or kind == BOOLEAN:
        return f"CAST({sql} AS VARCHAR)"
    if kind in FLOATING:
        shown = shown_sql(sql, kind)
        # By the text of a real, whose shortest digits are fewer than those of the same double.
        number = f"CAST({shown} AS DOUBLE)" if kind == REAL else sql
        written = f"trino_json_canonical(CAST(to_json({number}) AS VARCHAR))"
        return f"CASE WHEN isfinite({sql}) THEN {written} ELSE {_quoted(shown)} END"
    if kind == UNKNOWN:
        return "'null'"
    if kind.name in {"json", "decimal"}:
        return text_sql(sql, kind) if kind.name == "decimal" else sql
    if kind.name in {"varchar", *_TIMES}:
        return _quoted(text_sql(sql, kind))
    raise Unsupported(f"CAST from {kind} to json")


def _quoted(text: str) -> str:
    return f"CAST(to_json({text}) AS VARCHAR)"


def _part(sql: str, kind: Type, depth: int) -> str:
    return f"coalesce({_write(sql, kind, depth + 1)}, 'null')"


def _array(sql: str, kind: Type, depth: int) -> str:
    name = f"j{depth}"
    items = f"list_transform({sql}, lambda {name}: {_part(name, kind.inner[0], depth)})"
    return f"('[' || array_to_string({items}, ',') || ']')"


def _map(sql: str, kind: Type, depth: int) -> str:
    """Write an object; its keys are in the order of their texts."""
    name = f"j{depth}"
    if kind.inner[0].name not in _KEYS:
        return fail(
            "INVALID_CAST_ARGUMENT", f"Cannot cast {kind} to JSON: its keys have the type {kind.inner[0]}"
        )
    key = shown_sql(f"{name}.key", kind.inner[0])
    pair = f"struct_pack(k := {key}, v := {_part(f'{name}.value', kind.inner[1], depth)})"
    pairs = f"list_sort(list_transform(map_entries({sql}), lambda {name}: {pair}))"
    members = f"list_transform({pairs}, lambda {name}: {_quoted(f'{name}.k')} || ':' || {name}.v)"
    return f"('{{' || array_to_string({members}, ',') || '}}')"


def _row(sql: str, kind: Type, depth: int) -> str:
    """Write an object with the fields in their order; one without a name has the key ""."""
    name = f"j{depth}"
    members = []
    for field, stored, inner in zip(kind.fields, name_fields(kind), kind.inner, strict=True):
        key = _quoted(write_literal(field or ""))
        members.append(f"{key} || ':' || {_part(f'{name}.{quote_name(stored)}', inner, depth)}")
    # A list of one value gives it a name, so that a long expression is there once.
    listed = " || ',' || ".join(members)
    packed = f"CASE WHEN {name} IS NOT NULL THEN '{{' || {listed} || '}}' END"
    return f"list_transform([{sql}], lambda {name}: {packed})[1]"
