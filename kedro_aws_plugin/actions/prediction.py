"""Predictions of an endpoint, as a plan or as a frame."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.config import merge_deploy
from kedro_aws_plugin.errors import ServingError
from kedro_aws_plugin.model_artifact.payload import Payload
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.prediction import plan_async_prediction, plan_prediction
from kedro_aws_plugin.project.prediction_input import check_size, find_sample_payload, is_async, read_payload
from kedro_aws_plugin.project.transform_input import make_table
from kedro_aws_plugin.session.session import Session

if TYPE_CHECKING:
    import pandas as pd

_WAIT = 900.0
"""Seconds to wait for an asynchronous endpoint, if nobody says how long."""


def plan_rows(
    session: Session,
    rows: "pd.DataFrame | str | None",
    endpoint: str | None,
    seconds: float = _WAIT,
    variant: str | None = None,
) -> Plan:
    """Plan the request for a prediction.

    Args:
        session: The opened project, connected.
        rows: A frame; the path of a file, `-` for standard input or a catalog entry; None for the sample that
            was registered with the version.
        endpoint: The endpoint; by default the one of aws.yml.
        seconds: How long to wait for an asynchronous endpoint.
        variant: The variant of the endpoint; by default, the endpoint chooses by weight.

    Raises:
        KedroAwsError: If there are no such rows, or they are too many for one request.
    """
    deploy = merge_deploy(session.config, {"endpoint": endpoint})
    name = deploy.endpoint
    if rows is None:
        payload = find_sample_payload(session.aws, name, variant)
    elif isinstance(rows, str):
        payload = read_payload(session, rows, name)
    else:
        frame = make_table("The frame", rows).rows
        payload = Payload.from_frame(frame, rows=len(frame))
        check_size(session.aws, payload, "The frame", name)
    if is_async(session.aws, name) and deploy.async_.input:
        if variant is not None:
            raise ServingError(
                f"Endpoint {name} is asynchronous: it has one variant, and SageMaker takes no variant's name "
                "for it. Leave --variant out."
            )
        return plan_async_prediction(name, payload.body, payload.content_type, deploy.async_.input, seconds)
    return plan_prediction(name, payload.body, payload.content_type, variant)


def decode_answer(results: Sequence[dict[str, Any]]) -> Any:
    """Decode the model's answer; keep it as text if the project's own handlers do not answer in JSON."""
    answer = str(results[-1]["answer"])
    try:
        return json.loads(answer)
    except ValueError:
        return answer


def make_frame(answer: Any, index: Any = None) -> "pd.DataFrame":
    """Make a frame of a model's answer, with a row for each row that was sent.

    Args:
        answer: What `decode_answer` returns: an object with `predictions`, a value or a list for each row.
        index: The index of the rows that were sent.

    Returns:
        The column `prediction`; for a list of values in each row, `prediction_0`, `prediction_1`, ...

    Raises:
        ServingError: If the project's own handlers answer in another form.
    """
    import pandas as pd

    predictions = answer.get("predictions") if isinstance(answer, dict) else None
    if not isinstance(predictions, list) or (index is not None and len(index) != len(predictions)):
        raise ServingError(
            "The endpoint does not answer with a prediction for each row, so no table can be made of its "
            "answer. Read it as it is: kedro aws predict -o json"
        )
    rows = pd.DataFrame({"prediction": predictions}, index=index)
    if predictions and all(isinstance(each, list) for each in predictions):
        rows = pd.DataFrame(predictions, index=index).add_prefix("prediction_")
    return rows
