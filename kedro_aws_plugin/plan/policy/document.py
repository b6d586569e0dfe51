"""Build the IAM policies of a project."""

import json
import re
from typing import Any, Literal

from kedro_aws_plugin.plan.policy.callers import Audience, list_actions
from kedro_aws_plugin.plan.policy.grant import Grant
from kedro_aws_plugin.plan.policy.grants import GRANTS
from kedro_aws_plugin.plan.policy.reach import Reach
from kedro_aws_plugin.plan.stack_template import build_role_policy

Values = dict[str, Any]
_VERSION = "2012-10-17"
_MANAGED, _INLINE = 6144, 10_240
"""How many characters other than whitespace IAM takes in a managed policy, and in the policies within a role.

Source: "IAM and AWS STS quotas" in the IAM User Guide.
"""


def build_policy(audience: Audience, reach: Reach) -> Values:
    """Build the policy of somebody: what they need, and nothing else.

    Args:
        audience: `role` is what SageMaker assumes, `ci` registers and deploys, `developer` uses every
            command.
        reach: The project, in its account.
    """
    if audience == "role":
        resolved: Values = _resolve(build_role_policy(reach.config), _list_values(reach))
        return resolved
    needed = list_actions(audience, reach.data.uses)
    grants = [grant for grant in GRANTS if audience in grant.audiences]
    found = [_build_statement(grant, needed, audience, reach) for grant in grants]
    return {"Version": _VERSION, "Statement": [each for each in found if each]}


def explain_size(policy: Values) -> str | None:
    """Explain where a policy fits that is too long for a managed one; None if it is not."""
    size = len(re.sub(r"\s", "", json.dumps(policy)))
    if size <= _MANAGED:
        return None
    if size <= _INLINE:
        return (
            f"the policy has {size} characters, and a managed policy takes {_MANAGED}: put it into a role as "
            f"an inline policy, which takes {_INLINE}."
        )
    return (
        f"the policy has {size} characters, and IAM takes {_INLINE} inline in a role: split its statements "
        f"into managed policies of {_MANAGED} each."
    )


def _build_statement(
    grant: Grant, needed: frozenset[str], audience: Literal["ci", "developer"], reach: Reach
) -> Values | None:
    granted = {
        action: found
        for action, list_arns in grant.actions.items()
        if action in needed and (found := list_arns(reach, audience))
    }
    if not granted:
        return None
    arns = list(dict.fromkeys(arn for found in granted.values() for arn in found))
    return {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": sorted(granted),
        "Resource": arns,
        **({"Condition": grant.condition(reach, audience)} if grant.condition else {}),
    }


def _list_values(reach: Reach) -> dict[str, str]:
    """List the values of what the template refers to."""
    return {
        "AWS::AccountId": reach.account,
        "AWS::Partition": reach.partition,
        "AWS::Region": reach.config.region,
        "Bucket": reach.config.bucket,
        "Bucket.Arn": f"arn:{reach.partition}:s3:::{reach.config.bucket}",
    }


def _resolve(value: Any, values: dict[str, str]) -> Any:
    """Put values for the functions of CloudFormation into a part of a template."""
    match value:
        case list():
            return [_resolve(each, values) for each in value]
        case {"Ref": str(name)}:
            return values[name]
        case {"Fn::GetAtt": [name, attribute]}:
            return values[f"{name}.{attribute}"]
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]*)\}", lambda found: values[found[1]], text)
        case dict():
            return {key: _resolve(each, values) for key, each in value.items()}
    return value
