"""The built wheel in a clean virtual environment: what a user of PyPI gets."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from clean_environment import CleanEnvironment, Environments
from wheel_modules import PACKAGES, ROOT, modules

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
    assert plain.size() - size_of_kedro < 45 * MEGABYTE, "without compiled modules"
    assert "aws-spaceflights" in plain.run("kedro starter list", plain.folder)
    assert plain.run("local-aws --version", plain.folder).startswith("local-aws, version ")


def test_a_project_made_by_the_wheel_predicts(environments: Environments) -> None:
    clean = environments.flights.result()

    def kedro(*arguments: str) -> str:
        return clean.python("-m", "kedro", *arguments, folder=environments.project)

    try:
        kedro("run")
        kedro("aws", "register-model", "--approve")
        kedro("aws", "deploy")
        predictions = kedro("aws", "predict").split()
    finally:
        kedro("aws", "local", "stop")
    assert len(predictions) == 5
    assert all(float(price) > 0 for price in predictions)
