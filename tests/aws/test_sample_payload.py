"""What `kedro aws predict` sends when it is given nothing."""

import io

import answers
import pytest
from answers import ABSENT, package_arn
from botocore.response import StreamingBody
from stubbed import Stubbed

from kedro_aws_plugin.errors import ServingError
from kedro_aws_plugin.model_artifact.payload import Payload
from kedro_aws_plugin.project.prediction_input import find_sample_payload


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
