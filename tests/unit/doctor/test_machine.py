"""What doctor says of Python, packages, Java and git."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kedro_aws_plugin.doctor import machine
from kedro_aws_plugin.doctor.finding import Finding
from kedro_aws_plugin.doctor.machine import (
    check_container,
    check_docker,
    check_ignored,
    check_packages,
    check_python,
    check_spark,
    observe_packages,
)


def states(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(each.check, each.state) for each in findings]


@pytest.mark.parametrize(
    ("version", "state"), [("3.9.18", "problem"), ("3.10.0", "ok"), ("3.13.1", "ok"), ("3.14.0", "problem")]
)
def test_the_versions_of_python_that_work(version: str, state: str) -> None:
    assert check_python(version).state == state


def test_packages_are_seen_as_pip_sees_them() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "freeze", "--all"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    stated = dict(line.split("==") for line in listed if "==" in line and "#" not in line)
    found = observe_packages()
    assert len(stated) > 50
    assert {name: found.get(name.lower().replace("_", "-").replace(".", "-")) for name in stated} == stated


def test_all_that_is_needed_here_is_installed() -> None:
    [found] = check_packages({"athena": "`reviews`", "local": "the local AWS"}, observe_packages())
    assert (found.state, found.message.endswith(", with athena, local")) == ("ok", True)


def test_a_missing_extra_is_named_with_its_reason() -> None:
    installed = {name: version for name, version in observe_packages().items() if name != "pyathena"}
    [found] = check_packages({"athena": "`reviews`"}, installed)
    assert found.state == "problem"
    assert found.message == "`reviews` needs pyathena<5,>=3.40 (missing)."
    assert found.fix == 'pip install "kedro-aws-plugin[athena]"'


def test_what_the_extras_of_a_package_need_is_needed() -> None:
    """The local AWS needs `moto[glue]`, and that pyparsing."""
    installed = {name: version for name, version in observe_packages().items() if name != "pyparsing"}
    [found] = check_packages({"local": "the local AWS"}, installed)
    assert re.fullmatch(r"the local AWS needs pyparsing\S* \(missing\)\.", found.message)


def test_half_of_an_extra_in_another_version() -> None:
    [found] = check_packages({"athena": "`reviews`"}, {**observe_packages(), "pyathena": "2.0.0"})
    assert "pyathena<5,>=3.40 (here 2.0.0)" in found.message


def test_a_package_whose_modules_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pip leaves it when it is killed; it then takes the package for installed."""
    metadata = tmp_path / "duckdb-1.6.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Name: duckdb\nVersion: 1.6.0\n", encoding="utf-8")
    (metadata / "RECORD").write_text("_duckdb.so,,\nduckdb/__init__.py,,\nduckdb/x.py,,\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    [found] = check_packages({"local": "the local AWS"}, observe_packages())
    assert (found.state, found.message.partition(",")[0]) == (
        "problem",
        "duckdb is installed without its modules",
    )
    assert found.fix == 'pip install --force-reinstall "duckdb==1.6.0"'
    (tmp_path / "duckdb").mkdir()
    (tmp_path / "duckdb" / "__init__.py").touch()
    [whole] = check_packages({"local": "the local AWS"}, observe_packages())
    assert whole.state == "ok"


def test_the_old_s3fs_that_resolvers_fall_back_to() -> None:
    found = list(check_packages({}, {**observe_packages(), "s3fs": "0.4.2"}))
    assert [(each.message, each.fix) for each in found] == [
        ("s3fs is 0.4.2, which is too old for this plugin.", 'pip install "s3fs>=2025.3"')
    ]


def test_a_plugin_that_does_not_start() -> None:
    [found] = check_packages({}, {**observe_packages(), "kedro-sagemaker": "0.4.0"})
    assert (found.state, found.fix) == ("problem", 'pip uninstall "kedro-sagemaker"')


def test_the_containers_versions() -> None:
    """The image for scikit-learn 1.9 has Python 3.12, as AWS's own list of it says."""
    same = {"scikit-learn": "1.9.0", "numpy": "2.5.1", "pandas": "2.2.3"}
    assert states(list(check_container("eu-west-1", "3.12.1", same))) == [("container", "ok")]
    [found] = check_container("eu-west-1", "3.11.7", same)
    assert found.state == "warning"
    assert found.message == "python is 3.11.7 here and 3.12 in the container 1.9-0."
    assert found.fix == "Train in a virtual environment of Python 3.12."


def test_what_the_container_installs_itself_is_not_compared() -> None:
    other = {"scikit-learn": "1.9.0", "numpy": "2.5.1", "pandas": "2.1.0"}
    [found] = check_container("eu-west-1", "3.12.1", other)
    assert 'add "pandas==2.1.0" to registry.requirements' in found.fix
    required = ("pandas==2.1.0", "scikit-learn[x]>=1")
    assert states(list(check_container("eu-west-1", "3.12.1", other, required))) == [("container", "ok")]


def test_only_what_a_model_is_made_of_is_compared() -> None:
    installed = {"scikit-learn": "1.9.0", "numpy": "2.5.1", "pandas": "2.2.3", "idna": "1.0"}
    assert states(list(check_container("eu-west-1", "3.12.1", installed))) == [("container", "ok")]


def test_no_scikit_learn_and_no_such_region() -> None:
    assert states(list(check_container("eu-west-1", "3.12.1", {}))) == [("container", "warning")]
    assert states(list(check_container("mars-1", "3.12.1", {"scikit-learn": "1.9.0"}))) == [
        ("container", "problem")
    ]


@pytest.fixture
def spark_home(tmp_path: Path) -> Path:
    """A Spark with Hadoop 3.4.1."""
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars/hadoop-client-api-3.4.1.jar").touch()
    return tmp_path


def test_no_java_and_jars_of_another_hadoop(spark_home: Path) -> None:
    environ = {"PATH": "", "SPARK_HOME": str(spark_home)}
    settings = {"spark.jars.packages": "org.apache.hadoop:hadoop-aws:3.3.1"}
    found = list(check_spark(settings, environ))
    assert states(found) == [("java", "problem"), ("jars", "problem")]
    assert found[0].fix.startswith("Spark needs Java. Install Java 17")
    assert "hadoop-aws 3.3.1" in found[1].message


def test_spark_without_the_jars_for_s3(spark_home: Path) -> None:
    found = list(check_spark({}, {"PATH": "", "SPARK_HOME": str(spark_home)}))[1]
    assert (found.check, found.state) == ("jars", "warning")
    assert found.fix.endswith("kedro aws spark-jars")


def test_docker_is_outside_of_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(machine, "_CONTAINER_MARK", tmp_path / "dockerenv")
    assert check_docker().state == "warning"
    (tmp_path / "dockerenv").touch()
    assert check_docker() == Finding("docker", "ok", "This is a container; Docker is outside")


def test_no_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(machine, "_CONTAINER_MARK", tmp_path / "dockerenv")
    assert check_docker().message == "There is no docker, so compose.yaml cannot be used."


@pytest.mark.skipif(sys.platform == "win32", reason="a script that stands for docker")
def test_a_docker_without_its_daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert "daemon does not answer" in check_docker().message
    docker.write_text("#!/bin/sh\necho 28.2.2\n")
    assert check_docker() == Finding("docker", "ok", "Docker 28.2.2")
    docker.write_text('#!/bin/sh\n[ "$1" = version ] && echo 28.2.2\n')
    found = check_docker()
    assert (found.state, "Docker 28.2.2 has no `docker compose`" in found.message) == ("warning", True)


def test_what_git_would_commit_is_mended(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("data/", encoding="utf-8")
    [found] = check_ignored(tmp_path / ".kedro-aws", ignored=False)
    assert (found.state, found.mend is not None) == ("problem", True)
    assert found.mend is not None
    found.mend()
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8") == "data/\n.kedro-aws/\n"


def test_nothing_is_said_of_git_where_there_is_none(tmp_path: Path) -> None:
    assert list(check_ignored(tmp_path / ".kedro-aws", ignored=None)) == []
