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
    from kedro_aws_plugin.config import registry_of
    from kedro_aws_plugin.plan.observed import APPROVED, PENDING
    from kedro_aws_plugin.project.catalog import ProjectCatalog
    from kedro_aws_plugin.registration.planned import Wanted, registration

    with command(how.env) as this:
        config = this.project.config
        entry = model or registry_of(config).model
        catalog = ProjectCatalog.open(this.project)
        wanted = Wanted(catalog.registry(config, entry), version, approve)
        with registration(this.project, catalog, wanted, this.aws) as plan:
            state = APPROVED if approve else PENDING
            carry_out(this, plan, how, lambda results: f"{results[-1]['arn']} ({state})")
