"""`kedro aws models`."""

import click

from kedro_aws_plugin.cli import options
from kedro_aws_plugin.cli.plan_command import command


@click.command("models")
@click.option("--group", metavar="GROUP", help="Model package group; by default `registry.group` of aws.yml.")
@options.reading
def models(group: str | None, env: str | None, output: str) -> None:
    """List the versions of a model.

    The newest first, with their approval.
    """
    from dataclasses import asdict

    from kedro_aws_plugin.aws.observe import observe_group
    from kedro_aws_plugin.cli.table import table
    from kedro_aws_plugin.config import registry_of

    with command(env) as this:
        found = observe_group(this.aws, group or registry_of(this.project.config).group)
        if output == "json":
            this.show_json([asdict(package) for package in found.packages])
        elif not found.packages:
            this.show(f"{found.name} has no versions. Register one: kedro aws register-model")
        else:
            rows = [(str(p.version), p.approval, p.created, p.description) for p in found.packages]
            this.show(table(("version", "approval", "registered", "description"), rows))
