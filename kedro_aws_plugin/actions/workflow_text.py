"""A workflow as text: its steps with their resources, and a flowchart for Mermaid."""

from collections.abc import Iterator, Mapping

from kedro_aws_plugin.actions.compiling import Compiled
from kedro_aws_plugin.plan.workflow import Group

_MAX_NODES = 6
_ENTITIES = {"#": "#35;", "&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;"}
"""How Mermaid writes the characters that mean something to it."""


def draw_steps(compiled: Compiled, prices: Mapping[str, str]) -> str:
    """Draw the steps of a pipeline as a tree, each after those that it waits for.

    Args:
        compiled: The pipeline.
        prices: What steps cost, by name, as far as it is known.
    """
    groups = compiled.workflow.groups
    count = "1 step" if len(groups) == 1 else f"{len(groups)} steps"
    lines = [f"{compiled.name}: {count}"]
    for number, group in enumerate(groups):
        is_last = number == len(groups) - 1
        lines.append(f"{'└──' if is_last else '├──'} {_describe(compiled, group, prices)}")
        indent = "    " if is_last else "│   "
        lines += [f"{indent}    {line}" for line in _detail(compiled, group)]
    return "\n".join(lines)


def draw_mermaid(compiled: Compiled) -> str:
    """Draw the steps as a flowchart for Mermaid: what passes between two steps is written on the arrow."""
    groups = compiled.workflow.groups
    identifiers = {group.name: f"s{number}" for number, group in enumerate(groups)}
    lines = ["flowchart TD"]
    for group in groups:
        nodes = "<br/>".join(_escape(each) for each in group.nodes) or "registers the models"
        lines.append(f'    {identifiers[group.name]}["<b>{_escape(group.name)}</b><br/>{nodes}"]')
    for group in groups:
        for parent in group.parents:
            passed = [
                each.dataset
                for each in compiled.workflow.crossings
                if each.writer == parent and group.name in each.readers
            ]
            label = f'|"{"<br/>".join(_escape(each) for each in passed)}"|' if passed else ""
            lines.append(f"    {identifiers[parent]} -->{label} {identifiers[group.name]}")
    return "\n".join(lines)


def _describe(compiled: Compiled, group: Group, prices: Mapping[str, str]) -> str:
    after = f", after {', '.join(group.parents)}" if group.parents else ""
    price = f", {prices[group.name]}" if group.name in prices else ""
    return f"{group.name} ({compiled.sizes[group.name]}{price}){after}"


def _detail(compiled: Compiled, group: Group) -> Iterator[str]:
    if not group.nodes:
        yield f"registers {', '.join(compiled.snapshot.models)}"
        return
    yield from group.nodes[:_MAX_NODES]
    if len(group.nodes) > _MAX_NODES:
        yield f"and {len(group.nodes) - _MAX_NODES} more nodes"


def _escape(text: str) -> str:
    """Write a name so that Mermaid takes it as a text."""
    return "".join(_ENTITIES.get(each, each) for each in text)
