"""The wheels of jobs are on S3 once, and are complete as soon as their lock is there."""

import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kedro_aws_plugin.actions.installing import choose_installation, prepare_wheels
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.bundle.lock import Lock
from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.session.session import Session
from local_aws import LocalAws

BUCKET = "shop-data"
OWN = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1"


def make_config(target: str = "aws", **pipelines: Any) -> AwsConfig:
    values = {"region": "eu-west-1", "bucket": BUCKET, "env": "aws", "target": target, "pipelines": pipelines}
    return AwsConfig.model_validate(values)


@pytest.mark.parametrize(
    ("config", "source", "python"),
    [
        (make_config(), "index", None),
        (make_config(install="wheelhouse"), "wheelhouse", "3.12"),
        (make_config(install="wheelhouse", image=OWN, python="3.11"), "wheelhouse", "3.11"),
        (make_config(install="none", image=OWN), "none", None),
        (make_config("local", install="wheelhouse"), "none", None),
    ],
)
def test_what_a_job_installs_is_for_its_image(config: AwsConfig, source: str, python: str | None) -> None:
    chosen = choose_installation(config)
    assert chosen.source == source
    assert (chosen.container.python if chosen.container else None) == python


def test_wheels_are_downloaded_until_all_are_on_s3(
    local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / "helper-1.0-py3-none-any.whl", "w") as wheel:
        info = "helper-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: helper\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    for name, value in local_aws.environment().items():
        monkeypatch.setenv(name, value)
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    config = make_config(install="wheelhouse")
    container = choose_installation(config).container
    assert container is not None
    project = SimpleNamespace(package="shop", config=config)
    session = cast(Session, SimpleNamespace(config=config, project=project, aws=Aws("local", "eu-west-1")))
    lock = Lock(("helper==1.0",), container)

    def prepare(name: str) -> list[str]:
        (tmp_path / name).mkdir()
        return [each.key for each in prepare_wheels(session, lock, tmp_path / name)]

    folder = f"kedro-aws/shop/aws/wheels/{lock.digest}"
    every = [f"{folder}/helper-1.0-py3-none-any.whl", f"{folder}/requirements.lock"]
    assert prepare("first") == every
    s3.put_object(Bucket=BUCKET, Key=every[0], Body=b"")
    assert prepare("interrupted") == every
    s3.put_object(Bucket=BUCKET, Key=every[1], Body=b"")
    assert prepare("again") == []
    assert list((tmp_path / "again").iterdir()) == []
    assert prepare_wheels(session, None, tmp_path) == ()
