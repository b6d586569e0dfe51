"""Where pipelines run on AWS: a module for each value of `pipelines.target`, and what each of them offers."""

from kedro_aws_plugin.actions.targets.sagemaker import SageMaker
from kedro_aws_plugin.actions.targets.target import Target
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.session.session import Session


def choose_target(session: Session) -> Target:
    """Choose where the pipelines of a project run, by `pipelines.target`.

    Raises:
        ProjectError: If pipelines cannot run there yet.
    """
    chosen = session.config.pipelines.target
    match chosen:
        case "sagemaker":
            return SageMaker(session)
        case _:
            raise ProjectError(
                f"`pipelines.target` is {chosen}, where this version runs no pipelines yet. Set it to "
                "sagemaker, or leave it out."
            )
