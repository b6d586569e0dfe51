"""`kedro aws deploy`."""

from typing import Any

import click

from kedro_aws_plugin.cli.options import PlanOptions, wait_option, with_plan_options
from kedro_aws_plugin.cli.plan_command import converge, open_command, print_or_apply, tell_recorded


@click.command("deploy")
@click.option(
    "--package", metavar="VERSION|ARN", help="Version to deploy; by default the newest approved one."
)
@click.option("--group", metavar="GROUP", help="Model package group; by default that of the endpoint.")
@click.option("--endpoint", help="Name of the endpoint; by default the one of aws.yml, or of the group.")
@click.option(
    "--mode",
    type=click.Choice(["realtime", "serverless", "async"]),
    help="On instances, pay per request, or on instances with a queue, answered on S3.",
)
@click.option("--instance-type", help="Instance type, unless it is serverless, e.g. ml.m5.large.")
@click.option("--instance-count", type=int, help="Number of instances, unless it is serverless.")
@click.option("--memory", "memory_mb", type=int, help="Memory of a serverless endpoint in MB, 1024 to 6144.")
@click.option("--max-concurrency", type=int, help="Requests that a serverless endpoint handles at once.")
@click.option(
    "--again", is_flag=True, help="Deploy a version once more that failed its check, or was rolled back."
)
@wait_option
@with_plan_options
def deploy(options: PlanOptions, package: str | None, wait: bool, again: bool, **changes: Any) -> None:
    """Serve a version of the model on an endpoint.

    By default this is the newest approved version. Options that you do not give are taken from `deploy:` in
    aws.yml. If that has several endpoints, name one, or the group that only one of them is for.

    Once the endpoint serves, it is sent the version's sample payload. If it answers otherwise than the model
    did, the endpoint goes back to what it served before.
    """
    from kedro_aws_plugin.actions.serving import prepare_deployment

    with open_command(options.env) as this:
        prepared = prepare_deployment(this.session, package, changes, wait=wait, again=again)
        follow = f"is being created or updated. Follow it: kedro aws status --endpoint {prepared.endpoint}"
        state = "is in service" if wait else this.repeat_env(follow)

        def attempt() -> None:
            plan = prepared.look()
            tell_recorded(this, plan)
            print_or_apply(this, plan, options, lambda _: f"Endpoint {prepared.endpoint} {state}")

        converge(this, attempt)
