"""The pytest fixture `local_aws`: an empty local AWS for each test of any project.

Example:
    >>> def test_upload(local_aws):
    ...     s3 = boto3.client("s3")
    ...     s3.create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    ...     upload_report(bucket="mine")
    ...     assert s3.list_objects_v2(Bucket="mine")["KeyCount"] == 1

In a Kedro project, the Kedro session of the test creates the project's bucket and uploads its raw data.

Until a test takes the fixture, neither the local AWS nor boto3 is imported; Kedro never is.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from local_aws import LocalAws

_REGION = "eu-west-1"


@pytest.fixture(scope="session")
def _local_aws_state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the state folder of the test session's one server, and stop that server at the end."""
    from local_aws import stop

    state_dir = tmp_path_factory.mktemp("kedro-aws")
    yield state_dir
    stop(state_dir)


@pytest.fixture
def local_aws(_local_aws_state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> "LocalAws":
    """Give the test an empty local AWS, and point boto3, s3fs and Kedro sessions at it.

    Returns:
        The local AWS; ``local_aws.client("s3")`` makes a boto3 client of it.
    """
    from local_aws import reset, start

    aws, started = start(_local_aws_state_dir, region=_REGION, exit_with_parent=True, keep=False)
    if not started:
        reset(_local_aws_state_dir)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    monkeypatch.setenv("KEDRO_AWS_STATE_DIR", str(_local_aws_state_dir))
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    _forget_clients(monkeypatch)
    return aws


def _forget_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drop what boto3 and s3fs keep from earlier tests: clients and listings of buckets."""
    if "boto3" in sys.modules:
        monkeypatch.setattr(sys.modules["boto3"], "DEFAULT_SESSION", None)
    if "s3fs" in sys.modules:
        sys.modules["s3fs"].S3FileSystem.clear_instance_cache()
