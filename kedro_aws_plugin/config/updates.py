"""`deploy.update:` how an endpoint goes from one version to the next."""

from collections.abc import Mapping
from math import ceil
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from kedro_aws_plugin.config.fields import Section

UpdateStrategy = Literal["all-at-once", "canary", "linear", "rolling"]
AlarmName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"\S")]

_LEAST_PERCENT: Mapping[str, int] = {"canary": 1, "linear": 10, "rolling": 5}
_MOST_PERCENT = 50
_HOUR = 3600
_LONGEST = 8 * _HOUR


class Update(Section):
    """`deploy.update:` in which steps requests go to a new version, and which alarms stop that.

    The limits are those of DeploymentConfig in SageMaker's API reference, and of "Deployment guardrails" in
    its developer guide.

    Attributes:
        strategy: `all-at-once`; `canary`, in two steps; `linear`, in equal steps; or `rolling`, in equal
            steps that replace the instances one batch after the other.
        percent: The size of a step, in percent of the instances.
        instances: The size of a step, in instances.
        wait_seconds: How long the alarms are watched after each step.
        termination_wait_seconds: How long the former instances stay after the last step.
        alarms: The CloudWatch alarms of which any one sends all requests back to the former version.
        timeout_seconds: How long the whole update may take.
    """

    # What the checks look at comes first.
    percent: int | None = Field(default=None, ge=1, le=_MOST_PERCENT)
    instances: int | None = Field(default=None, ge=1)
    strategy: UpdateStrategy = Field(default="all-at-once", validate_default=True)
    termination_wait_seconds: int = Field(default=0, ge=0, le=_HOUR)
    timeout_seconds: int | None = Field(default=None, ge=600, le=_LONGEST)
    wait_seconds: int = Field(default=300, ge=0, le=_HOUR, validate_default=True)
    alarms: tuple[AlarmName, ...] = Field(default=(), max_length=10)

    @field_validator("strategy")
    @classmethod
    def _check_size(cls, strategy: UpdateStrategy, others: ValidationInfo) -> UpdateStrategy:
        if not {"percent", "instances"} <= others.data.keys():
            return strategy  # one of them is wrong itself
        percent, instances = others.data["percent"], others.data["instances"]
        given = sum(size is not None for size in (percent, instances))
        if strategy == "all-at-once" and given:
            raise ValueError("`all-at-once` has no steps; leave `percent` and `instances` out")
        if strategy != "all-at-once" and given != 1:
            raise ValueError(f"`{strategy}` needs the size of a step: either `percent` or `instances`")
        least = _LEAST_PERCENT.get(strategy, 1)
        if percent is not None and percent < least:
            raise ValueError(
                f"a step of {percent} percent is too small for `{strategy}`: SageMaker takes {least} to "
                f"{_MOST_PERCENT}"
            )
        return strategy

    @field_validator("termination_wait_seconds")
    @classmethod
    def _check_that_something_is_terminated(cls, seconds: int, others: ValidationInfo) -> int:
        if seconds and others.data.get("strategy") == "rolling":
            raise ValueError("`rolling` ends the former instances in each step; leave this key out")
        return seconds

    @field_validator("wait_seconds")
    @classmethod
    def _check_that_the_waits_fit(cls, seconds: int, others: ValidationInfo) -> int:
        if not {"strategy", "termination_wait_seconds", "timeout_seconds"} <= others.data.keys():
            return seconds
        if others.data.get("instances") is not None:
            return seconds  # how many steps that makes depends on the endpoint
        most = others.data["timeout_seconds"] or _LONGEST
        steps = len(list_shares(others.data["strategy"], others.data.get("percent") or 100))
        waits = steps * seconds + others.data["termination_wait_seconds"]
        if waits >= most:
            raise ValueError(
                f"the waits alone take {waits} seconds ({steps} times `wait_seconds`, and "
                f"`termination_wait_seconds`), and the update may take {most}"
            )
        return seconds

    @field_validator("alarms")
    @classmethod
    def _check_that_they_are_watched(cls, alarms: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        if alarms and others.data.get("wait_seconds") == 0:
            raise ValueError("with `wait_seconds: 0` they are never watched; give them some time")
        return alarms

    def find_problem(self, mode: str, instance_count: int) -> str | None:
        """Find what SageMaker would refuse for a certain endpoint; None if there is nothing.

        Args:
            mode: The endpoint's mode.
            instance_count: How many instances it has.
        """
        if mode == "serverless":
            return (
                "a serverless endpoint is updated all at once; leave `update` out, or give `mode: realtime`"
            )
        if self.instances is not None and 2 * self.instances > instance_count:
            return (
                f"a step of {self.instances} of {instance_count} instances is more than half of them; give "
                "`percent`, or more instances (instance_count)"
            )
        return None

    def list_steps(self, instance_count: int) -> tuple[int, ...]:
        """List what percentage of the requests the new version gets after each step.

        Args:
            instance_count: How many instances the endpoint has.
        """
        size = 100 * self.instances / instance_count if self.instances else self.percent or 100
        return list_shares(self.strategy, size)


def list_shares(strategy: UpdateStrategy, percent: float) -> tuple[int, ...]:
    """List what percentage of the requests the new version gets after each step.

    Args:
        strategy: The strategy.
        percent: The size of a step.
    """
    if strategy == "all-at-once":
        return (100,)
    if strategy == "canary":
        return (round(percent), 100)
    count = ceil(round(100 / percent, 9))
    return tuple(min(100, round(percent * number)) for number in range(1, count + 1))
