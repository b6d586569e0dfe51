"""Functions whose SQL depends on more than a signature can express."""

from __future__ import annotations

from collections.abc import Callable

from local_aws.trino import nodes
from local_aws.trino.casts import can_cast, cast_sql
from local_aws.trino.failures import Unsupported
from local_aws.trino.functions import special_arrays, special_dates
from local_aws.trino.functions.resolution import check_arity, translate_scalar
from local_aws.trino.operators import compare, translate_binary
from local_aws.trino.place import Place
from local_aws.trino.typed import (
    FLOATING,
    Typed,
    can_coerce,
    coerce,
    common_type,
    mismatch,
    semantic_error,
    write_literal,
    write_try,
)
from local_aws.trino.types import (
    UNKNOWN,
    VARCHAR,
    Type,
    array_of,
    display_name,
    name_fields,
    quote_name,
)
from local_aws.trino.value_texts import shown_sql

_ZONED = "timestamp with time zone"


def _if(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 2, 3)
    condition = place.boolean(node.arguments[0], "IF condition must evaluate to a boolean (actual: {})")
    results = [place.translate(argument) for argument in node.arguments[1:]]
    kind = results[0].type if len(results) == 1 else common_type(results[0].type, results[1].type)
    if kind is None:
        raise mismatch(
            node.at, f"Result types for IF must be the same: {results[0].type} and {results[1].type}"
        )
    default = f" ELSE {coerce(results[1], kind).sql}" if results[1:] else ""
    return Typed(f"(CASE WHEN {condition} THEN {coerce(results[0], kind).sql}{default} END)", kind)


def _coalesce(place: Place, node: nodes.Call) -> Typed:
    if len(node.arguments) == 1:
        raise semantic_error(
            "INVALID_FUNCTION_ARGUMENT", node.at, "The 'coalesce' function must have at least two arguments"
        )
    values = [place.translate(argument) for argument in node.arguments]
    kind = place.common(node.at, "All COALESCE operands", values)
    return Typed(f"coalesce({', '.join(coerce(value, kind).sql for value in values)})", kind)


def _nullif(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 2)
    first, second = (place.translate(argument) for argument in node.arguments)
    equal = compare("=", first, second)
    if equal is None:
        raise mismatch(node.at, f"Types are not comparable with NULLIF: {first.type} vs {second.type}")
    return Typed(f"(CASE WHEN {equal.sql} THEN NULL ELSE {coerce(first, first.type).sql} END)", first.type)


def _try(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 1)
    value = place.translate(node.arguments[0])
    return Typed(write_try(value.sql), value.type)


def _typeof(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 1)
    value = place.translate(node.arguments[0])
    kind = value.type
    if kind in (VARCHAR, array_of(VARCHAR)) and isinstance(node.arguments[0], nodes.Call):
        raise Unsupported("typeof of a text that a function returns, whose length is not known")
    shown = write_literal(display_name(str(kind)))
    if any(isinstance(inner, nodes.Name) for inner in nodes.walk(node)):
        return Typed(shown, VARCHAR)
    # A constant is computed, and may fail.
    return Typed(f"(CASE WHEN {value.sql} IS NULL THEN {shown} ELSE {shown} END)", VARCHAR)


def _extreme(place: Place, node: nodes.Call) -> Typed:
    if not node.arguments:
        check_arity(node, 1)
    values = [place.translate(argument) for argument in node.arguments]
    kind = place.common(node.at, f"All {node.name.upper()} operands", values)
    if kind.name in {"array", "map", "row", "json", _ZONED, "boolean", "char", "uuid"}:
        raise Unsupported(f"{node.name} of the type {kind}")
    written = [coerce(value, kind).sql for value in values]
    null = " OR ".join(f"{value} IS NULL" for value in written)
    largest = f"{node.name}({', '.join(written)})"
    if kind in FLOATING and node.name == "greatest":
        # For DuckDB NaN is above every number; here any number is greater.
        numbers = ", ".join(f"CASE WHEN NOT isnan({value}) THEN {value} END" for value in written)
        largest = f"coalesce(greatest({numbers}), {largest})"
    return Typed(f"(CASE WHEN {null} THEN NULL ELSE {largest} END)", kind)


def _mod(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 2)
    return translate_binary(node.at, "%", *(place.translate(argument) for argument in node.arguments))


def _array_join(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 2, 3)
    array, *texts = (place.translate(argument) for argument in node.arguments)
    if array.type == UNKNOWN:
        raise Unsupported("array_join of NULL without a type")
    fits = array.type.name == "array" and can_cast(array.type.inner[0], VARCHAR)
    if not fits or not all(can_coerce(text.type, VARCHAR) for text in texts):
        kinds = ", ".join(str(value.type) for value in (array, *texts))
        message = f"Unexpected parameters ({kinds}) for function array_join"
        raise semantic_error("FUNCTION_NOT_FOUND", node.at, message)
    name = place.session.new_name("x")
    element = f"lambda {name}: {cast_sql(name, array.type.inner[0], VARCHAR)}"
    shown = f"CAST(list_transform({array.sql}, {element}) AS VARCHAR[])"
    written = ", ".join(coerce(text, VARCHAR).sql for text in texts)
    return Typed(f"trino_array_join{len(texts)}({shown}, {written})", VARCHAR)


def _format(place: Place, node: nodes.Call) -> Typed:
    if len(node.arguments) <= 1:
        check_arity(node, 2)
    pattern, *values = (place.translate(argument) for argument in node.arguments)
    if pattern.type.name != "varchar":
        raise semantic_error(
            "FUNCTION_NOT_FOUND", node.at, f"Unexpected parameters ({pattern.type}, ...) for function format"
        )
    for value in values:
        if value.type.name not in {
            "varchar",
            "tinyint",
            "smallint",
            "integer",
            "bigint",
            "double",
            "decimal",
            "boolean",
            "date",
            "unknown",
        }:
            raise Unsupported(f"format with a value of the type {value.type}")
    texts = ", ".join(shown_sql(value.sql, value.type) for value in values)
    kinds = ",".join(value.type.name for value in values)
    return Typed(f"trino_format({pattern.sql}, CAST([{texts}] AS VARCHAR[]), '{kinds}')", VARCHAR)


def translate_row_subscript(node: nodes.Subscript, base: Typed) -> Typed:
    """Translate row[1]."""
    assert isinstance(node.index, nodes.Literal)  # noqa: S101 - the caller has seen it
    index = int(node.index.value)
    if not 1 <= index <= len(base.type.inner):
        message = f"ROW subscript out of bounds: {index}"
        raise semantic_error("INVALID_FUNCTION_ARGUMENT", node.at, message)
    return Typed(f"({base.sql}).{quote_name(name_fields(base.type)[index - 1])}", base.type.inner[index - 1])


def _map_empty(place: Place, node: nodes.Call) -> Typed:
    if node.arguments:
        return translate_scalar(place, node)
    return Typed("CAST(MAP {} AS MAP(INTEGER, INTEGER))", Type("map", (UNKNOWN, UNKNOWN)))


def _current_catalog(_place: Place, _node: nodes.Call) -> Typed:
    return Typed(write_literal("awsdatacatalog"), VARCHAR)


def _current_schema(place: Place, _node: nodes.Call) -> Typed:
    return Typed(write_literal(place.session.schema), VARCHAR)


FUNCTIONS: dict[str, Callable[[Place, nodes.Call], Typed]] = {
    **special_arrays.FUNCTIONS,
    **special_dates.FUNCTIONS,
    "current_catalog": _current_catalog,
    "current_schema": _current_schema,
    "if": _if,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "try": _try,
    "typeof": _typeof,
    "greatest": _extreme,
    "least": _extreme,
    "mod": _mod,
    "array_join": _array_join,
    "format": _format,
    "map": _map_empty,
}
