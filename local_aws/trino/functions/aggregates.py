"""Calls of aggregates: their arguments, FILTER, ORDER BY and DISTINCT."""

from __future__ import annotations

from local_aws.trino import nodes
from local_aws.trino.failures import Unsupported
from local_aws.trino.functions import catalog
from local_aws.trino.functions.resolution import resolve
from local_aws.trino.place import Place
from local_aws.trino.typed import Typed, coerce, refuse_unhashed, semantic_error
from local_aws.trino.types import BIGINT

_UNORDERABLE = {"array", "map", "row", "json", "char", "uuid", "timestamp with time zone"}

_ORDER_MATTERS = {"array_agg", "listagg", "map_agg", "multimap_agg", "arbitrary", "any_value"}
_SAME_WITH_REPEATS = {
    "min",
    "max",
    "bool_and",
    "bool_or",
    "every",
    "arbitrary",
    "any_value",
    "bitwise_and_agg",
    "bitwise_or_agg",
}


def translate_aggregate(place: Place, node: nodes.Call, over: str = "") -> Typed:
    """Translate a call of an aggregate; `over` follows it when it is a window function.

    Args:
        place: Translates the arguments, row by row.
        node: The call.
        over: ` OVER (...)`, or empty.
    """
    if node.ignore_nulls:
        raise Unsupported(f"IGNORE NULLS for {node.name}")
    condition = ""
    if node.filter is not None:
        message = "Filter expression must evaluate to a boolean: actual type {}"
        condition = f" FILTER (WHERE {place.boolean(node.filter, message)})"
    if node.star:
        if node.name != "count":
            raise semantic_error(
                "FUNCTION_NOT_FOUND", node.at, f"Unexpected parameters (*) for function {node.name}"
            )
        return Typed(f"count(*){condition}{over}", BIGINT)
    if node.distinct and (node.order or not _takes_distinct(node)):
        raise Unsupported(f"{node.name}(DISTINCT ...)")
    if node.order and node.name not in _ORDER_MATTERS:
        raise Unsupported(f"ORDER BY in {node.name}")
    _refuse_unordered(place, node)
    if (node.distinct or node.name == "approx_distinct") and node.arguments:
        refuse_unhashed(place.translate(node.arguments[0]).type, "DISTINCT")
    if node.distinct and _takes_doubles_only(node):
        _refuse_rounded(place, node)
    parts = {
        "distinct": "DISTINCT " if node.distinct else "",
        "order": f" ORDER BY {', '.join(translate_sort(place, sort) for sort in node.order)}"
        if node.order
        else "",
        "tail": f"{condition}{over}",
    }
    return resolve(place, node, catalog.AGGREGATES[node.name], parts)


def _takes_distinct(node: nodes.Call) -> bool:
    if node.name in _SAME_WITH_REPEATS:
        return len(node.arguments) == 1  # min(x, n) gives an x as often as it is there
    return all("{distinct}" in form.sql for form in catalog.AGGREGATES[node.name] if form.arguments)


def _takes_doubles_only(node: nodes.Call) -> bool:
    kinds = [str(kind) for form in catalog.AGGREGATES[node.name] for kind in form.arguments]
    return all(kind in ("double", "real") for kind in kinds)


def _refuse_rounded(place: Place, node: nodes.Call) -> None:
    # Two numbers of these types can be one double, and would be made one before they are counted.
    for argument in node.arguments:
        kind = place.translate(argument).type
        if kind.name in ("bigint", "decimal"):
            raise Unsupported(f"{node.name}(DISTINCT ...) of the type {kind}")


def _refuse_unordered(place: Place, node: nodes.Call) -> None:
    # DuckDB must order the deciding argument as Trino does.
    deciding = {"min": 0, "max": 0, "min_by": 1, "max_by": 1}.get(node.name)
    if deciding is not None and len(node.arguments) > deciding:
        kind = place.translate(node.arguments[deciding]).type
        if kind.name in _UNORDERABLE - {"timestamp with time zone"}:
            raise Unsupported(f"{node.name} by the type {kind}")


def translate_sort(place: Place, sort: nodes.Sort) -> str:
    """Translate one item of an ORDER BY inside a call or a window."""
    return write_sort_key(place.translate(sort.key), sort)


def write_sort_key(value: Typed, sort: nodes.Sort) -> str:
    """Write a sort key with its direction. NULLs come last in both, unless the query says otherwise."""
    if value.type.name in _UNORDERABLE:
        if value.type.name != "timestamp with time zone":
            raise Unsupported(f"ORDER BY of the type {value.type}")
        value = Typed(f"({value.sql}).utc", value.type)
    else:
        value = coerce(value, value.type)
    direction = "DESC" if sort.descending else "ASC"
    return f"{value.sql} {direction} NULLS {'FIRST' if sort.nulls_first else 'LAST'}"
