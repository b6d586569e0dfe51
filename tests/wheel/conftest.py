"""The built wheel, and clean virtual environments to install it into."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clean_environment import CleanEnvironment, Environments
from wheel_modules import EXTRAS, ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
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


@pytest.fixture(scope="session")
def kedro_alone(tmp_path_factory: pytest.TempPathFactory) -> CleanEnvironment:
    """An environment with Kedro."""
    environment = CleanEnvironment(tmp_path_factory.mktemp("clean") / "venv")
    environment.install("kedro")
    return environment


@pytest.fixture(scope="session")
def size_of_kedro(kedro_alone: CleanEnvironment) -> int:
    """Bytes of an environment with Kedro."""
    return kedro_alone.size()


@pytest.fixture(scope="session")
def plain(wheel: Path, kedro_alone: CleanEnvironment, size_of_kedro: int) -> CleanEnvironment:
    """An environment with the wheel and no extra; measured before, as it grows out of Kedro's."""
    del size_of_kedro
    kedro_alone.install(str(wheel))
    return kedro_alone


@pytest.fixture(scope="session")
def environments(
    wheel: Path, plain: CleanEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environments]:
    """Start to install an environment for each extra, and one for a project."""
    folder = tmp_path_factory.mktemp("extras")

    def install(extra: str) -> CleanEnvironment:
        environment = CleanEnvironment(folder / extra, plain)
        environment.install(f"{wheel}[{extra}]")
        return environment

    def install_flights() -> CleanEnvironment:
        below = [extras[name].result() for name in ("athena", "local", "s3")]
        environment = CleanEnvironment(folder / "venv", plain, *below)
        new = ("-m", "kedro", "new", "--starter=aws-spaceflights", "--name", "Flights")
        environment.python(*new, folder=folder)
        environment.install(*_requirements(folder / "flights"))
        return environment

    with ThreadPoolExecutor(2) as pool:
        extras = {extra: pool.submit(install, extra) for extra in EXTRAS}
        yield Environments(extras, pool.submit(install_flights), folder / "flights")


def _requirements(project: Path) -> list[str]:
    """What the generated project asks for, besides this plugin, which comes from the wheel."""
    stated = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    return [line for line in stated["project"]["dependencies"] if not line.startswith("kedro-aws-plugin")]
