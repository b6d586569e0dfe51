"""`deploy.async:` where an asynchronous endpoint puts its answers, and whom it tells."""

from typing import Annotated

from pydantic import Field

from kedro_aws_plugin.config.athena import S3Folder
from kedro_aws_plugin.config.fields import Section, match_pattern

Topic = Annotated[
    str,
    match_pattern(
        r"(arn:aws[a-z-]*:sns:[a-z0-9-]*:\d{12}:)?[a-zA-Z0-9_-]{1,256}",
        "an SNS topic: its name, of letters, digits, hyphens and underscores, or its ARN",
    ),
]


class Async(Section):
    """`deploy.async:` the settings of an asynchronous endpoint (`mode: async`).

    Attributes:
        input: The folder on S3 where `kedro aws predict` puts what it sends.
        output: The folder on S3 for the answers.
        failure: The folder on S3 for what could not be answered.
        concurrency: How many requests an instance gets at once; by default SageMaker chooses.
        success_topic: The SNS topic that is told of each answer.
        error_topic: The SNS topic that is told of each failure.
    """

    input: S3Folder | None = None
    output: S3Folder | None = None
    failure: S3Folder | None = None
    concurrency: int | None = Field(default=None, ge=1, le=1000)
    success_topic: Topic | None = None
    error_topic: Topic | None = None


def list_topics(settings: Async) -> list[str]:
    """List the topics that are told, each once, by name or ARN as they are given."""
    return list(dict.fromkeys(filter(None, (settings.success_topic, settings.error_topic))))


def is_topic_name(topic: str) -> bool:
    """Tell whether a topic is given by its name, not by its ARN."""
    return not topic.startswith("arn:")
