"""`local-aws`, in a process of its own and in a folder that is not a Kedro project."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import click
import pytest
from click.testing import CliRunner
from local_cloud import ECHO, Cloud

import local_aws
from local_aws.cli import main

MAIN = "import sys; from local_aws.cli import main; sys.argv[0] = 'local-aws'; main()"
VERBS = ("start", "stop", "status", "reset", "prune", "renew", "logs", "env")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Change to an empty folder, and stop the local AWS there in the end."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("KEDRO_AWS_STATE_DIR", raising=False)
    yield folder
    local_aws.stop(folder / ".kedro-aws")


def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )


def run_here(*arguments: str):
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def started(folder: Path) -> local_aws.LocalAws:
    aws, _ = local_aws.start(folder / ".kedro-aws", region="eu-west-1")
    return aws


def pretend_another_version(state_dir: Path) -> None:
    file = state_dir / "local.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": "0.0.1"}))


@pytest.mark.slow
def test_the_life_of_a_local_aws(folder: Path) -> None:
    first = run("start", AWS_REGION="eu-north-1")
    assert (first.returncode, first.stdout) == (0, "")
    (line,) = first.stderr.splitlines()
    assert line.startswith("Local AWS started at http://127.0.0.1:")
    assert line.endswith(f" (eu-north-1, log {Path('.kedro-aws', 'local.log')})")
    assert [each.name for each in folder.iterdir()] == [".kedro-aws"]
    assert "Local AWS is already running at http" in run("start").stderr

    status = run("status", "-o", "json")
    described = json.loads(status.stdout)
    assert (status.returncode, status.stderr) == (0, "")
    assert described["running"]
    assert (described["region"], described["buckets"]) == ("eu-north-1", [])

    exports = run("env", AWS_PROFILE="mine")
    assert (exports.returncode, exports.stderr) == (0, "")
    lines = exports.stdout.splitlines()
    assert lines[0].startswith("unset AWS_")
    assert "unset AWS_PROFILE" in lines
    assert f"export AWS_ENDPOINT_URL={described['endpoint_url']}" in lines

    exported = dict(line.removeprefix("export ").split("=", 1) for line in lines if "=" in line)
    boto3.client(
        "s3",
        endpoint_url=described["endpoint_url"],
        region_name="us-east-1",
        aws_access_key_id=exported["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exported["AWS_SECRET_ACCESS_KEY"],
    ).create_bucket(Bucket="shop")
    assert "buckets: shop (0 objects, 0 bytes)" in run("status").stdout
    assert "PUT /shop" in run("logs").stdout
    emptied = run("reset")
    assert (emptied.returncode, emptied.stdout, emptied.stderr) == (0, "", "Local AWS emptied.\n")
    assert "buckets: none" in run("status").stdout

    stopped = run("stop")
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, "", "Local AWS stopped.\n")
    assert local_aws.find(folder / ".kedro-aws") is None


@pytest.mark.slow
def test_kedro_is_never_imported(folder: Path) -> None:
    started(folder)
    heavy = ("kedro", "kedro_aws_plugin", "boto3", "moto")
    code = (
        "import sys; from local_aws.cli import main; main(['status'], standalone_mode=False);"
        f"print([name for name in sys.modules if name.split('.')[0] in {heavy!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_another_folder_is_named_in_every_hint(folder: Path) -> None:
    other = folder / "state of mine"
    refused = run("status", "--state-dir", "state of mine")
    assert (refused.returncode, refused.stdout) == (1, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith("Error: The local AWS is not running here. Start it: local-aws start --state-dir ")
    program, *arguments = shlex.split(line.split("Start it: ")[1])
    assert program == "local-aws"
    assert run(*arguments).returncode == 0
    assert local_aws.find(other) is not None

    pretend_another_version(other)
    refused = run("start", "--state-dir", str(other))
    assert (refused.returncode, refused.stdout) == (1, "")
    (line,) = refused.stderr.splitlines()
    program, *arguments = shlex.split(line.split("Stop it, then run the command again: ")[1])
    assert program == "local-aws"
    assert run(*arguments).stderr == "Local AWS stopped.\n"
    assert local_aws.find(other) is None


@pytest.mark.slow
def test_the_state_folder_of_the_environment_is_used(folder: Path) -> None:
    other = folder / "elsewhere"
    assert run("start", KEDRO_AWS_STATE_DIR=str(other)).returncode == 0
    assert run("status").returncode == 1
    pretend_another_version(other)
    refused = run("start", KEDRO_AWS_STATE_DIR=str(other)).stderr
    assert refused.endswith("Stop it, then run the command again: local-aws stop\n")
    assert run("stop", KEDRO_AWS_STATE_DIR=str(other)).stderr == "Local AWS stopped.\n"


def test_what_is_not_running_is_one_sentence(folder: Path) -> None:
    hint = "Start it: local-aws start\n"
    for verb in ("status", "env"):
        refused = run_here(verb)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr == f"Error: The local AWS is not running here. {hint}"
    as_json = run_here("status", "-o", "json")
    assert (as_json.exit_code, json.loads(as_json.stdout)) == (1, {"running": False})
    stopped, emptied = run_here("stop"), run_here("reset")
    assert (stopped.exit_code, stopped.stderr) == (0, "The local AWS is not running.\n")
    assert (emptied.exit_code, emptied.stderr) == (0, "The local AWS is not running, and keeps nothing.\n")
    logs = run_here("logs")
    assert (logs.exit_code, logs.stdout) == (1, "")
    file = Path(".kedro-aws", "local.log")
    assert logs.stderr == f"Error: {file} does not exist: the local AWS has not run here. {hint}"
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("folder")
def test_a_port_in_use_is_one_sentence() -> None:
    refused = run_here("start", "--port", "70000")
    assert refused.exit_code == 2
    assert "'--port': 70000 is not in the range 0<=x<=65535" in refused.stderr


@pytest.mark.slow
def test_logs_of_endpoints(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cloud.deploy("e", "m", ECHO, SAGEMAKER_MODEL_SERVER_WORKERS="1")
    cloud.invoke("e", "1")
    monkeypatch.chdir(tmp_path)
    log = 'model loaded from model\n"POST /invocations HTTP/1.1" 200 12\n'
    deadline = time.monotonic() + 30
    while (shown := run_here("logs", "e")).stdout != log:
        assert time.monotonic() < deadline, shown.stdout
    assert shown.stderr == ""
    status = run_here("status").stdout.splitlines()
    assert status[2].split() == ["endpoint", "status", "config"]
    assert status[3].split() == ["e", "InService", "m"]
    missing = run_here("logs", "nope")
    assert missing.exit_code == 1
    assert missing.stderr == "Error: There is no endpoint `nope`, and no log of one. Endpoints: e.\n"
    for name in ("../local", "", "a/b"):
        refused = run_here("logs", name)
        assert (refused.exit_code, refused.stderr) == (
            1,
            f"Error: `{name}` is not the name of an endpoint.\n",
        )
    cloud.sagemaker.delete_endpoint(EndpointName="e")
    cloud.wait_until_deleted("e")
    earlier = run_here("logs", "e")
    assert (earlier.exit_code, earlier.stdout) == (0, log)
    assert earlier.stderr == "There is no endpoint `e` now. This is the log of an earlier one.\n"


def test_an_endpoint_has_a_log_even_if_its_model_cannot_be_run(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cloud.create_model("m")
    cloud.create_config("m")
    cloud.sagemaker.delete_model(ModelName="m")
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="m")
    assert cloud.wait_until_settled("e")["EndpointStatus"] == "Failed"
    monkeypatch.chdir(tmp_path)
    shown = run_here("logs", "e")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert shown.stderr.endswith("e.log is empty: nothing has been printed yet.\n")


@pytest.mark.slow
def test_logs_of_an_earlier_server_are_said_to_be_of_an_earlier_one(folder: Path) -> None:
    started(folder)
    (folder / ".kedro-aws" / "logs").mkdir(exist_ok=True)
    (folder / ".kedro-aws" / "logs" / "e.log").write_text("printed earlier\n")
    note = "There is no endpoint `e` now. This is the log of an earlier one.\n"
    for command in ("stop", "start"):
        assert run_here(command).exit_code == 0
        shown = run_here("logs", "e")
        assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "printed earlier\n", note)
    assert not (folder / ".kedro-aws" / "logs" / "e.log").exists()
    assert run_here("reset").exit_code == 0
    assert run_here("logs", "e").exit_code == 1


@pytest.mark.skipif(os.name != "posix", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_ends_following_quietly(folder: Path) -> None:
    file = folder / ".kedro-aws" / "local.log"
    file.parent.mkdir()
    file.write_text("first\n")
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "logs", "-f"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "first\n"
    with file.open("a") as log:
        log.write("second\n")
    assert process.stdout.readline() == "second\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_both_commands_have_the_same_verbs() -> None:
    from kedro_aws_plugin.cli.local import local

    assert set(main.commands) == set(local.commands) == set(VERBS)
    for verb in VERBS:
        own = {each.name for each in main.commands[verb].params} - {"state_dir", "region", "port"}
        assert own == {each.name for each in local.commands[verb].params} - {"env"}
        state_dir = [each for each in main.commands[verb].params if each.name == "state_dir"]
        assert isinstance(state_dir[0], click.Option)


@pytest.mark.usefixtures("folder")
def test_the_version_is_the_distribution_s() -> None:
    assert run("--version").stdout == f"local-aws, version {local_aws.__version__}\n"
