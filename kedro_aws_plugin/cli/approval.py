"""`kedro aws approve-model` and `kedro aws reject-model`."""

import click

from kedro_aws_plugin.cli import options
from kedro_aws_plugin.cli.plan_command import Handling, carry_out, command

_package = click.argument("package", metavar="[VERSION|ARN]", required=False)
_reason = click.option("--reason", help="Kept with the decision in the registry.")


@click.command("approve-model")
@_package
@_reason
@options.changing
def approve_model(
    package: str | None, reason: str | None, env: str | None, output: str, dry_run: bool, yes: bool
) -> None:
    """Approve a registered version, by default the newest: only approved ones can be deployed."""
    _decide("Approved", package, reason, env, Handling(dry_run=dry_run, yes=yes, output=output))


@click.command("reject-model")
@_package
@_reason
@options.changing
def reject_model(
    package: str | None, reason: str | None, env: str | None, output: str, dry_run: bool, yes: bool
) -> None:
    """Reject a registered version, by default the newest; endpoints that serve it go on."""
    _decide("Rejected", package, reason, env, Handling(dry_run=dry_run, yes=yes, output=output))


def _decide(approval: str, package: str | None, reason: str | None, env: str | None, how: Handling) -> None:
    from kedro_aws_plugin.aws.observe import observe_group
    from kedro_aws_plugin.config import registry_of
    from kedro_aws_plugin.plan.approval import choose_package, plan_approval

    with command(env) as this:
        group = observe_group(this.aws, registry_of(this.project.config).group)
        chosen = choose_package(group, package)
        carry_out(
            this,
            plan_approval(chosen, approval, reason),
            how,
            lambda _: f"{chosen.arn} is {approval}",
        )
