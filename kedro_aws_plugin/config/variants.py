"""`deploy:` several versions on one endpoint, and what is kept of its requests."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import Self

from kedro_aws_plugin.config.athena import S3Folder
from kedro_aws_plugin.config.fields import InstanceType, Name, Section, match_pattern

SHADOW = "shadow"
"""The name of the shadow variant."""

VariantName = Annotated[
    str,
    match_pattern(
        r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "a variant's name: 1 to 63 letters, digits and inner hyphens"
    ),
]


def _write_number(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Version = Annotated[
    str,
    BeforeValidator(_write_number),
    match_pattern(
        r"[1-9]\d{0,8}|arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:model-package/[^/]+/\d+",
        "a version: its number, or its ARN",
    ),
]


class VersionSettings(Section):
    """Which version a variant serves, and on what.

    Attributes:
        group: The model package group; by default the endpoint's.
        package: The version, by number or ARN; by default the newest approved one.
        instance_type: The instance type; by default the endpoint's.
        instance_count: How many instances it has; by default as many as the endpoint says.
    """

    group: Name | None = None
    package: Version | None = None
    instance_type: InstanceType | None = None
    instance_count: int | None = Field(default=None, ge=1)


class VariantSettings(VersionSettings):
    """`deploy.variants.<name>:` one of several versions that share the requests.

    Attributes:
        weight: Its share of the requests, relative to the other variants'.
    """

    weight: float = Field(default=1.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _take_nothing_as_no_keys(cls, value: Any) -> Any:
        return {} if value is None else value


class ShadowSettings(VersionSettings):
    """`deploy.shadow:` a version that gets copies of the requests, and answers to nobody.

    Attributes:
        share: Which share of the requests is copied.
    """

    share: float = Field(default=1.0, gt=0, le=1)


class Capture(Section):
    """`deploy.capture:` what of the requests and answers of an endpoint is kept on S3.

    Attributes:
        percent: So many of 100 requests are captured.
        destination: The folder on S3; by default `captured/` in the project's bucket.
        input: Whether requests are captured.
        output: Whether answers are captured.
    """

    percent: int = Field(default=100, ge=0, le=100)
    destination: S3Folder | None = None
    input: bool = True
    output: bool = True

    @model_validator(mode="after")
    def _check_that_something_is_captured(self) -> Self:
        if not self.input and not self.output:
            raise ValueError("`input` and `output` are both false; remove the section to capture nothing")
        return self
