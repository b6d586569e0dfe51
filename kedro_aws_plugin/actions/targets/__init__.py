"""Where pipelines run on AWS: a module for each value of `pipelines.target`, and what each of them offers."""

from collections.abc import Callable, Mapping

from kedro_aws_plugin.actions.targets.emr_serverless import EmrServerless
from kedro_aws_plugin.actions.targets.sagemaker import SageMaker
from kedro_aws_plugin.actions.targets.stepfunctions import StepFunctions
from kedro_aws_plugin.actions.targets.target import Target
from kedro_aws_plugin.session.session import Session

_BY_SERVICE: Mapping[str, Callable[[Session], Target]] = {
    "sagemaker": SageMaker,
    "states": StepFunctions,
    "emr-serverless": EmrServerless,
}
"""The targets by the service in the ARN of an execution."""


def choose_target(session: Session) -> Target:
    """Choose where the pipelines of a project run, by `pipelines.target`."""
    match session.config.pipelines.target:
        case "sagemaker":
            return SageMaker(session)
        case "stepfunctions":
            return StepFunctions(session)
        case "emr-serverless":
            return EmrServerless(session)


def find_target(session: Session, arn: str) -> Target:
    """Find the target that has an execution: that of aws.yml may be another one by now."""
    service = [*arn.split(":"), "", "", ""][2]
    return _BY_SERVICE.get(service, choose_target)(session)


def list_targets(session: Session) -> list[Target]:
    """List all targets, that of aws.yml first."""
    chosen = choose_target(session)
    others = [make(session) for make in _BY_SERVICE.values()]
    return [chosen, *(each for each in others if type(each) is not type(chosen))]
