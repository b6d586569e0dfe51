"""`kedro aws destroy`."""

import click

from kedro_aws_plugin.cli.options import PlanOptions, with_plan_options
from kedro_aws_plugin.cli.plan_command import open_command, print_or_apply


@click.command("destroy")
@click.option("--endpoint", help="Delete this endpoint only, with its endpoint configs and models.")
@click.option("--registry", is_flag=True, help="Also delete the registered versions and their artifacts.")
@with_plan_options
def destroy(options: PlanOptions, endpoint: str | None, registry: bool) -> None:
    """Delete what was deployed.

    It deletes every endpoint, endpoint config, model and pipeline that has the tags of this project and
    environment, its schedules, and the files of its jobs and runs; with --endpoint, only one endpoint and
    what was made for it. Your data, the trained models in the catalog and the bucket are kept.
    """
    from dataclasses import replace

    from kedro_aws_plugin.actions.executions import add_pipelines
    from kedro_aws_plugin.aws.owned import add_registry, observe_owned
    from kedro_aws_plugin.aws.sagemaker.scaling import observe_all_scaling
    from kedro_aws_plugin.config import find_endpoint_groups, merge_deploy
    from kedro_aws_plugin.plan.tags import make_project_tags
    from kedro_aws_plugin.plan.teardown import plan_teardown

    if registry and endpoint:
        raise click.UsageError("--registry deletes the versions of all endpoints. Leave out --endpoint.")
    with open_command(options.env) as this:
        config = this.project.config
        tags = make_project_tags(this.project.package, config.env, config.bucket)
        only = merge_deploy(config, {"endpoint": endpoint}).endpoint if endpoint else None
        owned = observe_owned(this.aws, tags, {*find_endpoint_groups(config), *([only] if only else [])})
        owned = replace(owned, scaled=observe_all_scaling(this.aws, owned.endpoints))
        if not only:
            owned = add_pipelines(this.session, owned)
        if registry:
            owned = add_registry(this.aws, owned, tags, config.bucket)
        plan = plan_teardown(this.project.package, config.bucket, owned, only)
        print_or_apply(
            this,
            plan,
            replace(options, always_ask=True),
            lambda results: f"Deleted, in {len(results)} steps.",
        )
