"""Makes the Python environment of AWS's scikit-learn image 1.9-0, for the tests in tests/container.

    python scripts/make_container_environment.py

Prints its folder, a virtual environment below .cache/container-1.9-0, made once for each set of pins.
Containers mount it at /opt/venv, where the image has it, so its commands work only there. Exits with 3 and
a sentence where it cannot be made: no Python 3.12, no package index.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "container-1.9-0"
IMAGE_FOLDER = "/opt/venv"
"""Where the image has its environment."""
REQUIREMENTS = ROOT / "tests" / "container" / "requirements.txt"
SERVING = ROOT / "tests" / "container" / "image_serving.py"
NOT_POSSIBLE = 3
"""Exit code where this machine lacks what it takes."""

_COMMAND = f"""\
#!{IMAGE_FOLDER}/bin/python
import sys
from sagemaker_sklearn_container.serving import serve
sys.exit(serve())
"""
_DESCRIBE_PYTHON = """\
import sys
if sys.version_info[:2] != (3, 12):
    sys.exit(1)
import ensurepip, os, venv
print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)), sys.version.split()[0])
"""


class NotPossibleError(Exception):
    """Why the environment cannot be made on this machine, in one sentence."""


def make() -> Path:
    """Make the environment, unless it is there.

    Two processes may do this at once: one makes it, the other waits. The folder appears when it is complete.

    Returns:
        Its folder.

    Raises:
        NotPossibleError: This machine lacks Python 3.12 or a package index.
        subprocess.CalledProcessError: pip could not install the pins; it has said why.
    """
    python, version = find_python()
    folder = CACHE / _key(f"{python} {version}")
    if not folder.is_dir():
        with _lock():
            if not folder.is_dir():
                _make(python, folder)
    return folder


def find_python() -> tuple[str, str]:
    """Find a Python 3.12 that can make virtual environments.

    Returns:
        Its path and its version.
    """
    chosen = os.environ.get("PYTHON312")
    for candidate in [Path(chosen)] if chosen else _candidates():
        described = _describe(candidate)
        if described:
            return described
    if chosen:
        raise NotPossibleError(f"PYTHON312 is {chosen}, which is not a Python 3.12 with venv and ensurepip.")
    raise NotPossibleError(
        "There is no Python 3.12 with venv and ensurepip: install it, or give its path in PYTHON312."
    )


def _candidates() -> Iterator[Path]:
    if sys.version_info[:2] == (3, 12):
        yield Path(sys.executable)
    yield from (Path(folder) / "python3.12" for folder in os.get_exec_path())
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob("versions/3.12.*/bin/python3.12"), reverse=True)
    yield from sorted(Path.home().glob(".local/share/uv/python/cpython-3.12*/bin/python3.12"), reverse=True)


def _describe(python: Path) -> tuple[str, str] | None:
    if not python.is_file():
        return None
    described = subprocess.run(
        [python, "-I", "-c", _DESCRIBE_PYTHON], capture_output=True, text=True, check=False
    )
    if described.returncode:
        return None
    path, _, version = described.stdout.strip().partition(" ")
    return path, version


def _key(python: str) -> str:
    """Name what the environment is made of."""
    digest = hashlib.sha256(python.encode())
    for file in (REQUIREMENTS, SERVING, Path(__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _lock() -> Iterator[None]:
    if sys.platform == "win32":
        raise NotPossibleError("The container's environment cannot be made on Windows.")
    import fcntl

    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(python: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="making-") as making:
        environment = Path(making) / "venv"
        subprocess.run([python, "-m", "venv", environment], check=True, stdout=sys.stderr)
        _install_pins(environment)
        (site_packages,) = environment.glob("lib/python*/site-packages")
        _patch(site_packages / "sagemaker_containers" / "_mapping.py")
        _add_serving(environment, site_packages)
        _relocate(environment)
        for former in CACHE.glob("*/pyvenv.cfg"):
            shutil.rmtree(former.parent)
        environment.rename(folder)


def _install_pins(environment: Path) -> None:
    python = str(environment / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    pins = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    # pip itself, and setuptools, with which the packages that have no wheel are built.
    first = [pin for pin in pins if pin.startswith(("pip==", "setuptools=="))]
    started = subprocess.run([*pip, "--retries", "1", *first], capture_output=True, text=True, check=False)
    if started.returncode:
        reason = (started.stderr.strip().splitlines() or ["pip failed"])[-1].removeprefix("ERROR: ")
        raise NotPossibleError(f"No package index gave {' and '.join(first)}: {reason}")
    pins_alone = ["--no-deps", "--no-build-isolation", "--requirement", str(REQUIREMENTS)]
    subprocess.run([*pip, *pins_alone], check=True, stdout=sys.stderr)


def _patch(mapping: Path) -> None:
    """Make sagemaker-containers importable on Python 3.10 and later, as the image's Dockerfile does."""
    source = mapping.read_text(encoding="utf-8")
    mapping.write_text(source.replace("collections.Mapping", "collections.abc.Mapping"), encoding="utf-8")


def _add_serving(environment: Path, site_packages: Path) -> None:
    package = site_packages / "sagemaker_sklearn_container"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(SERVING, package / "serving.py")
    command = environment / "bin" / "serve"
    command.write_text(_COMMAND, encoding="utf-8")
    command.chmod(0o755)


def _relocate(environment: Path) -> None:
    """Let the commands find Python where the image has it."""
    for file in (environment / "bin").iterdir():
        if file.is_file() and not file.is_symlink():
            file.write_bytes(file.read_bytes().replace(str(environment).encode(), IMAGE_FOLDER.encode()))


def main() -> None:
    """Print the environment's folder."""
    try:
        print(make())
    except NotPossibleError as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_POSSIBLE)
    except subprocess.CalledProcessError as error:
        sys.exit(f"The environment was not made; see above. Exit code {error.returncode} of {error.cmd}")


if __name__ == "__main__":
    main()
