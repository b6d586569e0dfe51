"""`kedro aws bootstrap`."""

from typing import TYPE_CHECKING, Any

import click

from kedro_aws_plugin.cli.options import PlanOptions, with_plan_options_and_formats
from kedro_aws_plugin.cli.plan_command import Command, converge, open_command, print_or_apply
from kedro_aws_plugin.errors import AwsError

if TYPE_CHECKING:
    from kedro_aws_plugin.plan.observed import Foundation
    from kedro_aws_plugin.plan.plan import Plan


@click.command("bootstrap")
@with_plan_options_and_formats("cloudformation", "terraform")
def bootstrap(options: PlanOptions) -> None:
    """Create what the project needs on AWS before its first run.

    It creates one CloudFormation stack with the bucket, the Glue database, its tables and the Athena
    workgroup of aws.yml, and the role for SageMaker. Then it uploads data/raw. The local AWS needs no
    bootstrap: it creates the same when it starts.

    -o cloudformation and -o terraform print the same resources, for teams that apply them themselves. Then
    nothing is created, and no AWS is asked.
    """
    from kedro_aws_plugin.plan.bootstrap import plan_bootstrap
    from kedro_aws_plugin.project.raw_data import list_raw_files

    with open_command(options.env, connect=False) as this:
        project = this.project
        if options.output in ("cloudformation", "terraform"):
            this.show(_write_stack(this, options.output))
            return
        if project.config.target == "local" and not options.dry_run:
            this.session.connect()
            print_or_apply(this, _make_empty_plan(this), options, lambda _: "")
            return
        files = list_raw_files(project.path)

        def attempt() -> None:
            found = _observe(this, options.dry_run)
            plan = plan_bootstrap(project.config, project.package, files, found)
            print_or_apply(this, plan, options, _summarize)

        # Where the answer to the request was lost, the stack is there when it is begun anew.
        converge(this, attempt)


def _write_stack(this: Command, form: str) -> str:
    """Write the resources of the stack. What would be refused on AWS is refused here too."""
    from kedro_aws_plugin.plan.bootstrap import check_bootstrap, get_stack_name
    from kedro_aws_plugin.plan.stack_template import build_stack_template, format_for_people
    from kedro_aws_plugin.plan.stack_terraform import format_stack
    from kedro_aws_plugin.plan.tags import make_project_tags
    from kedro_aws_plugin.project.raw_data import list_raw_files

    project, config = this.project, this.project.config
    for warning in check_bootstrap(config, list_raw_files(project.path)):
        click.secho(f"Warning: {warning}", err=True, fg="yellow")
    template = build_stack_template(config, project.package)
    name, tags = get_stack_name(config.bucket), make_project_tags(project.package, config.env, config.bucket)
    if form == "terraform":
        return format_stack(template, name, config.region, tags)
    return format_for_people(template, name, config.region, tags)


def _make_empty_plan(this: Command) -> "Plan":
    from kedro_aws_plugin.plan.plan import Plan

    return Plan(
        title=f"bootstrap {this.project.package}",
        steps=(),
        unchanged=(
            f"the local AWS created bucket {this.project.config.bucket}, and the database, tables and "
            "workgroup of aws.yml, when it started"
        ),
    )


def _observe(this: Command, dry_run: bool) -> "Foundation":
    """Find out what exists already. A dry run needs no AWS account: it then assumes that nothing exists."""
    from kedro_aws_plugin.aws.cloudformation import observe_foundation
    from kedro_aws_plugin.plan.observed import Foundation
    from kedro_aws_plugin.session.connection import RAW_DATA

    config = this.project.config
    if config.target == "local":
        return Foundation()
    try:
        this.session.connect()
        return observe_foundation(this.aws, config.bucket, f"{RAW_DATA.as_posix()}/")
    except AwsError as error:
        if not dry_run:
            raise
        click.secho(
            f"Warning: {error.message} The plan below is for an account in which nothing exists yet.",
            err=True,
            fg="yellow",
        )
        return Foundation()


def _summarize(results: list[dict[str, Any]]) -> str:
    outputs: dict[str, str] = next((each["outputs"] for each in results[::-1] if "outputs" in each), {})
    uploaded = sum(1 for each in results if each.get("written") and "uri" in each)
    lines = [f"{name}: {value}" for name, value in sorted(outputs.items())]
    return "\n".join([*lines, f"files uploaded from data/raw: {uploaded}"])
