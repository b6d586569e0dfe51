"""`kedro aws models`."""

import click

from kedro_aws_plugin.cli import options
from kedro_aws_plugin.cli.plan_command import command


@click.command("models")
@options.reading
def models(env: str | None, output: str) -> None:
    """List the versions of the model.

    The newest first, with their approval.
    """
    from dataclasses import asdict

    from kedro_aws_plugin.aws.observe import observe_group
    from kedro_aws_plugin.cli.table import table
    from kedro_aws_plugin.config import registry_of

    with command(env) as this:
        group = observe_group(this.aws, registry_of(this.project.config).group)
        if output == "json":
            this.show_json([asdict(package) for package in group.packages])
        elif not group.packages:
            this.show(f"{group.name} has no versions. Register one: kedro aws register-model")
        else:
            rows = [(str(p.version), p.approval, p.created, p.description) for p in group.packages]
            this.show(table(("version", "approval", "registered", "description"), rows))
