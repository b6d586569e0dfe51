"""`kedro aws predict`."""

import json
from typing import Any

import click

from kedro_aws_plugin.cli.options import PlanOptions, with_read_options
from kedro_aws_plugin.cli.plan_command import open_command, print_or_apply


@click.command("predict")
@click.argument("source", metavar="[FILE|-|ENTRY]", required=False)
@click.option("--endpoint", help="Name of the endpoint; by default the one of aws.yml.")
@click.option("--variant", help="Variant of the endpoint; by default, the endpoint chooses by weight.")
@click.option(
    "--timeout",
    type=click.IntRange(min=1),
    default=900,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an asynchronous endpoint; its answer comes to S3 all the same.",
)
@click.option("--dry-run", is_flag=True, help="Print the request that would be sent, and do not send it.")
@with_read_options
def predict(source: str | None, variant: str | None, timeout: int, dry_run: bool, **place: Any) -> None:
    """Get predictions from an endpoint.

    The rows come from a CSV, JSON, JSON lines, Parquet or NPY file, from standard input (-) or from a catalog
    entry. By default they are the sample payload that was registered with the model.

    For an asynchronous endpoint they are put on S3; the command waits until the answer is there too.
    """
    from kedro_aws_plugin.actions.prediction import decode_answer, plan_rows

    endpoint = place.pop("endpoint")
    with open_command(place["env"]) as this:
        plan = plan_rows(this.session, source, endpoint, timeout, variant)
        options = PlanOptions(dry_run=dry_run, yes=True, **place)
        print_or_apply(this, plan, options, _format_predictions, outcome=decode_answer)


def _format_predictions(results: list[dict[str, Any]]) -> str:
    """Write one prediction in each line; an answer of another form, unchanged."""
    from kedro_aws_plugin.actions.prediction import decode_answer

    answer = decode_answer(results)
    if not isinstance(answer, dict) or not isinstance(answer.get("predictions"), list):
        return str(results[-1]["answer"])
    return "\n".join(
        value if isinstance(value, str) else json.dumps(value) for value in answer["predictions"]
    )
