"""`kedro aws destroy`."""

import click

from kedro_aws_plugin.cli import options
from kedro_aws_plugin.cli.options import Handling
from kedro_aws_plugin.cli.plan_command import carry_out, command


@click.command("destroy")
@click.option("--registry", is_flag=True, help="Delete the registered versions and their artifacts too.")
@options.changing
def destroy(how: Handling, registry: bool) -> None:
    """Delete what was deployed.

    That is every endpoint, endpoint config and model with the tags of this project and environment.
    Data, trained models in the catalog and the bucket stay.
    """
    from dataclasses import replace

    from kedro_aws_plugin.aws.observe import observe_owned, with_registry
    from kedro_aws_plugin.plan.tags import project_tags
    from kedro_aws_plugin.plan.teardown import plan_teardown

    with command(how.env) as this:
        config = this.project.config
        tags = project_tags(this.project.package, config.env, config.bucket)
        endpoint = config.deploy.endpoint if config.deploy else None
        owned = observe_owned(this.aws, tags, endpoint)
        if registry:
            owned = with_registry(this.aws, owned, tags, config.bucket)
        plan = plan_teardown(this.project.package, config.bucket, owned)
        carry_out(
            this, plan, replace(how, always_ask=True), lambda results: f"Deleted, in {len(results)} steps."
        )
