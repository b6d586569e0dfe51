"""`kedro aws deploy`."""

from typing import Any

import click

from kedro_aws_plugin.cli.options import PlanOptions, wait_option, with_plan_options
from kedro_aws_plugin.cli.plan_command import converge, open_command, print_or_apply


@click.command("deploy")
@click.option(
    "--package", metavar="VERSION|ARN", help="Version to deploy; by default the newest approved one."
)
@click.option("--group", metavar="GROUP", help="Model package group; by default that of the endpoint.")
@click.option("--endpoint", help="Name of the endpoint; by default the one of aws.yml, or of the group.")
@click.option(
    "--mode", type=click.Choice(["realtime", "serverless"]), help="On instances, or pay per request."
)
@click.option("--instance-type", help="Instance type of a realtime endpoint, e.g. ml.m5.large.")
@click.option("--instance-count", type=int, help="Number of instances of a realtime endpoint.")
@click.option("--memory", "memory_mb", type=int, help="Memory of a serverless endpoint in MB, 1024 to 6144.")
@click.option("--max-concurrency", type=int, help="Requests that a serverless endpoint handles at once.")
@click.option("--again", is_flag=True, help="Deploy a version once more that failed its check.")
@wait_option
@with_plan_options
def deploy(options: PlanOptions, package: str | None, wait: bool, again: bool, **changes: Any) -> None:
    """Serve a version of the model on an endpoint.

    By default this is the newest approved version. Options that you do not give are taken from `deploy:` in
    aws.yml. If that has several endpoints, name one, or the group that only one of them is for.

    Once the endpoint serves, it is sent the version's sample payload. If it answers otherwise than the model
    did, the endpoint goes back to what it served before.
    """
    from kedro_aws_plugin.aws.cloudformation import find_role
    from kedro_aws_plugin.aws.sagemaker.endpoints import observe_serving
    from kedro_aws_plugin.aws.sagemaker.registry import observe_group, observe_sample
    from kedro_aws_plugin.aws.sagemaker.serving import say_where_its_log_is
    from kedro_aws_plugin.config import choose_group, choose_role, merge_deploy
    from kedro_aws_plugin.plan.approval import choose_approved
    from kedro_aws_plugin.plan.endpoint import Deployment, plan_endpoint
    from kedro_aws_plugin.plan.recorded import describe_recorded
    from kedro_aws_plugin.plan.tags import make_project_tags

    with open_command(options.env) as this:
        config = this.project.config
        size = merge_deploy(config, {**changes, "package": package})
        role = choose_role(config, lambda: find_role(this.aws, config.bucket))
        group = observe_group(this.aws, choose_group(config, package, size.group))
        wanted = Deployment(
            package=choose_approved(group, package, config.registry.group if config.registry else None).arn,
            role_arn=role,
            deploy=size,
            tags=make_project_tags(this.project.package, config.env, config.bucket),
            log=say_where_its_log_is(config.target, size.endpoint),
            wait=wait,
            again=again,
        )
        sample = observe_sample(this.aws, wanted.package)
        state = (
            "is in service"
            if wait
            else this.repeat_env(
                f"is being created or updated. Follow it: kedro aws status --endpoint {wanted.endpoint}"
            )
        )

        told: set[str | None] = {None}

        def attempt() -> None:
            found = observe_serving(this.aws, wanted.endpoint, wanted.model_name, wanted.config_name)
            plan = plan_endpoint(wanted, found, sample)
            if config.target == "local" and (recorded := describe_recorded(plan)) not in told:
                told.add(recorded)
                click.echo(recorded, err=True)
            print_or_apply(this, plan, options, lambda _: f"Endpoint {wanted.endpoint} {state}")

        converge(this, attempt)
