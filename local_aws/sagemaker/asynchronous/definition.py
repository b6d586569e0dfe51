"""AsyncInferenceConfig of an endpoint config, checked and read."""

from dataclasses import dataclass

from local_aws.protocol.aws_json import Params
from local_aws.protocol.messages import invalid, unsupported

_IN_SUCCESS, _IN_ERROR = "SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"


@dataclass(frozen=True)
class AsyncConfig:
    """Where an asynchronous endpoint puts its answers, and whom it tells.

    Attributes:
        output: The S3 URI below which answers are put.
        failure: The S3 URI below which failures are put; empty if they are put nowhere.
        success_topic: The ARN of the SNS topic for answers; empty for none.
        error_topic: The ARN of the SNS topic for failures; empty for none.
        tells_answer: Whether the topic for answers gets them too.
        tells_failure: Whether the topic for failures gets what the container said.
        concurrency: How many requests its container gets at once; None for as many as it has processes.
    """

    output: str
    failure: str = ""
    success_topic: str = ""
    error_topic: str = ""
    tells_answer: bool = False
    tells_failure: bool = False
    concurrency: int | None = None


def read_config(params: Params) -> AsyncConfig:
    """Read an AsyncInferenceConfig that was checked."""
    output, client = params["OutputConfig"], params.get("ClientConfig", {})
    told = output.get("NotificationConfig", {})
    included = told.get("IncludeInferenceResponseIn", [])
    return AsyncConfig(
        output=output["S3OutputPath"].rstrip("/"),
        failure=output.get("S3FailurePath", "").rstrip("/"),
        success_topic=told.get("SuccessTopic", ""),
        error_topic=told.get("ErrorTopic", ""),
        tells_answer=_IN_SUCCESS in included,
        tells_failure=_IN_ERROR in included,
        concurrency=client.get("MaxConcurrentInvocationsPerInstance"),
    )


def check_async(params: Params) -> None:
    """Check the AsyncInferenceConfig of a CreateEndpointConfig, if it has one.

    Raises:
        AwsFault: If AWS or the local AWS refuses it.
    """
    wanted = params.get("AsyncInferenceConfig")
    if wanted is None:
        return
    variants = params["ProductionVariants"]
    if any("ServerlessConfig" in variant for variant in variants):
        raise invalid("AsyncInferenceConfig is not supported for serverless production variants.")
    if "DataCaptureConfig" in params:
        raise unsupported("AsyncInferenceConfig beside DataCaptureConfig")
    if len(variants) > 1:
        raise unsupported("AsyncInferenceConfig with several production variants")
    output = wanted["OutputConfig"]
    if not output.get("S3OutputPath"):
        raise unsupported("AsyncInferenceConfig without S3OutputPath")
    for member in ("S3OutputPath", "S3FailurePath"):
        if (uri := output.get(member)) and not uri.startswith("s3://"):
            raise unsupported(f"{member} {uri}; it takes s3://BUCKET/PREFIX")
    told = output.get("NotificationConfig", {})
    for included, topic in ((_IN_SUCCESS, "SuccessTopic"), (_IN_ERROR, "ErrorTopic")):
        if included in told.get("IncludeInferenceResponseIn", []) and not told.get(topic):
            raise invalid(f"IncludeInferenceResponseIn has {included}, and NotificationConfig no {topic}.")
