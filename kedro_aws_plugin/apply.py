"""Apply a plan: each step becomes the AWS request it stands for."""

from collections.abc import Callable
from typing import Any, Protocol

from typing_extensions import assert_never

from kedro_aws_plugin.aws.cloudformation import update_stack, wait_stack
from kedro_aws_plugin.aws.errors import deleted, translated
from kedro_aws_plugin.aws.s3 import delete_objects, upload_file
from kedro_aws_plugin.aws.sagemaker import Clock, invoke, once_visible, wait_deleted, wait_in_service
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import ServingError
from kedro_aws_plugin.model_artifact.payload import same_answer
from kedro_aws_plugin.plan import steps
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import Step

Result = dict[str, Any]
_SHOWN = 200


class Progress(Protocol):
    """What is told while a plan is applied."""

    def begin(self, step: Step) -> None:
        """A step begins."""

    def note(self, text: str) -> None:
        """Something about the step under way, e.g. an endpoint's status."""

    def end(self, step: Step, result: Result) -> None:
        """A step is done."""


def apply(plan: Plan, aws: Aws, progress: Progress, clock: Clock) -> list[Result]:
    """Apply a plan's steps in order; the first error ends it.

    Args:
        plan: What to do.
        aws: The clients to do it with.
        progress: Is told of every step.
        clock: Paces the waiting.

    Returns:
        For each step what AWS answered, as far as it matters to the user.

    Raises:
        KedroAwsError: If AWS refuses a step. What was done stays; the same command again goes on from there.
    """
    results = []
    for step in plan.steps:
        progress.begin(step)
        with translated(str(step)):
            result = _apply(step, aws, clock, progress.note)
        progress.end(step, result)
        results.append(result)
    return results


def _apply(step: Step, aws: Aws, clock: Clock, note: Callable[[str], None]) -> Result:
    if isinstance(step, steps.S3Step):
        return _apply_s3(step, aws)
    if isinstance(step, steps.RegistryStep):
        return _apply_registry(step, aws)
    if isinstance(step, steps.StackStep):
        return _apply_stack(step, aws, clock, note)
    return _apply_serving(step, aws, clock, note)


def _apply_stack(step: steps.StackStep, aws: Aws, clock: Clock, note: Callable[[str], None]) -> Result:
    match step:
        case steps.CreateStack():
            return {"arn": aws.cloudformation.create_stack(**step.request()).get("StackId")}
        case steps.UpdateStack():
            return {"written": update_stack(aws, step)}
        case steps.WaitForStack():
            return {"outputs": dict(wait_stack(aws, step, clock, note))}
        case _:
            assert_never(step)


def _apply_s3(step: steps.S3Step, aws: Aws) -> Result:
    match step:
        case steps.UploadFile():
            return {"uri": f"s3://{step.bucket}/{step.key}", "written": upload_file(aws.s3, step)}
        case steps.PutObject():
            aws.s3.put_object(**step.request())
            return {"uri": f"s3://{step.bucket}/{step.key}", "written": True}
        case steps.DeleteObjects():
            delete_objects(aws.s3, step)
            return {}
        case _:
            assert_never(step)


def _apply_registry(step: steps.RegistryStep, aws: Aws) -> Result:
    match step:
        case steps.CreateModelPackageGroup():
            group = aws.sagemaker.create_model_package_group(**step.request())
            return {"arn": group["ModelPackageGroupArn"]}
        case steps.CreateModelPackage():
            return {"arn": aws.sagemaker.create_model_package(**step.request())["ModelPackageArn"]}
        case steps.UpdateModelPackage():
            return {"arn": aws.sagemaker.update_model_package(**step.request())["ModelPackageArn"]}
        case steps.DeleteModelPackage():
            return {"deleted": deleted(lambda: aws.sagemaker.delete_model_package(**step.request()))}
        case steps.DeleteModelPackageGroup():
            return {"deleted": deleted(lambda: aws.sagemaker.delete_model_package_group(**step.request()))}
        case _:
            assert_never(step)


def _apply_serving(step: steps.ServingStep, aws: Aws, clock: Clock, note: Callable[[str], None]) -> Result:
    if isinstance(step, steps.DeleteServingStep):
        return {"deleted": _delete_serving(step, aws)}
    if isinstance(step, steps.CreateServingStep):
        return {"arn": _create_serving(step, aws, clock)}
    match step:
        case steps.WaitForEndpoint():
            wait_in_service(aws, step, clock, note)
        case steps.WaitForDeletion():
            wait_deleted(aws, step.name, clock, note)
        case steps.InvokeEndpoint():
            return {"answer": _checked(step, invoke(aws, step))}
        case _:
            assert_never(step)
    return {}


def _create_serving(step: steps.CreateServingStep, aws: Aws, clock: Clock) -> str:
    sagemaker, request = aws.sagemaker, step.request()
    match step:
        case steps.CreateModel():
            return sagemaker.create_model(**request)["ModelArn"]
        case steps.CreateEndpointConfig():
            made = once_visible(lambda: sagemaker.create_endpoint_config(**request), clock)
            return made["EndpointConfigArn"]
        case steps.CreateEndpoint():
            return once_visible(lambda: sagemaker.create_endpoint(**request), clock)["EndpointArn"]
        case steps.UpdateEndpoint():
            return once_visible(lambda: sagemaker.update_endpoint(**request), clock)["EndpointArn"]
        case _:
            assert_never(step)


def _delete_serving(step: steps.DeleteServingStep, aws: Aws) -> bool:
    match step:
        case steps.DeleteEndpoint():
            return deleted(lambda: aws.sagemaker.delete_endpoint(**step.request()))
        case steps.DeleteEndpointConfig():
            return deleted(lambda: aws.sagemaker.delete_endpoint_config(**step.request()))
        case steps.DeleteModel():
            return deleted(lambda: aws.sagemaker.delete_model(**step.request()))
        case _:
            assert_never(step)


def _checked(step: steps.InvokeEndpoint, answer: bytes) -> str:
    """Compare an answer with the one the model gave before it was registered."""
    if step.expected is not None and not same_answer(step.expected, answer, step.accept):
        raise ServingError(
            f"Endpoint {step.name} is in service, but answers its sample payload differently than the model "
            f"did when it was registered: {_start(answer)} instead of {_start(step.expected)}. "
            "Compare the versions of Python and scikit-learn that register-model warned of."
        )
    return answer.decode("utf-8", errors="replace")


def _start(answer: bytes) -> str:
    text = answer.decode("utf-8", errors="replace").strip()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
