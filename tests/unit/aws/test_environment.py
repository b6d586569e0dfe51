"""Where real clients of real libraries would send their requests, in environments that say otherwise."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.utils import get_environ_proxies

from kedro_aws_plugin.aws import environment
from kedro_aws_plugin.aws.environment import use_aws, use_local
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.config.models import Target
from kedro_aws_plugin.errors import AwsError
from local_aws import ACCESS_KEY_PREFIX, VARIABLES, Credentials
from local_aws.control import state

URL = "http://127.0.0.1:41234"
ACCESS_KEY_ID = "KEDROAWSLOCALAB12CD3"
SERVICES = ("s3", "sts")
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "secret"}
ELSEWHERE = "http://127.0.0.1:4566"
CONFIG = f"""\
[default]
region = ap-south-1
endpoint_url = {ELSEWHERE}
ignore_configured_endpoint_urls = false

[profile work]
region = ap-south-1
services = mine
endpoint_url = {ELSEWHERE}
aws_access_key_id = AKIAPROFILE
aws_secret_access_key = secret

[services mine]
s3 =
  endpoint_url = {ELSEWHERE}
sts =
  endpoint_url = {ELSEWHERE}
"""
PROXY = "http://127.0.0.1:9"
HOSTILE = {
    "nothing": {},
    "endpoint": {"AWS_ENDPOINT_URL": ELSEWHERE},
    "endpoints of services": {
        "AWS_ENDPOINT_URL_S3": ELSEWHERE,
        "AWS_ENDPOINT_URL_STS": ELSEWHERE,
    },
    "ignore endpoints": {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    "heed endpoints": {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false", "AWS_ENDPOINT_URL": ELSEWHERE},
    "config file": {"AWS_CONFIG_FILE": "{config}"},
    "profile": {"AWS_CONFIG_FILE": "{config}", "AWS_PROFILE": "work"},
    "default profile": {"AWS_CONFIG_FILE": "{config}", "AWS_DEFAULT_PROFILE": "work"},
    "region": {"AWS_REGION": "us-east-2", "AWS_DEFAULT_REGION": "us-east-2"},
    "session token": {"AWS_SESSION_TOKEN": "token", "AWS_SECURITY_TOKEN": "token"},
    "dual stack and FIPS": {"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "true"},
    "proxies": {
        "HTTP_PROXY": PROXY,
        "HTTPS_PROXY": PROXY,
        "ALL_PROXY": PROXY,
        "http_proxy": PROXY,
        "https_proxy": PROXY,
    },
    "proxies with exceptions": {"HTTP_PROXY": PROXY, "NO_PROXY": "example.com", "no_proxy": "example.com"},
}


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A process that has chosen no AWS yet and has the keys of a user; all is put back at the end."""
    before = dict(os.environ)
    monkeypatch.setattr(environment, "_ours", {})
    monkeypatch.setattr(environment, "_theirs", {})
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.update(KEYS)
    yield monkeypatch
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(params=HOSTILE.values(), ids=HOSTILE.keys())
def hostile(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Variables and profiles that point somewhere else."""
    config = tmp_path / "config"
    config.write_text(CONFIG, encoding="utf-8")
    os.environ.update({name: value.format(config=config) for name, value in request.param.items()})


def local_environment() -> dict[str, str]:
    return state.environment(URL, "eu-west-1", Credentials(ACCESS_KEY_ID, "local-secret"))


def go_local() -> None:
    use_local(local_environment())


def go_aws() -> None:
    use_aws("eu-west-1", ACCESS_KEY_PREFIX, VARIABLES)


def endpoints() -> dict[str, str]:
    """What boto3, as a node would use it, speaks to."""
    return {service: boto3.client(service).meta.endpoint_url for service in SERVICES}


def key() -> str:
    credentials = boto3.Session().get_credentials()
    assert credentials is not None
    return str(credentials.access_key)


@pytest.mark.usefixtures("hostile")
def test_local_is_local_whatever_the_environment_says() -> None:
    go_local()
    assert set(endpoints().values()) == {URL}
    assert (key(), boto3.Session().region_name) == (ACCESS_KEY_ID, "eu-west-1")
    assert boto3.Session().profile_name == "default"
    assert boto3.Session().get_credentials().token is None  # type: ignore[union-attr]
    assert get_environ_proxies(URL) == {}


@pytest.mark.slow
@pytest.mark.usefixtures("hostile")
def test_aws_is_the_real_one_whatever_the_environment_says() -> None:
    go_aws()
    for service, url in endpoints().items():
        assert url.startswith("https://"), service
        assert url.endswith((".amazonaws.com", ".api.aws")), service
        assert "eu-west-1" in url, service
    assert key().startswith("AKIA")


def test_the_users_own_credentials_are_used_on_the_real_one(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(CONFIG, encoding="utf-8")
    for name in KEYS:
        del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_PROFILE="work")
    go_aws()
    assert (key(), boto3.Session().region_name) == ("AKIAPROFILE", "eu-west-1")


@pytest.mark.parametrize(
    "leftover", ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]
)
def test_no_way_to_the_users_credentials_is_left_in_the_local_one(leftover: str) -> None:
    os.environ[leftover] = "/nowhere"
    go_local()
    assert leftover not in os.environ
    assert {name for name in os.environ if name.startswith("AWS_")} == {
        name for name in VARIABLES if name.startswith("AWS_")
    }
    go_aws()
    assert os.environ[leftover] == "/nowhere"


def test_a_shell_that_was_pointed_at_the_local_aws_reaches_the_real_one() -> None:
    os.environ.update(local_environment())
    go_aws()
    assert set(os.environ) & {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_CONFIG_FILE"} == set()
    assert all("amazonaws.com" in url or "api.aws" in url for url in endpoints().values())


def test_a_command_has_its_clients_where_it_should() -> None:
    go_local()
    assert Aws("local", "eu-west-1").sagemaker.meta.endpoint_url == URL
    go_aws()
    assert (
        Aws("aws", "eu-west-1").sagemaker.meta.endpoint_url == "https://api.sagemaker.eu-west-1.amazonaws.com"
    )


def test_who_cannot_be_reached_is_known_soon() -> None:
    """STS is called first, so a missing network shows after two more attempts; the local AWS is never far."""

    def attempts(client: Any) -> int:
        return client.meta.config.retries["total_max_attempts"]

    go_aws()
    aws = Aws("aws", "eu-west-1")
    assert (attempts(aws.sts), attempts(aws.s3), attempts(aws.sagemaker)) == (3, 6, 6)
    go_local()
    assert attempts(Aws("local", "eu-west-1").s3) == 3


def test_a_client_is_made_once() -> None:
    go_local()
    aws = Aws("local", "eu-west-1")
    assert aws.s3 is aws.s3
    assert aws.s3 is not aws.sagemaker


def test_there_and_back_again() -> None:
    os.environ["AWS_ENDPOINT_URL_S3"] = ELSEWHERE
    default = boto3.client("s3")
    assert default.meta.endpoint_url == ELSEWHERE
    for _ in range(2):
        go_local()
        assert (set(endpoints().values()), key()) == ({URL}, ACCESS_KEY_ID)
        go_aws()
        assert key() == "AKIAUSER"
        assert all("amazonaws.com" in url or "api.aws" in url for url in endpoints().values())


def test_what_a_program_sets_after_the_choice_is_the_users() -> None:
    go_local()
    os.environ.update(AWS_PROFILE="work", AWS_REGION="us-east-2")
    go_local()
    assert "AWS_PROFILE" not in os.environ
    go_aws()
    assert os.environ["AWS_PROFILE"] == "work"
    assert os.environ["AWS_REGION"] == "eu-west-1"


def test_a_token_that_is_rotated_between_two_choices_is_the_new_one() -> None:
    os.environ["AWS_SESSION_TOKEN"] = "old"
    go_aws()
    os.environ["AWS_SESSION_TOKEN"] = "new"
    go_local()
    assert "AWS_SESSION_TOKEN" not in os.environ
    go_aws()
    assert os.environ["AWS_SESSION_TOKEN"] == "new"


def test_a_shell_that_was_pointed_at_the_local_aws_keeps_what_is_the_users() -> None:
    """A profile chosen after `kedro aws local env`, which unsets it."""
    os.environ.update({**local_environment(), "AWS_PROFILE": "work"})
    go_aws()
    assert os.environ["AWS_PROFILE"] == "work"
    assert "AWS_ACCESS_KEY_ID" not in os.environ


def test_the_same_choice_twice_keeps_the_clients() -> None:
    go_local()
    boto3.client("s3")
    session = boto3.DEFAULT_SESSION
    go_local()
    assert boto3.DEFAULT_SESSION is session


def test_exceptions_from_the_proxy_are_kept() -> None:
    os.environ.update(HTTP_PROXY=PROXY, NO_PROXY="example.com,10.0.0.1")
    go_local()
    assert os.environ["NO_PROXY"].split(",")[:2] == ["example.com", "10.0.0.1"]
    assert get_environ_proxies("http://elsewhere.org")["http"] == PROXY
    assert get_environ_proxies("http://example.com") == get_environ_proxies(URL) == {}


def test_s3fs_follows_every_switch() -> None:
    """Its instances are cached for the whole process: one that knows the other AWS must not come back."""
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("s3fs")

    def speaks_to() -> Any:
        files = fsspec.filesystem("s3")
        files.connect()
        return files.s3.meta.endpoint_url

    for _ in range(2):
        go_local()
        assert speaks_to() == URL
        go_aws()
        assert "amazonaws.com" in speaks_to()


def test_pyarrow_follows_every_switch() -> None:
    """pandas reads and writes s3:// paths of Parquet files through `FileSystem.from_uri`."""
    arrow = pytest.importorskip("pyarrow.fs")

    def speaks_to() -> Any:
        files, _ = arrow.FileSystem.from_uri("s3://bucket/table.parquet?region=eu-west-1")
        return files.__reduce__()[1][0]["endpoint_override"]

    os.environ["AWS_ENDPOINT_URL_S3"] = ELSEWHERE
    for _ in range(2):
        go_local()
        assert speaks_to() in (URL, URL.removeprefix("http://"))
        go_aws()
        assert speaks_to() == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "url", "wanted"),
    [
        ("local", None, "the local AWS"),
        ("local", "http://10.0.0.7:4566", "the local AWS"),
        ("aws", "http://127.0.0.1:41234", "the real AWS"),
        ("aws", "http://localhost:4566", "the real AWS"),
        ("aws", "http://[::1]:4566", "the real AWS"),
    ],
)
def test_a_client_of_the_other_aws_is_refused_before_its_first_request(
    target: Target, url: str | None, wanted: str
) -> None:
    if url:
        os.environ["AWS_ENDPOINT_URL"] = url
    aws = Aws(target, "eu-west-1")
    for client in ("s3", "sagemaker", "runtime", "sts", "tagging"):
        with pytest.raises(AwsError) as refused:
            getattr(aws, client)
        assert refused.value.message.startswith(
            f"This command is for {wanted}, but its requests would go to {url or 'https://'}"
        )
        assert refused.value.message.endswith(
            "Nothing was sent. Unset AWS_ENDPOINT_URL in your shell and profile, then run it again."
        )
