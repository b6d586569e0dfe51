"""`kedro aws models`."""

from typing import TYPE_CHECKING

import click

from kedro_aws_plugin.cli.options import with_read_options
from kedro_aws_plugin.cli.plan_command import open_command
from kedro_aws_plugin.errors import AwsError

if TYPE_CHECKING:
    from kedro_aws_plugin.aws.session import Aws
    from kedro_aws_plugin.plan.tags import Tags


@click.command("models")
@click.option("--group", metavar="GROUP", help="Model package group; by default `registry.group` of aws.yml.")
@with_read_options
def models(group: str | None, env: str | None, output: str) -> None:
    """List the versions of a model, the newest first."""
    from dataclasses import asdict

    from kedro_aws_plugin.aws.sagemaker.registry import observe_group, observe_signatures
    from kedro_aws_plugin.cli.table import format_table
    from kedro_aws_plugin.config import choose_group
    from kedro_aws_plugin.plan.approval import explain_empty_group
    from kedro_aws_plugin.plan.tags import make_project_tags

    with open_command(env) as this:
        config = this.project.config
        found = observe_group(this.aws, choose_group(config, group=group))
        if output == "json":
            found = observe_signatures(this.aws, found)
            this.show_json([asdict(package) for package in found.packages])
            return
        if found.packages:
            rows = [(str(p.version), p.approval, p.created, p.description) for p in found.packages]
            this.show(format_table(("version", "approval", "registered", "description"), rows))
        else:
            default = config.registry.group if config.registry else None
            this.show(this.repeat_env(explain_empty_group(found, default)))
        tags = make_project_tags(this.project.package, config.env, config.bucket)
        if line := describe_other_groups(this.aws, tags, found.name):
            click.echo(this.repeat_env(line), err=True)


def describe_other_groups(aws: "Aws", tags: "Tags", group: str) -> str:
    """Name the other groups of a project in one line; say why if they may not be looked up."""
    from kedro_aws_plugin.aws.owned import observe_groups

    try:
        others = [name for name in observe_groups(aws, tags) if name != group]
    except AwsError as error:  # the versions of this group have been listed nevertheless
        return f"Warning: {error.message}"
    if not others:
        return ""
    return (
        f"This project has other model package groups: {', '.join(others)}. "
        f"List one: kedro aws models --group {others[0]}"
    )
