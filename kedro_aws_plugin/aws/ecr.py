"""Look up images in the Elastic Container Registry."""

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import get_error_code, translate_errors
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AwsError

_ABSENT = {"RepositoryNotFoundException", "ImageNotFoundException"}


def check_image(aws: Aws, uri: str) -> None:
    """Check that an image exists. SageMaker would say so after minutes only, when an endpoint starts.

    Args:
        aws: The clients of the AWS in force.
        uri: The image, with its tag or digest.

    Raises:
        AwsError: If it does not exist, or may not be looked up.
    """
    registry, _, path = uri.partition("/")
    repository, at, digest = path.partition("@")
    repository, _, tag = repository.partition(":")
    with translate_errors(f"look for the image {uri}"):
        try:
            aws.ecr.describe_images(
                registryId=registry.split(".")[0],
                repositoryName=repository,
                imageIds=[{"imageDigest": digest} if at else {"imageTag": tag}],
            )
        except ClientError as error:
            if get_error_code(error) in _ABSENT:
                raise AwsError(
                    f"`registry.image`: there is no image {uri}. Push it, or correct its repository and tag."
                ) from error
            raise
