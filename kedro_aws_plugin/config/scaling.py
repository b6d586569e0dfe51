"""`deploy.autoscaling:` how many instances an endpoint has, by what it has to do."""

from collections.abc import Iterable

from pydantic import Field, ValidationInfo, field_validator

from kedro_aws_plugin.config.fields import Section

_BURSTABLE = "ml.t2."
"""Instances of this family cannot be scaled. Source: "Auto scaling prerequisites" in AWS's guide."""


class Autoscaling(Section):
    """`deploy.autoscaling:` target tracking of the number of instances, or of provisioned concurrency.

    Attributes:
        min: The least instances; an asynchronous endpoint may have none.
        max: The most instances.
        target: What an instance shall have to do: requests in a minute, or, of an asynchronous endpoint,
            requests that wait. Of a serverless endpoint, which share of the provisioned concurrency is used.
        scale_in_cooldown: Seconds between two steps to fewer instances.
        scale_out_cooldown: Seconds between two steps to more instances.
    """

    min: int = Field(default=1, ge=0)
    max: int = Field(ge=1)
    target: float = Field(gt=0)
    scale_in_cooldown: int = Field(default=300, ge=0)
    scale_out_cooldown: int = Field(default=300, ge=0)

    @field_validator("max")
    @classmethod
    def _check_range(cls, most: int, others: ValidationInfo) -> int:
        least = others.data.get("min", 1)
        if most < least:
            raise ValueError(f"`{most}` is less than `min`, {least}; raise it, or lower `min`")
        return most

    def find_problem(self, mode: str, max_concurrency: int, provisioned: int | None) -> str | None:
        """Find what AWS would refuse for a certain endpoint; None if there is nothing.

        Args:
            mode: The endpoint's mode.
            max_concurrency: How many requests it may handle at once, if it is serverless.
            provisioned: Its provisioned concurrency, if it is serverless and has any.
        """
        if self.min == 0 and mode != "async":
            return "`min` must be 1 at least: only an endpoint with `mode: async` can have no instances"
        if mode != "serverless":
            return None
        if provisioned is None:
            return (
                "a serverless endpoint without `serverless.provisioned_concurrency` scales by itself. Remove "
                "the section, or set that"
            )
        if self.max > max_concurrency:
            return f"`max` is {self.max}, more than `serverless.max_concurrency`, {max_concurrency}"
        if self.target > 1:
            return (
                f"`target` is {self.target:g}; of a serverless endpoint it is the share of the provisioned "
                "concurrency that is in use: 1 at most"
            )
        return None


def find_unscalable(instance_types: Iterable[str]) -> str | None:
    """Find why an endpoint on these instance types cannot be scaled; None if it can."""
    for each in instance_types:
        if each.startswith(_BURSTABLE):
            return f"instances of type {each} cannot be scaled. Choose another `instance_type`"
    return None
