"""What `kedro aws predict` sends when it is given nothing, and what is too much to be sent."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import answers
import pandas as pd
import pytest
from answers import ABSENT, package_arn
from botocore.response import StreamingBody
from stubbed import Stubbed

from kedro_aws_plugin.actions.prediction import plan_rows
from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.errors import ProjectError, ServingError
from kedro_aws_plugin.model_artifact.payload import Payload
from kedro_aws_plugin.project.prediction_input import find_sample_payload, read_payload


def serves(stubbed: Stubbed, package: str | None) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    stubbed.answers("DescribeEndpointConfig", answers.config())
    stubbed.answers("DescribeModel", answers.model(package))


def test_the_sample_of_the_version_that_serves(stubbed: Stubbed) -> None:
    serves(stubbed, package_arn(2))
    stubbed.answers("DescribeModelPackage", answers.package(2), {"ModelPackageName": package_arn(2)})
    for content in (b"a\n1\n", b"[1]"):
        stubbed.answers("GetObject", {"Body": StreamingBody(io.BytesIO(content), len(content))})
    assert find_sample_payload(stubbed.aws, "flights") == Payload(b"a\n1\n", "text/csv")


@pytest.mark.parametrize("package", [package_arn(2), None])
def test_a_version_without_a_sample(stubbed: Stubbed, package: str | None) -> None:
    serves(stubbed, package)
    if package:
        stubbed.answers("DescribeModelPackage", answers.package(2))
        for _ in range(2):
            stubbed.refuses("GetObject", "NoSuchKey", status=404)
    with pytest.raises(ServingError) as refused:
        find_sample_payload(stubbed.aws, "flights")
    assert refused.value.message == (
        "Endpoint flights serves a version that was registered without a sample payload. "
        "Give a file, - or a catalog entry; set `registry.sample` in aws.yml to register one next time."
    )


def test_no_endpoint(stubbed: Stubbed) -> None:
    stubbed.refuses("DescribeEndpoint", "ValidationException", ABSENT["DescribeEndpoint"])
    with pytest.raises(ServingError) as refused:
        find_sample_payload(stubbed.aws, "flights")
    assert (
        refused.value.message == "There is no endpoint flights. Make it: kedro aws deploy --endpoint flights"
    )


MIB = 1024 * 1024
SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
REALTIME = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def write_request(folder: Path, size: int) -> str:
    path = folder / "rows.npy"
    path.write_bytes(b"\x93NUMPY".ljust(size, b"0"))
    return str(path)


@pytest.mark.parametrize(
    ("variant", "size", "refusal"),
    [
        (SERVERLESS, 4 * MIB + 1, "4.2 MB, and a serverless endpoint accepts at most 4 MB"),
        (SERVERLESS, 4_800_000, "4.8 MB, and a serverless endpoint accepts at most 4 MB"),
        (SERVERLESS, 7_000_000, "7.0 MB, and a serverless endpoint accepts at most 4 MB"),
        (REALTIME, 4_800_000, None),
        (REALTIME, 6 * MIB, None),
        (REALTIME, 6 * MIB + 1, "6.3 MB, and an endpoint accepts at most 6 MB"),
    ],
)
def test_more_than_the_endpoint_accepts_is_told_before_it_is_sent(
    stubbed: Stubbed, tmp_path: Path, variant: dict[str, Any], size: int, refusal: str | None
) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    stubbed.answers("DescribeEndpointConfig", answers.config(**variant))
    stubbed.answers("DescribeModel", answers.model())
    session: Any = SimpleNamespace(aws=stubbed.aws)
    path = write_request(tmp_path, size)
    if refusal is None:
        assert len(read_payload(session, path, "flights").body) == size
        return
    with pytest.raises(ProjectError) as refused:
        read_payload(session, path, "flights")
    assert refused.value.message == f"{path} makes a request of {refusal}. Send fewer rows."


def test_what_every_endpoint_accepts_needs_no_look(stubbed: Stubbed, tmp_path: Path) -> None:
    session: Any = SimpleNamespace(aws=stubbed.aws)
    assert len(read_payload(session, write_request(tmp_path, 4 * MIB), "flights").body) == 4 * MIB


def test_who_may_not_look_sends_what_instances_accept(stubbed: Stubbed, tmp_path: Path) -> None:
    stubbed.refuses("DescribeEndpoint", "AccessDeniedException", "no", 403)
    session: Any = SimpleNamespace(aws=stubbed.aws)
    assert len(read_payload(session, write_request(tmp_path, 5 * MIB), "flights").body) == 5 * MIB


def test_an_asynchronous_endpoint_is_asked_for_no_variant(stubbed: Stubbed) -> None:
    queue = {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/out"}}}
    stubbed.answers("DescribeEndpoint", answers.endpoint(**queue))
    values = {"env": "aws", "target": "aws", "region": "eu-west-1", "bucket": "my-flights-data"}
    session: Any = SimpleNamespace(
        aws=stubbed.aws, config=AwsConfig.model_validate({**values, "deploy": {"endpoint": "flights"}})
    )
    with pytest.raises(ServingError) as refused:
        plan_rows(session, pd.DataFrame({"a": [1]}), None, variant="AllTraffic")
    assert refused.value.message == (
        "Endpoint flights is asynchronous: it has one variant, and SageMaker takes no variant's name for it. "
        "Leave --variant out."
    )
