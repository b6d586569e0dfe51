"""Check what import-linter does not: no circle of imports and no import that runs up, type hints included.

Usage: python scripts/check_imports.py [FOLDER]

Every import statement counts, within functions and under TYPE_CHECKING too, among modules and among rooms
(the modules and folders right below a package). The layers are those of import-linter in pyproject.toml.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGES = ("kedro_aws_plugin", "local_aws")
Graph = Mapping[str, set[str]]


def read_imports(root: Path, package: str) -> dict[str, set[str]]:
    """Read which modules of a package each of its modules imports."""
    files = {_name(path.relative_to(root)): path for path in sorted((root / package).rglob("*.py"))}
    graph: dict[str, set[str]] = {}
    for module, path in files.items():
        named = set(_imported(ast.parse(path.read_text(encoding="utf-8"))))
        found = {_longest(name, files) for name in named} - {module, None}
        # A package's __init__ gives names of its own modules to other packages; that is its purpose.
        graph[module] = {name for name in found if name is not None and not module.startswith(f"{name}.")}
    return graph


def find_circles(graph: Graph) -> list[list[str]]:
    """Find the groups of nodes that reach one another (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                circles.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return circles


def make_rooms(graph: Graph) -> dict[str, set[str]]:
    """Sum up a graph of modules as one of rooms."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for module, found in graph.items():
        if module.count("."):
            inner = {_room(name) for name in found if name.count(".")}
            rooms[_room(module)] |= inner - {_room(module)}
    return dict(rooms)


def find_upward_imports(rooms: Graph, layers: list[set[str]]) -> list[str]:
    """Find the imports from a room to one of a higher layer."""
    level = {room: number for number, layer in enumerate(layers) for room in layer}
    return [
        f"{room} -> {other}"
        for room, found in sorted(rooms.items())
        for other in sorted(found)
        if level[room.split(".")[1]] > level[other.split(".")[1]]
    ]


def _read_layers(package: str) -> list[set[str]]:
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract.get("containers") == [package]:
            lines = [line.replace("|", ":").split(":") for line in contract["layers"]]
            return [set(contract.get("exhaustive_ignores", ())), *({*map(str.strip, line)} for line in lines)]
    sys.exit(f"pyproject.toml has no layers of {package}.")


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _longest(name: str, modules: Mapping[str, Path]) -> str | None:
    while name not in modules and "." in name:
        name = name.rpartition(".")[0]
    return name if name in modules else None


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def main() -> None:
    """Print each circle and each import that runs up, and exit with 1 if there is any."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    found = 0
    for package in PACKAGES:
        if not (root / package).is_dir():
            continue
        graph = read_imports(root, package)
        rooms = make_rooms(graph)
        circles = [*find_circles(graph), *find_circles(rooms)]
        upward = find_upward_imports(rooms, _read_layers(package)) if root == ROOT else []
        arrows = sum(map(len, rooms.values()))
        print(f"{package}: {len(graph)} modules, {len(rooms)} rooms, {arrows} arrows between rooms, ", end="")
        print(f"{len(circles)} circles, {len(upward)} imports that run up")
        for circle in circles:
            print(f"  circle: {', '.join(circle)}")
        for line in upward:
            print(f"  runs up: {line}")
        found += len(circles) + len(upward)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
