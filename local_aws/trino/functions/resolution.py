"""Resolution of calls: which form of a function takes the given arguments, and its SQL."""

from __future__ import annotations

from local_aws.trino import nodes
from local_aws.trino.failures import TrinoError, Unsupported
from local_aws.trino.functions import catalog
from local_aws.trino.functions.table import (
    LAMBDAS,
    Bindings,
    Signature,
    coerce_argument,
    fill_in,
    find_form,
    is_variable,
    substitute,
    unify,
)
from local_aws.trino.place import Place
from local_aws.trino.typed import Typed, can_coerce, coerce, refuse_unhashed, semantic_error
from local_aws.trino.types import UNKNOWN, Type, array_of

_PARTS = {"entry": ("key", "value"), "pair": ("a", "b"), "triple": ("key", "a", "b")}
"""What a lambda's names are parts of when DuckDB hands it one struct."""


_MORE_FORMS = frozenset(
    {
        "approx_percentile",
        "concat",
        "from_utf8",
        "lpad",
        "max_by",
        "min_by",
        "rand",
        "random",
        "reverse",
        "rpad",
        "substr",
    }
)
"""Functions that have more forms in Trino than here."""


_COMPARING = frozenset(
    {"array_distinct", "array_except", "array_intersect", "array_position", "array_remove", "array_union"}
    | {"arrays_overlap", "contains", "contains_sequence", "histogram"}
)
"""Functions that tell values apart."""
_ORDERING = frozenset({"array_max", "array_min"})
"""Functions that put values in an order, which for a uuid is not known."""
_FINDING = frozenset({"array_position", "array_remove", "contains", "map"})
"""Functions that fail on an array or a row with a NULL in it."""


def is_aggregate(node: nodes.Node) -> bool:
    """Tell whether a node itself is an aggregate over a group."""
    return isinstance(node, nodes.Call) and node.over is None and node.name in catalog.AGGREGATES


def misplaced_aggregate(place: Place, node: nodes.Call) -> TrinoError:
    """Build the failure of an aggregate where there are no groups."""
    message = (
        f"{place.clause} cannot contain aggregations, window functions or grouping operations: [{node.name}]"
    )
    return semantic_error("EXPRESSION_NOT_SCALAR", node.at, message)


def translate_scalar(place: Place, node: nodes.Call) -> Typed:
    """Translate a call of a function that the tables list."""
    known = catalog.SCALARS.get(node.name)
    if known is None:
        raise unknown_function(node)
    return resolve(place, node, known, {})


def unknown_function(node: nodes.Call) -> TrinoError:
    """Build the failure for a function that Trino does not have, or only Trino has."""
    if node.name in catalog.REFUSED:
        return Unsupported(f"the function {node.name}")
    return semantic_error("FUNCTION_NOT_FOUND", node.at, f"Function '{node.name}' not registered")


def resolve(place: Place, node: nodes.Call, known: list[Signature], parts: dict[str, str]) -> Typed:
    """Translate a call with the form of the function that fits the arguments."""
    arguments = [None if isinstance(item, nodes.Lambda) else place.translate(item) for item in node.arguments]
    found = find_form(known, arguments)
    if found is None:
        raise no_form(node, known, arguments)
    signature, bound = found
    kinds = {value.type for value in arguments if value is not None}
    if node.name == "concat" and "T" in bound and kinds & {UNKNOWN, array_of(UNKNOWN)}:
        raise Unsupported("concat of NULL without a type")
    for name, kind in bound.items():
        if node.name in _COMPARING:
            refuse_unhashed(kind, node.name)
        if node.name in _ORDERING and kind.name in {"uuid", "json", "map", "row", "array"}:
            raise Unsupported(f"{node.name} of the type {kind}")
        if node.name in _FINDING and name in "KT" and kind.inner:
            raise Unsupported(f"{node.name} of the type {kind}")
    patterns = signature.patterns(len(arguments)) or ()
    values = list(zip(patterns, arguments, node.arguments, strict=True))
    bodies: dict[int, str] = {}
    for index, (pattern, _, item) in enumerate(values):
        if isinstance(item, nodes.Lambda):
            bodies[index] = _lambda(place, item, pattern, bound)
    written = [
        bodies[index] if value is None else coerce_argument(value, pattern, bound)
        for index, (pattern, value, _) in enumerate(values)
    ]
    return fill_in(signature, written, bound, parts)


def no_form(node: nodes.Call, known: list[Signature], arguments: list[Typed | None]) -> TrinoError:
    """Build the failure for arguments that no form of the function takes."""
    if None in arguments and not any(kind.name in LAMBDAS for one in known for kind in one.arguments):
        return Unsupported(f"{node.name} with a lambda")
    kinds = ", ".join("<lambda>" if value is None else str(value.type) for value in arguments)
    if node.name in _MORE_FORMS or any(value and value.type.name == "char" for value in arguments):
        return Unsupported(f"{node.name}({kinds})")
    expected = ", ".join(map(str, known))
    message = f"Unexpected parameters ({kinds}) for function {node.name}. Expected: {expected}"
    return semantic_error("FUNCTION_NOT_FOUND", node.at, message)


def _lambda(place: Place, node: nodes.Lambda, pattern: Type, bound: Bindings) -> str:
    *takes, gives = pattern.inner
    if len(takes) != len(node.names):
        message = f"Expected a lambda that takes {len(takes)} argument(s) but got {len(node.names)}"
        raise semantic_error("INVALID_PARAMETER_USAGE", node.at, message)
    names = [place.session.new_name("x") for _ in takes]
    declared = ", ".join(names)
    if pattern.name != "function":
        declared = names[0]
        names = [f"{declared}.{part}" for part in _PARTS[pattern.name]]
    kinds = [substitute(kind, bound) for kind in takes]
    variables = {
        written: Typed(name, kind) for written, name, kind in zip(node.names, names, kinds, strict=True)
    }
    body = place.inside_lambda(variables).translate(node.body)
    return f"lambda {declared}: {coerce_lambda_result(node, body, gives, bound)}"


def coerce_lambda_result(node: nodes.Lambda, body: Typed, gives: Type, bound: Bindings) -> str:
    """Coerce a lambda's body to the type that the function needs, which binds a letter that was free."""
    if is_variable(gives) and gives.name not in bound:
        unify(gives, body.type, bound, exactly=True)
        return coerce(body, body.type).sql
    wanted = substitute(gives, bound)
    if body.type == UNKNOWN or not can_coerce(body.type, wanted):
        message = f"Unexpected parameters: a lambda that gives {body.type}, not {wanted}"
        raise semantic_error("FUNCTION_NOT_FOUND", node.at, message)
    return coerce(body, wanted).sql


def check_arity(node: nodes.Call, *counts: int) -> None:
    """Raise FUNCTION_NOT_FOUND if a call has another number of arguments."""
    if len(node.arguments) not in counts:
        expected = " or ".join(map(str, counts))
        found = f"{len(node.arguments)}, expected {expected}"
        message = f"Unexpected number of parameters for function {node.name}: {found}"
        raise semantic_error("FUNCTION_NOT_FOUND", node.at, message)
