"""Functions whose SQL depends on more than a signature can say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kedro_aws_plugin.local.athena.trino import nodes
from kedro_aws_plugin.local.athena.trino.casts import can_cast, cast, cast_sql
from kedro_aws_plugin.local.athena.trino.failures import Unsupported
from kedro_aws_plugin.local.athena.trino.operators import binary, compared
from kedro_aws_plugin.local.athena.trino.typed import (
    Typed,
    can_coerce,
    coerce,
    common_type,
    mismatch,
    semantic_error,
    text_literal,
)
from kedro_aws_plugin.local.athena.trino.types import (
    BIGINT,
    DATE,
    DAY_TO_SECOND,
    INTEGER,
    TIMESTAMP,
    UNKNOWN,
    VARCHAR,
    YEAR_TO_MONTH,
    Type,
    array_of,
    duckdb_type,
    field_names,
    quoted,
)

if TYPE_CHECKING:
    from kedro_aws_plugin.local.athena.trino.expressions import Expressions

_DATE_UNITS = ("day", "week", "month", "quarter", "year")
_UNITS = ("millisecond", "second", "minute", "hour", *_DATE_UNITS)
_ZONED = "timestamp with time zone"


def _arity(node: nodes.Call, *counts: int) -> None:
    if len(node.arguments) not in counts:
        expected = " or ".join(map(str, counts))
        message = f"Unexpected number of parameters for function {node.name}: {len(node.arguments)}, expected {expected}"
        raise semantic_error("FUNCTION_NOT_FOUND", node.at, message)


def _if(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 2, 3)
    condition = place.boolean(node.arguments[0], "IF condition must evaluate to a boolean (actual: {})")
    results = [place.typed(argument) for argument in node.arguments[1:]]
    kind = results[0].type if len(results) == 1 else common_type(results[0].type, results[1].type)
    if kind is None:
        raise mismatch(
            node.at, f"Result types for IF must be the same: {results[0].type} and {results[1].type}"
        )
    default = f" ELSE {coerce(results[1], kind).sql}" if results[1:] else ""
    return Typed(f"(CASE WHEN {condition} THEN {coerce(results[0], kind).sql}{default} END)", kind)


def _coalesce(place: Expressions, node: nodes.Call) -> Typed:
    if len(node.arguments) < 2:
        raise semantic_error(
            "INVALID_FUNCTION_ARGUMENT", node.at, "The 'coalesce' function must have at least two arguments"
        )
    values = [place.typed(argument) for argument in node.arguments]
    kind = place.common(node.at, "All COALESCE operands", values)
    return Typed(f"coalesce({', '.join(coerce(value, kind).sql for value in values)})", kind)


def _nullif(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 2)
    first, second = (place.typed(argument) for argument in node.arguments)
    equal = compared("=", first, second)
    if equal is None:
        raise mismatch(node.at, f"Types are not comparable with NULLIF: {first.type} vs {second.type}")
    return Typed(f"(CASE WHEN {equal.sql} THEN NULL ELSE {coerce(first, first.type).sql} END)", first.type)


def _try(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 1)
    value = place.typed(node.arguments[0])
    return Typed(f"TRY({value.sql})", value.type)


def _typeof(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 1)
    return Typed(text_literal(str(place.typed(node.arguments[0]).type)), VARCHAR)


def _extreme(place: Expressions, node: nodes.Call) -> Typed:
    if not node.arguments:
        _arity(node, 1)
    values = [place.typed(argument) for argument in node.arguments]
    kind = place.common(node.at, f"All {node.name.upper()} operands", values)
    if kind.name in {"array", "map", "row", "json", _ZONED, "boolean", "char"}:
        raise Unsupported(f"{node.name} of the type {kind}")
    written = [coerce(value, kind).sql for value in values]
    null = " OR ".join(f"{value} IS NULL" for value in written)
    return Typed(f"(CASE WHEN {null} THEN NULL ELSE {node.name}({', '.join(written)}) END)", kind)


def _unit(node: nodes.Call, kind: Type, units: tuple[str, ...]) -> str:
    literal = node.arguments[0]
    if not isinstance(literal, nodes.Literal) or literal.kind != "string":
        raise Unsupported(f"{node.name} with a unit that is no literal")
    unit = literal.value.lower()
    if unit not in (tuple(name for name in units if name in _DATE_UNITS) if kind == DATE else units):
        message = f"'{literal.value}' is not a valid {'DATE' if kind == DATE else 'TIMESTAMP'} field"
        raise semantic_error("INVALID_FUNCTION_ARGUMENT", node.at, message)
    return unit


def _moment(place: Expressions, node: nodes.Call, index: int) -> Typed:
    value = place.typed(node.arguments[index])
    if value.type == UNKNOWN:
        value = coerce(value, TIMESTAMP)
    if value.type.name not in {"date", "timestamp", _ZONED}:
        kinds = ", ".join(str(place.typed(argument).type) for argument in node.arguments)
        message = f"Unexpected parameters ({kinds}) for function {node.name}"
        raise semantic_error("FUNCTION_NOT_FOUND", node.at, message)
    return value


def _date_trunc(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 2)
    value = _moment(place, node, 1)
    unit = _unit(node, value.type, _UNITS)
    if value.type.name == _ZONED:
        local = f"date_trunc('{unit}', trino_local({value.sql}))"
        return Typed(f"trino_with_zone(CAST({local} AS TIMESTAMP), ({value.sql}).zone)", value.type)
    return Typed(f"CAST(date_trunc('{unit}', {value.sql}) AS {duckdb_type(value.type)})", value.type)


def _date_add(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 3)
    value, amount = _moment(place, node, 2), place.typed(node.arguments[1])
    if not can_coerce(amount.type, BIGINT):
        raise mismatch(node.at, f"Unexpected parameters for function date_add: {amount.type} is no bigint")
    unit, count = _unit(node, value.type, _UNITS), coerce(amount, BIGINT).sql
    months = {"month": 1, "quarter": 3, "year": 12}.get(unit)
    if months:
        step = f"to_months(CAST({count} * {months} AS INTEGER))"
    else:
        sizes = {"millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
        step = f"to_milliseconds({count} * {sizes.get(unit, 7 * 86_400_000)})"
    if value.type.name == _ZONED:
        if unit in _DATE_UNITS:
            local = f"CAST(trino_local({value.sql}) + {step} AS TIMESTAMP)"
            return Typed(f"trino_with_zone({local}, ({value.sql}).zone)", value.type)
        return Typed(f"trino_zoned(({value.sql}).utc + {step}, ({value.sql}).zone)", value.type)
    return Typed(f"CAST({value.sql} + {step} AS {duckdb_type(value.type)})", value.type)


def _date_diff(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 3)
    first, second = _moment(place, node, 1), _moment(place, node, 2)
    common = common_type(first.type, second.type)
    if common is None:
        raise mismatch(node.at, f"Cannot compare {first.type} with {second.type}")
    unit = _unit(node, common, _UNITS)
    one, other = coerce(first, common).sql, coerce(second, common).sql
    if common.name == _ZONED:
        zone = f"({one}).zone"
        if unit in _DATE_UNITS:
            one, other = (f"trino_local(trino_zoned(({side}).utc, {zone}))" for side in (one, other))
        else:
            one, other = f"({one}).utc", f"({other}).utc"
    moments = f"CAST({one} AS TIMESTAMP), CAST({other} AS TIMESTAMP)"
    if unit == "quarter":
        return Typed(f"(date_sub('month', {moments}) // 3)", BIGINT)
    if unit == "week":
        return Typed(f"(date_sub('day', {moments}) // 7)", BIGINT)
    if unit == "year":
        return Typed(f"(date_sub('month', {moments}) // 12)", BIGINT)
    return Typed(f"date_sub('{unit}', {moments})", BIGINT)


def _mod(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 2)
    return binary(node.at, "%", *(place.typed(argument) for argument in node.arguments))


def _date(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 1)
    value = place.typed(node.arguments[0])
    if not can_cast(value.type, DATE):
        raise semantic_error(
            "FUNCTION_NOT_FOUND", node.at, f"Unexpected parameters ({value.type}) for function date"
        )
    return cast(value, DATE)


def _array_join(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 2, 3)
    array, *texts = (place.typed(argument) for argument in node.arguments)
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


def _format(place: Expressions, node: nodes.Call) -> Typed:
    if len(node.arguments) < 2:
        _arity(node, 2)
    pattern, *values = (place.typed(argument) for argument in node.arguments)
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
    texts = ", ".join(cast_sql(value.sql, value.type, VARCHAR) for value in values)
    kinds = ",".join(value.type.name for value in values)
    return Typed(f"trino_format({pattern.sql}, CAST([{texts}] AS VARCHAR[]), '{kinds}')", VARCHAR)


def _zip(place: Expressions, node: nodes.Call) -> Typed:
    arrays = [place.typed(argument) for argument in node.arguments]
    if len(arrays) < 2 or any(array.type.name != "array" for array in arrays):
        kinds = ", ".join(str(array.type) for array in arrays)
        raise semantic_error(
            "FUNCTION_NOT_FOUND", node.at, f"Unexpected parameters ({kinds}) for function zip"
        )
    kind = array_of(Type("row", tuple(array.type.inner[0] for array in arrays), (None,) * len(arrays)))
    index = place.session.new_name("x")
    parts = zip(field_names(kind.inner[0]), arrays, strict=True)
    packed = ", ".join(f"{quoted(name)} := {array.sql}[{index}]" for name, array in parts)
    length = f"greatest({', '.join(f'len({array.sql})' for array in arrays)})"
    null = " OR ".join(f"{array.sql} IS NULL" for array in arrays)
    rows = f"list_transform(range(1, {length} + 1), lambda {index}: struct_pack({packed}))"
    return Typed(f"(CASE WHEN {null} THEN NULL ELSE {rows} END)", kind)


def _array_sort(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 1, 2)
    array = place.typed(node.arguments[0])
    if array.type.name != "array":
        raise semantic_error(
            "FUNCTION_NOT_FOUND", node.at, f"Unexpected parameters ({array.type}) for function array_sort"
        )
    if len(node.arguments) == 1:
        if array.type.inner[0].name in {"map", "row", "array", "json", _ZONED}:
            raise Unsupported(f"array_sort of {array.type}")
        return Typed(f"list_sort({array.sql}, 'ASC', 'NULLS LAST')", array.type)
    comparator = node.arguments[1]
    if not isinstance(comparator, nodes.Lambda) or len(comparator.names) != 2:
        raise mismatch(node.at, "array_sort takes a lambda with two arguments")
    return Typed(_insertion_sort(place, array, comparator), array.type)


def _insertion_sort(place: Expressions, array: Typed, comparator: nodes.Lambda) -> str:
    """DuckDB sorts by no comparator, so each element is put among those before it that are sorted already."""
    done, new, before = (place.session.new_name("x") for _ in range(3))
    element = array.type.inner[0]
    sides = {comparator.names[0]: Typed(before, element), comparator.names[1]: Typed(f"{new}[1]", element)}
    body = place.with_variables(sides).typed(comparator.body)
    if not can_coerce(body.type, INTEGER):
        raise mismatch(comparator.at, f"Lambda result should have type integer but has {body.type}")
    order = f"trino_order({coerce(body, INTEGER).sql})"
    smaller = f"list_filter({done}, lambda {before}: {order} <= 0)"
    larger = f"list_filter({done}, lambda {before}: {order} > 0)"
    single = f"list_transform({array.sql}, lambda {before}: [{before}])"
    merged = f"lambda {done}, {new}: list_concat(list_concat({smaller}, {new}), {larger})"
    return f"(CASE WHEN len({array.sql}) < 2 THEN {array.sql} ELSE list_reduce({single}, {merged}) END)"


def _reduce(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 4)
    array, start = place.typed(node.arguments[0]), place.typed(node.arguments[1])
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
    reduced = _reduced(place, array, start, step)
    result = place.with_variables({finish.names[0]: reduced}).typed(finish.body)
    return Typed(f"(CASE WHEN {array.sql} IS NULL THEN NULL ELSE {result.sql} END)", result.type)


def _reduced(place: Expressions, array: Typed, start: Typed, step: nodes.Lambda) -> Typed:
    # DuckDB's reduce keeps the type of the elements: each becomes a pair of a state and an element.
    one, other, name = (place.session.new_name("x") for _ in range(3))
    element = array.type.inner[0]
    sides = {step.names[0]: Typed(f"{one}.s", start.type), step.names[1]: Typed(f"{other}.x", element)}
    body = place.with_variables(sides).typed(step.body)
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


def row_subscript(node: nodes.Subscript, base: Typed) -> Typed:
    """row[1]."""
    assert isinstance(node.index, nodes.Literal)  # noqa: S101 - the caller has seen it
    index = int(node.index.value)
    if not 1 <= index <= len(base.type.inner):
        message = f"ROW subscript out of bounds: {index}"
        raise semantic_error("INVALID_FUNCTION_ARGUMENT", node.at, message)
    return Typed(f"({base.sql}).{quoted(field_names(base.type)[index - 1])}", base.type.inner[index - 1])


def _map_empty(place: Expressions, node: nodes.Call) -> Typed:
    if node.arguments:
        from kedro_aws_plugin.local.athena.trino.calls import scalar

        return scalar(place, node)
    return Typed("CAST(MAP {} AS MAP(INTEGER, INTEGER))", Type("map", (UNKNOWN, UNKNOWN)))


def _sequence(place: Expressions, node: nodes.Call) -> Typed:
    _arity(node, 2, 3)
    values = [place.typed(argument) for argument in node.arguments]
    kinds = [value.type for value in values]
    kind = common_type(kinds[0], kinds[1])
    written = [
        coerce(value, BIGINT if can_coerce(value.type, BIGINT) else value.type).sql for value in values
    ]
    if kind and can_coerce(kind, BIGINT) and all(can_coerce(one, BIGINT) for one in kinds):
        count = written[2] if written[2:] else f"(CASE WHEN {written[0]} <= {written[1]} THEN 1 ELSE -1 END)"
        return Typed(f"trino_sequence({written[0]}, {written[1]}, {count})", array_of(BIGINT))
    step = kinds[2] if kinds[2:] else DAY_TO_SECOND
    if (
        kind is None
        or kind.name not in {"date", "timestamp"}
        or step not in (DAY_TO_SECOND, YEAR_TO_MONTH)
        or (kind != DATE and not kinds[2:])
    ):
        listed = ", ".join(map(str, kinds))
        raise semantic_error(
            "FUNCTION_NOT_FOUND", node.at, f"Unexpected parameters ({listed}) for function sequence"
        )
    first, last = (f"CAST({coerce(value, kind).sql} AS TIMESTAMP)" for value in values[:2])
    amount = written[2] if written[2:] else f"(CASE WHEN {first} <= {last} THEN 86400000 ELSE -86400000 END)"
    macro = "trino_sequence_months" if step == YEAR_TO_MONTH else "trino_sequence_times"
    return Typed(f"CAST({macro}({first}, {last}, {amount}) AS {duckdb_type(array_of(kind))})", array_of(kind))


FUNCTIONS: dict[str, Callable[[Expressions, nodes.Call], Typed]] = {
    "if": _if,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "try": _try,
    "typeof": _typeof,
    "greatest": _extreme,
    "least": _extreme,
    "date_trunc": _date_trunc,
    "date_add": _date_add,
    "date_diff": _date_diff,
    "date": _date,
    "mod": _mod,
    "array_join": _array_join,
    "format": _format,
    "zip": _zip,
    "array_sort": _array_sort,
    "reduce": _reduce,
    "map": _map_empty,
    "sequence": _sequence,
}
