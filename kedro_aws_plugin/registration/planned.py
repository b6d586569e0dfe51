"""Registering a saved model, for `kedro aws register-model` and for runs: (project, catalog, AWS) -> Plan."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kedro_aws_plugin.aws.observe import observe_group
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.config import Project, Registry
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.register import Registration, plan_registration
from kedro_aws_plugin.plan.tags import project_tags
from kedro_aws_plugin.project.catalog import ProjectCatalog
from kedro_aws_plugin.registration.candidate import candidate


@dataclass(frozen=True)
class Wanted:
    """What is to be registered.

    Attributes:
        registry: Which model, and what it is registered with.
        version: Its Kedro version; None for the newest.
        approve: Whether to approve it at once.
    """

    registry: Registry
    version: str | None
    approve: bool = False


@contextmanager
def registration(project: Project, catalog: ProjectCatalog, wanted: Wanted, aws: Aws) -> Iterator[Plan]:
    """Make a saved model ready and plan its registration; the plan can be applied within the context.

    Args:
        project: The Kedro project.
        catalog: Its catalog.
        wanted: What is to be registered.
        aws: The AWS in force.

    Raises:
        KedroAwsError: If the model cannot be found, loaded or asked, or AWS does not answer.
    """
    config, group = project.config, wanted.registry.group
    target = Registration(
        group=group,
        bucket=config.bucket,
        region=config.region,
        approve=wanted.approve,
        tags=project_tags(project.package, config.env, config.bucket),
    )
    with candidate(project, catalog, wanted.registry, wanted.version) as made:
        yield plan_registration(target, made, observe_group(aws, group))
