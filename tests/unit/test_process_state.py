"""What a process keeps for itself: module-level state that changes is listed here, each with its reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

KEPT = {
    # A node finds its run without being given it: in its thread, in the process, in a child process.
    "kedro_aws_plugin/run/state.py:_here",
    "kedro_aws_plugin/run/state.py:_under_way",
    "kedro_aws_plugin/run/state.py:_latest",
    "kedro_aws_plugin/run/state.py:_inherited",
    # A process runs one step of an execution: hooks and globals have no other way to it.
    "kedro_aws_plugin/run/job.py:_current",
    # os.environ belongs to the process: what of it is the user's must be known to be put back.
    "kedro_aws_plugin/aws/environment.py:_ours",
    "kedro_aws_plugin/aws/environment.py:_theirs",
    # A library is changed once for the process; the rule for requests belongs to it as os.environ does.
    "kedro_aws_plugin/aws/guard.py:_active",
    "kedro_aws_plugin/aws/guard.py:_rule",
    # OmegaConf has one set of resolvers for the process: ours finds the loader that an expression belongs to.
    "kedro_aws_plugin/config/injection.py:_live",
    # Kedro makes datasets from the catalog's arguments alone: the hook has no other way to them.
    "kedro_aws_plugin/datasets/defaults.py:_current",
    # moto's classes belong to the process: what its own threads look at is noted for whoever writes next.
    "local_aws/kept/watch.py:_strays",
    # Servers end with the pipe that these objects hold.
    "local_aws/control/launch.py:_started",
}
CONTAINERS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
MAKERS = {"dict", "list", "set", "WeakValueDictionary", "ContextVar", "defaultdict", "deque", "local"}


def find_state(root: Path, package: str) -> Iterator[str]:
    for path in sorted((root / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        rebound = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
        for name, value in assignments(tree):
            made = isinstance(value, ast.Call) and getattr(value.func, "id", "") in MAKERS
            empty = isinstance(value, CONTAINERS) and not ast.unparse(value).strip("[]{}()")
            if name in rebound or (name.startswith("_") and name.islower() and (made or empty)):
                yield f"{path.relative_to(root).as_posix()}:{name}"


def assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr | None]]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from ((each.id, node.value) for each in node.targets if isinstance(each, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value


def test_nothing_else_is_kept() -> None:
    found = {each for package in ("kedro_aws_plugin", "local_aws") for each in find_state(ROOT, package)}
    assert found == KEPT
