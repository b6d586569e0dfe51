"""Each extra in a clean environment of its own: its modules are imported, and what it promises is used."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from clean_environment import CleanEnvironment, Environments
from wheel_modules import EXTRAS, modules_of

PROMISES = Path(__file__).parent / "promises"
IMPORT = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"

pytestmark = [pytest.mark.wheel, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def variables(
    plain: CleanEnvironment, environments: Environments, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The variables of a local AWS that `local-aws start` has started in an empty folder."""
    folder = tmp_path_factory.mktemp("anywhere")

    def local_aws(verb: str) -> str:
        """Run the script, which stands in the environment below, by the Python that has the extra."""
        return environments.extras["local"].result().python(str(plain.bin / "local-aws"), verb, folder=folder)

    local_aws("start")
    try:
        lines = [shlex.split(line) for line in local_aws("env").splitlines()]
        yield dict(line[1].split("=", maxsplit=1) for line in lines if line[0] == "export")
    finally:
        local_aws("stop")


def test_without_extras(plain: CleanEnvironment, tmp_path: Path) -> None:
    plain.python("-c", IMPORT, *modules_of(""))
    plain.python(str(PROMISES / "none.py"), folder=tmp_path)


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra(extra: str, environments: Environments, variables: dict[str, str], tmp_path: Path) -> None:
    environment = environments.extras[extra].result()
    environment.python("-c", IMPORT, *modules_of(extra))
    environment.python(str(PROMISES / f"{extra}.py"), folder=tmp_path, variables=variables)
