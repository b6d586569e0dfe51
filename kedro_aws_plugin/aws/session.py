"""One boto3 session for a command: region, retries, user agent, and a guard on where its requests go."""

import logging
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.client import BaseClient

from kedro_aws_plugin.aws.clients import client_config, expect_whole_answers
from kedro_aws_plugin.aws.environment import is_local
from kedro_aws_plugin.config.models import Target
from kedro_aws_plugin.errors import AwsError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_resourcegroupstaggingapi.client import ResourceGroupsTaggingAPIClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sagemaker_runtime.client import SageMakerRuntimeClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_ssm.client import SSMClient
    from mypy_boto3_sts.client import STSClient

_ATTEMPTS = 5
_Client = TypeVar("_Client", bound=BaseClient)
# botocore logs a traceback of the error that it then raises; `aws.errors` says it in one sentence.
for _name in ("botocore.tokens", "botocore.credentials"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class Aws:
    """The clients of one command, made when they are first used.

    The environment variables that `aws.environment` has set decide where they speak to; each client is
    checked against the target before its first request.
    """

    def __init__(self, target: Target, region: str) -> None:
        self.target = target
        self.region = region
        self._config = client_config(_ATTEMPTS, soon=target == "local")

    @cached_property
    def _session(self) -> boto3.Session:
        """Made with the first client, whose maker translates that a profile does not exist."""
        session = boto3.Session(region_name=self.region)
        expect_whole_answers(session)
        return session

    @cached_property
    def sagemaker(self) -> "SageMakerClient":
        """Models, packages, endpoints."""
        return self._guard(self._session.client("sagemaker", config=self._config))

    @cached_property
    def runtime(self) -> "SageMakerRuntimeClient":
        """Predictions."""
        return self._guard(self._session.client("sagemaker-runtime", config=self._config))

    @cached_property
    def s3(self) -> "S3Client":
        """Artifacts."""
        return self._guard(self._session.client("s3", config=self._config))

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """The stack of what a project needs before its first run."""
        return self._guard(self._session.client("cloudformation", config=self._config))

    @cached_property
    def tagging(self) -> "ResourceGroupsTaggingAPIClient":
        """What carries our tags."""
        return self._guard(self._session.client("resourcegroupstaggingapi", config=self._config))

    @cached_property
    def ssm(self) -> "SSMClient":
        """Parameters of Systems Manager."""
        return self._guard(self._session.client("ssm", config=self._config))

    @cached_property
    def secretsmanager(self) -> "SecretsManagerClient":
        """Secrets."""
        return self._guard(self._session.client("secretsmanager", config=self._config))

    @cached_property
    def sts(self) -> "STSClient":
        """Who we are; asked first, so that a missing network is told soon."""
        return self._guard(self._session.client("sts", config=client_config(_ATTEMPTS, soon=True)))

    def _guard(self, client: _Client) -> _Client:
        """Refuse a client that would speak to the other AWS than the environment stands for."""
        url = client.meta.endpoint_url
        if is_local(url) != (self.target == "local"):
            wanted = "the local AWS" if self.target == "local" else "the real AWS"
            raise AwsError(
                f"This command speaks to {wanted}, but its requests would go to {url}. "
                "Nothing was sent. Unset AWS_ENDPOINT_URL in your shell and profile, then run it again."
            )
        return client
