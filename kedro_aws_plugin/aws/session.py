"""The clients of a command: region, retries, user agent, and a guard on where their requests go."""

import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import CredentialRetrievalError

from kedro_aws_plugin.aws.clients import expect_whole_answers, make_client_config
from kedro_aws_plugin.aws.environment import is_local
from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.overrides import put_into_requests
from kedro_aws_plugin.aws.service_models import make_session
from kedro_aws_plugin.config.models import Target
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.overrides import Overrides
from kedro_aws_plugin.plan.steps import Service

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_logs.client import CloudWatchLogsClient
    from mypy_boto3_resourcegroupstaggingapi.client import ResourceGroupsTaggingAPIClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sagemaker_runtime.client import SageMakerRuntimeClient
    from mypy_boto3_scheduler.client import EventBridgeSchedulerClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_service_quotas.client import ServiceQuotasClient
    from mypy_boto3_ssm.client import SSMClient
    from mypy_boto3_sts.client import STSClient

_ATTEMPTS = 5
# botocore logs a traceback of the error that it then raises; `aws.errors` says it in one sentence.
for _name in ("botocore.tokens", "botocore.credentials"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class Aws:
    """The clients of one command, each created when it is first used.

    The environment variables that `aws.environment` sets decide where their requests go. Each client is
    checked against the target before its first request.

    Args:
        target: The AWS that the requests are for.
        region: Such as "eu-west-1".
        clients: Clients by service to use instead of creating them.
        overrides: What aws.yml sets in the requests that change something, from `check_overrides`.
    """

    def __init__(
        self,
        target: Target,
        region: str,
        clients: Mapping[Service, BaseClient] | None = None,
        overrides: Overrides | None = None,
    ) -> None:
        self.target = target
        self.region = region
        self._clients = dict(clients or {})
        self._overrides = overrides or {}
        for client in self._clients.values():
            put_into_requests(client, self._overrides)

    def call(self, service: Service, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request.

        Args:
            service: botocore's name of the service.
            operation: As AWS's API reference spells it, e.g. "CreateModel".
            request: Its parameters.

        Returns:
            AWS's answer.

        Raises:
            ClientError: If AWS refuses the request.
        """
        send: Callable[..., dict[str, Any]] = getattr(self._client(service), xform_name(operation))
        return send(**request)

    @property
    def sagemaker(self) -> "SageMakerClient":
        """Models, packages and endpoints."""
        return cast("SageMakerClient", self._client("sagemaker"))

    @property
    def runtime(self) -> "SageMakerRuntimeClient":
        """Predictions."""
        return cast("SageMakerRuntimeClient", self._client("sagemaker-runtime"))

    @property
    def s3(self) -> "S3Client":
        """Files."""
        return cast("S3Client", self._client("s3"))

    @property
    def cloudformation(self) -> "CloudFormationClient":
        """The stack of what a project needs before its first run."""
        return cast("CloudFormationClient", self._client("cloudformation"))

    @property
    def scaling(self) -> Any:
        """Application Auto Scaling of endpoints."""
        return self._client("application-autoscaling")

    @property
    def cloudwatch(self) -> "CloudWatchClient":
        """Metrics and alarms."""
        return cast("CloudWatchClient", self._client("cloudwatch"))

    @property
    def ecr(self) -> "ECRClient":
        """Images of containers."""
        return cast("ECRClient", self._client("ecr"))

    @property
    def emr_serverless(self) -> Any:
        """Applications and job runs of Spark."""
        return self._client("emr-serverless")

    @property
    def iam(self) -> "IAMClient":
        """Roles."""
        return cast("IAMClient", self._client("iam"))

    @property
    def logs(self) -> "CloudWatchLogsClient":
        """What SageMaker's endpoints and jobs print."""
        return cast("CloudWatchLogsClient", self._client("logs"))

    @property
    def quotas(self) -> "ServiceQuotasClient":
        """How much of a service the account may use."""
        return cast("ServiceQuotasClient", self._client("service-quotas"))

    @property
    def scheduler(self) -> "EventBridgeSchedulerClient":
        """Schedules of pipelines."""
        return cast("EventBridgeSchedulerClient", self._client("scheduler"))

    @property
    def stepfunctions(self) -> Any:
        """State machines of pipelines."""
        return self._client("stepfunctions")

    @property
    def tagging(self) -> "ResourceGroupsTaggingAPIClient":
        """The index of tags."""
        return cast("ResourceGroupsTaggingAPIClient", self._client("resourcegroupstaggingapi"))

    @property
    def ssm(self) -> "SSMClient":
        """Parameters of Systems Manager."""
        return cast("SSMClient", self._client("ssm"))

    @property
    def secretsmanager(self) -> "SecretsManagerClient":
        """Secrets."""
        return cast("SecretsManagerClient", self._client("secretsmanager"))

    @property
    def sts(self) -> "STSClient":
        """The account that the credentials belong to."""
        return cast("STSClient", self._client("sts"))

    @cached_property
    def _session(self) -> boto3.Session:
        session = boto3.Session(region_name=self.region, botocore_session=make_session())
        expect_whole_answers(session)
        return session

    def _client(self, service: Service) -> BaseClient:
        if service not in self._clients:
            # STS is the first service that a command calls: a missing network shall show soon.
            config = make_client_config(_ATTEMPTS, soon=self.target == "local" or service == "sts")
            create: Callable[..., BaseClient] = self._session.client
            client = self._check_target(create(service, config=config))
            put_into_requests(client, self._overrides)
            self._clients[service] = client
        return self._clients[service]

    def _check_target(self, client: BaseClient) -> BaseClient:
        """Raise if a client's requests would go to the real AWS instead of the local one, or vice versa."""
        url = client.meta.endpoint_url
        if is_local(url) != (self.target == "local"):
            wanted = "the local AWS" if self.target == "local" else "the real AWS"
            raise AwsError(
                f"This command is for {wanted}, but its requests would go to {url}. "
                "Nothing was sent. Unset AWS_ENDPOINT_URL in your shell and profile, then run it again."
            )
        return client


def find_account(aws: Aws, env: str) -> str:
    """Look up the id of the AWS account that the credentials of an environment belong to."""
    with translate_errors(f"find out the AWS account of the environment `{env}`"):
        try:
            return aws.sts.get_caller_identity()["Account"]
        except (ValueError, RuntimeError) as error:
            # botocore raises plain Python errors where a credential process prints nonsense, or is late.
            raise CredentialRetrievalError(provider="credential_process", error_msg=error) from error
