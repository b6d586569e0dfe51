"""Plan a prediction: (endpoint, payload) -> Plan."""

from kedro_aws_plugin.model_artifact.payload import JSON
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps.serving import InvokeEndpoint


def plan_prediction(endpoint: str, body: bytes, content_type: str, variant: str | None = None) -> Plan:
    """Plan one request to an endpoint, or to one of its variants, which is to answer as JSON."""
    step = InvokeEndpoint(name=endpoint, body=body, content_type=content_type, accept=JSON, variant=variant)
    return Plan(title=f"predict with endpoint {endpoint}", steps=(step,), unchanged="")
