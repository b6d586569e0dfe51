"""The built wheel in a clean virtual environment: what a user of PyPI gets."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
MEGABYTE = 1_000_000

pytestmark = [pytest.mark.wheel, pytest.mark.slow, pytest.mark.timeout(900)]


class CleanEnvironment:
    """A virtual environment with nothing but what the test installs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder, with_pip=True)
        self.bin = folder / ("Scripts" if os.name == "nt" else "bin")

    def install(self, *requirements: str) -> None:
        pip = [str(self.bin / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run(
            [*pip, "--constraint", str(CONSTRAINTS), *requirements], check=True, env=self.variables
        )

    def size(self) -> int:
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    def run(self, command: str, folder: Path) -> str:
        program, *arguments = command.split()
        done = subprocess.run(
            [str(self.bin / program), *arguments],
            cwd=folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def variables(self) -> dict[str, str]:
        """The environment without what would lead back to this checkout, or to AWS."""
        unwanted = ("PYTHON", "AWS_", "KEDRO_", "COVERAGE", "VIRTUAL_ENV")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
        path = f"{self.bin}{os.pathsep}{kept['PATH']}"
        return {**kept, "PATH": path, "KEDRO_DISABLE_TELEMETRY": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> CleanEnvironment:
    return CleanEnvironment(tmp_path_factory.mktemp("clean") / "venv")


def test_every_package_is_in_the_wheel(wheel: Path) -> None:
    from zipfile import ZipFile

    names = set(ZipFile(wheel).namelist())
    packages = ("kedro_aws_plugin", "local_aws")
    modules = {str(path.relative_to(ROOT)) for name in packages for path in (ROOT / name).rglob("*.py")}
    files = {
        f"kedro_aws_plugin/{path.relative_to(ROOT)}"
        for path in (ROOT / "starters").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert modules | files <= names


def test_a_plain_install_is_light(wheel: Path, clean: CleanEnvironment) -> None:
    clean.install("kedro")
    kedro_alone = clean.size()
    clean.install(str(wheel))
    assert clean.size() - kedro_alone < 60 * MEGABYTE
    assert "aws-spaceflights" in clean.run("kedro starter list", clean.folder)


def test_a_project_made_by_the_wheel_predicts(wheel: Path, clean: CleanEnvironment, tmp_path: Path) -> None:
    clean.install(f"{wheel}[athena,local,s3]")
    clean.run("kedro new --starter=aws-spaceflights --name Flights", tmp_path)
    project = tmp_path / "flights"
    clean.install(*_requirements(project))
    try:
        clean.run("kedro run", project)
        clean.run("kedro aws register-model --approve", project)
        clean.run("kedro aws deploy", project)
        predictions = clean.run("kedro aws predict", project).split()
    finally:
        clean.run("kedro aws local stop", project)
    assert len(predictions) == 5
    assert all(float(price) > 0 for price in predictions)


def _requirements(project: Path) -> list[str]:
    """What the generated project asks for, besides this plugin, which comes from the wheel."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    stated = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    return [line for line in stated["project"]["dependencies"] if not line.startswith("kedro-aws-plugin")]
