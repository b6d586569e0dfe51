"""`kedro aws local`: the local AWS of this project."""

from typing import TYPE_CHECKING

import click

from kedro_aws_plugin.cli.options import env_option, output_option
from kedro_aws_plugin.errors import LocalAwsError

if TYPE_CHECKING:
    from local_aws.cli import LocalCommands


@click.group("local")
def local() -> None:
    """Start, look into and stop the local AWS of this project."""


@local.command("start")
@env_option
def start(env: str | None) -> None:
    """Start it, upload data/raw to its bucket, and make the Glue tables of aws.yml."""
    from kedro_aws_plugin.session.connection import start_local
    from kedro_aws_plugin.session.session import Session

    project = Session.open(env).project
    config = project.config
    if config.target != "local":
        raise LocalAwsError(
            f"The environment `{config.env}` uses the real AWS, not a local one. Leave --env out."
        )
    aws, started, seeded = start_local(project)
    note = (
        f", {seeded.uploaded} files of data/raw uploaded to s3://{seeded.bucket}" if seeded.uploaded else ""
    )
    _make_commands().announce_start(aws, started, note)


@local.command("stop")
def stop() -> None:
    """Stop it; what it holds is gone."""
    _make_commands().stop()


@local.command("reset")
def reset() -> None:
    """Empty it.

    Models are stopped and buckets deleted; the next run uploads data/raw again.
    """
    _make_commands().reset()


@local.command("status")
@output_option
def status(output: str) -> None:
    """Show where it listens and what it holds.

    Exits with 1 if it is not running.
    """
    _make_commands().print_status(output)


@local.command("env")
def env() -> None:
    """Print what points any AWS tool at it.

    In a shell: eval "$(kedro aws local env)". No other AWS_* variable is left that could win or spoil it.
    """
    _make_commands().print_environment()


@local.command("logs")
@click.argument("endpoint", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is added.")
def logs(endpoint: str | None, follow: bool) -> None:
    """Print the log of ENDPOINT, or that of the local AWS itself."""
    _make_commands().print_log(endpoint, follow)


def _make_commands() -> "LocalCommands":
    import local_aws
    from kedro_aws_plugin.session.session import find_project
    from local_aws.cli import LocalCommands

    return LocalCommands(local_aws.default_state_dir(find_project()), start_command="kedro aws local start")
