"""`kedro aws models`."""

from typing import TYPE_CHECKING

import click

from kedro_aws_plugin.cli.options import with_read_options
from kedro_aws_plugin.cli.plan_command import Command, open_command
from kedro_aws_plugin.errors import AwsError

if TYPE_CHECKING:
    from kedro_aws_plugin.actions.registry import Difference
    from kedro_aws_plugin.aws.session import Aws
    from kedro_aws_plugin.plan.tags import Tags


@click.command("models")
@click.option("--group", metavar="GROUP", help="Model package group; by default `registry.group` of aws.yml.")
@click.option("--compare", nargs=2, metavar="V1 V2", help="Show in what two versions differ.")
@with_read_options
def models(group: str | None, compare: tuple[str, str] | None, env: str | None, output: str) -> None:
    """List the versions of a model with their metrics.

    The newest comes first.
    """
    from dataclasses import asdict

    from kedro_aws_plugin.actions.registry import compare_versions, list_versions
    from kedro_aws_plugin.actions.tables import format_table, tabulate_versions
    from kedro_aws_plugin.plan.approval import explain_empty_group
    from kedro_aws_plugin.plan.tags import make_project_tags

    with open_command(env) as this:
        config = this.project.config
        default = config.registry.group if config.registry else None
        if compare:
            _show_differences(this, compare_versions(this.session, group, *compare), compare, output)
            return
        found = list_versions(this.session, group)
        if output == "json":
            this.show_json([asdict(package) for package in found.packages])
            return
        if found.packages:
            this.show(format_table(*tabulate_versions(found)))
        else:
            this.show(this.repeat_env(explain_empty_group(found, default)))
        tags = make_project_tags(this.project.package, config.env, config.bucket)
        if line := describe_other_groups(this.aws, tags, found.name):
            click.echo(this.repeat_env(line), err=True)


def _show_differences(
    this: Command, differences: "list[Difference]", names: tuple[str, str], output: str
) -> None:
    from dataclasses import asdict

    from kedro_aws_plugin.actions.tables import format_table, tabulate_differences

    if output == "json":
        this.show_json([asdict(each) for each in differences])
        return
    if not differences:
        this.show(f"{' and '.join(names)} do not differ.")
        return
    this.show(format_table(*tabulate_differences(differences, names)))


def describe_other_groups(aws: "Aws", tags: "Tags", group: str) -> str:
    """Name the other groups of a project in one line; say why if they may not be looked up."""
    from kedro_aws_plugin.aws.tagged import observe_groups

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
