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
    from kedro_aws_plugin.aws.observe import observe_owned
    from kedro_aws_plugin.plan.tags import project_tags
    from kedro_aws_plugin.plan.teardown import plan_teardown

    with command(how.env) as this:
        config = this.project.config
        tags = project_tags(this.project.package, config.env)
        owned = observe_owned(this.aws, tags, config.bucket, registry)
        plan = plan_teardown(this.project.package, config.bucket, owned)
        carry_out(this, plan, how, lambda results: f"Deleted, in {len(results)} steps.", always_ask=True)
