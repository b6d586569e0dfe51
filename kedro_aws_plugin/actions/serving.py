"""Deploy to an endpoint, and roll it back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kedro_aws_plugin.aws.cloudformation import find_role
from kedro_aws_plugin.aws.logs import say_where_its_log_is
from kedro_aws_plugin.aws.owned import observe_made
from kedro_aws_plugin.aws.sagemaker.endpoints import observe_releases, observe_serving
from kedro_aws_plugin.aws.sagemaker.registry import observe_details, observe_group, observe_sample
from kedro_aws_plugin.aws.sagemaker.scaling import observe_scaling, observe_scaling_if_allowed
from kedro_aws_plugin.config import choose_group, choose_role, merge_deploy
from kedro_aws_plugin.errors import AwsError, ConfigError
from kedro_aws_plugin.plan.approval import choose_approved
from kedro_aws_plugin.plan.deployment import Deployment, check_isolation
from kedro_aws_plugin.plan.endpoint import plan_endpoint
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.rollback import Rollback, plan_rollback, plan_rollback_to
from kedro_aws_plugin.plan.tags import make_project_tags
from kedro_aws_plugin.plan.variants import choose_variants
from kedro_aws_plugin.session.session import Session


@dataclass(frozen=True)
class PreparedDeployment:
    """A deployment that is ready to be planned.

    Attributes:
        endpoint: The name of the endpoint.
        look: Looks at what there is, and plans from there.
        package: The ARN of the version; None for what the endpoint served before.
    """

    endpoint: str
    look: Callable[[], Plan]
    package: str | None = None


def prepare_deployment(
    session: Session,
    package: str | None,
    changes: Mapping[str, Any],
    *,
    wait: bool = True,
    again: bool = False,
) -> PreparedDeployment:
    """Choose the version and the endpoint.

    Args:
        session: The opened project, connected.
        package: The version, by number or ARN; by default the newest approved one.
        changes: What to take instead of the keys of `deploy:` in aws.yml; None for those to keep.
        wait: Whether to wait until the endpoint serves, and to check its answer.
        again: Whether to deploy a version once more that failed its check, or was rolled back.

    Raises:
        KedroAwsError: If there is no such version, it is not approved, or it is not clear which endpoint is
            meant.
    """
    config, aws = session.config, session.aws
    size = merge_deploy(config, {**changes, "package": package})
    if size.variants and (package or changes.get("group")):
        raise ConfigError(
            f"aws.yml: `deploy.variants` names the versions of endpoint {size.endpoint}. Change them there, "
            "and deploy without a version or a group: kedro aws deploy"
        )
    role = choose_role(config, lambda: find_role(aws, config.bucket))
    warnings: dict[str, None] = {}

    def choose(group: str | None, version: str | None) -> str:
        found = observe_group(aws, choose_group(config, version, group))
        chosen = choose_approved(found, version, config.registry.group if config.registry else None)
        if size.network_isolation:
            chosen = observe_details(aws, replace(found, packages=(chosen,))).packages[0]
        warnings.update(dict.fromkeys(check_isolation(chosen, size, "deploy")))
        return chosen.arn

    variants, shadow = choose_variants(size, choose)
    wanted = Deployment(
        package=variants[0].package if variants else choose(size.group, package),
        role_arn=role,
        deploy=size,
        tags=make_project_tags(session.project.package, config.env, config.bucket),
        log=say_where_its_log_is(size.endpoint),
        wait=wait,
        again=again,
        variants=variants,
        shadow=shadow,
        overrides=session.overrides,
    )
    found = {each.package: observe_sample(aws, each.package) for each in wanted.production}
    samples = {package: sample for package, sample in found.items() if sample}

    def look_and_plan() -> Plan:
        serving = observe_serving(aws, wanted.endpoint, wanted.models.values(), wanted.config_name)
        if serving.endpoint is not None:
            look = observe_scaling if size.autoscaling else observe_scaling_if_allowed
            scaling = look(aws, serving.endpoint)
            # Nobody can tell whether instances that somebody may scale are as many as they should be.
            endpoint = serving.endpoint if scaling is not None else replace(serving.endpoint, counts={})
            serving = replace(serving, endpoint=endpoint, scaling=scaling or {})
        try:
            serving = observe_made(aws, wanted.tags, serving)
        except AwsError as error:
            left = f"Models and endpoint configs that are no longer used are left: {error.message}"
            warnings[left] = None
        return replace(
            plan_endpoint(wanted, serving, samples), warnings=tuple(warnings), overrides=session.overrides
        )

    return PreparedDeployment(wanted.endpoint, look_and_plan, wanted.package)


def prepare_rollback(
    session: Session, endpoint: str | None, to: str | None, *, reason: str, wait: bool = True
) -> PreparedDeployment:
    """Choose the endpoint, and the version to go back to.

    Args:
        session: The opened project, connected.
        endpoint: The endpoint; by default the one of aws.yml.
        to: The version, by number or ARN; by default what the endpoint served before.
        reason: Why; kept in a tag of the endpoint.
        wait: Whether to wait until the endpoint serves, and to check its answer.

    Raises:
        KedroAwsError: If there is no such version, or it is not clear which endpoint is meant.
    """
    config, aws = session.config, session.aws
    deploy = merge_deploy(config, {"endpoint": endpoint, "package": to})
    name = deploy.endpoint
    tags = make_project_tags(session.project.package, config.env, config.bucket)
    wanted = Rollback(name, tags, reason, deploy, wait=wait)
    if to is None:
        return PreparedDeployment(name, lambda: plan_rollback(wanted, observe_releases(aws, name)))
    deployment = prepare_deployment(session, to, {"endpoint": name}, wait=wait, again=True)

    def look_and_plan() -> Plan:
        releases = observe_releases(aws, name)
        return plan_rollback_to(wanted, releases, deployment.look(), deployment.package)

    return PreparedDeployment(name, look_and_plan, deployment.package)
