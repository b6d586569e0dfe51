"""Put the nodes of a pipeline into steps: (snapshot, settings) -> Workflow."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Literal

from kedro_aws_plugin.config.pipelines import Pipelines
from kedro_aws_plugin.config.step_resources import NamedStep, Resources
from kedro_aws_plugin.errors import suggest

REGISTER = "register"
"""The name of the last step, which registers models."""

_MAX_NAME = 64
"""Characters of a step's name; the JSON schema of SageMaker's pipeline definitions."""

_KINDS = ("pipelines", "namespaces", "tags", "nodes")


@dataclass(frozen=True)
class Node:
    """A node of the project.

    Attributes:
        name: Its name.
        inputs: The datasets that it reads, without parameters.
        outputs: The datasets that it writes.
        namespace: Its namespace; empty if it has none.
        tags: Its tags.
        pipelines: The registered pipelines that have it, apart from `__default__`.
    """

    name: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    namespace: str = ""
    tags: frozenset[str] = frozenset()
    pipelines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A dataset as the catalog's configuration describes it.

    Attributes:
        type: Its type in the catalog; empty for one without an entry, which is kept in memory.
        path: Its path; empty if it has none.
        local: Whether its path is on this machine.
        versioned: Whether Kedro keeps its versions.
        credentials: The name of its credentials; empty if it has none.
        own_versions: Whether its files have versions of their own, which are not the run's.
    """

    type: str = ""
    path: str = ""
    local: bool = False
    versioned: bool = False
    credentials: str = ""
    own_versions: bool = False

    @property
    def in_memory(self) -> bool:
        """Whether it ends with the process."""
        return not self.type or self.type.endswith("MemoryDataset")


@dataclass(frozen=True)
class Snapshot:
    """What is known of a project's nodes and datasets, without importing Kedro.

    Attributes:
        nodes: The chosen nodes, each after those that it needs.
        datasets: The datasets that they read and write, by name.
        known: What the whole project has, by `pipelines`, `namespaces`, `tags` and `nodes`.
        pipelines: The registered pipelines that were chosen; none means `__default__`.
        models: The datasets among the outputs that a run registers as models.
        spark: Whether Spark runs in this project.
        made: What any node of the project writes, chosen or not.
    """

    nodes: tuple[Node, ...]
    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pipelines: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    spark: bool = False
    made: frozenset[str] = frozenset()

    def find_dataset(self, name: str) -> Dataset:
        """Find a dataset, with or without what follows an `@`; one without an entry is kept in memory."""
        return self.datasets.get(name) or self._by_stored_name.get(name) or Dataset()

    @cached_property
    def _by_stored_name(self) -> dict[str, Dataset]:
        return {strip_transcoding(name): dataset for name, dataset in self.datasets.items()}


@dataclass(frozen=True)
class Finding:
    """What the pre-flight says of a workflow. The first five codes are Kedro's own.

    Attributes:
        code: invalid_grouping, group_cycle, ephemeral_boundary, local_boundary, single_node_groups, or one of
            this plugin's.
        level: An `error` prevents the submission; a `warning` and an `info` do not.
        message: What is so, and what to do.
        steps: The steps that it is about.
        datasets: The datasets that it is about.
    """

    code: str
    level: Literal["error", "warning", "info"]
    message: str
    steps: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """A step of the workflow.

    Attributes:
        name: Its name.
        nodes: The names of its nodes, in the order in which they can run; none registers models.
        parents: The steps that it waits for.
        resources: On what it runs.
    """

    name: str
    nodes: tuple[str, ...]
    parents: tuple[str, ...]
    resources: Resources


@dataclass(frozen=True)
class Crossing:
    """A dataset that one step writes and others read.

    Attributes:
        dataset: Its name, without what follows an `@`.
        writer: The step that writes it.
        readers: The steps that read it.
    """

    dataset: str
    writer: str
    readers: tuple[str, ...]


@dataclass(frozen=True)
class Workflow:
    """A pipeline in steps.

    Attributes:
        groups: The steps, each after those that it needs. Without an order, there are errors among the
            findings.
        crossings: The datasets that pass from one step to another.
        findings: What is wrong with the grouping itself.
    """

    groups: tuple[Group, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    findings: tuple[Finding, ...] = ()


def strip_transcoding(name: str) -> str:
    """Return what `table@spark` and `table@pandas` have in common: one writes what the other reads."""
    return name.partition("@")[0]


def plan_workflow(snapshot: Snapshot, settings: Pipelines) -> Workflow:
    """Put the nodes into steps, and find out what passes between them. Takes time linear in the nodes.

    Args:
        snapshot: The nodes and datasets.
        settings: `pipelines:` of aws.yml.
    """
    if not snapshot.nodes:
        message = "No node was chosen. `kedro registry list` shows the pipelines."
        return Workflow(findings=(Finding("empty_selection", "error", message),))
    labels, findings = _label_nodes(snapshot, settings)
    names, clashes = _name_steps(snapshot, labels, settings)
    findings += clashes
    crossings = _find_crossings(snapshot, names)
    members: dict[str, list[str]] = defaultdict(list)
    for node, step in zip(snapshot.nodes, names, strict=True):
        members[step].append(node.name)
    parents = _find_parents(members, crossings)
    order, cycle = _sort(parents)
    if cycle:
        findings.append(_explain_cycle(cycle, crossings, members))
    groups = [
        Group(name, tuple(members[name]), tuple(sorted(parents[name])), settings.find_resources(name))
        for name in order
    ]
    if snapshot.models and settings.registration == "auto":
        groups.append(_add_registration(groups, settings))
    return Workflow(tuple(groups), crossings, tuple(findings))


def _label_nodes(snapshot: Snapshot, settings: Pipelines) -> tuple[list[str], list[Finding]]:
    """Find the label of each node's group: a named step's comes first."""
    findings = list(_check_selectors(snapshot, settings))
    default, notes = _choose_strategy(snapshot, settings)
    findings += notes
    memory = _join_memory(snapshot) if default == "memory" else {}
    labels = []
    for node in snapshot.nodes:
        named = [name for name, step in settings.steps.items() if _selects(step, node)]
        if len(named) > 1:
            message = (
                f"Node `{node.name}` is in the steps {' and '.join(f'`{each}`' for each in named)} of "
                "`pipelines.steps`. Narrow the selector of one of them."
            )
            findings.append(Finding("invalid_grouping", "error", message, tuple(named)))
        labels.append(named[0] if named else _label(node, default, memory))
    return labels, findings


def _selects(step: NamedStep, node: Node) -> bool:
    return bool(
        node.name in step.nodes
        or node.tags.intersection(step.tags)
        or set(node.pipelines).intersection(step.pipelines)
        or any(node.namespace == each or node.namespace.startswith(f"{each}.") for each in step.namespaces)
    )


def _check_selectors(snapshot: Snapshot, settings: Pipelines) -> Iterator[Finding]:
    for step, selector in settings.steps.items():
        for kind in _KINDS:
            known = snapshot.known.get(kind, ())
            for name in getattr(selector, kind):
                if name not in known:
                    message = (
                        f"`pipelines.steps.{step}.{kind}`: there is no `{name}`{suggest(name, known)} "
                        "Correct it in aws.yml."
                    )
                    yield Finding("invalid_grouping", "error", message, (step,))


def _choose_strategy(snapshot: Snapshot, settings: Pipelines) -> tuple[str, list[Finding]]:
    """Choose how to group. Registered pipelines that overlap, or leave a node out, do not part the nodes."""
    if settings.group_by != "pipeline":
        return settings.group_by, []
    rest = [n for n in snapshot.nodes if not any(_selects(step, n) for step in settings.steps.values())]
    odd = [node for node in rest if len(node.pipelines) != 1]
    if not odd:
        return "pipeline", []
    where = f"in {' and '.join(odd[0].pipelines)}" if odd[0].pipelines else "in none of them"
    message = (
        f"The registered pipelines do not part the nodes (`{odd[0].name}` is {where}), so they are one step. "
        "Choose --group-by, or name steps in `pipelines.steps`."
    )
    return "all", [Finding("one_step", "info", message)]


def _label(node: Node, strategy: str, memory: Mapping[str, str]) -> str:
    match strategy:
        case "all":
            return "all"
        case "pipeline":
            return node.pipelines[0]
        case "namespace":
            return node.namespace.partition(".")[0] or node.name
        case "memory":
            return memory[node.name]
        case _:
            return node.name


def _join_memory(snapshot: Snapshot) -> dict[str, str]:
    """Join the nodes that in-memory datasets connect; each such set is called after its first node."""
    root: dict[str, str] = {node.name: node.name for node in snapshot.nodes}

    def find(name: str) -> str:
        while root[name] != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    rank = {node.name: number for number, node in enumerate(snapshot.nodes)}
    seen: dict[str, str] = {}
    for node in snapshot.nodes:
        for dataset in (*node.inputs, *node.outputs):
            if not snapshot.find_dataset(dataset).in_memory:
                continue
            one, other = find(seen.setdefault(strip_transcoding(dataset), node.name)), find(node.name)
            first, second = sorted((one, other), key=rank.__getitem__)
            root[second] = first
    return {name: find(name) for name in root}


def _name_steps(
    snapshot: Snapshot, labels: Sequence[str], settings: Pipelines
) -> tuple[list[str], list[Finding]]:
    """Name the steps after their labels, in the characters that SageMaker takes."""
    by_name: dict[str, str] = {}
    findings = []
    names = []
    for node, label in zip(snapshot.nodes, labels, strict=True):
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", label).strip("-")[:_MAX_NAME].strip("-") or "step"
        other = by_name.setdefault(name, label)
        if other != label or (name == REGISTER and snapshot.models and settings.registration == "auto"):
            what = f"`{label}` and `{other}` would" if other != label else f"`{label}` and registration would"
            message = (
                f"{what} both be the step {name}. Give node `{node.name}` another `name=`, or name steps in "
                "`pipelines.steps`."
            )
            findings.append(Finding("name_clash", "error", message, (name,)))
        names.append(name)
    return names, list(dict.fromkeys(findings))


def _find_crossings(snapshot: Snapshot, steps: Sequence[str]) -> tuple[Crossing, ...]:
    writers: dict[str, str] = {}
    for node, step in zip(snapshot.nodes, steps, strict=True):
        writers.update((strip_transcoding(name), step) for name in node.outputs)
    readers: dict[str, dict[str, None]] = defaultdict(dict)
    for node, step in zip(snapshot.nodes, steps, strict=True):
        for name in map(strip_transcoding, node.inputs):
            if writers.get(name, step) != step:
                readers[name][step] = None
    return tuple(Crossing(name, writers[name], tuple(found)) for name, found in readers.items())


def _find_parents(members: Collection[str], crossings: Sequence[Crossing]) -> dict[str, set[str]]:
    parents: dict[str, set[str]] = {name: set() for name in members}
    for crossing in crossings:
        for reader in crossing.readers:
            parents[reader].add(crossing.writer)
    return parents


def _sort(parents: Mapping[str, Collection[str]]) -> tuple[list[str], list[str]]:
    """Sort the steps, each after its parents.

    Returns:
        The steps; and, if they cannot be sorted, a circle of those that are left over.
    """
    waiting = {name: len(above) for name, above in parents.items()}
    children: dict[str, list[str]] = defaultdict(list)
    for name, above in parents.items():
        for each in above:
            children[each].append(name)
    ready = [name for name, count in waiting.items() if not count]
    order: list[str] = []
    while ready:
        order += ready
        following = []
        for name in ready:
            for child in children[name]:
                waiting[child] -= 1
                if not waiting[child]:
                    following.append(child)
        ready = following
    left = {name for name, count in waiting.items() if count}
    if not left:
        return order, []
    # Each step that is left over waits for another one that is: going up from any of them ends in a circle.
    path = [min(left)]
    while len(set(path)) == len(path):
        path.append(min(each for each in parents[path[-1]] if each in left))
    return order, path[path.index(path[-1]) :][::-1]


def _explain_cycle(
    cycle: Sequence[str], crossings: Sequence[Crossing], members: Mapping[str, Sequence[str]]
) -> Finding:
    pairs = list(pairwise(cycle))
    datasets = [
        next(each.dataset for each in crossings if each.writer == one and other in each.readers)
        for one, other in pairs
    ]
    small = min(cycle, key=lambda name: len(members[name]))
    message = (
        f"Steps {' -> '.join(cycle)} need each other ({', '.join(f'`{each}`' for each in datasets)}). Put "
        f"node `{members[small][0]}` into another step, or split one: `pipelines.steps` in aws.yml, or "
        "--group-by memory or all."
    )
    return Finding("group_cycle", "error", message, tuple(cycle), tuple(datasets))


def _add_registration(groups: Sequence[Group], settings: Pipelines) -> Group:
    """Add the step that registers models once all others are done."""
    needed = {parent for group in groups for parent in group.parents}
    sinks = [group.name for group in groups if group.name not in needed]
    return Group(REGISTER, (), tuple(sorted(sinks)), settings.find_resources(REGISTER))
