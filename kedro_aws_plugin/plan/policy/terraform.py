"""A policy in Terraform's language."""

from typing import Any

from kedro_aws_plugin.plan.hcl import Block, format_blocks


def format_policy(policy: dict[str, Any], name: str) -> str:
    """Format a policy as the data source `aws_iam_policy_document`, whose `json` is the policy.

    Args:
        policy: The policy.
        name: The name of the data source.
    """
    statements = tuple(build_statement(each) for each in policy["Statement"])
    return format_blocks([Block("data", ("aws_iam_policy_document", name), statements)])


def build_statement(statement: dict[str, Any]) -> Block:
    """Build the block of a statement."""
    conditions = [
        Block(
            "condition",
            (),
            (("test", test), ("variable", variable), ("values", _as_list(values))),
        )
        for test, variables in statement.get("Condition", {}).items()
        for variable, values in variables.items()
    ]
    principals = [
        Block("principals", (), (("type", kind), ("identifiers", _as_list(names))))
        for kind, names in _list_principals(statement.get("Principal"))
    ]
    resources = [("resources", _as_list(statement["Resource"]))] if "Resource" in statement else []
    sid = [("sid", statement["Sid"])] if "Sid" in statement else []
    return Block(
        "statement",
        (),
        (
            *sid,
            ("effect", statement["Effect"]),
            ("actions", _as_list(statement["Action"])),
            *resources,
            *principals,
            *conditions,
        ),
    )


def _list_principals(principal: Any) -> list[tuple[str, Any]]:
    if principal is None:
        return []
    return [("*", "*")] if principal == "*" else list(principal.items())


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
