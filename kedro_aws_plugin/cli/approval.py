"""`kedro aws approve-model` and `kedro aws reject-model`."""

import click

from kedro_aws_plugin.cli.options import PlanOptions, with_plan_options
from kedro_aws_plugin.cli.plan_command import open_command, print_or_apply

_package = click.argument("package", metavar="[VERSION|ARN]", required=False)
_group = click.option(
    "--group", metavar="GROUP", help="Model package group; by default `registry.group` of aws.yml."
)
_reason = click.option("--reason", help="Why; stored with the decision in the registry.")


@click.command("approve-model")
@_package
@_group
@_reason
@with_plan_options
def approve_model(options: PlanOptions, package: str | None, group: str | None, reason: str | None) -> None:
    """Approve a version of the model.

    Only approved versions can be deployed. Without VERSION, the newest version is approved.
    """
    _decide(options, "Approved", (package, group), reason)


@click.command("reject-model")
@_package
@_group
@_reason
@with_plan_options
def reject_model(options: PlanOptions, package: str | None, group: str | None, reason: str | None) -> None:
    """Reject a version of the model.

    A rejected version cannot be deployed. Endpoints that already serve it keep serving it. Without VERSION,
    the newest version is rejected.
    """
    _decide(options, "Rejected", (package, group), reason)


def _decide(
    options: PlanOptions, approval: str, version: tuple[str | None, str | None], reason: str | None
) -> None:
    from kedro_aws_plugin.actions.registry import plan_decision

    with open_command(options.env) as this:
        chosen, plan = plan_decision(this.session, approval, *version, reason)
        print_or_apply(this, plan, options, lambda _: f"{chosen.arn} is {approval}")
