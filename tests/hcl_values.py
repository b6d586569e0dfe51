"""Terraform's language as values, read by a parser that is not ours."""

import json
import re
from typing import Any

import hcl2


def read_blocks(text: str) -> dict[str, list[dict[str, Any]]]:
    """Read a file: the blocks by their kind, each with its labels as keys."""
    found: dict[str, list[dict[str, Any]]] = _clean(hcl2.loads(f"{text}\n"))
    return found


def read_statements(text: str) -> list[dict[str, Any]]:
    """Read the statements of the one aws_iam_policy_document of a file, as IAM writes them."""
    [labels] = read_blocks(text)["data"]
    [named] = labels["aws_iam_policy_document"].values()
    return [to_statement(each) for each in named["statement"]]


def to_statement(block: dict[str, Any]) -> dict[str, Any]:
    """Write a block as a statement of a policy."""
    condition: dict[str, Any] = {}
    for each in block.get("condition", ()):
        condition.setdefault(each["test"], {})[each["variable"]] = each["values"]
    found = {
        "Sid": block.get("sid"),
        "Effect": block["effect"],
        "Action": block["actions"],
        "Resource": block.get("resources"),
        "Principal": {each["type"]: each["identifiers"] for each in block.get("principals", ())},
        "Condition": condition,
    }
    return {key: value for key, value in found.items() if value}


def _clean(value: Any) -> Any:
    """Take the quotes off texts and names, and the parser's own keys away; `$${` is a text's `${`."""
    match value:
        case dict():
            kept = {key: each for key, each in value.items() if key != "__is_block__"}
            return {_clean(key): _clean(each) for key, each in kept.items()}
        case list():
            return [_clean(each) for each in value]
        case str() if re.fullmatch(r'".*"', value, re.DOTALL):
            return json.loads(value.replace("$${", "${").replace("%%{", "%{"))
    return value
