"""`kedro aws transform`."""

from collections.abc import Sequence
from typing import Any

import click

from kedro_aws_plugin.cli.options import PlanOptions, with_plan_options_but_output
from kedro_aws_plugin.cli.plan_command import converge, open_command, print_or_apply, tell_recorded


@click.command("transform")
@click.option(
    "--input", metavar="ENTRY|FILE|S3", help="Catalog entry, local file, or s3://... object or folder."
)
@click.option("--output", metavar="ENTRY|S3", help="Catalog entry, or s3://... folder, for the predictions.")
@click.option("--join/--no-join", default=None, help="Put the predictions beside their inputs.")
@click.option(
    "--package", metavar="VERSION|ARN", help="Version that predicts; by default the newest approved one."
)
@click.option("--group", metavar="GROUP", help="Model package group; by default `registry.group` of aws.yml.")
@click.option("--instance-type", help="Instance type of the job, e.g. ml.m5.large.")
@click.option("--instance-count", type=int, help="Number of instances of the job.")
@click.option(
    "--strategy",
    type=click.Choice(["MultiRecord", "SingleRecord"]),
    help="Fill each request with rows, or send each row alone.",
)
@click.option("--max-payload", type=int, help="Size of a request in MB, 0 to 100.")
@click.option("--concurrency", type=int, help="Requests that an instance handles at once.")
@click.option("--job", metavar="JOB", help="Come back to a job that was started before.")
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait for the job, and save its predictions."
)
@with_plan_options_but_output
def transform(options: PlanOptions, package: str | None, job: str | None, wait: bool, **changes: Any) -> None:
    """Predict for all rows of a table, in a batch transform job.

    Options that you do not give are taken from `transform:` in aws.yml. The input is converted to what the
    model takes and uploaded, unless it is on S3 as JSON lines or as CSV without a header. The command is done
    once there is a prediction for each row; it fails if there is not.

    Ctrl-C does not stop the job: it tells you how to come back.
    """
    from kedro_aws_plugin.actions.transform import Transformed, TransformOptions, prepare_transform

    wanted = TransformOptions(package=package, job=job, wait=wait, changes=changes)
    with open_command(options.env) as this, prepare_transform(this.session, wanted) as prepared:
        done: list[Transformed] = []

        def finish(results: Sequence[dict[str, Any]]) -> Transformed:
            if not done:
                done.append(prepared.finish(results))
            return done[0]

        def summarize(results: Sequence[dict[str, Any]]) -> str:
            made = finish(results)
            if made.rows_out is None:
                return this.repeat_env(f"{made.job} is under way. Come back to it: {prepared.resume}")
            return f"{made.job}: {made.rows_in} rows in, {made.rows_out} rows out, saved in {made.output}"

        def attempt() -> None:
            plan = prepared.look()
            tell_recorded(this, plan)
            print_or_apply(this, plan, options, summarize, outcome=lambda results: finish(results).as_json())

        converge(this, attempt)
