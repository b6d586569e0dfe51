"""`kedro aws logs`."""

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import click

from kedro_aws_plugin.cli.options import with_read_options
from kedro_aws_plugin.cli.plan_command import open_command
from local_aws.cli import Age

if TYPE_CHECKING:
    from kedro_aws_plugin.aws.logs import LogLine


@click.command("logs")
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is printed from now on, until Ctrl-C.")
@click.option(
    "--since",
    type=Age(),
    default="1h",
    show_default=True,
    metavar="AGE",
    help="How old the first line may be, such as 10m, 2h or 3d.",
)
@click.option("--step", metavar="STEP", help="The step of a run; by default all its steps.")
@with_read_options
def logs(  # noqa: PLR0913, PLR0917 - each is an option
    name: str | None, follow: bool, since: timedelta, step: str | None, env: str | None, output: str
) -> None:
    """Print what an endpoint, a transform or a run has printed.

    NAME is its name, by default that of aws.yml's endpoint; of a run, its id, the ARN of its execution, or
    `latest`. If an endpoint and a job have the same name, write endpoint/NAME or transform-job/NAME. Of a
    job and of a run, --follow ends when it ends.
    """
    from dataclasses import asdict

    from kedro_aws_plugin.actions.logs import choose_log_source
    from kedro_aws_plugin.aws.clock import make_clock
    from kedro_aws_plugin.aws.logs import follow_lines, read_lines

    if follow and output == "json":
        raise click.UsageError("--follow has no end, and JSON needs one: leave out one of the two.")
    with open_command(env) as this:
        source = choose_log_source(this.session, name, step)
        config = this.project.config
        if config.target == "aws" and (link := source.make_console_link(config.region)):
            click.echo(f"In the console: {link}", err=True)
        start = int((datetime.now(timezone.utc) - since).timestamp() * 1000)
        if output == "json":
            this.show_json([asdict(line) for line in read_lines(this.aws, source, start)])
            return
        lines = (
            follow_lines(this.aws, source, start, make_clock(config.target))
            if follow
            else read_lines(this.aws, source, start)
        )
        printed = False
        for line in lines:
            this.show(_format_line(line))
            printed = True
        if not printed:
            what = f"{source.kind.replace('-', ' ')} {source.name}"
            hint = "Look further back with --since 7d."
            click.echo(f"The {what} has printed nothing since then. {hint}", err=True)


def _format_line(line: "LogLine") -> str:
    time = datetime.fromtimestamp(line.time / 1000, timezone.utc)
    return f"{time.isoformat(timespec='milliseconds')} {line.stream} {line.text}"
