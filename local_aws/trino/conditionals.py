"""CASE, LIKE, and comparisons with the result of a subquery."""

from __future__ import annotations

from local_aws.trino import nodes, operators
from local_aws.trino.failures import Unsupported
from local_aws.trino.place import Place
from local_aws.trino.typed import Typed, coerce, common_type, fail, mismatch
from local_aws.trino.types import BOOLEAN, UNKNOWN, VARCHAR


def translate_case(place: Place, node: nodes.Case) -> Typed:
    """Translate CASE in both forms."""
    operand = place.translate(node.operand) if node.operand else None
    results = [place.translate(result) for _, result in node.branches]
    if node.default is not None:
        results.append(place.translate(node.default))
    kind = place.common(node.at, "All CASE results", results)
    parts = []
    for (condition, _), result in zip(node.branches, results, strict=False):
        parts.append(f"WHEN {_when(place, operand, condition)} THEN {coerce(result, kind).sql}")
    default = f" ELSE {coerce(results[-1], kind).sql}" if node.default is not None else ""
    return Typed(f"(CASE {' '.join(parts)}{default} END)", kind)


def _when(place: Place, operand: Typed | None, condition: nodes.Node) -> str:
    if operand is None:
        return place.boolean(condition, "CASE WHEN clause must evaluate to a boolean (actual: {})")
    value = place.translate(condition)
    found = operators.compare("=", operand, value)
    if found is None:
        message = f"CASE operand type does not match WHEN clause operand type: {operand.type} vs {value.type}"
        raise mismatch(condition.at, message)
    return found.sql


def translate_like(place: Place, node: nodes.Like) -> Typed:
    """Translate LIKE. Without ESCAPE only % and _ are special."""
    value, pattern = place.translate(node.operand), place.translate(node.pattern)
    for side, found in (("Left side of LIKE expression", value), ("Pattern for LIKE expression", pattern)):
        if found.type.name == "char":
            raise Unsupported(f"LIKE with the type {found.type}")
        if found.type.name not in {"varchar", "unknown"}:
            raise mismatch(node.at, f"{side} must evaluate to a varchar (actual: {found.type})")
    text, wanted = coerce(value, VARCHAR).sql, coerce(pattern, VARCHAR).sql
    if node.escape is None:
        return Typed(f"({text} LIKE {wanted})", BOOLEAN)
    escape = place.translate(node.escape)
    if escape.type.name not in {"varchar", "unknown"}:
        raise mismatch(
            node.at, f"Escape for LIKE expression must evaluate to a varchar (actual: {escape.type})"
        )
    sign = coerce(escape, VARCHAR).sql
    bad = fail("INVALID_FUNCTION_ARGUMENT", "Escape string must be a single character")
    return Typed(
        f"(CASE WHEN length({sign}) <> 1 THEN {bad} ELSE trino_like({text}, {wanted}, {sign}) END)", BOOLEAN
    )


def translate_quantified(place: Place, node: nodes.Quantified) -> Typed:
    """Translate x = ANY (SELECT ...), x > ALL (SELECT ...) and x IN (SELECT ...)."""
    if isinstance(node.operand, nodes.Row):
        return _row_in_query(place, node, node.operand)
    value = place.translate(node.operand)
    sql, fields = place.queries.subquery(node.query, place)
    if len(fields) != 1:
        raise mismatch(
            node.at, f"Multiple columns returned by subquery are not yet supported. Found {len(fields)}"
        )
    common = common_type(value.type, fields[0].type)
    if common is None:
        message = "value and result of subquery must be of the same type for IN expression: {} vs {}"
        raise mismatch(node.at, message.format(value.type, fields[0].type))
    if common.name in {"real", "double", "array", "map", "row", "json", "char", "timestamp with time zone"}:
        raise Unsupported(f"IN and quantified comparisons with a subquery of the type {common}")
    inner = coerce(Typed("q.c0", fields[0].type), common).sql
    word = "ANY" if node.quantifier == "SOME" else node.quantifier
    left = coerce(value, common).sql
    return Typed(f"({left} {node.operator} {word} (SELECT {inner} FROM ({sql}) AS q))", BOOLEAN)  # noqa: S608 - generated


def _row_in_query(place: Place, node: nodes.Quantified, operand: nodes.Row) -> Typed:
    sql, fields = place.queries.subquery(node.query, place)
    items = [place.translate(item) for item in operand.items]
    if (node.operator, node.quantifier) != ("=", "ANY") or len(fields) != len(items):
        raise Unsupported("this comparison of rows with a subquery")
    left, right = [], []
    for position, (item, field) in enumerate(zip(items, fields, strict=True)):
        common = common_type(item.type, field.type)
        if common is None or common == UNKNOWN:
            raise mismatch(node.at, f"Cannot compare {item.type} with {field.type}")
        left.append(coerce(item, common).sql)
        right.append(coerce(Typed(f"q.c{position}", field.type), common).sql)
    listed = f"SELECT {', '.join(right)} FROM ({sql}) AS q"  # noqa: S608 - generated
    return Typed(f"(({', '.join(left)}) IN ({listed}))", BOOLEAN)
