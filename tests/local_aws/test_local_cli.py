"""The commands `kedro aws local VERB`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from local_cloud import ECHO, Cloud

from kedro_aws_plugin.cli.local import local
from local_aws import __version__, find, start
from local_aws.cli import main

AWS_YML = "region: eu-west-1\nbucket: my-flights\nlocal: {port: 0}\n"
LOGGING = """
version: 1
handlers:
  console: {class: logging.StreamHandler, stream: ext://sys.stderr}
root: {handlers: [console]}
"""
"""Logs go to stderr. By default Kedro logs to stdout before a command begins."""

PYPROJECT = """
[tool.kedro]
package_name = "my_flights"
project_name = "My Flights"
kedro_init_version = "1.0.0"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    """Make the smallest Kedro project with an aws.yml, and change to it."""
    for folder in ("conf/base", "conf/local", "src/my_flights", "data/raw"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "conf" / "base" / "aws.yml").write_text(AWS_YML)
    (tmp_path / "conf" / "logging.yml").write_text(LOGGING)
    (tmp_path / "src" / "my_flights" / "__init__.py").touch()
    (tmp_path / "src" / "my_flights" / "settings.py").touch()
    (tmp_path / "src" / "my_flights" / "pipeline_registry.py").write_text(
        "def register_pipelines():\n    return {}\n"
    )
    (tmp_path / "data" / "raw" / "companies.csv").write_text("id\n1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEDRO_DISABLE_TELEMETRY", "1")
    return tmp_path


def run(*args: str):
    return CliRunner().invoke(local, list(args), catch_exceptions=False)


def kedro(project: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "KEDRO_AWS_STATE_DIR"}
    command = [sys.executable, "-m", "kedro", "aws", "local", *args]
    return subprocess.run(
        command,
        cwd=project,
        capture_output=True,
        text=True,
        env={**environment, "AWS_PROFILE": "x", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        check=False,
    )


@pytest.mark.slow
def test_the_life_of_a_project_s_local_aws(project: Path):
    try:
        started = kedro(project, "start")
        assert started.returncode == 0, started.stderr
        assert started.stdout == ""
        (line,) = [each for each in started.stderr.splitlines() if "Local AWS" in each]
        assert line.startswith("Local AWS started at http://127.0.0.1:")
        assert line.endswith(", 1 files of data/raw uploaded to s3://my-flights")
        assert "already running" in kedro(project, "start").stderr
        status = json.loads(kedro(project, "status", "-o", "json").stdout)
        assert status["running"]
        assert status["buckets"] == ["my-flights"]
        exports = kedro(project, "env").stdout
        assert "unset AWS_IGNORE_CONFIGURED_ENDPOINT_URLS\nunset AWS_PROFILE\n" in exports
        assert f"export AWS_ENDPOINT_URL={status['endpoint_url']}\n" in exports
        if os.name == "posix":
            shell = (
                f"{exports}\n{sys.executable} -c 'import boto3; print(boto3.client(\"s3\").list_buckets())'"
            )
            hostile = {**os.environ, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
            seen = subprocess.run(
                ["sh", "-c", shell], capture_output=True, text=True, check=True, env=hostile
            )
            assert "'my-flights'" in seen.stdout
        assert "PUT /my-flights/data/raw" not in kedro(project, "logs").stdout
        assert kedro(project, "reset").returncode == 0
        assert json.loads(kedro(project, "status", "-o", "json").stdout)["buckets"] == []
    finally:
        stopped = kedro(project, "stop")
    assert "Local AWS stopped." in stopped.stderr
    assert find(project / ".kedro-aws") is None


@pytest.mark.slow
def test_another_version_is_refused_with_the_command_that_stops_it(project: Path, monkeypatch):
    monkeypatch.delenv("KEDRO_AWS_STATE_DIR", raising=False)
    aws, _ = start(project / ".kedro-aws", region="eu-west-1")
    state = project / ".kedro-aws" / "local.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "version": "0.0.1"}))
    refused = kedro(project, "start")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert [line for line in refused.stderr.splitlines() if line.startswith("Error: ")] == [
        f"Error: The local AWS at {aws.endpoint_url} was started by kedro-aws-plugin 0.0.1, "
        f"and this is {__version__}. Stop it, then run the command again: local-aws stop"
    ]
    assert CliRunner().invoke(main, ["stop"]).stderr == "Local AWS stopped.\n"
    assert find(project / ".kedro-aws") is None


def test_the_real_environment_has_no_local_aws(project: Path):
    (project / "conf" / "aws").mkdir()
    refused = kedro(project, "start", "-e", "aws")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "The environment `aws` uses the real AWS" in refused.stderr


def test_what_runs_is_shown(project: Path, cloud: Cloud):
    cloud.deploy("e", "m", ECHO, SAGEMAKER_MODEL_SERVER_WORKERS="1")
    shown = run("status")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert lines[0].startswith(
        f"Local AWS at {cloud.aws.endpoint_url}, account 123456789012, eu-west-1, process"
    )
    assert lines[1].startswith("buckets: models-bucket (1 object, ")
    assert lines[3].split() == ["e", "InService", "m"]
    assert run("logs", "e").stdout == "model loaded from model\n"
    assert "SageMaker.CreateEndpoint" in run("logs").stdout
    missing = run("logs", "nope")
    assert missing.exit_code == 1
    assert missing.stderr == "Error: There is no endpoint `nope`, and no log of one. Endpoints: e.\n"
    assert run("logs", "../local").exit_code == 1
    assert run("reset").stderr == "Local AWS emptied.\n"
    assert run("status").stdout.splitlines()[1:3] == ["buckets: none", "endpoints: none"]
    del project


def test_what_does_not_run_is_said(project: Path, monkeypatch):
    monkeypatch.setenv("KEDRO_AWS_STATE_DIR", str(project / "nowhere"))
    for command in (["status"], ["env"]):
        result = run(*command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == (
            "Error: The local AWS is not running here. Start it: kedro aws local start\n"
        )
    as_json = run("status", "-o", "json")
    assert (as_json.exit_code, json.loads(as_json.stdout)) == (1, {"running": False})
    assert run("stop").stderr == "The local AWS is not running.\n"
    assert run("reset").stderr == "The local AWS is not running, and keeps nothing.\n"
    logs = run("logs")
    assert logs.exit_code == 1
    assert "the local AWS has not run here" in logs.stderr


@pytest.mark.parametrize("command", ["start", "stop", "status", "reset", "env", "logs"])
def test_outside_of_a_project_there_is_one_sentence(tmp_path: Path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    result = run(command)
    assert result.exit_code == 1
    assert "is not inside a Kedro project" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_following_prints_what_is_added(project: Path, monkeypatch):
    file = project / ".kedro-aws" / "local.log"
    file.parent.mkdir()
    file.write_text("first\n")
    monkeypatch.delenv("KEDRO_AWS_STATE_DIR", raising=False)
    command = [sys.executable, "-c", "from kedro_aws_plugin.cli.local import local; local()", "logs", "-f"]
    with subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "first\n"
        with file.open("a") as log:
            log.write("second\n")
        assert process.stdout.readline() == "second\n"
        process.kill()
