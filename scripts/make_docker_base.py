"""Makes a base image for the tests in tests/docker: Debian with a Python, as a tarball for `docker import`.

    python scripts/make_docker_base.py

Prints the tarball, .cache/docker-python.tar, made once. It stands for `python:3.12-slim-bookworm` where no
image can be pulled: it has what the starters' Dockerfiles use of that image, and the certificates that this
machine trusts. Python is the 3.12 that pyenv has built on this machine, in /usr/local as in that image; where
there is none that runs on bookworm, it is Debian's own 3.11. Exits with 3 and a sentence where no image can
be made.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TARBALL = Path(__file__).parents[1] / ".cache" / "docker-python.tar"
NOT_POSSIBLE = 3
"""Exit code where this machine lacks what it takes."""

_PACKAGES = "ca-certificates,python3,python3-pip,python3-venv"
_SUITE = "bookworm"
_PYTHON = "3.12"
_NOT_OF_THE_IMAGE = ("test", "idlelib", "tkinter", "turtledemo", "config-*", "site-packages", "__pycache__")
_NEEDED = "import bz2, ctypes, ensurepip, lzma, readline, sqlite3, ssl, uuid, venv, zlib"
_TRUSTED = "usr/local/share/ca-certificates"
_UNUSED = (
    "var/cache/apt/archives",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
)


class NotPossibleError(Exception):
    """Why the image cannot be made on this machine, in one sentence."""


def make() -> Path:
    """Make the tarball, unless it is there. It appears when it is complete.

    Raises:
        NotPossibleError: This machine lacks debootstrap, or the user is not root.
        subprocess.CalledProcessError: A step failed; it has said why.
    """
    if TARBALL.is_file():
        return TARBALL
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise NotPossibleError("A base image without a registry needs root and debootstrap, on Linux.")
    TARBALL.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="docker-base-", dir=TARBALL.parent) as folder:
        root, tarball = Path(folder) / "root", Path(folder) / TARBALL.name
        options = ("--variant=minbase", f"--include={_PACKAGES}")
        subprocess.run(["debootstrap", *options, _SUITE, root], check=True, stdout=sys.stderr)
        _trust_what_this_machine_trusts(root)
        _add_python(root)
        for unused in _UNUSED:
            shutil.rmtree(root / unused, ignore_errors=True)
            (root / unused).mkdir()
        subprocess.run(["tar", "-C", root, "-cf", tarball, "."], check=True)
        tarball.replace(TARBALL)
    return TARBALL


def _trust_what_this_machine_trusts(root: Path) -> None:
    """Add what this machine's administrator trusts, such as the authority of a proxy, to Debian's own."""
    for certificate in (Path("/") / _TRUSTED).glob("*.crt"):
        shutil.copy(certificate, root / _TRUSTED)
    subprocess.run(["chroot", root, "update-ca-certificates"], check=True, stdout=sys.stderr)


def _add_python(root: Path) -> None:
    """Add the newest Python 3.12 of pyenv, if there is one and it runs there."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    built = sorted(versions.glob(f"{_PYTHON}.*/lib"), key=lambda each: int(each.parent.name.split(".")[2]))
    if not built:
        return
    into = root / "usr" / "local"
    shutil.copytree(
        built[-1],
        into / "lib",
        symlinks=True,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(*_NOT_OF_THE_IMAGE),
    )
    shutil.copy(built[-1].parent / "bin" / f"python{_PYTHON}", into / "bin")
    for name in ("python", "python3"):
        (into / "bin" / name).symlink_to(f"python{_PYTHON}")
    chroot = ["chroot", str(root)]
    subprocess.run([*chroot, "ldconfig"], check=True)
    if subprocess.run([*chroot, "/usr/local/bin/python3", "-c", _NEEDED], check=False).returncode:
        shutil.rmtree(into / "lib" / f"python{_PYTHON}")
        for name in ("python", "python3", f"python{_PYTHON}"):
            (into / "bin" / name).unlink()


if __name__ == "__main__":
    try:
        print(make())
    except NotPossibleError as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_POSSIBLE)
