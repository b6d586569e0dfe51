"""`kedro aws local`: the local AWS of this project."""

from typing import TYPE_CHECKING

import click

from kedro_aws_plugin.cli.options import env_option, output_option
from kedro_aws_plugin.errors import LocalAwsError
from local_aws.cli import older_than_option

if TYPE_CHECKING:
    from datetime import timedelta

    from local_aws.cli import LocalCommands


@click.group("local")
def local() -> None:
    """Start, inspect and stop the local AWS of this project."""


@local.command("start")
@env_option
def start(env: str | None) -> None:
    """Start the local AWS of this project.

    It has what it held when it was stopped. Its bucket and the Glue tables of aws.yml are created, and the
    files of data/raw are uploaded that are new or have changed.
    """
    from kedro_aws_plugin.session.connection import explain_raw_data, start_local
    from kedro_aws_plugin.session.session import Session

    project = Session.open(env).project
    config = project.config
    if config.target != "local":
        raise LocalAwsError(
            f"The environment `{config.env}` uses the real AWS, not a local one. Run it with --env local."
        )
    aws, started, seeded = start_local(project)
    note = (
        f", {seeded.uploaded} files of data/raw uploaded to s3://{seeded.bucket}" if seeded.uploaded else ""
    )
    _make_commands().announce_start(aws, started, f"{note}{explain_raw_data(project, seeded)}")


@local.command("stop")
def stop() -> None:
    """Stop the local AWS. What it holds is kept for the next start."""
    _make_commands().stop()


@local.command("reset")
def reset() -> None:
    """Delete what the local AWS holds.

    If it runs, it keeps running, and its models are stopped. The next run uploads data/raw again.
    """
    _make_commands().reset()


@local.command("prune")
@older_than_option
def prune(older_than: "timedelta") -> None:
    """Delete what old queries have left in the local AWS.

    That is their results on S3, and copies of the objects that they have read. The history of the queries
    stays, and so does what UNLOAD, INSERT and CREATE TABLE AS have written.
    """
    _make_commands().prune(older_than)


@local.command("renew")
def renew() -> None:
    """Make new credentials for the local AWS.

    The former ones are refused at once. Shells that have them need `kedro aws local env` again.
    """
    _make_commands().renew()


@local.command("status")
@output_option
def status(output: str) -> None:
    """Show where the local AWS is and what it holds.

    The exit code is 1 if it is not running.
    """
    _make_commands().print_status(output)


@local.command("env")
def env() -> None:
    """Print commands that point a shell at the local AWS.

    Any AWS tool then uses it: eval "$(kedro aws local env)". The commands also unset the
    AWS_* variables that would interfere.
    """
    _make_commands().print_environment()


@local.command("logs")
@click.argument("endpoint", required=False)
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines.")
def logs(endpoint: str | None, follow: bool) -> None:
    """Print the log of ENDPOINT or of the local AWS.

    Without ENDPOINT, it is the log of the local AWS itself.
    """
    _make_commands().print_log(endpoint, follow)


def _make_commands() -> "LocalCommands":
    import local_aws
    from kedro_aws_plugin.session.session import find_project
    from local_aws.cli import LocalCommands

    return LocalCommands(local_aws.default_state_dir(find_project()), start_command="kedro aws local start")
