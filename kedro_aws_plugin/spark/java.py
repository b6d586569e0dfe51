"""Find the Java that Spark runs on."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kedro_aws_plugin.errors import SparkError, first_line

MINIMUM = 17
"""The oldest Java that Spark 4 runs on."""

_GET_IT = f"Install Java {MINIMUM} or later, or set JAVA_HOME to one."
_TIMEOUT = 30


@dataclass(frozen=True)
class Java:
    """A Java that can run Spark.

    Attributes:
        path: The path of the `java` command.
        version: The major version: 17, 21, ...
    """

    path: Path
    version: int


def find_java(environ: Mapping[str, str] = os.environ) -> Java:
    """Find the Java that Spark's scripts will use: the one in JAVA_HOME, else the one on PATH.

    Args:
        environ: The environment variables.

    Raises:
        SparkError: If there is no Java, it does not run, or it is too old.

    Example:
        >>> find_java().version
        21
    """
    path = _locate(environ)
    version = _read_version(path, environ)
    if version < MINIMUM:
        raise SparkError(f"{path} is Java {version}, which is too old for Spark. {_GET_IT}")
    return Java(path, version)


def _locate(environ: Mapping[str, str]) -> Path:
    home = environ.get("JAVA_HOME")
    # If JAVA_HOME is set, Spark does not look at PATH.
    found = shutil.which("java", path=str(Path(home, "bin")) if home else environ.get("PATH", ""))
    if found:
        return Path(found)
    where = f"JAVA_HOME is {home}, which has no bin/java." if home else "There is no java on the PATH."
    raise SparkError(f"{where} Spark needs Java. {_GET_IT}")


def _read_version(java: Path, environ: Mapping[str, str]) -> int:
    try:
        ran = subprocess.run(  # noqa: S603 - the Java that Spark is about to run
            [java, "-version"], env=dict(environ), capture_output=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SparkError(f"{java} does not run: {error}. {_GET_IT}") from None
    said = (ran.stderr + ran.stdout).decode(errors="replace").strip()
    # Up to Java 8, the number follows after "1.".
    number = re.search(r'version "(?:1\.)?(\d+)', said)
    if ran.returncode or not number:
        printed = first_line(said) if said else f"nothing, exit code {ran.returncode}"
        raise SparkError(f"{java} does not print its version; it printed: {printed}. {_GET_IT}")
    return int(number.group(1))
