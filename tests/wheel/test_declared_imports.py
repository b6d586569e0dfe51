"""What is in the wheel is declared: its packages in setup.cfg, its imports in pyproject.toml."""

import ast
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import wheel_modules as extras

from local_aws.control import launch

EXCEPTIONS = {
    ("kedro_aws_plugin.adopt.plan", "tomli"): "only for Python 3.10, where Kedro requires it",
    ("kedro_aws_plugin.bundle.requirements", "tomli"): "only for Python 3.10, where Kedro requires it",
    ("kedro_aws_plugin.datasets._frames", "polars"): "the project's catalog has `engine: polars`",
    ("kedro_aws_plugin.actions.prediction", "pandas"): "the caller has it, to give or to take a frame",
    ("kedro_aws_plugin.actions.transform", "pandas"): "`prepare_transform` has found it",
    ("kedro_aws_plugin.project.transform_input", "pandas"): "`prepare_transform` has found it",
    ("kedro_aws_plugin.project.transform_input", "pyarrow"): "`prepare_transform` has found it",
    ("kedro_aws_plugin.notebook", "IPython"): "IPython calls it",
    ("local_aws.control.lock", "filelock"): "`check_extra` has found it",
    ("local_aws.kept.shape", "cryptography"): "moto brings it with the services that have keys",
    ("local_aws.s3.content", "awscrt"): "only for CRC64NVME, as in moto",
    ("local_aws.s3.content", "crc32c"): "only for CRC32C, as in moto",
}
"""Imports within functions of what no extra of the module brings, and why it is there all the same."""


def third_party(file: Path) -> set[str]:
    """The top-level packages that a module imports, also within functions, but for type hints."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {name.split(".")[0] for node in _run_nodes(tree) for name in _imported(node)}
    return names - set(sys.stdlib_module_names) - set(extras.PACKAGES)


def _run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from (each for other in node.orelse for each in (other, *_run_nodes(other)))
            continue
        yield node
        yield from _run_nodes(node)


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []


@cache
def brought(extras_of_module: tuple[str, ...]) -> set[str]:
    """What is declared, and what the declared distributions require themselves in every environment."""
    declared = extras.declared(extras_of_module)
    indirect = {
        extras.distribution_name(line)
        for name in declared
        if name != "tzdata"  # for Windows
        for line in requires(name) or []
        if ";" not in line
    }
    return declared | indirect


@cache
def _distributions() -> dict[str, set[str]]:
    """The distributions that bring a top-level package."""
    return {
        package: {extras.distribution_name(name) for name in names}
        for package, names in packages_distributions().items()
    }


def undeclared(module: str, file: Path) -> set[str]:
    """The imports of a module that its extras do not bring."""
    allowed = brought(extras.extras_of(module))
    return {
        name
        for name in third_party(file)
        if (module, name) not in EXCEPTIONS and not _distributions().get(name, set()) & allowed
    }


def test_every_import_is_declared() -> None:
    modules = {name: file for name, file in extras.modules().items() if name not in extras.ELSEWHERE}
    found = {module: undeclared(module, file) for module, file in modules.items()}
    assert {module: names for module, names in found.items() if names} == {}
    assert len(found) > 200


def test_an_import_of_another_extra_is_found(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "def work():\n    import duckdb.typing, click\n    from pyarrow import fs\n", encoding="utf-8"
    )
    assert undeclared("kedro_aws_plugin.plan.athena", file) == {"duckdb", "pyarrow"}
    assert undeclared("kedro_aws_plugin.datasets.athena_table", file) == {"duckdb"}
    assert undeclared("local_aws.athena.database", file) == set()


def test_every_package_is_named_in_setup_cfg() -> None:
    settings = ConfigParser()
    settings.read(extras.ROOT / "setup.cfg", encoding="utf-8")
    packages = {module for module, file in extras.modules().items() if file.name == "__init__.py"}
    assert set(settings["options"]["packages"].split()) == packages | {"kedro_aws_plugin.starters"}


def test_the_local_aws_starts_only_with_all_of_its_extra() -> None:
    needed = {name for package in launch._NEEDED for name in _distributions()[package]}
    assert needed == extras.declared(("local",)) - extras.declared(())


def test_imports_for_type_hints_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("if TYPE_CHECKING:\n    import duckdb\nelse:\n    import pyarrow\n", encoding="utf-8")
    assert third_party(file) == {"pyarrow"}


def test_the_tables_name_modules_that_exist() -> None:
    known = extras.modules()
    assert {*extras.ELSEWHERE, *(module for module, _ in EXCEPTIONS)} <= known.keys()
    for name in extras.NEEDED:
        assert [module for module in known if module.startswith(name)] != [], name
