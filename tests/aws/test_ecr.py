"""An image of the user's own is looked for before it is registered."""

import pytest
from stubbed import Stubbed

from kedro_aws_plugin.aws.ecr import check_image
from kedro_aws_plugin.errors import AwsError

REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
DIGEST = f"sha256:{'0a' * 32}"


@pytest.mark.parametrize(
    ("path", "repository", "image"),
    [
        ("flights:1.0", "flights", {"imageTag": "1.0"}),
        (f"team/flights@{DIGEST}", "team/flights", {"imageDigest": DIGEST}),
    ],
)
def test_an_image_is_looked_for_in_its_registry(
    stubbed: Stubbed, path: str, repository: str, image: dict[str, str]
) -> None:
    stubbed.answers(
        "DescribeImages",
        {"imageDetails": [{}]},
        {"registryId": "123456789012", "repositoryName": repository, "imageIds": [image]},
    )
    check_image(stubbed.aws, f"{REGISTRY}/{path}")


@pytest.mark.parametrize("code", ["ImageNotFoundException", "RepositoryNotFoundException"])
def test_an_image_that_is_absent_is_named(stubbed: Stubbed, code: str) -> None:
    stubbed.refuses("DescribeImages", code)
    with pytest.raises(
        AwsError, match=rf"`registry.image`: there is no image {REGISTRY}/flights:1.0. Push it, or"
    ):
        check_image(stubbed.aws, f"{REGISTRY}/flights:1.0")


def test_an_image_that_may_not_be_looked_up(stubbed: Stubbed) -> None:
    stubbed.refuses("DescribeImages", "AccessDeniedException")
    with pytest.raises(AwsError, match=f"look for the image {REGISTRY}/flights:1.0"):
        check_image(stubbed.aws, f"{REGISTRY}/flights:1.0")
