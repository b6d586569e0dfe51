"""CloudFormation: look up stacks, update them, wait for them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml
from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.clock import Clock, Deadline, wait_until
from kedro_aws_plugin.aws.errors import get_error_code, translate_errors
from kedro_aws_plugin.aws.s3 import list_keys, observe_bucket
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.bootstrap import CHANGING, get_stack_name
from kedro_aws_plugin.plan.observed import Foundation, Stack
from kedro_aws_plugin.plan.steps.stack import UpdateStack, WaitForStack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

_TIMEOUT = 60 * 60
_COMPLETE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_BEGINNINGS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})
_CANCELLED = "cancelled"
"""A word in CloudFormation's reason for the resources that it gave up because another one failed."""


def observe_foundation(aws: Aws, bucket: str, prefix: str) -> Foundation:
    """Look up a project's stack, its bucket and the keys of its raw data that is on S3."""
    stack = observe_stack(aws, get_stack_name(bucket))
    if stack is not None:
        with translate_errors(f"read the template of stack {stack.name}"):
            body = aws.cloudformation.get_template(StackName=stack.name)["TemplateBody"]
        stack = replace(stack, template=yaml.safe_load(body) if isinstance(body, str) else body)
    with translate_errors(f"look at bucket {bucket}"):
        state = observe_bucket(aws.s3, bucket)
        keys = list_keys(aws.s3, bucket, prefix) if state == "own" else ()
    return Foundation(stack=stack, bucket=state, keys=frozenset(keys))


def observe_stack(aws: Aws, name: str) -> Stack | None:
    """Look up a stack, without its template; None if there is none."""
    with translate_errors(f"describe stack {name}"):
        try:
            found = aws.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if get_error_code(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
    return Stack(
        name=name,
        status=found["StackStatus"],
        tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
        outputs={each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
        reason=found.get("StackStatusReason", ""),
    )


def find_states_role(aws: Aws, bucket: str) -> str | None:
    """Look up the role that a project's stack has made for Step Functions; None if there is none."""
    stack = observe_stack(aws, get_stack_name(bucket))
    return stack.outputs.get("StatesRoleArn") if stack else None


def find_role(aws: Aws, bucket: str) -> str | None:
    """Look up the ARN of SageMaker's role in a project's stack; None without a stack."""
    stack = observe_stack(aws, get_stack_name(bucket))
    return stack.outputs.get("RoleArn") if stack else None


def update_stack(aws: Aws, step: UpdateStack) -> bool:
    """Change a stack to another template.

    Returns:
        Whether the template changes anything.
    """
    try:
        aws.cloudformation.update_stack(**step.request())
    except ClientError as error:
        if get_error_code(error) == "ValidationError" and "No updates are to be performed" in str(error):
            return False
        raise
    return True


def wait_for_stack(
    aws: Aws, step: WaitForStack, clock: Clock, note: Callable[[str], None]
) -> Mapping[str, str]:
    """Wait until no change of a stack is under way.

    Returns:
        The stack's outputs, by name.

    Raises:
        AwsError: If the change failed, or takes too long.
    """
    deadline = Deadline(f"Stack {step.name}", _TIMEOUT, AwsError)
    stack = wait_until(lambda: observe_stack(aws, step.name), _is_settled, deadline, clock, note)
    if stack is None:
        raise AwsError(
            f"Stack {step.name} was deleted while this command waited for it. "
            "Run the command again to create it."
        )
    if stack.status not in _COMPLETE:
        raise AwsError(
            f"Stack {step.name} is {stack.status}: {_find_first_failure(aws, stack)}. Correct that and run "
            "the command again: it says what to do with the stack."
        )
    return stack.outputs


def _is_settled(stack: Stack | None) -> bool:
    return stack is None or stack.status not in CHANGING | {"ROLLBACK_IN_PROGRESS"}


def _find_first_failure(aws: Aws, stack: Stack) -> str:
    """Say why the newest change of a stack failed: the first resource that did, with CloudFormation's reason.

    CloudFormation lists the newest event first, and the events of earlier changes last.
    """
    first = None
    with translate_errors(f"read the events of stack {stack.name}"):
        pages = aws.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack.name)
        for event in (event for page in pages for event in page["StackEvents"]):
            if _is_own(event) and event.get("ResourceStatus") in _BEGINNINGS:
                break
            if _is_failure(event):
                first = event
    if first is None:
        return stack.reason.rstrip(".") or "CloudFormation gives no reason"
    reason = first.get("ResourceStatusReason", "no reason given").rstrip(".")
    return f"{first.get('LogicalResourceId')} ({first.get('ResourceType')}): {reason}"


def _is_own(event: "StackEventTypeDef") -> bool:
    """Tell whether an event is about the stack itself."""
    return event.get("PhysicalResourceId") == event["StackId"]


def _is_failure(event: "StackEventTypeDef") -> bool:
    failed = event.get("ResourceStatus", "").endswith("_FAILED")
    return failed and _CANCELLED not in event.get("ResourceStatusReason", "")
