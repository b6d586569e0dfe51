"""Plan the registration of a saved model, for `kedro aws register-model` and for runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kedro_aws_plugin.aws.ecr import check_image
from kedro_aws_plugin.aws.sagemaker.registry import observe_group
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.config import Project, Registry
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.register import Registration, plan_registration
from kedro_aws_plugin.plan.tags import make_project_tags
from kedro_aws_plugin.project.catalog import ProjectCatalog
from kedro_aws_plugin.registration.candidate import prepare_candidate


@dataclass(frozen=True)
class RegistrationRequest:
    """A request to register a model.

    Attributes:
        registry: The settings of the model's registration.
        version: The model's Kedro version; None for the newest.
        approve: Whether to approve the new version at once.
    """

    registry: Registry
    version: str | None
    approve: bool = False


@contextmanager
def prepare_registration(
    project: Project, catalog: ProjectCatalog, request: RegistrationRequest, aws: Aws
) -> Iterator[Callable[[], Plan]]:
    """Pack a saved model. What the context gives looks up what is registered, and plans from there.

    Apply the plan within the context. Where somebody else registers at the same time, look again.

    Args:
        project: The Kedro project.
        catalog: The project's catalog.
        request: What to register.
        aws: The clients of the AWS in force.

    Raises:
        KedroAwsError: If the model cannot be found, loaded or used for a prediction, or AWS does not answer.
    """
    config, group, image = project.config, request.registry.group, request.registry.image
    if image is not None and config.target == "aws":
        check_image(aws, image)
    target = Registration(
        group=group,
        bucket=config.bucket,
        region=config.region,
        approve=request.approve,
        tags=make_project_tags(project.package, config.env, config.bucket),
    )
    with prepare_candidate(project, catalog, request.registry, request.version) as candidate:
        yield lambda: plan_registration(target, candidate, observe_group(aws, group))
