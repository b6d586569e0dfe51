"""What a grant is, and the conditions of grants."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kedro_aws_plugin.plan.policy.callers import Audience
from kedro_aws_plugin.plan.policy.reach import Reach

Condition = dict[str, dict[str, Any]]
Lister = Callable[[Reach, Audience], list[str]]
_TAG = "kedro-aws:project"


@dataclass(frozen=True)
class Grant:
    """A statement of a policy, for those of its actions that somebody needs.

    Attributes:
        sid: Its name.
        actions: Its IAM actions, each with what lists the ARNs on which it is granted. An action without any
            is left out; a statement is on what any of its actions is on.
        condition: Makes the condition, if there is one.
        audiences: Whom it is for.
    """

    sid: str
    actions: Mapping[str, Lister]
    condition: Callable[[Reach, Audience], Condition] | None = None
    audiences: tuple[Audience, ...] = ("ci", "developer")


def require_tag(reach: Reach, _: Audience) -> Condition:
    """Ask that what is made gets the tag of the project."""
    return {"StringEquals": {f"aws:RequestTag/{_TAG}": reach.project}}


def require_owned(reach: Reach, _: Audience) -> Condition:
    """Ask that what is reached has the tag of the project."""
    return {"StringEquals": {f"aws:ResourceTag/{_TAG}": reach.project}}


def require_account(reach: Reach, _: Audience) -> Condition:
    """Keep models and data from going to a bucket that somebody else has made under the same name."""
    return {"StringEquals": {"aws:ResourceAccount": reach.account}}


def require_sagemaker(_: Reach, __: Audience) -> Condition:
    """Ask that a role is given to SageMaker."""
    return {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def require_scaling_of_sagemaker(_: Reach, __: Audience) -> Condition:
    """Ask that what is scaled is SageMaker's."""
    return {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}


def require_emr(_: Reach, __: Audience) -> Condition:
    """Ask that a role is given to EMR Serverless."""
    return {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}


def require_scheduler(_: Reach, __: Audience) -> Condition:
    """Ask that a role is given to EventBridge Scheduler."""
    return {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def require_states(_: Reach, __: Audience) -> Condition:
    """Ask that a role is given to Step Functions."""
    return {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}}
