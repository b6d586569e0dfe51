"""The command `local-aws`, which works in any folder, with or without a Kedro project.

Both `local-aws VERB` and `kedro aws local VERB` call the methods of `LocalCommands`.
"""

import json
import os
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

import click

import local_aws
from local_aws.control.disk import measure_disk
from local_aws.control.state import earlier_log_file, endpoint_log_file, format_command, log_file
from local_aws.errors import LocalAwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_aws.control.state import LocalAws

_FOLLOW_SECONDS = 0.2
_REGION = "eu-west-1"
_STOPPED = {
    "NOT_RUNNING": "The local AWS is not running.",
    "IN_ORDER": "Local AWS stopped.",
    "KILLED": "The local AWS did not answer or end, and was killed.",
}


@dataclass(frozen=True)
class LocalCommands:
    """The verbs for the local AWS of one state folder.

    What a program may read is printed on standard output, everything else on standard error.

    Attributes:
        state_dir: The folder in which the local AWS keeps its files.
        start_command: The command that starts it, for hints; by default, `local-aws start`.
    """

    state_dir: Path
    start_command: str = ""

    def start(self, region: str, port: int) -> None:
        """Start the local AWS unless it is running, and print where it listens.

        Args:
            region: The region that clients should use.
            port: The port on 127.0.0.1; 0 takes a free one.

        Raises:
            LocalAwsError: If it does not start.
        """
        aws, started = local_aws.start(self.state_dir, region=region, port=port)
        self.announce_start(aws, started)

    def announce_start(self, aws: "LocalAws", started: bool, note: str = "") -> None:
        """Print where the local AWS listens.

        Args:
            aws: The local AWS.
            started: Whether it was started just now.
            note: What else was done, added to the line.
        """
        verb = "started" if started else "is already running"
        where = f"{aws.endpoint_url} ({aws.region}, log {_shorten(aws.log_file)})"
        click.echo(f"Local AWS {verb} at {where}{note}", err=True)

    def stop(self) -> None:
        """Stop the local AWS."""
        click.echo(_STOPPED[local_aws.stop(self.state_dir).name], err=True)

    def reset(self) -> None:
        """Delete everything that the local AWS holds, whether it runs or not.

        Raises:
            LocalAwsError: If it cannot be deleted.
        """
        emptied = local_aws.reset(self.state_dir)
        message = "Local AWS emptied." if emptied else "The local AWS is not running, and keeps nothing."
        click.echo(message, err=True)

    def prune(self, older_than: timedelta) -> None:
        """Delete what old queries have left.

        Args:
            older_than: How long ago they ended.

        Raises:
            LocalAwsError: If the local AWS is not running.
        """
        aws = local_aws.find(self.state_dir)
        if aws is None:
            raise self._make_not_running_error()
        pruned = local_aws.prune(aws, older_than)
        click.echo(
            f"Deleted {pruned.results} files of results and {pruned.copies} copies of objects: "
            f"{format_size(pruned.size)}.",
            err=True,
        )

    def renew(self) -> None:
        """Make new credentials.

        Raises:
            LocalAwsError: If the local AWS does not answer.
        """
        local_aws.renew(self.state_dir)
        click.echo(
            "The local AWS has new credentials. Shells with the former ones need its env again.", err=True
        )

    def print_status(self, output: str) -> None:
        """Print where the local AWS listens, what it holds, and how much disk that takes.

        Args:
            output: `text` or `json`.

        Raises:
            LocalAwsError: If it is not running.
        """
        aws = local_aws.find(self.state_dir)
        held = local_aws.status(aws) if aws is not None else {}
        if output == "json":
            described = _describe(aws) if aws is not None else {}
            click.echo(json.dumps({"running": aws is not None, **described, **held}, indent=2))
        elif aws is not None:
            for line in _format_status(aws, held):
                click.echo(line)
        if aws is None:
            kept = measure_disk(self.state_dir)["kept"]
            raise self._make_not_running_error(f" It keeps {format_size(kept)}." if kept else "")

    def print_environment(self) -> None:
        """Print the shell commands that point any AWS tool at the local AWS.

        Other AWS_* variables are unset, since an AWS_PROFILE, for example, would win over them.

        Raises:
            LocalAwsError: If it is not running.
        """
        aws = local_aws.find(self.state_dir)
        if aws is None:
            raise self._make_not_running_error()
        variables = aws.environment()
        for name in sorted(os.environ):
            if name.startswith("AWS_") and name not in variables:
                click.echo(f"unset {name}")
        for name, value in variables.items():
            click.echo(f"export {name}={shlex.quote(value)}")

    def print_log(self, endpoint: str | None, follow: bool) -> None:
        """Print the log of an endpoint, or of the local AWS itself.

        Args:
            endpoint: The endpoint's name; None for the local AWS.
            follow: Whether to wait for new lines and print them too, until Ctrl-C.

        Raises:
            LocalAwsError: If there is no such log.
        """
        file = self._find_log() if endpoint is None else self._find_endpoint_log(endpoint)
        if not follow and file.stat().st_size == 0:
            click.echo(f"{_shorten(file)} is empty: nothing has been printed yet.", err=True)
        with file.open(encoding="utf-8", errors="replace") as log, suppress(KeyboardInterrupt):
            for text in _read(log, follow):
                click.echo(text, nl=False)

    def _find_log(self) -> Path:
        file = log_file(self.state_dir)
        if not file.is_file():
            raise LocalAwsError(
                f"{_shorten(file)} does not exist: the local AWS has not run here. "
                f"Start it: {self._format_start_command()}"
            )
        return file

    def _find_endpoint_log(self, endpoint: str) -> Path:
        if not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", endpoint):
            raise LocalAwsError(f"`{endpoint}` is not the name of an endpoint.")
        names = self._list_endpoints()
        files = (endpoint_log_file(self.state_dir, endpoint), earlier_log_file(self.state_dir, endpoint))
        found = [file for file in files if file.is_file()]
        if not found:
            known = ", ".join(names) or "none"
            raise LocalAwsError(f"There is no endpoint `{endpoint}`, and no log of one. Endpoints: {known}.")
        if endpoint not in names:
            click.echo(f"There is no endpoint `{endpoint}` now. This is the log of an earlier one.", err=True)
        return found[0]

    def _list_endpoints(self) -> list[str]:
        aws = local_aws.find(self.state_dir)
        endpoints = [] if aws is None else local_aws.status(aws)["endpoints"]
        return sorted(each["EndpointName"] for each in endpoints)

    def _make_not_running_error(self, kept: str = "") -> LocalAwsError:
        start = self._format_start_command()
        return LocalAwsError(f"The local AWS is not running here.{kept} Start it: {start}")

    def _format_start_command(self) -> str:
        return self.start_command or format_command("start", self.state_dir)


class Age(click.ParamType):  # type: ignore[type-arg]
    """An age such as `7d`, `12h`, `30m` or `0s`."""

    name = "age"
    _units: ClassVar = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read an age."""
        found = re.fullmatch(r"([0-9]{1,6})([smhd])", value.strip())
        if found is None:
            self.fail(f"`{value}` is not an age such as 7d, 12h or 30m.", param, ctx)
        return timedelta(**{self._units[found[2]]: int(found[1])})


older_than_option = click.option(
    "--older-than",
    type=Age(),
    default="7d",
    show_default=True,
    metavar="AGE",
    help="How long ago the queries ended, such as 7d, 12h or 30m.",
)
"""The option of `prune`."""


def _state_dir_option(function: "Callable[..., None]") -> "Callable[..., None]":
    return click.option(
        "--state-dir",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Folder for its files; by default $KEDRO_AWS_STATE_DIR, else .kedro-aws in the current folder.",
    )(function)


def _make_commands(state_dir: Path | None) -> LocalCommands:
    return LocalCommands(state_dir.absolute() if state_dir else local_aws.default_state_dir(Path.cwd()))


@click.group("local-aws")
@click.version_option(local_aws.__version__)
def main() -> None:
    """Run an AWS on this machine: S3, Glue, Athena and SageMaker."""


@main.command("start")
@_state_dir_option
@click.option(
    "--region",
    envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
    default=_REGION,
    show_default=True,
    help="Region that clients should use.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 takes a free one."
)
def _start(state_dir: Path | None, region: str, port: int) -> None:
    """Start it, unless it is running."""
    _make_commands(state_dir).start(region, port)


@main.command("stop")
@_state_dir_option
def _stop(state_dir: Path | None) -> None:
    """Stop it. What it holds is kept for the next start."""
    _make_commands(state_dir).stop()


@main.command("reset")
@_state_dir_option
def _reset(state_dir: Path | None) -> None:
    """Delete all buckets, tables, models and whatever else it holds.

    If it runs, it goes on running.
    """
    _make_commands(state_dir).reset()


@main.command("prune")
@_state_dir_option
@older_than_option
def _prune(state_dir: Path | None, older_than: timedelta) -> None:
    """Delete the results of old queries, and copies of what they have read.

    The history of the queries stays, and so does what UNLOAD, INSERT and CREATE TABLE AS have written.
    """
    _make_commands(state_dir).prune(older_than)


@main.command("renew")
@_state_dir_option
def _renew(state_dir: Path | None) -> None:
    """Make new credentials. The former ones are refused at once."""
    _make_commands(state_dir).renew()


@main.command("status")
@_state_dir_option
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def _status(state_dir: Path | None, output: str) -> None:
    """Show where it listens, what it holds, and how much disk that takes.

    Exits with 1 if it is not running.
    """
    _make_commands(state_dir).print_status(output)


@main.command("env")
@_state_dir_option
def _env(state_dir: Path | None) -> None:
    """Print shell commands that point every AWS tool at it.

    Use it as eval "$(local-aws env)". Other AWS_* variables, such as AWS_PROFILE, are unset.
    """
    _make_commands(state_dir).print_environment()


@main.command("logs")
@_state_dir_option
@click.argument("endpoint", required=False)
@click.option("-f", "--follow", is_flag=True, help="Wait for new lines, until Ctrl-C.")
def _logs(state_dir: Path | None, endpoint: str | None, follow: bool) -> None:
    """Print the log of ENDPOINT, or of the local AWS itself."""
    _make_commands(state_dir).print_log(endpoint, follow)


def _read(log: TextIO, follow: bool) -> Iterator[str]:
    while True:
        text = log.read()
        if text:
            yield text
        if not follow:
            return
        time.sleep(_FOLLOW_SECONDS)


def _describe(aws: "LocalAws") -> dict[str, object]:
    return {
        "endpoint_url": aws.endpoint_url,
        "pid": aws.pid,
        "region": aws.region,
        "account_id": aws.account_id,
        "log_file": str(aws.log_file),
    }


def _format_status(aws: "LocalAws", held: dict[str, Any]) -> Iterator[str]:
    where = f"{aws.endpoint_url}, account {aws.account_id}, {aws.region}"
    yield f"Local AWS at {where}, process {aws.pid}"
    buckets = [f"{name} ({_format_bucket(size)})" for name, size in held["sizes"].items()]
    yield f"buckets: {', '.join(buckets) or 'none'}"
    yield from _format_endpoints(held)
    if held["holds"]:
        counts = [
            f"{count:,} {kind.removesuffix('s' * (count == 1))}" for kind, count in held["holds"].items()
        ]
        yield f"holds: {', '.join(counts)}"
    disk = held["disk"]
    kept, rest = format_size(disk["kept"]), format_size(disk["rest"])
    yield f"disk: {kept} of contents and {rest} of other files in {_shorten(aws.log_file.parent)}"
    if not held["keeps"]:
        yield "kept: nothing, as it was started so"
    for service, reason in held["not_kept"].items():
        yield f"not kept: what {service} holds: {reason}"
    for service, reason in held["began_empty"].items():
        yield f"began empty: {service}: {reason}"


def _format_bucket(size: dict[str, int]) -> str:
    objects = "1 object" if size["objects"] == 1 else f"{size['objects']:,} objects"
    return f"{objects}, {format_size(size['size'])}"


def _format_endpoints(held: dict[str, Any]) -> Iterator[str]:
    if not held["endpoints"]:
        yield "endpoints: none"
        return
    head = ("endpoint", "status", "config")
    rows = [head, *map(_describe_endpoint, held["endpoints"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _describe_endpoint(endpoint: dict[str, Any]) -> tuple[str, str, str]:
    note = ", starts when asked for" if endpoint["Asleep"] else ""
    status = f"{endpoint['EndpointStatus']}{note}"
    return endpoint["EndpointName"], status, endpoint["EndpointConfigName"]


def format_size(size: float) -> str:
    """Write a number of bytes, as 3.4 MB."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:  # noqa: PLR2004 - the next unit
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _shorten(file: Path) -> str:
    """Shorten a path to one relative to the current folder where that is possible."""
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)
