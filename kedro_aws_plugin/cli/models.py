"""`kedro aws models`."""

import click

from kedro_aws_plugin.cli.options import with_read_options
from kedro_aws_plugin.cli.plan_command import open_command


@click.command("models")
@click.option("--group", metavar="GROUP", help="Model package group; by default `registry.group` of aws.yml.")
@with_read_options
def models(group: str | None, env: str | None, output: str) -> None:
    """List the versions of a model, the newest first."""
    from dataclasses import asdict

    from kedro_aws_plugin.aws.sagemaker.registry import observe_group, observe_signatures
    from kedro_aws_plugin.cli.table import format_table
    from kedro_aws_plugin.config import require_registry

    with open_command(env) as this:
        found = observe_group(this.aws, group or require_registry(this.project.config).group)
        if output == "json":
            found = observe_signatures(this.aws, found)
            this.show_json([asdict(package) for package in found.packages])
        elif not found.packages:
            this.show(f"{found.name} has no versions. Register one: kedro aws register-model")
        else:
            rows = [(str(p.version), p.approval, p.created, p.description) for p in found.packages]
            this.show(format_table(("version", "approval", "registered", "description"), rows))
