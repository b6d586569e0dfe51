"""Window functions: OVER with its partition, order and frame."""

from __future__ import annotations

from dataclasses import replace

from local_aws.trino import nodes
from local_aws.trino.failures import Unsupported
from local_aws.trino.functions import aggregates, catalog
from local_aws.trino.functions.resolution import misplaced_aggregate, resolve, unknown_function
from local_aws.trino.place import Place
from local_aws.trino.typed import (
    Typed,
    can_coerce,
    coerce,
    mismatch,
    refuse_unhashed,
    semantic_error,
)
from local_aws.trino.types import BIGINT

_NO_WINDOW = {
    "listagg",
    "map_agg",
    "multimap_agg",
    "map_union",
    "histogram",
    "approx_percentile",
    "approx_distinct",
}


def translate_window_call(place: Place, node: nodes.Call) -> Typed:
    """Translate a function with OVER."""
    if not place.allows_windows:
        raise misplaced_aggregate(place, node)
    assert node.over is not None  # noqa: S101 - the caller has seen it
    # No other window function may stand inside this one.
    inside = place.inside_window()
    window = _resolve_base(place, node.over)
    if node.name in {"lag", "lead"}:
        _check_order(node, window)
    over = f" OVER ({_window(inside, window)})"
    if node.name in catalog.AGGREGATES:
        if node.name in _NO_WINDOW or node.distinct or node.order:
            raise Unsupported(f"{node.name} as a window function")
        if node.filter:
            message = "FILTER is not yet supported for window functions"
            raise semantic_error("NOT_SUPPORTED", node.at, message)
        return aggregates.translate_aggregate(inside, node, over)
    known = catalog.WINDOW_ONLY.get(node.name)
    if known is None:
        if node.name in catalog.SCALARS:
            message = f"Function '{node.name}' is not a window function"
            raise semantic_error("FUNCTION_NOT_WINDOW", node.at, message)
        raise unknown_function(node)
    if node.filter or node.distinct or node.order or node.star:
        raise semantic_error(
            "INVALID_WINDOW_FRAME", node.at, f"{node.name} takes no FILTER, DISTINCT or ORDER BY"
        )
    nulls = " IGNORE NULLS" if node.ignore_nulls else ""
    if nulls and node.name not in {"first_value", "last_value", "nth_value", "lag", "lead"}:
        raise semantic_error(
            "NULL_TREATMENT_NOT_ALLOWED",
            node.at,
            f"Cannot specify null treatment clause for {node.name} function",
        )
    return resolve(inside, node, known, {"tail": over, "order": nulls})


def _check_order(node: nodes.Call, window: nodes.Window) -> None:
    if not window.order:
        message = f"{node.name} function requires an ORDER BY window clause"
        raise semantic_error("MISSING_ORDER_BY", node.at, message)
    if window.frame:
        message = f"Cannot specify window frame for {node.name} function"
        raise semantic_error("INVALID_WINDOW_FRAME", node.at, message)


def _resolve_base(place: Place, window: nodes.Window) -> nodes.Window:
    """Complete a window by its base in the WINDOW clause."""
    if window.base is None:
        return window
    base = place.windows.get(window.base)
    if base is None:
        raise semantic_error(
            "INVALID_WINDOW_REFERENCE", window.at, f"Cannot resolve WINDOW name {window.base}"
        )
    base = _resolve_base(place, base)
    if window.partition or (window.order and base.order) or (base.frame and (window.order or window.frame)):
        raise semantic_error(
            "INVALID_WINDOW_REFERENCE", window.at, f"WINDOW {window.base} already has this clause"
        )
    return replace(base, order=window.order or base.order, frame=window.frame or base.frame)


def _window(place: Place, window: nodes.Window) -> str:
    parts = []
    if window.partition:
        keys = [place.translate(key) for key in window.partition]
        for key in keys:
            refuse_unhashed(key.type, "PARTITION BY")
        parts.append(f"PARTITION BY {', '.join(coerce(key, key.type).sql for key in keys)}")
    if window.order:
        parts.append(f"ORDER BY {', '.join(aggregates.translate_sort(place, sort) for sort in window.order)}")
    if window.frame:
        parts.append(_frame(place, window, window.frame))
    return " ".join(parts)


def _frame(place: Place, window: nodes.Window, frame: nodes.Frame) -> str:
    if frame.unit == "RANGE" and (frame.start[1] or frame.end[1]) and len(window.order) != 1:
        raise semantic_error(
            "INVALID_WINDOW_FRAME", frame.at, "Window frame of type RANGE requires one sort item in ORDER BY"
        )
    if frame.unit == "GROUPS" and not window.order:
        raise semantic_error("MISSING_ORDER_BY", frame.at, "Window frame of type GROUPS requires ORDER BY")
    bounds = (_bound(place, frame, *bound) for bound in (frame.start, frame.end))
    return f"{frame.unit} BETWEEN {' AND '.join(bounds)}"


def _bound(place: Place, frame: nodes.Frame, words: str, distance: nodes.Node | None) -> str:
    if distance is None:
        return words
    value = place.translate(distance)
    if frame.unit == "RANGE" and value.type.name.startswith("interval"):
        step = "to_milliseconds" if "day" in value.type.name else "to_months"
        return f"{step}({value.sql}) {words}"
    if frame.unit != "RANGE" and not can_coerce(value.type, BIGINT):
        raise mismatch(distance.at, f"Window frame {frame.unit} value type must be BIGINT: {value.type}")
    return f"{value.sql} {words}"
