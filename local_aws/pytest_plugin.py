"""The pytest fixture `local_aws`: a fresh local AWS for each test of any project.

Example:
    >>> def test_run(local_aws):
    ...     bootstrap_project(PROJECT)
    ...     with KedroSession.create(PROJECT) as session:
    ...         session.run()
    ...     assert local_aws.client("s3").list_objects_v2(Bucket="my-flights")["KeyCount"] > 0

Nothing of the local AWS is imported until a test asks for the fixture.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from local_aws.control.client import LocalAws

_REGION = "eu-west-1"


@pytest.fixture(scope="session")
def _local_aws_state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of the session's one server, which ends with the session, however that ends."""
    from local_aws.control import client as control

    state_dir = tmp_path_factory.mktemp("kedro-aws")
    yield state_dir
    control.stop(state_dir)


@pytest.fixture
def local_aws(_local_aws_state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> "LocalAws":
    """An empty local AWS; boto3, s3fs and every Kedro session of the test speak to it.

    Returns:
        The local AWS; ``local_aws.client("s3")`` is a boto3 client of it.
    """
    from local_aws.control import client as control

    aws, started = control.start(_local_aws_state_dir, region=_REGION, exit_with_parent=True)
    if not started:
        control.reset(_local_aws_state_dir)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    monkeypatch.setenv("KEDRO_AWS_STATE_DIR", str(_local_aws_state_dir))
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    _forget_clients(monkeypatch)
    return aws


def _forget_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 and s3fs remember clients and listings of earlier tests."""
    if "boto3" in sys.modules:
        monkeypatch.setattr(sys.modules["boto3"], "DEFAULT_SESSION", None)
    if "s3fs" in sys.modules:
        sys.modules["s3fs"].S3FileSystem.clear_instance_cache()
