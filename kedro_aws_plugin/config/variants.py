"""`deploy:` what else an endpoint does with its requests: data capture."""

from pydantic import Field, model_validator
from typing_extensions import Self

from kedro_aws_plugin.config.athena import S3Folder
from kedro_aws_plugin.config.fields import Section


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
