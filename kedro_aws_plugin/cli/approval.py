"""`kedro aws approve-model` and `kedro aws reject-model`."""

import click

from kedro_aws_plugin.cli import options
from kedro_aws_plugin.cli.options import Handling
from kedro_aws_plugin.cli.plan_command import carry_out, command

_package = click.argument("package", metavar="[VERSION|ARN]", required=False)
_reason = click.option("--reason", help="Kept with the decision in the registry.")


@click.command("approve-model")
@_package
@_reason
@options.changing
def approve_model(how: Handling, package: str | None, reason: str | None) -> None:
    """Approve a version of the model.

    By default the newest. Only approved versions can be deployed.
    """
    _decide(how, "Approved", package, reason)


@click.command("reject-model")
@_package
@_reason
@options.changing
def reject_model(how: Handling, package: str | None, reason: str | None) -> None:
    """Reject a version of the model.

    By default the newest. Endpoints that serve it go on.
    """
    _decide(how, "Rejected", package, reason)


def _decide(how: Handling, approval: str, package: str | None, reason: str | None) -> None:
    from kedro_aws_plugin.aws.observe import observe_group
    from kedro_aws_plugin.config import group_of
    from kedro_aws_plugin.plan.approval import choose_package, plan_approval

    with command(how.env) as this:
        group = observe_group(this.aws, group_of(this.project.config, package))
        chosen = choose_package(group, package)
        plan = plan_approval(chosen, approval, reason)
        carry_out(this, plan, how, lambda _: f"{chosen.arn} is {approval}")
