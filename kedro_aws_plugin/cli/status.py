"""`kedro aws status`."""

import click

from kedro_aws_plugin.cli.options import with_read_options
from kedro_aws_plugin.cli.plan_command import open_command


@click.command("status")
@click.option("--endpoint", help="Name of the endpoint; by default `deploy.endpoint` of aws.yml.")
@with_read_options
def status(endpoint: str | None, env: str | None, output: str) -> None:
    """Show the endpoint and the version it serves."""
    from dataclasses import asdict

    from kedro_aws_plugin.aws.sagemaker.endpoints import observe_deployed
    from kedro_aws_plugin.cli.table import format_table
    from kedro_aws_plugin.config import merge_deploy

    with open_command(env) as this:
        name = merge_deploy(this.project.config, {"endpoint": endpoint}).endpoint
        found = observe_deployed(this.aws, name)
        if output == "json":
            this.show_json(asdict(found) if found else None)
        elif found is None:
            this.show(f"Endpoint {name} does not exist. Make it: kedro aws deploy")
        else:
            rows = [
                ("endpoint", name),
                ("status", found.endpoint.status),
                ("serves", found.package or "?"),
                ("variant", found.variant),
                ("config", found.endpoint.config_name),
                ("failure", found.endpoint.failure or ""),
            ]
            this.show(format_table(rows[0], [row for row in rows[1:] if row[1]]))
