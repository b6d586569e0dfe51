"""The built wheel in a clean virtual environment: what a user of PyPI gets."""

import sys
from concurrent.futures import Future
from pathlib import Path
from zipfile import ZipFile

import pytest
from clean_environment import CleanEnvironment
from wheel_modules import PACKAGES, ROOT, modules

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MEGABYTE = 1_000_000

pytestmark = [pytest.mark.wheel, pytest.mark.slow, pytest.mark.timeout(900)]


def test_every_package_is_in_the_wheel(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    sources = {str(path.relative_to(ROOT)) for path in modules().values()}
    files = {
        f"kedro_aws_plugin/{path.relative_to(ROOT)}"
        for path in (ROOT / "starters").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sources | files | {f"{package}/py.typed" for package in PACKAGES} <= names


def test_a_plain_install_is_light(size_of_kedro: int, plain: CleanEnvironment) -> None:
    assert plain.size() - size_of_kedro < 55 * MEGABYTE, "without compiled modules"
    assert "aws-spaceflights" in plain.run("kedro starter list", plain.folder)
    assert plain.run("local-aws --version", plain.folder).startswith("local-aws, version ")


def test_a_project_made_by_the_wheel_predicts(
    plain: CleanEnvironment, environments: "dict[str, Future[CleanEnvironment]]", tmp_path: Path
) -> None:
    extras = [environments[name].result() for name in ("athena", "local", "s3")]
    clean = CleanEnvironment(tmp_path / "venv", plain, *extras)
    clean.python("-m", "kedro", "new", "--starter=aws-spaceflights", "--name", "Flights", folder=tmp_path)
    project = tmp_path / "flights"
    clean.install(*_requirements(project))

    def kedro(*arguments: str) -> str:
        return clean.python("-m", "kedro", *arguments, folder=project)

    try:
        kedro("run")
        kedro("aws", "register-model", "--approve")
        kedro("aws", "deploy")
        predictions = kedro("aws", "predict").split()
    finally:
        kedro("aws", "local", "stop")
    assert len(predictions) == 5
    assert all(float(price) > 0 for price in predictions)


def _requirements(project: Path) -> list[str]:
    """What the generated project asks for, besides this plugin, which comes from the wheel."""
    stated = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    return [line for line in stated["project"]["dependencies"] if not line.startswith("kedro-aws-plugin")]
