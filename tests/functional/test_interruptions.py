"""Ctrl-C, and a local AWS that dies, in the middle of a command."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from project_cli import BUCKET, PACKAGES, Ran, State, interrupt, kedro_aws, started

import local_aws

STOPPED = PACKAGES.replace("my-flights-price", "stopped-price")
ctrl_c = pytest.mark.skipif(
    sys.platform == "win32", reason="a console is needed to send Ctrl-C to one process"
)


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def assert_aborted(ran: Ran) -> None:
    assert ran.code in (1, 130), ran.stderr
    assert ran.stdout == ""
    assert ran.stderr.endswith("Aborted!\n")
    assert "Traceback" not in ran.stderr


@ctrl_c
def test_register_model_goes_on_where_it_was_interrupted(project: Path, state: State) -> None:
    work = project / ".kedro-aws" / "tmp"
    with started("aws", "register-model", "-e", "stopped", cwd=project) as command:
        wait_until(lambda: work.is_dir() and list(work.iterdir()))
        assert_aborted(interrupt(command))
    assert list(work.iterdir()) == []
    again = kedro_aws("register-model", "-e", "stopped", "--approve")
    assert (again.code, again.stdout) == (0, f"{STOPPED}/1 (Approved)\n")
    packages = [arn for arn, _ in state.everything()["packages"] if arn.startswith(STOPPED)]
    assert packages == [f"{STOPPED}/1"]
    assert state.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


@ctrl_c
@pytest.mark.parametrize("moment", ["models", "configs", "endpoints"])
def test_deploy_goes_on_where_it_was_interrupted(
    project: Path, state: State, registered: str, moment: str
) -> None:
    name = f"ctrl-c-{moment}"

    def made() -> bool:
        return any(name in str(each) for each in state.everything()[moment])

    with started("aws", "deploy", "--endpoint", name, cwd=project) as command:
        wait_until(lambda: made() or command.poll() is not None)
        ran = interrupt(command)
    assert "Traceback" not in ran.stderr
    if moment == "endpoints":  # which take seconds to come up; the other moments may be over too soon
        assert_aborted(ran)
    again = kedro_aws("deploy", "--endpoint", name)
    assert again.code == 0, again.stderr
    assert state.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    final = kedro_aws("deploy", "--endpoint", name)
    assert final.stdout == f"unchanged: endpoint {name} serves {registered}\n"
    held = state.everything()
    assert [sum(str(each).startswith(name) for each in held[kind]) for kind in ("models", "configs")] == [
        1,
        1,
    ]


@pytest.fixture
def mortal(state: State, tmp_path: Path) -> Iterator[Any]:
    """A second local AWS, with the model and a version of it, to be killed."""
    os.environ["KEDRO_AWS_STATE_DIR"] = str(tmp_path)
    aws, _ = local_aws.start(tmp_path, region="eu-west-1")
    other = State(aws)
    other.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for prefix in ("models/", "metrics/", "data/model_input/"):
        for item in state.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]:
            body = state.s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
            other.s3.put_object(Bucket=BUCKET, Key=item["Key"], Body=body)
    assert kedro_aws("register-model", "--approve").code == 0
    yield aws
    local_aws.stop(tmp_path)


def test_a_local_aws_killed_in_the_middle_of_a_command(mortal: Any) -> None:
    other = State(mortal)

    def kill() -> None:
        wait_until(other.endpoints)
        os.kill(mortal.pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    killer = threading.Thread(target=kill)
    killer.start()
    began = time.monotonic()
    sentence = kedro_aws("deploy", "--endpoint", "doomed").error
    killer.join()
    assert sentence.startswith("Could not describe endpoint doomed: the local AWS stopped answering (")
    assert sentence.endswith("). It keeps what it held. Run the command again: it starts the local AWS.")
    assert time.monotonic() - began < 30
    again = kedro_aws("models")
    assert again.code == 0
    assert again.stdout.splitlines()[1].split()[:2] == ["1", "Approved"]
    assert ": started\n" in again.stderr
