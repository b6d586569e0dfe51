"""List endpoints, with what they were asked and what is not as aws.yml says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from kedro_aws_plugin.aws.figures import observe_last_hour
from kedro_aws_plugin.aws.owned import observe_reports
from kedro_aws_plugin.aws.sagemaker.endpoints import observe_endpoint, observe_running
from kedro_aws_plugin.aws.sagemaker.scaling import observe_scaling_if_allowed
from kedro_aws_plugin.config import find_endpoint_groups, merge_deploy
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.deployment import Deployment
from kedro_aws_plugin.plan.drift import find_drift
from kedro_aws_plugin.plan.observed import DELETING, EndpointReport
from kedro_aws_plugin.plan.tags import Tags, make_project_tags
from kedro_aws_plugin.plan.variants import choose_variants
from kedro_aws_plugin.session.session import Session


def add_figures(
    session: Session, reports: Sequence[EndpointReport], now: datetime
) -> tuple[tuple[EndpointReport, ...], str | None]:
    """Add to endpoints what they were asked in the last hour.

    Args:
        session: The opened project, connected.
        reports: The endpoints.
        now: The time.

    Returns:
        The endpoints, and why nothing could be added, if so.
    """
    found = []
    try:
        for report in reports:
            names = [each.name for each in report.variants if not each.shadow]
            asked = observe_last_hour(session.aws, report.name, names, now) if names else ()
            found.append(replace(report, last_hour=asked))
    except AwsError as error:  # what serves has been looked up nevertheless
        return tuple(reports), error.message
    return tuple(found), None


def list_endpoints(session: Session, endpoint: str | None = None) -> tuple[EndpointReport, ...]:
    """List the endpoints of aws.yml, and those with the tags of the project and its environment.

    Args:
        session: The opened project, connected.
        endpoint: The only one to list; by default all.
    """
    config = session.config
    name = merge_deploy(config, {"endpoint": endpoint}).endpoint if endpoint else None
    tags = make_project_tags(session.project.package, config.env, config.bucket)
    groups = find_endpoint_groups(config)
    reports = observe_reports(session.aws, tags, groups, name)
    return tuple(_add_drift(session, each, tags) if each.name in groups else each for each in reports)


def _add_drift(session: Session, report: EndpointReport, tags: Tags) -> EndpointReport:
    """Compare what an endpoint of aws.yml runs with what aws.yml says about it."""
    endpoint = observe_endpoint(session.aws, report.name) if report.config else None
    if endpoint is None or endpoint.status == DELETING:
        return report
    scaling = observe_scaling_if_allowed(session.aws, endpoint)
    running = replace(observe_running(session.aws, endpoint), scaling=scaling)
    deploy = merge_deploy(session.config, {"endpoint": report.name})
    # A model that somebody else has made may have no package; names follow from some ARN of this account.
    package = running.package or f"{endpoint.arn.rpartition(':')[0]}:model-package/unknown/0"
    # Which versions run is no drift: the settings are compared.
    variants, shadow = choose_variants(deploy, lambda _group, _version: package)
    wanted = Deployment(
        package=package,
        role_arn=running.role_arn,
        deploy=deploy,
        variants=variants,
        shadow=shadow,
        tags=tags,
        log="",
        overrides=session.overrides,
    )
    return replace(report, drift=find_drift(wanted, running, session.config.role_arn))
