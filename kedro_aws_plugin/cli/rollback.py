"""`kedro aws rollback`."""

from datetime import datetime, timezone

import click

from kedro_aws_plugin.cli.options import PlanOptions, wait_option, with_plan_options
from kedro_aws_plugin.cli.plan_command import converge, open_command, print_or_apply


@click.command("rollback")
@click.option("--endpoint", help="Name of the endpoint; by default the one of aws.yml.")
@click.option(
    "--to", metavar="VERSION|ARN", help="Version to go back to; by default what the endpoint served before."
)
@click.option("--reason", help="Why; `kedro aws deploy` repeats it when it refuses the version.")
@wait_option
@with_plan_options
def rollback(
    options: PlanOptions, endpoint: str | None, to: str | None, reason: str | None, wait: bool
) -> None:
    """Let an endpoint serve what it served before.

    It keeps serving meanwhile. The version that it leaves is marked: `kedro aws deploy` refuses it on this
    endpoint until a newer version is approved, or until you deploy it with --again.
    """
    from kedro_aws_plugin.actions.serving import prepare_rollback

    why = reason or f"at {datetime.now(timezone.utc):%Y-%m-%dT%H:%MZ}"
    with open_command(options.env) as this:
        prepared = prepare_rollback(this.session, endpoint, to, reason=why, wait=wait)
        follow = f"is being updated. Follow it: kedro aws status --endpoint {prepared.endpoint}"
        state = "is in service" if wait else this.repeat_env(follow)

        def attempt() -> None:
            print_or_apply(this, prepared.look(), options, lambda _: f"Endpoint {prepared.endpoint} {state}")

        converge(this, attempt)
