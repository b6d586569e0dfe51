"""`--env aws` with nothing behind it: no request leaves this machine, and none reaches the local AWS."""

import os
import sys
from pathlib import Path

import pytest
from project_cli import CLOSED, OFFLINE, kedro, kedro_aws
from requests_sent import Requests

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "secret"}
WHAT = "Could not find out the AWS account of the environment `aws`"
LOG_IN = "Log in (for example `aws sso login`), or choose another AWS_PROFILE."
COMMANDS = (
    *("models", "status", "deploy", "predict", "destroy"),
    *("register-model", "approve-model", "bootstrap"),
)
HOSTILE = {
    "AWS_ENDPOINT_URL": CLOSED,
    "AWS_ENDPOINT_URL_S3": CLOSED,
    "AWS_PROFILE": "nowhere",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere",
    "AWS_REGION": "us-east-1",
    "HTTP_PROXY": CLOSED,
    "HTTPS_PROXY": CLOSED,
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user without any AWS configuration; the real AWS cannot be reached."""
    os.environ.update(
        OFFLINE,
        AWS_CONFIG_FILE=str(tmp_path / "config"),
        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "credentials"),
    )
    return tmp_path


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", COMMANDS)
def test_no_credentials(command: str, requests_sent: Requests) -> None:
    assert kedro_aws(command, "--env", "aws").error == (
        f"{WHAT}: no usable AWS credentials (Unable to locate credentials). {LOG_IN}"
    )
    assert requests_sent.operations <= {("sts", "GetCallerIdentity")}


@pytest.mark.usefixtures("home")
def test_no_network(requests_sent: Requests) -> None:
    os.environ.update(KEYS)
    assert kedro_aws("status", "-e", "aws").error == (
        f'{WHAT}: AWS cannot be reached (Failed to connect to proxy URL: "{CLOSED}"). '
        "Check the network, the proxy and `region` in aws.yml."
    )
    assert requests_sent.operations == {("sts", "GetCallerIdentity")}


@pytest.mark.usefixtures("home")
def test_a_profile_that_does_not_exist() -> None:
    os.environ["AWS_PROFILE"] = "nope"
    assert kedro_aws("status", "-e", "aws").error == (
        f"{WHAT}: no usable AWS credentials (The config profile (nope) could not be found). {LOG_IN}"
    )


def test_a_session_that_expired(home: Path) -> None:
    config = (
        "[default]\nsso_session = work\nsso_account_id = 123456789012\nsso_role_name = dev\n"
        "[sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n"
    )
    (home / "config").write_text(config, encoding="utf-8")
    sentence = kedro_aws("status", "-e", "aws").error
    assert sentence.startswith(f"{WHAT}: no usable AWS credentials (")
    assert sentence.endswith(f"). {LOG_IN}")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("nothing useful", "Expecting value: line 1 column 1 (char 0)"),
        (
            '{"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "s", "SessionToken": "t", '
            '"Expiration": "2020-01-01T00:00:00Z"}',
            "Credentials were refreshed, but the refreshed credentials are still expired",
        ),
    ],
)
def test_a_credential_process_that_does_not_help(home: Path, answer: str, said: str) -> None:
    script = home / "credentials.py"
    script.write_text(f"print({answer!r})\n", encoding="utf-8")
    config = f"[default]\ncredential_process = {sys.executable} {script}\n"
    (home / "config").write_text(config, encoding="utf-8")
    sentence = kedro_aws("status", "-e", "aws").error
    assert sentence == (
        f"{WHAT}: no usable AWS credentials "
        f"(Error when retrieving credentials from credential_process: {said}). {LOG_IN}"
    )


def test_a_shell_pointed_at_the_local_aws_does_not_make_it_the_real_one(project: Path, home: Path) -> None:
    exports = kedro_aws("local", "env")
    assert exports.code == 0
    pointed = dict(
        line.removeprefix("export ").split("=", 1)
        for line in exports.stdout.splitlines()
        if line.startswith("export ")
    )
    assert pointed["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    done = kedro("aws", "models", "-e", "aws", cwd=project, HOME=str(home), **{**pointed, **OFFLINE})
    assert done.error == f"{WHAT}: no usable AWS credentials (Unable to locate credentials). {LOG_IN}"


def test_kedro_run_in_the_real_environment_stops_before_its_first_node(project: Path, home: Path) -> None:
    ran = kedro("run", "--env", "aws", cwd=project, HOME=str(home), **OFFLINE)
    assert (ran.code, ran.stdout) == (1, "")
    assert "Traceback" not in ran.stderr
    assert f"Error: {WHAT}: no usable AWS credentials" in ran.stderr
    assert "Running node" not in ran.stderr


def test_a_hostile_shell_reaches_the_local_aws_and_says_so(project: Path, deployed: str) -> None:
    done = kedro("aws", "predict", cwd=project, **HOSTILE)
    assert done.code == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5
    assert done.stderr.startswith("local AWS at http://127.0.0.1:")
    assert ", account 123456789012, eu-west-1 (env local)\n" in done.stderr
    assert deployed in done.stderr


@pytest.mark.usefixtures("home")
def test_local_after_aws_in_one_process_is_local_again(deployed: str) -> None:
    os.environ["AWS_PROFILE"] = "nope"
    for _ in range(2):
        before = aws_variables()
        assert "profile (nope)" in kedro_aws("status", "-e", "aws").error
        assert aws_variables() == before  # a switch that fails leaves the process as it was
        assert f"\n{deployed}  " in kedro_aws("status").stdout
        assert "AWS_PROFILE" not in os.environ


def aws_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
