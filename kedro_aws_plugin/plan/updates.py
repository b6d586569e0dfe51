"""How an endpoint is updated, in SageMaker's form: (update, instances) -> DeploymentConfig."""

from typing import Any

from kedro_aws_plugin.config.updates import Update

_TYPES = {"all-at-once": "ALL_AT_ONCE", "canary": "CANARY", "linear": "LINEAR"}
_SIZES = {"canary": "CanarySize", "linear": "LinearStepSize"}


def build_deployment_config(update: Update) -> dict[str, Any]:
    """Build the DeploymentConfig of UpdateEndpoint."""
    timeout = {"MaximumExecutionTimeoutInSeconds": update.timeout_seconds} if update.timeout_seconds else {}
    alarms = {"Alarms": [{"AlarmName": name} for name in update.alarms]}
    rollback = {"AutoRollbackConfiguration": alarms} if update.alarms else {}
    wait = {"WaitIntervalInSeconds": update.wait_seconds}
    if update.strategy == "rolling":
        policy: dict[str, Any] = {"MaximumBatchSize": _build_size(update), **wait, **timeout}
        return {"RollingUpdatePolicy": policy, **rollback}
    size = {_SIZES[update.strategy]: _build_size(update)} if update.strategy in _SIZES else {}
    policy = {
        "TrafficRoutingConfiguration": {"Type": _TYPES[update.strategy], **wait, **size},
        "TerminationWaitInSeconds": update.termination_wait_seconds,
        **timeout,
    }
    return {"BlueGreenUpdatePolicy": policy, **rollback}


def _build_size(update: Update) -> dict[str, Any]:
    if update.instances is not None:
        return {"Type": "INSTANCE_COUNT", "Value": update.instances}
    return {"Type": "CAPACITY_PERCENT", "Value": update.percent}
