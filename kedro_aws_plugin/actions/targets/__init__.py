"""Where pipelines run on AWS: a module for each value of `pipelines.target`, and what each of them offers."""

from kedro_aws_plugin.actions.targets.emr_serverless import EmrServerless
from kedro_aws_plugin.actions.targets.sagemaker import SageMaker
from kedro_aws_plugin.actions.targets.stepfunctions import StepFunctions
from kedro_aws_plugin.actions.targets.target import Target
from kedro_aws_plugin.session.session import Session


def choose_target(session: Session) -> Target:
    """Choose where the pipelines of a project run, by `pipelines.target`."""
    match session.config.pipelines.target:
        case "sagemaker":
            return SageMaker(session)
        case "stepfunctions":
            return StepFunctions(session)
        case "emr-serverless":
            return EmrServerless(session)
