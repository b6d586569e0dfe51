"""Finding Java, with scripts that speak as Javas do."""

import sys
from pathlib import Path

import pytest

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.spark.java import Java, find_java

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fake Java is a shell script")

OPENJDK = 'openjdk version "{}" 2025-04-15\nOpenJDK Runtime Environment (build {})'


def fake_java(home: Path, says: str, exit_code: int = 0) -> Path:
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(
        f"#!/bin/sh\n[ \"$1\" = -version ] || exit 9\nprintf '%s\\n' '{says}' >&2\nexit {exit_code}\n"
    )
    java.chmod(0o755)
    return java


def test_java_home_goes_before_the_path(tmp_path: Path) -> None:
    at_home = fake_java(tmp_path / "home", OPENJDK.format("21.0.1", "21.0.1+12"))
    on_path = fake_java(tmp_path / "usr", OPENJDK.format("17.0.15", "17.0.15+6"))
    environ = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    assert find_java(environ) == Java(at_home, 21)
    assert find_java({"PATH": str(on_path.parent)}) == Java(on_path, 17)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ('java version "25" 2025-09-16 LTS', 25),
        ('openjdk version "22-ea" 2024-03-19', 22),
        (f"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\n{OPENJDK.format('17.0.15', '17.0.15+6')}", 17),
    ],
)
def test_versions_are_written_in_several_ways(tmp_path: Path, says: str, version: int) -> None:
    assert find_java({"JAVA_HOME": str(fake_java(tmp_path, says).parents[1])}).version == version


@pytest.mark.parametrize(
    ("says", "version"), [('java version "1.8.0_392"', 8), ('openjdk version "11.0.2"', 11)]
)
def test_an_old_java_is_refused(tmp_path: Path, says: str, version: int) -> None:
    java = fake_java(tmp_path, says)
    with pytest.raises(SparkError) as refused:
        find_java({"PATH": str(java.parent)})
    assert refused.value.message == (
        f"{java} is Java {version}, which is too old for Spark. "
        "Install Java 17 or later, or set JAVA_HOME to one."
    )


def test_no_java(tmp_path: Path) -> None:
    with pytest.raises(SparkError, match=r"There is no java on the PATH\. Spark needs Java\. Install"):
        find_java({"PATH": str(tmp_path)})
    with pytest.raises(SparkError, match="There is no java on the PATH"):
        find_java({})


def test_a_java_home_without_java_is_not_made_up_for_by_the_path(tmp_path: Path) -> None:
    java = fake_java(tmp_path / "usr", OPENJDK.format("17.0.15", "17.0.15+6"))
    with pytest.raises(SparkError, match=r"JAVA_HOME is /no/such/place, which has no bin/java\."):
        find_java({"JAVA_HOME": "/no/such/place", "PATH": str(java.parent)})


def test_a_java_that_only_asks_to_be_installed(tmp_path: Path) -> None:
    java = fake_java(tmp_path, "Unable to locate a Java Runtime.", exit_code=1)
    with pytest.raises(SparkError, match=r"version; it printed: Unable to locate a Java Runtime\."):
        find_java({"PATH": str(java.parent)})


def test_a_java_that_says_nothing(tmp_path: Path) -> None:
    java = fake_java(tmp_path, "", exit_code=3)
    with pytest.raises(SparkError, match="it printed: nothing, exit code 3"):
        find_java({"PATH": str(java.parent)})


def test_a_java_that_does_not_run(tmp_path: Path) -> None:
    java = fake_java(tmp_path, "")
    java.write_bytes(b"\x7fELF for another machine")
    with pytest.raises(SparkError, match="does not run: "):
        find_java({"PATH": str(java.parent)})
