"""`kedro aws register-model`."""

import click

from kedro_aws_plugin.cli import options
from kedro_aws_plugin.cli.options import Handling
from kedro_aws_plugin.cli.plan_command import carry_out, command


@click.command("register-model")
@click.option("--model", metavar="ENTRY", help="Catalog entry; by default `registry.model` of aws.yml.")
@click.option("--version", metavar="VERSION", help="Kedro version of the entry; by default the newest.")
@click.option("--approve", is_flag=True, help="Approve it at once, so that it can be deployed.")
@options.changing
def register_model(how: Handling, model: str | None, version: str | None, approve: bool) -> None:
    """Register a trained model in SageMaker.

    With its metrics, its lineage and a sample payload.
    """
    from kedro_aws_plugin.aws.observe import observe_group
    from kedro_aws_plugin.candidate import candidate
    from kedro_aws_plugin.config import registry_of
    from kedro_aws_plugin.plan.observed import APPROVED, PENDING
    from kedro_aws_plugin.plan.register import Registration, plan_registration
    from kedro_aws_plugin.plan.tags import project_tags

    with command(how.env) as this:
        config = this.project.config
        registry = registry_of(config)
        target = Registration(
            group=registry.group,
            bucket=config.bucket,
            region=config.region,
            approve=approve,
            tags=project_tags(this.project.package, config.env, config.bucket),
        )
        with candidate(this.project, registry, model or registry.model, version) as made:
            plan = plan_registration(target, made, observe_group(this.aws, registry.group))
            state = APPROVED if approve else PENDING
            carry_out(this, plan, how, lambda results: f"{results[-1]['arn']} ({state})")
