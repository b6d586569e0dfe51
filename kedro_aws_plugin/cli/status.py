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
    """Show the endpoints and the version that each serves.

    Of those that were asked something in the last hour, it shows how many requests and errors there were, and
    how long the model took for half of them and for 99 of 100.

    They are those of aws.yml, and those that have the tags of this project and environment. Below them is
    what differs between aws.yml and what runs: `kedro aws deploy` mends that. The exit code is
    1 if one of them has failed, or was deployed and is missing.
    """
    from dataclasses import asdict
    from datetime import datetime, timezone

    from kedro_aws_plugin.actions.endpoints import add_figures, list_endpoints
    from kedro_aws_plugin.actions.tables import format_table, tabulate_endpoints
    from kedro_aws_plugin.config import find_endpoint_groups

    with open_command(env) as this:
        listed = list_endpoints(this.session, endpoint)
        reports, problem = add_figures(this.session, listed, datetime.now(timezone.utc))
        if problem:
            click.secho(f"Warning: {problem}", err=True, fg="yellow")
        if output == "json":
            this.show_json([asdict(report) for report in reports])
        elif reports:
            this.show(format_table(*tabulate_endpoints(reports)))
            _show_drift(this, reports)
            _name_remedies(this, reports, find_endpoint_groups(this.project.config))
        else:
            hint = "This project has no endpoints. Make one: kedro aws deploy --endpoint NAME"
            this.show(this.repeat_env(hint))
        if any(report.is_broken for report in reports):
            click.get_current_context().exit(1)


def _show_drift(this: Command, reports: "tuple[EndpointReport, ...]") -> None:
    from kedro_aws_plugin.actions.tables import format_table, tabulate_drift

    drifted = [each for each in reports if each.drift]
    if not drifted:
        return
    this.show("\n" + format_table(*tabulate_drift(drifted)))
    for each in drifted:
        # Without the version, the newest one would be released besides.
        version = f" --package {each.version}" if each.version and len(each.variants) <= 1 else ""
        hint = this.repeat_env(f"kedro aws deploy --endpoint {each.name}{version}")
        click.echo(f"{each.name} is not what aws.yml says. Mend it: {hint}", err=True)


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
