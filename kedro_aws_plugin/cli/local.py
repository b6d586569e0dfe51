"""`kedro aws local`: the AWS on this laptop."""

import json
import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from kedro_aws_plugin.cli import options
from kedro_aws_plugin.errors import LocalAwsError

if TYPE_CHECKING:
    from kedro_aws_plugin.local.state import LocalAws

_FOLLOW_SECONDS = 0.2


@click.group("local")
def local() -> None:
    """Start, look into and stop the local AWS of this project."""


@local.command("start")
@options.env
def start(env: str | None) -> None:
    """Start it, upload data/raw to its bucket, and make the Glue tables of aws.yml."""
    from kedro_aws_plugin.config import open_project
    from kedro_aws_plugin.connect import start_local

    project = open_project(env)
    config = project.config
    if config.target != "local":
        raise LocalAwsError(
            f"The environment `{config.env}` speaks to the real AWS; it has no local one. Leave --env out."
        )
    aws, started, seeded = start_local(project)
    note = (
        f", {seeded.uploaded} files of data/raw uploaded to s3://{seeded.bucket}" if seeded.uploaded else ""
    )
    verb = "started" if started else "is already running"
    where = f"{aws.endpoint_url} ({aws.region}, log {_shown(aws.log_file)})"
    click.echo(f"Local AWS {verb} at {where}{note}", err=True)


@local.command("stop")
def stop() -> None:
    """Stop it; what it holds is gone."""
    from kedro_aws_plugin.local import control

    stopped = control.stop(_state_dir())
    click.echo("Local AWS stopped." if stopped else "The local AWS is not running.", err=True)


@local.command("reset")
def reset() -> None:
    """Empty it.

    Models are stopped and buckets deleted; the next run uploads data/raw again.
    """
    from kedro_aws_plugin.local import control

    done = control.reset(_state_dir())
    click.echo("Local AWS emptied." if done else "The local AWS is not running: it is empty.", err=True)


@local.command("status")
@options.output
def status(output: str) -> None:
    """Show where it listens and what it holds.

    Exits 1 if it does not run.
    """
    from kedro_aws_plugin.local import control

    aws = control.running(_state_dir())
    held = control.status(aws) if aws is not None else {}
    if output == "json":
        click.echo(
            json.dumps({"running": aws is not None, **(_described(aws) if aws else {}), **held}, indent=2)
        )
    elif aws is not None:
        for line in _lines(aws, held):
            click.echo(line)
    if aws is None:
        raise _not_running()


@local.command("env")
def env() -> None:
    """Print what points any AWS tool at it.

    In a shell: eval "$(kedro aws local env)". No other AWS_* variable is left that could win or spoil it.
    """
    variables = _running().environment()
    for name in sorted(os.environ):
        if name.startswith("AWS_") and name not in variables:
            click.echo(f"unset {name}")
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@local.command("logs")
@click.argument("endpoint", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is added.")
def logs(endpoint: str | None, follow: bool) -> None:
    """Print the log of ENDPOINT, or that of the local AWS itself."""
    state_dir = _state_dir()
    file = state_dir / "logs" / f"{endpoint}.log" if endpoint else state_dir / "local.log"
    if endpoint is not None and Path(endpoint).name != endpoint:
        raise LocalAwsError(f"{endpoint} is not the name of an endpoint.")
    if not file.is_file():
        known = ", ".join(sorted(each.stem for each in (state_dir / "logs").glob("*.log"))) or "none"
        raise LocalAwsError(
            f"{_shown(file)} does not exist: nothing was logged. Endpoints with a log: {known}."
            if endpoint
            else f"{_shown(file)} does not exist: the local AWS never ran. Start it: kedro aws local start"
        )
    with file.open(encoding="utf-8", errors="replace") as log:
        for text in _tail(log, follow):
            click.echo(text, nl=False)


def _tail(log: TextIO, follow: bool) -> Iterator[str]:
    while True:
        text = log.read()
        if text:
            yield text
        if not follow:
            return
        time.sleep(_FOLLOW_SECONDS)


def _state_dir() -> Path:
    from kedro_aws_plugin.config import find_project
    from kedro_aws_plugin.local import control

    return control.state_dir(find_project())


def _running() -> "LocalAws":
    from kedro_aws_plugin.local import control

    aws = control.running(_state_dir())
    if aws is None:
        raise _not_running()
    return aws


def _not_running() -> LocalAwsError:
    return LocalAwsError("The local AWS of this project is not running. Start it: kedro aws local start")


def _described(aws: "LocalAws") -> dict[str, object]:
    return {
        "endpoint_url": aws.endpoint_url,
        "pid": aws.pid,
        "region": aws.region,
        "account_id": aws.account_id,
        "log_file": str(aws.log_file),
    }


def _lines(aws: "LocalAws", held: dict[str, list[object]]) -> Iterator[str]:
    from kedro_aws_plugin.cli.table import table

    where = f"{aws.endpoint_url}, account {aws.account_id}, {aws.region}"
    yield f"Local AWS at {where}, process {aws.pid}"
    yield f"buckets: {', '.join(map(str, held['buckets'])) or 'none'}"
    rows = [
        (str(each["EndpointName"]), str(each["EndpointStatus"]), str(each["EndpointConfigName"]))
        for each in held["endpoints"]
        if isinstance(each, dict)
    ]
    yield table(("endpoint", "status", "config"), rows) if rows else "endpoints: none"


def _shown(file: Path) -> str:
    """Relative to the current folder where that is shorter."""
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)
