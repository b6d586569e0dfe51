"""`kedro aws register-model`."""

import click

from kedro_aws_plugin.cli.options import PlanOptions, with_plan_options
from kedro_aws_plugin.cli.plan_command import converge, open_command, print_or_apply


@click.command("register-model")
@click.option("--model", metavar="ENTRY", help="Catalog entry; by default `registry.model` of aws.yml.")
@click.option("--version", metavar="VERSION", help="Kedro version of the entry; by default the newest one.")
@click.option("--approve", is_flag=True, help="Approve the new version at once, so that it can be deployed.")
@with_plan_options
def register_model(options: PlanOptions, model: str | None, version: str | None, approve: bool) -> None:
    """Register a trained model in SageMaker.

    Its metrics, its lineage and a sample payload are registered with it.
    """
    from kedro_aws_plugin.actions.registry import prepare_model
    from kedro_aws_plugin.plan.observed import APPROVED, PENDING

    with (
        open_command(options.env) as this,
        prepare_model(this.session, model, version, approve=approve) as look,
    ):
        state = APPROVED if approve else PENDING

        def attempt() -> None:
            print_or_apply(this, look(), options, lambda results: f"{results[-1]['arn']} ({state})")

        converge(this, attempt)
