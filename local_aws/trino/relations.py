"""The translation of FROM: tables, subqueries, UNNEST and joins, with their columns."""

from __future__ import annotations

from dataclasses import replace

from local_aws.trino import nodes
from local_aws.trino.expressions import Expressions
from local_aws.trino.failures import TrinoError, Unsupported
from local_aws.trino.names import NOT_VERSIONED, table_name
from local_aws.trino.operators import write_comparison
from local_aws.trino.scope import Field, Scope
from local_aws.trino.typed import Typed, coerce, common_type, mismatch, semantic_error
from local_aws.trino.types import BIGINT, Type, name_fields, quote_name, read_type

_MOST_PARTS, _PERCENT = 3, 100
Source = tuple[str, tuple[Field, ...]]


def translate_source(place: Expressions, relation: nodes.Relation) -> Source:
    """Translate an item of FROM and return its SQL and its columns.

    Args:
        place: Sees what stands around the query; for LATERAL and UNNEST also what stands before in FROM.
        relation: The item.
    """
    match relation:
        case nodes.TableReference():
            return _translate_table(place, relation)
        case nodes.Derived():
            return _translate_derived(place, relation)
        case nodes.Aliased():
            return _translate_alias(place, relation)
        case nodes.Join():
            return _translate_join(place, relation)
        case nodes.Unnest():
            return translate_unnest(place, relation, "")
        case nodes.Sampled():
            return _translate_sample(place, relation)
    raise Unsupported(f"{type(relation).__name__} in FROM")


def _translate_table(place: Expressions, relation: nodes.TableReference) -> Source:
    alias = place.session.new_name("t")
    if len(relation.parts) == 1 and (common := place.scope.common.get(relation.parts[0])):
        if relation.version is not None:
            raise semantic_error("NOT_SUPPORTED", relation.at, NOT_VERSIONED)
        fields = tuple(
            replace(field, sql=f"{alias}.c{index}", qualifier=relation.parts)
            for index, field in enumerate(common.fields)
        )
        return f"{common.sql} AS {alias}", fields
    if len(relation.parts) > _MOST_PARTS:
        raise semantic_error(
            "SYNTAX_ERROR", relation.at, f"Too many dots in table name: {'.'.join(relation.parts)}"
        )
    found = place.session.relations.get(table_name(relation.parts, relation.version))
    if found is None:
        shown = ".".join(relation.parts)
        raise semantic_error("TABLE_NOT_FOUND", relation.at, f"Table '{shown}' does not exist")
    fields = tuple(
        Field(
            column.name.lower(),
            read_type(column.type),
            f"{alias}.{quote_name(column.name)}",
            relation.parts,
            column.hidden,
            column.name,
        )
        for column in found.columns
    )
    return f"{found.sql} AS {alias}", fields


def _translate_derived(place: Expressions, relation: nodes.Derived) -> Source:
    # Only LATERAL sees the tables before it.
    outer = place if relation.lateral else replace(place, scope=Scope(common=place.scope.common))
    sql, fields = place.queries.subquery(relation.query, outer)
    alias = place.session.new_name("t")
    word = "LATERAL " if relation.lateral else ""
    return f"{word}({sql}) AS {alias}", tuple(
        replace(field, sql=f"{alias}.c{index}", qualifier=(), hidden=False)
        for index, field in enumerate(fields)
    )


def _translate_alias(place: Expressions, relation: nodes.Aliased) -> Source:
    sql, fields = translate_source(place, relation.relation)
    visible = [field for field in fields if not field.hidden]
    if relation.columns and len(relation.columns) != len(visible):
        raise _wrong_alias(relation, len(visible))
    if relation.columns:
        fields = tuple(
            replace(field, name=name.lower(), written=name)
            for field, name in zip(visible, relation.columns, strict=True)
        )
    return sql, tuple(replace(field, qualifier=(relation.alias,)) for field in fields)


def _translate_sample(place: Expressions, relation: nodes.Sampled) -> Source:
    percentage = relation.percentage
    if not isinstance(percentage, nodes.Literal) or percentage.kind not in {"integer", "decimal", "double"}:
        raise Unsupported("TABLESAMPLE whose percentage is not a number")
    if not isinstance(_without_alias(relation.relation), nodes.TableReference | nodes.Derived):
        raise Unsupported("TABLESAMPLE of a join or of UNNEST")
    if float(percentage.value) > _PERCENT:
        message = "Sample percentage must be less than or equal to 100"
        raise semantic_error("NUMERIC_VALUE_OUT_OF_RANGE", percentage.at, message)
    sql, fields = translate_source(place, relation.relation)
    return f"{sql} TABLESAMPLE {relation.method} ({float(percentage.value)!r} PERCENT)", fields


def _without_alias(relation: nodes.Relation) -> nodes.Relation:
    return relation.relation if isinstance(relation, nodes.Aliased) else relation


def _wrong_alias(alias: nodes.Aliased, available: int) -> TrinoError:
    entries = f"Column alias list has {len(alias.columns)} entries"
    message = f"{entries} but '{alias.alias}' has {available} columns available"
    return semantic_error("MISMATCHED_COLUMN_ALIASES", alias.at, message)


def _translate_join(place: Expressions, relation: nodes.Join) -> Source:
    left_sql, left = translate_source(place, relation.left)
    beside = replace(place, scope=Scope((*place.scope.fields, *left), place.scope.common))
    unnest, alias = _as_unnest(relation.right)
    if unnest is not None:
        return _translate_unnest_join(beside, relation, (left_sql, left), (unnest, alias))
    right_sql, right = translate_source(beside, relation.right)
    if relation.kind == "CROSS":
        return f"{left_sql} CROSS JOIN {right_sql}", (*left, *right)
    if relation.using:
        return _translate_using(relation, (left_sql, left), (right_sql, right))
    assert relation.condition is not None  # noqa: S101 - the grammar asks for one
    both = replace(place, scope=Scope((*left, *right), place.scope.common), clause="JOIN clause")
    message = "JOIN ON clause must evaluate to a boolean: actual type {}"
    condition = both.boolean(relation.condition, message)
    return f"({left_sql} {relation.kind} JOIN {right_sql} ON {condition})", (*left, *right)


def _as_unnest(
    relation: nodes.Relation,
) -> tuple[nodes.Unnest | None, nodes.Aliased | None]:
    if isinstance(relation, nodes.Unnest):
        return relation, None
    if isinstance(relation, nodes.Aliased) and isinstance(relation.relation, nodes.Unnest):
        return relation.relation, relation
    return None, None


def _translate_unnest_join(
    place: Expressions,
    relation: nodes.Join,
    left: Source,
    right: tuple[nodes.Unnest, nodes.Aliased | None],
) -> Source:
    always = isinstance(relation.condition, nodes.Literal) and relation.condition.value == "true"
    if relation.kind not in {"CROSS", "LEFT", "INNER"} or not (relation.kind == "CROSS" or always):
        raise Unsupported("UNNEST in a join other than CROSS JOIN and LEFT JOIN ... ON TRUE")
    sql, fields = translate_unnest(place, right[0], "LATERAL ")
    if right[1] is not None:
        fields = _rename(right[1], fields)
    if relation.kind == "LEFT":
        return f"({left[0]} LEFT JOIN {sql} ON true)", (*left[1], *fields)
    return f"{left[0]} CROSS JOIN {sql}", (*left[1], *fields)


def _rename(alias: nodes.Aliased, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    if alias.columns and len(alias.columns) != len(fields):
        raise _wrong_alias(alias, len(fields))
    names: tuple[str | None, ...] = alias.columns or tuple(field.written for field in fields)
    return tuple(
        replace(field, name=name.lower() if name else None, written=name, qualifier=(alias.alias,))
        for field, name in zip(fields, names, strict=True)
    )


def _translate_using(relation: nodes.Join, left: Source, right: Source) -> Source:
    joined, conditions = [], []
    for name in relation.using:
        sides = []
        for fields in (left[1], right[1]):
            found = [field for field in fields if field.name == name]
            if len(found) != 1:
                side = "left" if fields is left[1] else "right"
                message = f"Column '{name}' is missing from {side} side of join"
                raise semantic_error("COLUMN_NOT_FOUND", relation.at, message)
            sides.append(Typed(found[0].sql, found[0].type))
        kind = common_type(sides[0].type, sides[1].type)
        if kind is None:
            message = f"Column '{name}' has incompatible types: {sides[0].type} and {sides[1].type}"
            raise mismatch(relation.at, message)
        one, other = (coerce(side, kind).sql for side in sides)
        conditions.append(write_comparison("=", one, other, kind))
        joined.append(Field(name, kind, f"coalesce({one}, {other})", written=name))
    rest = [field for field in (*left[1], *right[1]) if field.name not in relation.using]
    sql = f"({left[0]} {relation.kind} JOIN {right[0]} ON {' AND '.join(conditions)})"
    return sql, (*joined, *rest)


def translate_unnest(place: Expressions, relation: nodes.Unnest, lateral: str) -> Source:
    """Translate UNNEST of arrays, maps and arrays of rows, side by side; NULL fills up the shorter ones."""
    alias = place.session.new_name("t")
    lengths: list[str] = []
    columns: list[tuple[str, Type, str | None]] = []
    for argument in relation.arguments:
        value = place.translate(argument)
        size = f"cardinality({value.sql})" if value.type.name == "map" else f"len({value.sql})"
        lengths.append(f"coalesce(CAST({size} AS BIGINT), 0)")
        columns += _unnested_columns(relation, value)
    if relation.ordinality:
        length = f"greatest({', '.join(lengths)})" if lengths[1:] else lengths[0]
        columns.append((f"unnest(range(1, {length} + 1))", BIGINT, None))
    chosen = ", ".join(f"{sql} AS c{position}" for position, (sql, _, _) in enumerate(columns))
    fields = tuple(
        Field(name.lower() if name else None, kind, f"{alias}.c{position}", written=name)
        for position, (_, kind, name) in enumerate(columns)
    )
    return f"{lateral}(SELECT {chosen}) AS {alias}", fields


def _unnested_columns(relation: nodes.Unnest, value: Typed) -> list[tuple[str, Type, str | None]]:
    """Return SQL, type and name of each column; only the parts of a row have names."""
    if value.type.name == "map":
        key, item = value.type.inner
        sides = ((f"unnest(map_keys({value.sql}))", key), (f"unnest(map_values({value.sql}))", item))
        return [(sql, kind, None) for sql, kind in sides]
    if value.type.name != "array":
        message = f"Cannot unnest type: {value.type}"
        raise semantic_error("INVALID_FUNCTION_ARGUMENT", relation.at, message)
    element = value.type.inner[0]
    if element.name != "row":
        return [(f"unnest({value.sql})", element, None)]
    fields = zip(name_fields(element), element.inner, element.fields, strict=True)
    return [(f"(unnest({value.sql})).{quote_name(part)}", kind, name) for part, kind, name in fields]
