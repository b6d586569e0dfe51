"""Apply a plan: send the requests of its steps to AWS."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from typing_extensions import assert_never

from kedro_aws_plugin.aws.clock import Clock, retry_while_absent
from kedro_aws_plugin.aws.cloudformation import update_stack, wait_for_stack
from kedro_aws_plugin.aws.emr_serverless import explain_failure, look_at_job_run, wait_for_application
from kedro_aws_plugin.aws.errors import delete_if_present, translate_errors
from kedro_aws_plugin.aws.runs import wait_for_run
from kedro_aws_plugin.aws.s3 import delete_objects, upload_file
from kedro_aws_plugin.aws.sagemaker.endpoints import observe_endpoint
from kedro_aws_plugin.aws.sagemaker.pipelines import explain_failures, observe_execution
from kedro_aws_plugin.aws.sagemaker.registry import create_package
from kedro_aws_plugin.aws.sagemaker.serving import (
    invoke_and_check,
    wait_for_deletion,
    wait_for_endpoint,
    wait_for_update,
)
from kedro_aws_plugin.aws.sagemaker.transform import collect_predictions, wait_for_transform
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.aws.state_machines import observe_machine_run
from kedro_aws_plugin.errors import AnswerError, ConflictError, KedroAwsError, ServingError
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import PlainStep, Result
from kedro_aws_plugin.plan.steps.any_step import Step, WaitingStep
from kedro_aws_plugin.plan.steps.asynchronous import InvokeAsync
from kedro_aws_plugin.plan.steps.emr_serverless import WaitForApplication, WaitForJobRun
from kedro_aws_plugin.plan.steps.pipelines import WaitForExecution
from kedro_aws_plugin.plan.steps.registry import CreateModelPackage
from kedro_aws_plugin.plan.steps.s3 import DeleteObjects, UploadFile
from kedro_aws_plugin.plan.steps.serving import (
    CheckEndpoint,
    InvokeEndpoint,
    WaitForDeletion,
    WaitForEndpoint,
    WaitForUpdate,
)
from kedro_aws_plugin.plan.steps.stack import UpdateStack, WaitForStack
from kedro_aws_plugin.plan.steps.state_machines import WaitForStateMachine
from kedro_aws_plugin.plan.steps.transform import CollectPredictions, WaitForTransform


class Progress(Protocol):
    """Shows how far the application of a plan is."""

    def begin(self, step: Step) -> None:
        """Show that a step begins."""

    def note(self, text: str) -> None:
        """Show something about the current step, e.g. an endpoint's status."""

    def end(self, step: Step, result: Result) -> None:
        """Show that a step is done."""


def apply(plan: Plan, aws: Aws, progress: Progress, clock: Clock) -> list[Result]:
    """Apply a plan's steps in order. The first error ends it.

    Args:
        plan: The steps.
        aws: The clients that send the requests.
        progress: Shows every step.
        clock: The time, for steps that wait.

    Returns:
        The results of each step, by their names.

    Raises:
        ServingError: If a version fails its check, once the former one serves again.
        KedroAwsError: If AWS refuses a step. What was done stays; the same command again goes on from there.
    """
    results: list[Result] = []
    for planned in plan.steps:
        step = plan.resolve(planned, results)
        try:
            results.append(_apply_step(step, aws, progress, clock))
        except AnswerError as error:
            if not isinstance(step, CheckEndpoint):
                raise
            _go_back(step, error.reason, aws, progress, clock)
            raise ServingError(step.explain(error.reason, step.former)) from error
        except KedroAwsError as error:
            if plan.failure is None or isinstance(error, ConflictError):
                raise
            raise ServingError(f"{plan.failure} Going back failed too: {error.message}") from error
    if plan.failure:
        raise ServingError(plan.failure)
    return results


def _go_back(step: CheckEndpoint, reason: str, aws: Aws, progress: Progress, clock: Clock) -> None:
    """Mark a version that failed its check, and go back to the former one.

    Raises:
        ServingError: If somebody else has deployed meanwhile, or a step fails. A mark that cannot be written
            does not keep the others from being taken.
    """
    failed = f"{step.version} failed its check on endpoint {step.sent.name}: {reason}."
    found = observe_endpoint(aws, step.sent.name)
    if found is None or found.coming != step.config_name:
        now = f"serves {found.coming} by now" if found else "is gone by now"
        raise ServingError(
            f"{failed} But the endpoint {now}: somebody else has changed it meanwhile. "
            "Look at it with `kedro aws status`, and deploy again if yours is to serve."
        )
    mark, *others = step.otherwise(reason)
    problem: KedroAwsError | None = None
    for each in (mark, *others):
        try:
            _apply_step(each, aws, progress, clock)
        except ConflictError:
            raise
        except KedroAwsError as error:
            problem = error
            if each is not mark:
                break
    if problem:
        raise ServingError(f"{failed} What follows from that failed too: {problem.message}") from problem


def _apply_step(step: Step, aws: Aws, progress: Progress, clock: Clock) -> Result:
    progress.begin(step)
    with translate_errors(str(step)):
        result = _apply(step, aws, clock, progress.note)
    progress.end(step, result)
    return result


def _apply(step: Step, aws: Aws, clock: Clock, note: Callable[[str], None]) -> Result:
    result: Result = {}
    match step:
        case PlainStep():
            result = _send(step, aws, clock)
        case CreateModelPackage():
            result = {"arn": create_package(aws, step, clock)}
        case UploadFile():
            result = {"uri": f"s3://{step.bucket}/{step.key}", "written": upload_file(aws.s3, step)}
        case DeleteObjects():
            delete_objects(aws.s3, step)
        case UpdateStack():
            result = {"written": update_stack(aws, step)}
        case CollectPredictions():
            result = collect_predictions(aws, step)
        case (InvokeEndpoint() as sent) | (InvokeAsync() as sent) | CheckEndpoint(sent=sent):
            result = invoke_and_check(aws, sent, clock, note)
        case _:
            result = _wait(step, aws, clock, note)
    return result


def _wait(step: WaitingStep, aws: Aws, clock: Clock, note: Callable[[str], None]) -> Result:
    match step:
        case WaitForStack():
            return {"outputs": dict(wait_for_stack(aws, step, clock, note))}
        case WaitForUpdate():
            wait_for_update(aws, step, clock, note)
        case WaitForEndpoint():
            wait_for_endpoint(aws, step, clock, note)
        case WaitForExecution():
            look, explain = partial(observe_execution, aws, str(step.arn)), partial(explain_failures, aws)
            return wait_for_run(step.run_id, look, explain, clock, note)
        case WaitForJobRun():
            look, explain = partial(look_at_job_run, aws, step), partial(explain_failure, aws, step.folder)
            return wait_for_run(step.run_id, look, explain, clock, note)
        case WaitForApplication():
            wait_for_application(aws, step, clock, note)
        case WaitForStateMachine():
            look = partial(observe_machine_run, aws, str(step.arn))
            return wait_for_run(step.run_id, look, lambda run: run, clock, note)
        case WaitForDeletion():
            wait_for_deletion(aws, step, clock, note)
        case WaitForTransform():
            wait_for_transform(aws, step, clock, note)
        case _:
            assert_never(step)
    return {}


def _send(step: PlainStep, aws: Aws, clock: Clock) -> Result:
    def send() -> Result:
        return aws.call(step.service, step.operation, step.request())

    if step.absent_is_done:
        return {"deleted": delete_if_present(send)}
    return step.result(retry_while_absent(send, clock) if step.retry_while_absent else send())
