"""What `local_aws` offers to other packages, and that the plugin takes nothing else of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import local_aws

PLUGIN = Path(__file__).parents[2] / "kedro_aws_plugin"
OPEN = {"local_aws", "local_aws.cli"}


def imported(file: Path) -> Iterator[str]:
    """The modules that a file imports, also within functions and for type hints."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_the_plugin_imports_nothing_deeper() -> None:
    used = {
        (name, file.relative_to(PLUGIN).as_posix())
        for file in PLUGIN.rglob("*.py")
        for name in imported(file)
        if name.split(".")[0] == "local_aws"
    }
    assert {(name, file) for name, file in used if name not in OPEN} == set()
    assert {name for name, _ in used} == OPEN


@pytest.mark.parametrize("name", local_aws.__all__)
def test_what_is_listed_can_be_imported(name: str) -> None:
    assert getattr(local_aws, name) is not None


def test_what_is_not_listed_is_pythons_own_error() -> None:
    assert {*local_aws._HOMES, "__version__"} == set(local_aws.__all__)
    with pytest.raises(AttributeError, match="module 'local_aws' has no attribute 'control_room'"):
        _ = local_aws.control_room
