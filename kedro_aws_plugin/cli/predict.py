"""`kedro aws predict`."""

import json
from typing import Any

import click

from kedro_aws_plugin.cli.options import PlanOptions, with_read_options
from kedro_aws_plugin.cli.plan_command import Command, open_command, print_or_apply


@click.command("predict")
@click.argument("source", metavar="[FILE|-|ENTRY]", required=False)
@click.option("--endpoint", help="Name of the endpoint; by default the one of aws.yml.")
@click.option("--dry-run", is_flag=True, help="Print the request that would be sent, and do not send it.")
@with_read_options
def predict(source: str | None, endpoint: str | None, dry_run: bool, env: str | None, output: str) -> None:
    """Get predictions from an endpoint.

    The rows come from a CSV, JSON, JSON lines, Parquet or NPY file, from standard input (-) or from a catalog
    entry. By default they are the sample payload that was registered with the model.
    """
    from kedro_aws_plugin.config import merge_deploy
    from kedro_aws_plugin.plan.prediction import plan_prediction

    with open_command(env) as this:
        name = merge_deploy(this.project.config, {"endpoint": endpoint}).endpoint
        body, content_type = _read_payload(this, source, name)
        plan = plan_prediction(name, body, content_type)
        options = PlanOptions(env=env, output=output, dry_run=dry_run, yes=True)
        print_or_apply(this, plan, options, _format_predictions, outcome=_decode_answer)


def _read_payload(this: Command, source: str | None, endpoint: str) -> tuple[bytes, str]:
    from kedro_aws_plugin.project.prediction_input import find_sample_payload, read_payload

    if source is None:
        payload = find_sample_payload(this.aws, endpoint)
    else:
        payload = read_payload(this.session, source, endpoint)
    return payload.body, payload.content_type


def _decode_answer(results: list[dict[str, Any]]) -> Any:
    """Decode the model's answer; keep it as text if the project's own handlers do not answer in JSON."""
    answer = str(results[-1]["answer"])
    try:
        return json.loads(answer)
    except ValueError:
        return answer


def _format_predictions(results: list[dict[str, Any]]) -> str:
    """Write one prediction in each line; an answer of another form, unchanged."""
    answer = _decode_answer(results)
    if not isinstance(answer, dict) or not isinstance(answer.get("predictions"), list):
        return str(results[-1]["answer"])
    return "\n".join(
        value if isinstance(value, str) else json.dumps(value) for value in answer["predictions"]
    )
