"""Makes a base image for the tests in tests/docker: Debian with its Python, as a tarball for `docker import`.

    python scripts/make_docker_base.py

Prints the tarball, .cache/docker-base.tar, made once. It stands for `python:3.12-slim-bookworm` where no
image can be pulled: it has what the starters' Dockerfiles use of that image, with Debian's own Python, and
the certificates that this machine trusts. Exits with 3 and a sentence where it cannot be made.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TARBALL = Path(__file__).parents[1] / ".cache" / "docker-base.tar"
NOT_POSSIBLE = 3
"""Exit code where this machine lacks what it takes."""

_PACKAGES = "ca-certificates,python3,python3-pip,python3-venv"
_SUITE = "bookworm"
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


if __name__ == "__main__":
    try:
        print(make())
    except NotPossibleError as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_POSSIBLE)
