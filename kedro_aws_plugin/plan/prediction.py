"""Plan a prediction: (endpoint, payload) -> Plan."""

from kedro_aws_plugin.model_artifact.payload import JSON
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps.serving import InvokeEndpoint


def plan_prediction(endpoint: str, body: bytes, content_type: str) -> Plan:
    """Plan one request to an endpoint, which is to answer as JSON."""
    step = InvokeEndpoint(name=endpoint, body=body, content_type=content_type, accept=JSON)
    return Plan(title=f"predict with endpoint {endpoint}", steps=(step,), unchanged="")
