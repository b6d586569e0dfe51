"""CloudFormation: what a stack is, changes to it, and the wait for them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml
from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import error_code, translated
from kedro_aws_plugin.aws.s3 import bucket_state, list_keys
from kedro_aws_plugin.aws.sagemaker import Clock
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.bootstrap import CHANGING, stack_name
from kedro_aws_plugin.plan.observed import Foundation, Stack
from kedro_aws_plugin.plan.steps import UpdateStack, WaitForStack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef

_TIMEOUT = 60 * 60
_COMPLETE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_BEGINNINGS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})
_CANCELLED = "cancelled"
"""What CloudFormation says of the resources that it gave up because of another one."""


def observe_foundation(aws: Aws, bucket: str, prefix: str) -> Foundation:
    """Look up a project's stack, its bucket and what of its raw data is on S3."""
    stack = observe_stack(aws, stack_name(bucket))
    if stack is not None:
        with translated(f"read the template of stack {stack.name}"):
            body = aws.cloudformation.get_template(StackName=stack.name)["TemplateBody"]
        stack = replace(stack, template=yaml.safe_load(body) if isinstance(body, str) else body)
    with translated(f"look at bucket {bucket}"):
        state = bucket_state(aws.s3, bucket)
        keys = list_keys(aws.s3, bucket, prefix) if state == "own" else ()
    return Foundation(stack=stack, bucket=state, keys=frozenset(keys))


def observe_stack(aws: Aws, name: str) -> Stack | None:
    """Look up a stack, without its template."""
    with translated(f"describe stack {name}"):
        try:
            found = aws.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if error_code(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
    return Stack(
        name=name,
        status=found["StackStatus"],
        tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
        outputs={each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
        reason=found.get("StackStatusReason", ""),
    )


def bootstrapped_role(aws: Aws, bucket: str) -> str | None:
    """The role for SageMaker in a project's stack; None without a stack."""
    stack = observe_stack(aws, stack_name(bucket))
    return stack.outputs.get("RoleArn") if stack else None


def update_stack(aws: Aws, step: UpdateStack) -> bool:
    """Bring a stack to another template.

    Returns:
        Whether that changes anything.
    """
    try:
        aws.cloudformation.update_stack(**step.request())
    except ClientError as error:
        if error_code(error) == "ValidationError" and "No updates are to be performed" in str(error):
            return False
        raise
    return True


def wait_stack(
    aws: Aws, step: WaitForStack, clock: Clock, progress: Callable[[str], None]
) -> Mapping[str, str]:
    """Wait until no change of a stack is under way.

    Returns:
        Its outputs.

    Raises:
        AwsError: If the change failed, or takes too long.
    """
    deadline = clock.now() + _TIMEOUT
    while (stack := observe_stack(aws, step.name)) is not None and _is_changing(stack):
        if clock.now() > deadline:
            raise AwsError(
                f"Stack {step.name} is still {stack.status} after {_TIMEOUT // 60} minutes. "
                "Run the same command again to go on waiting."
            )
        progress(stack.status)
        clock.sleep(clock.interval)
    if stack is None:
        raise AwsError(
            f"Stack {step.name} was deleted while it was being waited for. Run the command again to make it."
        )
    if stack.status not in _COMPLETE:
        raise AwsError(
            f"Stack {step.name} is {stack.status}: {_first_failure(aws, stack)}. Correct that and run the "
            "command again: it says what to do with the stack."
        )
    return stack.outputs


def _is_changing(stack: Stack) -> bool:
    return stack.status in CHANGING or stack.status == "ROLLBACK_IN_PROGRESS"


def _first_failure(aws: Aws, stack: Stack) -> str:
    """Why the newest change of a stack failed: the first resource that did, with CloudFormation's reason."""
    first = None
    with translated(f"read the events of stack {stack.name}"):
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
    """Whether it is about the stack itself."""
    return event.get("PhysicalResourceId") == event["StackId"]


def _is_failure(event: "StackEventTypeDef") -> bool:
    failed = event.get("ResourceStatus", "").endswith("_FAILED")
    return failed and _CANCELLED not in event.get("ResourceStatusReason", "")
