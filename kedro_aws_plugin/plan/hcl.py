"""Terraform's language: blocks and arguments as text, formatted as `terraform fmt` does."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"[A-Za-z_][\w-]*")


@dataclass(frozen=True)
class Expression:
    """Terraform's own code, such as `aws_s3_bucket.this.id`; a plain `str` is a text."""

    text: str


@dataclass(frozen=True)
class Block:
    """A block.

    Attributes:
        kind: What it is, such as `resource` or `statement`.
        labels: Its labels, such as the type and the name of a resource.
        body: Its arguments and blocks, in order. The value of an argument is a text, a number, a truth
            value, a list, a mapping or an expression.
    """

    kind: str
    labels: tuple[str, ...]
    body: tuple["tuple[str, Any] | Block", ...]


def format_blocks(blocks: Sequence[Block]) -> str:
    """Format the blocks of a file."""
    return "\n\n".join("\n".join(_format_block(block, "")) for block in blocks)


def _format_block(block: Block, indent: str) -> list[str]:
    labels = "".join(f' "{label}"' for label in block.labels)
    lines = _format_body(block.body, f"{indent}  ")
    return [f"{indent}{block.kind}{labels} {{", *lines, f"{indent}}}"]


def _format_body(body: Sequence["tuple[str, Any] | Block"], indent: str) -> list[str]:
    """Format arguments and blocks: an empty line before each block, equal signs of neighbours aligned."""
    lines: list[str] = []
    run: list[tuple[str, Any]] = []
    for each in body:
        if isinstance(each, Block):
            lines += _format_arguments(run, indent)
            run = []
            lines += [""] if lines else []
            lines += _format_block(each, indent)
        else:
            run.append(each)
    if run and lines:
        lines.append("")
    return lines + _format_arguments(run, indent)


def _format_arguments(arguments: Sequence[tuple[str, Any]], indent: str) -> list[str]:
    """Format arguments, aligned as terraform does: one of several lines ends a column of equal signs."""
    formatted = [(_format_key(name), _format_value(value, indent)) for name, value in arguments]
    lines: list[str] = []
    column: list[tuple[str, str]] = []
    for name, value in formatted:
        if "\n" in value:
            lines += _align(column, indent)
            column = []
            lines.append(f"{indent}{name} = {value}")
        else:
            column.append((name, value))
    return lines + _align(column, indent)


def _align(column: Sequence[tuple[str, str]], indent: str) -> list[str]:
    width = max((len(name) for name, _ in column), default=0)
    return [f"{indent}{name:<{width}} = {value}" for name, value in column]


def _format_key(name: str) -> str:
    return name if _NAME.fullmatch(name) else json.dumps(name)


def _format_value(value: Any, indent: str) -> str:
    match value:
        case Expression():
            return value.text
        case str():
            return quote(value)
        case bool() | int() | float():
            return json.dumps(value)
        case Mapping():
            lines = _format_arguments(list(value.items()), f"{indent}  ")
            return "\n".join(["{", *lines, f"{indent}}}"]) if lines else "{}"
        case list() | tuple():
            return _format_list(value, indent)
    raise TypeError(f"{type(value).__name__} has no form in Terraform")


def _format_list(values: Sequence[Any], indent: str) -> str:
    if len(values) == 1 and not isinstance(values[0], Mapping):
        return f"[{_format_value(values[0], indent)}]"
    items = [f"{indent}  {_format_value(each, f'{indent}  ')}," for each in values]
    return "\n".join(["[", *items, f"{indent}]"]) if items else "[]"


def quote(text: str) -> str:
    """Quote a text: `${` and `%{` are doubled, so that Terraform puts nothing in their place."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("${", "$${").replace("%{", "%%{")
