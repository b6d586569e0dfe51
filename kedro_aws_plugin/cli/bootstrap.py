"""`kedro aws bootstrap`."""

from typing import TYPE_CHECKING, Any

import click

from kedro_aws_plugin.cli import options
from kedro_aws_plugin.cli.options import Handling
from kedro_aws_plugin.cli.plan_command import Command, announce, carry_out, command
from kedro_aws_plugin.errors import AwsError

if TYPE_CHECKING:
    from kedro_aws_plugin.plan.observed import Foundation
    from kedro_aws_plugin.plan.plan import Plan


@click.command("bootstrap")
@options.changing
def bootstrap(how: Handling) -> None:
    """Make what the project needs before its first run.

    That is one CloudFormation stack, with the bucket, the Glue database, its tables and the Athena
    workgroup of aws.yml, and the role for SageMaker; then the upload of data/raw. The local AWS makes
    the same by itself when it starts.
    """
    from kedro_aws_plugin.plan.bootstrap import plan_bootstrap
    from kedro_aws_plugin.project.raw_data import raw_files

    with command(how.env, connected=False) as this:
        project = this.project
        if project.config.target == "local" and not how.dry_run:
            announce(project)
            carry_out(this, _nothing_to_do(this), how, lambda _: "")
            return
        files = raw_files(project.path)
        plan = plan_bootstrap(project.config, project.package, files, _observed(this, how.dry_run))
        carry_out(this, plan, how, _summary)


def _nothing_to_do(this: Command) -> "Plan":
    from kedro_aws_plugin.plan.plan import Plan

    return Plan(
        title=f"bootstrap {this.project.package}",
        steps=(),
        unchanged=(
            f"the local AWS has made bucket {this.project.config.bucket}, and the database, tables and "
            "workgroup of aws.yml, by itself"
        ),
    )


def _observed(this: Command, dry_run: bool) -> "Foundation":
    """What there is; a dry run shows the template without an account too."""
    from kedro_aws_plugin.aws.cloudformation import observe_foundation
    from kedro_aws_plugin.plan.observed import Foundation
    from kedro_aws_plugin.session.connection import RAW_DATA

    config = this.project.config
    if config.target == "local":
        return Foundation()
    try:
        announce(this.project)
        return observe_foundation(this.aws, config.bucket, f"{RAW_DATA.as_posix()}/")
    except AwsError as error:
        if not dry_run:
            raise
        click.secho(
            f"Warning: {error.message} This is the plan for an account that has nothing of it yet.",
            err=True,
            fg="yellow",
        )
        return Foundation()


def _summary(results: list[dict[str, Any]]) -> str:
    outputs: dict[str, str] = next((each["outputs"] for each in results[::-1] if "outputs" in each), {})
    uploaded = sum(1 for each in results if each.get("written") and "uri" in each)
    lines = [f"{name}: {value}" for name, value in sorted(outputs.items())]
    return "\n".join([*lines, f"files uploaded from data/raw: {uploaded}"])
