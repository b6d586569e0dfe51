"""Array functions whose SQL depends on a lambda or on the number of arrays."""

from __future__ import annotations

from collections.abc import Callable

from local_aws.trino import nodes
from local_aws.trino.failures import Unsupported
from local_aws.trino.functions.resolution import check_arity
from local_aws.trino.place import Place
from local_aws.trino.typed import (
    Typed,
    can_coerce,
    coerce,
    mismatch,
    semantic_error,
)
from local_aws.trino.types import (
    INTEGER,
    UNKNOWN,
    Type,
    array_of,
    duckdb_type,
    name_fields,
    quote_name,
)

_ZONED = "timestamp with time zone"


def _refuse_null(node: nodes.Call, *arrays: Typed) -> None:
    if UNKNOWN in [array.type for array in arrays]:
        raise Unsupported(f"{node.name} of NULL without a type")


def _zip(place: Place, node: nodes.Call) -> Typed:
    arrays = [place.translate(argument) for argument in node.arguments]
    _refuse_null(node, *arrays)
    if len(arrays) <= 1 or any(array.type.name != "array" for array in arrays):
        kinds = ", ".join(str(array.type) for array in arrays)
        raise semantic_error(
            "FUNCTION_NOT_FOUND", node.at, f"Unexpected parameters ({kinds}) for function zip"
        )
    kind = array_of(Type("row", tuple(array.type.inner[0] for array in arrays), (None,) * len(arrays)))
    index = place.session.new_name("x")
    parts = zip(name_fields(kind.inner[0]), arrays, strict=True)
    packed = ", ".join(f"{quote_name(name)} := {array.sql}[{index}]" for name, array in parts)
    length = f"greatest({', '.join(f'len({array.sql})' for array in arrays)})"
    null = " OR ".join(f"{array.sql} IS NULL" for array in arrays)
    rows = f"list_transform(range(1, {length} + 1), lambda {index}: struct_pack({packed}))"
    return Typed(f"(CASE WHEN {null} THEN NULL ELSE {rows} END)", kind)


def _array_sort(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 1, 2)
    array = place.translate(node.arguments[0])
    _refuse_null(node, array)
    if array.type.name != "array":
        raise semantic_error(
            "FUNCTION_NOT_FOUND", node.at, f"Unexpected parameters ({array.type}) for function array_sort"
        )
    if len(node.arguments) == 1:
        if array.type.inner[0].name in {"map", "row", "array", "json", "uuid", _ZONED}:
            raise Unsupported(f"array_sort of {array.type}")
        return Typed(f"list_sort({array.sql}, 'ASC', 'NULLS LAST')", array.type)
    comparator = node.arguments[1]
    if not isinstance(comparator, nodes.Lambda) or len(comparator.names) != len("xy"):
        raise mismatch(node.at, "array_sort takes a lambda with two arguments")
    return Typed(_insertion_sort(place, array, comparator), array.type)


def _insertion_sort(place: Place, array: Typed, comparator: nodes.Lambda) -> str:
    """Write an insertion sort, because DuckDB cannot sort by a comparator."""
    done, new, before = (place.session.new_name("x") for _ in range(3))
    element = array.type.inner[0]
    sides = {comparator.names[0]: Typed(before, element), comparator.names[1]: Typed(f"{new}[1]", element)}
    body = place.inside_lambda(sides).translate(comparator.body)
    if not can_coerce(body.type, INTEGER):
        raise mismatch(comparator.at, f"Lambda result should have type integer but has {body.type}")
    order = f"trino_order({coerce(body, INTEGER).sql})"
    smaller = f"list_filter({done}, lambda {before}: {order} <= 0)"
    larger = f"list_filter({done}, lambda {before}: {order} > 0)"
    single = f"list_transform({array.sql}, lambda {before}: [{before}])"
    merged = f"lambda {done}, {new}: list_concat(list_concat({smaller}, {new}), {larger})"
    return f"(CASE WHEN len({array.sql}) < 2 THEN {array.sql} ELSE list_reduce({single}, {merged}) END)"


def _reduce(place: Place, node: nodes.Call) -> Typed:
    check_arity(node, 4)
    array, start = place.translate(node.arguments[0]), place.translate(node.arguments[1])
    _refuse_null(node, array)
    step, finish = node.arguments[2:]
    lambdas = isinstance(step, nodes.Lambda) and isinstance(finish, nodes.Lambda)
    if array.type.name != "array" or not lambdas:
        raise semantic_error("FUNCTION_NOT_FOUND", node.at, "reduce takes an array, a start and two lambdas")
    assert isinstance(step, nodes.Lambda)  # noqa: S101 - checked above
    assert isinstance(finish, nodes.Lambda)  # noqa: S101 - checked above
    if (len(step.names), len(finish.names)) != (2, 1):
        raise semantic_error(
            "INVALID_PARAMETER_USAGE", node.at, "reduce takes lambdas with two and with one argument"
        )
    reduced = _fold(place, array, start, step)
    result = place.inside_lambda({finish.names[0]: reduced}).translate(finish.body)
    return Typed(f"(CASE WHEN {array.sql} IS NULL THEN NULL ELSE {result.sql} END)", result.type)


def _fold(place: Place, array: Typed, start: Typed, step: nodes.Lambda) -> Typed:
    # DuckDB's reduce returns the type of the elements, so each becomes a pair of a state and an element.
    one, other, name = (place.session.new_name("x") for _ in range(3))
    element = array.type.inner[0]
    sides = {step.names[0]: Typed(f"{one}.s", start.type), step.names[1]: Typed(f"{other}.x", element)}
    body = place.inside_lambda(sides).translate(step.body)
    if body.type != start.type and can_coerce(start.type, body.type):
        return _fold(place, array, coerce(start, body.type), step)
    if not can_coerce(body.type, start.type):
        raise mismatch(step.at, f"Lambda result should have type {start.type} but has {body.type}")
    state, item = duckdb_type(start.type), duckdb_type(element)
    first = f"[struct_pack(s := CAST({start.sql} AS {state}), x := CAST(NULL AS {item}))]"
    pair = f"struct_pack(s := CAST(NULL AS {state}), x := CAST({name} AS {item}))"
    rest = f"list_transform({array.sql}, lambda {name}: {pair})"
    folded = f"struct_pack(s := CAST({coerce(body, start.type).sql} AS {state}), x := CAST(NULL AS {item}))"
    return Typed(
        f"(list_reduce(list_concat({first}, {rest}), lambda {one}, {other}: {folded})).s", start.type
    )


FUNCTIONS: dict[str, Callable[[Place, nodes.Call], Typed]] = {
    "zip": _zip,
    "array_sort": _array_sort,
    "reduce": _reduce,
}
