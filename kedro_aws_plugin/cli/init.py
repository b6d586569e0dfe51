"""`kedro aws init`."""

import subprocess
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import click

from kedro_aws_plugin.errors import ConfigError, KedroAwsError, ProjectError, first_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kedro_aws_plugin.adopt.changes import Change
    from kedro_aws_plugin.adopt.discovery import Found, Model
    from kedro_aws_plugin.adopt.files import Answers
    from kedro_aws_plugin.adopt.look import Adopted

_SECONDS = 5
_NEXT = "Next: kedro aws doctor, then kedro run"


@click.command("init")
@click.option("--model", "entry", metavar="ENTRY", help="Catalog entry of the model to register.")
@click.option("--bucket", help="Name of the bucket; by default the project's name and -data.")
@click.option("--region", help="AWS region; by default eu-west-1.")
@click.option("--s3", is_flag=True, help="Move the catalog's entries on this machine's disk to S3.")
@click.option("--ci", type=click.Choice(["github"]), help="Add a workflow: test, plan, deploy.")
@click.option("--docker", is_flag=True, help="Add the files for Docker Compose.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Change the files without asking for confirmation.")
def init(entry: str | None, dry_run: bool, yes: bool, **wishes: object) -> None:
    """Add AWS to an existing Kedro project.

    It adds aws.yml and the environment `aws`, shows the difference first, and overwrites nothing. Run it
    again to add more.
    """
    from kedro_aws_plugin.adopt.look import look_at_project
    from kedro_aws_plugin.adopt.plan import Wishes, plan_adoption

    stdout = sys.stdout
    with redirect_stdout(sys.stderr):
        project = look_at_project()
        answers = _answer(project, entry, wishes)
        wanted = Wishes(bool(wishes["s3"]), wishes["ci"] is not None, bool(wishes["docker"]))
        adoption = plan_adoption(project, answers, wanted)
        for warning in adoption.warnings:
            click.secho(f"Warning: {warning}", err=True, fg="yellow")
        if not adoption.changes:
            click.echo("unchanged: nothing to add", file=stdout)
            return
        click.echo("".join(each.show() for each in adoption.changes), file=stdout, nl=False)
        if dry_run:
            return
        _warn_of_uncommitted(project.path)
        if not yes:
            _ask()
        _make(project.path, adoption.changes)
    click.echo(_NEXT, err=True)


def _answer(project: "Adopted", entry: str | None, wishes: "Mapping[str, object]") -> "Answers":
    from kedro_aws_plugin.adopt.files import Answers
    from kedro_aws_plugin.config.names import find_bucket_problem, find_region_problem

    stated = _read_stated(project.path)
    region = str(wishes["region"] or stated.get("region") or "eu-west-1")
    bucket = str(wishes["bucket"] or stated.get("bucket") or f"{project.name}-data")
    if stated:
        for option, wanted in (
            ("--model", entry),
            ("--bucket", wishes["bucket"]),
            ("--region", wishes["region"]),
        ):
            if wanted is not None:
                raise ConfigError(
                    f"conf/base/aws.yml is there already. Change it there, and leave out {option}."
                )
    elif problem := find_bucket_problem(bucket):
        raise ConfigError(f"--bucket: `{bucket}` is not a bucket name: {problem}. Give another one.")
    elif problem := find_region_problem(region):
        raise ConfigError(f"--region: `{region}` is {problem}. Give another one.")
    return Answers(project.name, bucket, region, None if stated else _choose_model(project.found, entry))


def _read_stated(project: "Path") -> dict[str, object]:
    """Read aws.yml, if the project has one; what it says stays."""
    import yaml

    from kedro_aws_plugin.adopt.changes import read_text
    from kedro_aws_plugin.config.files import ConfigFiles

    problem = ConfigFiles(project / "conf", "base", "aws").find_problem()
    if problem:
        raise ConfigError(problem)
    return yaml.safe_load(read_text(project / "conf/base/aws.yml") or "{}") or {}


def _choose_model(found: "Found", entry: str | None) -> "Model | None":
    """Choose the model to register: the one that the user names, the only one, or the one of their answer."""
    models = found.models
    if entry is not None:
        pickles = {model.entry: model for model in (*models, *found.pickles)}
        if entry not in pickles:
            known = f"It has {', '.join(pickles)}." if pickles else "No node writes a pickle."
            raise ProjectError(f"The catalog has no model `{entry}` that a node writes. {known}")
        return pickles[entry]
    by_name = {model.entry: model for model in models}
    if len(models) <= 1:
        return models[0] if models else None
    if not sys.stdin.isatty():
        raise ProjectError(f"There are several models: {', '.join(by_name)}. Choose one with --model.")
    return by_name[click.prompt("Which model", type=click.Choice(list(by_name)), err=True)]


def _warn_of_uncommitted(project: "Path") -> None:
    try:
        asked = subprocess.run(
            ["git", "status", "--porcelain"],  # noqa: S607
            cwd=project,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if asked.returncode == 0 and asked.stdout:
        click.secho(
            "Warning: the project has changes that are not committed. Commit them first, and `git diff` will "
            "show what this command did.",
            err=True,
            fg="yellow",
        )


def _ask() -> None:
    if not sys.stdin.isatty():
        raise KedroAwsError(
            "Nothing was changed: confirmation is required. Re-run with --yes, or preview with --dry-run."
        )
    if not click.confirm("Make these changes?", err=True):
        raise KedroAwsError("Nothing was changed.")


def _make(project: "Path", changes: "Sequence[Change]") -> None:
    for change in changes:
        try:
            change.make(project)
        except OSError as error:
            raise ProjectError(
                f"{change.path} cannot be written: {first_line(error)}. Correct that and run the command "
                "again; it goes on from there."
            ) from error
        click.echo(f"✓ {change.path}", err=True)
