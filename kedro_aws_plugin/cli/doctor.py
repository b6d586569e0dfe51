"""`kedro aws doctor`."""

import json
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from kedro_aws_plugin.cli.options import with_read_options
from kedro_aws_plugin.errors import repeat_env

if TYPE_CHECKING:
    from kedro_aws_plugin.doctor.finding import Finding

_COLOURS = {"ok": "green", "fixed": "green", "warning": "yellow", "problem": "red", "unknown": "cyan"}


@click.command("doctor")
@click.option("--fix", is_flag=True, help="Mend what concerns only this machine, such as missing packages.")
@with_read_options
def doctor(fix: bool, env: str | None, output: str) -> None:
    """Find out what will break, and how to mend it.

    It looks at this machine, at the project and at the AWS account. Without --fix it changes nothing.
    The exit code is 1 if something will break.
    """
    from kedro_aws_plugin.doctor.examine import examine

    stdout = sys.stdout
    found: list[Finding] = []
    with redirect_stdout(sys.stderr):
        for each in examine(env):
            finding = _mend(each) if fix else each
            found.append(finding)
            if output == "text":
                click.echo(repeat_env(_format(finding), env), file=stdout)
    if output == "json":
        click.echo(json.dumps([each.as_json() for each in found], indent=2, ensure_ascii=False), file=stdout)
    else:
        click.echo(_summarize(found), file=stdout)
    if any(each.state == "problem" for each in found):
        click.get_current_context().exit(1)


def _mend(finding: "Finding") -> "Finding":
    """Mend what was found, if that is possible here."""
    if finding.mend is None:
        return finding
    try:
        finding.mend()
    except (OSError, subprocess.CalledProcessError) as error:
        return replace(finding, message=f"{finding.message} Mending it failed: {error}.")
    return replace(finding, state="fixed", fix="")


def _format(finding: "Finding") -> str:
    state = click.style(f"{finding.state:8}", fg=_COLOURS[finding.state])
    line = f"{state} {finding.check:12} {finding.message}"
    return f"{line}\n{'':21} Fix: {finding.fix}" if finding.fix else line


def _summarize(found: "list[Finding]") -> str:
    kinds = ("problem", "warning", "fixed", "unknown")
    counts = {kind: sum(each.state == kind for each in found) for kind in kinds}
    parts = [
        f"{count} {kind}{'s' * (count != 1 and kind in {'problem', 'warning'})}"
        for kind, count in counts.items()
        if count
    ]
    return f"{', '.join(parts)}." if parts else "Nothing will break."
