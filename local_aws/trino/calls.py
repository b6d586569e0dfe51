"""Calls of functions and subscripts."""

from __future__ import annotations

from local_aws.trino import nodes, windows
from local_aws.trino.functions import catalog, special
from local_aws.trino.functions.resolution import misplaced_aggregate, translate_scalar
from local_aws.trino.place import Place
from local_aws.trino.typed import Typed, can_coerce, coerce, common_type, fail, mismatch, semantic_error
from local_aws.trino.types import BIGINT, Type


def translate_call(place: Place, node: nodes.Call) -> Typed:
    """Translate any function call."""
    if node.over is not None:
        return windows.translate_window_call(place, node)
    if node.name in catalog.AGGREGATES:
        raise misplaced_aggregate(place, node)
    if node.name in catalog.WINDOW_ONLY:
        raise semantic_error("MISSING_OVER", node.at, f"Window function {node.name} requires an OVER clause")
    if node.filter or node.distinct or node.order or node.star or node.ignore_nulls:
        message = f"FILTER, DISTINCT, ORDER BY and IGNORE NULLS need an aggregate, and {node.name} is not one"
        raise semantic_error("FUNCTION_NOT_AGGREGATE", node.at, message)
    if node.name in special.FUNCTIONS:
        return special.FUNCTIONS[node.name](place, node)
    return translate_scalar(place, node)


def translate_subscript(node: nodes.Subscript, base: Typed, index: Typed) -> Typed:
    """Translate x[i], which fails where element_at would return NULL."""
    if base.type.name == "array" and can_coerce(index.type, BIGINT):
        return Typed(f"trino_subscript({base.sql}, {coerce(index, BIGINT).sql})", base.type.inner[0])
    if base.type.name == "map" and (wanted := common_type(index.type, base.type.inner[0])):
        base = coerce(base, Type("map", (wanted, base.type.inner[1])))
        key = coerce(index, wanted).sql
        bad = fail("INVALID_FUNCTION_ARGUMENT", "Key not present in map: {}", key)
        absent = f"{base.sql} IS NOT NULL AND NOT map_contains({base.sql}, {key})"
        return Typed(f"(CASE WHEN {absent} THEN {bad} ELSE {base.sql}[{key}] END)", base.type.inner[1])
    if base.type.name == "row" and isinstance(node.index, nodes.Literal) and node.index.kind == "integer":
        return special.translate_row_subscript(node, base)
    raise mismatch(node.at, f"Cannot use {index.type} for subscript of {base.type}")
