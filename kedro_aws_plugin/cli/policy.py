"""`kedro aws policy`."""

from typing import TYPE_CHECKING

import click

from kedro_aws_plugin.cli.options import env_option
from kedro_aws_plugin.cli.plan_command import open_command

if TYPE_CHECKING:
    from kedro_aws_plugin.plan.policy.callers import Audience


@click.command("policy")
@click.option(
    "--for",
    "audience",
    type=click.Choice(["role", "ci", "developer"]),
    default="developer",
    show_default=True,
    help="What SageMaker assumes; who registers and deploys; who uses every command.",
)
@click.option(
    "--account",
    metavar="ID",
    help="Account of the policy, with which no AWS is asked; by default that of the credentials.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["json", "terraform"]),
    default="json",
    show_default=True,
    help="Format of the policy on standard output.",
)
@env_option
def policy(audience: "Audience", account: str | None, output: str, env: str | None) -> None:
    """Print the IAM policy that this project needs.

    It allows nothing else: it names the buckets and folders, Glue tables, workgroups, model package groups,
    endpoints, secrets and parameters of the catalog and of aws.yml. Nothing is created.
    """
    import re

    from kedro_aws_plugin.actions.policy import make_policy
    from kedro_aws_plugin.errors import ConfigError
    from kedro_aws_plugin.plan.policy.terraform import format_policy

    if account is not None and not re.fullmatch(r"\d{12}", account):
        raise ConfigError(f"--account: `{account}` is not an account id, which has twelve digits.")
    with open_command(env, connect=False) as this:
        made = make_policy(this.session, audience, account)
        for warning in made.warnings:
            click.secho(f"Warning: {warning}", err=True, fg="yellow")
        if output == "json":
            this.show_json(made.document)
        else:
            this.show(format_policy(made.document, f"{this.project.package}_{audience}"))
