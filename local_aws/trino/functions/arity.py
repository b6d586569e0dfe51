"""How many arguments a function takes, where no signature says it."""

from __future__ import annotations

from local_aws.trino import nodes
from local_aws.trino.typed import semantic_error


def arity(node: nodes.Call, *counts: int) -> None:
    """Refuse another number of arguments."""
    if len(node.arguments) not in counts:
        expected = " or ".join(map(str, counts))
        found = f"{len(node.arguments)}, expected {expected}"
        message = f"Unexpected number of parameters for function {node.name}: {found}"
        raise semantic_error("FUNCTION_NOT_FOUND", node.at, message)
