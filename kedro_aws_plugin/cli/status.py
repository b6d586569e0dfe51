"""`kedro aws status`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from kedro_aws_plugin.cli.options import with_read_options
from kedro_aws_plugin.cli.plan_command import Command, open_command

if TYPE_CHECKING:
    from kedro_aws_plugin.plan.observed import EndpointReport


@click.command("status")
@click.option("--endpoint", help="Show this endpoint only; by default, all of the project.")
@with_read_options
def status(endpoint: str | None, env: str | None, output: str) -> None:
    """Show the endpoints of the project, and the version that each of them serves.

    They are those of aws.yml, and those that have the tags of this project and environment. The exit code is
    1 if one of them has failed, or was deployed and is missing.
    """
    from dataclasses import asdict

    from kedro_aws_plugin.aws.owned import observe_reports
    from kedro_aws_plugin.config import find_endpoint_groups, merge_deploy
    from kedro_aws_plugin.plan.tags import make_project_tags

    with open_command(env) as this:
        config = this.project.config
        name = merge_deploy(config, {"endpoint": endpoint}).endpoint if endpoint else None
        tags = make_project_tags(this.project.package, config.env, config.bucket)
        known = find_endpoint_groups(config)
        reports = observe_reports(this.aws, tags, known, name)
        if output == "json":
            this.show_json([asdict(report) for report in reports])
        else:
            _show(this, reports)
            _name_remedies(this, reports, known)
        if any(report.is_broken for report in reports):
            click.get_current_context().exit(1)


def _show(this: Command, reports: "tuple[EndpointReport, ...]") -> None:
    from kedro_aws_plugin.cli.table import format_table

    if not reports:
        this.show(
            this.repeat_env("This project has no endpoints. Make one: kedro aws deploy --endpoint NAME")
        )
        return
    head = ("endpoint", "status", "serves", "size", "failure")
    rows = [
        (each.name, each.status, _name_version(each), _size(each), each.failure or "") for each in reports
    ]
    kept = [column for column in range(len(head)) if any(row[column] for row in rows)]
    this.show(
        format_table([head[column] for column in kept], [[row[column] for column in kept] for row in rows])
    )


def _name_remedies(
    this: Command, reports: "tuple[EndpointReport, ...]", known: Mapping[str, str | None]
) -> None:
    from kedro_aws_plugin.plan.observed import MISSING, NOT_DEPLOYED

    for each in reports:
        if each.status in (MISSING, NOT_DEPLOYED):
            again = " again" if each.status == MISSING else ""
            # aws.yml knows the group of its own endpoints.
            group = f" --group {each.group}" if each.group and each.name not in known else ""
            hint = this.repeat_env(f"kedro aws deploy --endpoint {each.name}")
            click.echo(f"{each.name} is {each.status}. Make it{again}: {hint}{group}", err=True)


def _name_version(report: "EndpointReport") -> str:
    if report.config is None:
        return ""
    return f"{report.group}/{report.version}" if report.group else report.package or "?"


def _size(report: "EndpointReport") -> str:
    if report.mode == "serverless":
        return f"serverless, {report.memory_mb} MB, {report.max_concurrency} at once"
    if report.mode == "realtime":
        return f"realtime, {report.instance_count} x {report.instance_type or '?'}"
    return ""
