"""Scaling of asynchronous endpoints to zero and from zero, by what Application Auto Scaling was told."""

import logging
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto
from local_aws.sagemaker.asynchronous.queues import Queues

_LOOK = 0.5
_NAMESPACE = "sagemaker"
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_BACKLOG, _WAITS = "ApproximateBacklogSizePerInstance", "HasBacklogWithoutCapacity"
_DEFAULT_COOLDOWN = 300
_SERVICE = "application-autoscaling"

_log = logging.getLogger(__name__)


class Hosting(Protocol):
    """Starts and stops the processes of endpoints."""

    def scale(self, region: str, name: str, count: int) -> None:
        """Give an endpoint in service some instances, or none."""


@dataclass(frozen=True)
class Rules:
    """How an endpoint scales.

    Attributes:
        least: The least instances it may have.
        cooldown: Seconds after which it loses its last instance if nothing waits; None if it never does.
        target: How many requests must wait before it gets its first instance; None if none are enough.
        wakes: Whether any request that waits gives it its first instance.
    """

    least: int
    cooldown: float | None = None
    target: float | None = None
    wakes: bool = False


class Scaler:
    """Looks at the queues, and gives their endpoints instances or takes them away.

    Args:
        queues: The queues.
        hosting: Starts and stops processes.
        moto: Knows the scalable targets, their policies and the alarms.
    """

    def __init__(self, queues: Queues, hosting: Hosting, moto: Moto) -> None:
        self._queues = queues
        self._hosting = hosting
        self._moto = moto

    def start(self) -> None:
        """Look from here on, in a thread."""
        threading.Thread(target=self._run, name="scaler", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK)
            for region, endpoint in self._queues.list_open():
                try:
                    self._look(region, endpoint)
                except Exception:  # noqa: BLE001 - the thread goes on with the next one
                    _log.exception("scaling of endpoint %s", endpoint)

    def _look(self, region: str, endpoint: str) -> None:
        state = self._queues.look(region, endpoint)
        if state is None or (state.has_capacity and state.idle_seconds is None):
            return
        rules = self._read_rules(region, endpoint, state.variant)
        if rules is None:
            return
        if state.has_capacity:
            idle = state.idle_seconds or 0.0
            if rules.least == 0 and rules.cooldown is not None and idle >= rules.cooldown:
                self._hosting.scale(region, endpoint, 0)
        elif rules.least > 0:
            self._hosting.scale(region, endpoint, rules.least)
        elif state.waiting and (rules.wakes or (rules.target is not None and state.waiting > rules.target)):
            self._hosting.scale(region, endpoint, 1)

    def _read_rules(self, region: str, endpoint: str, variant: str) -> Rules | None:
        """Read how an endpoint scales; None if it has no scalable target."""
        resource = f"endpoint/{endpoint}/variant/{variant}"
        of_target = {
            "ServiceNamespace": _NAMESPACE,
            "ResourceIds": [resource],
            "ScalableDimension": _DIMENSION,
        }
        targets = self._moto.call(_SERVICE, "DescribeScalableTargets", of_target, region)["ScalableTargets"]
        if not targets:
            return None
        of_policies = {"ServiceNamespace": _NAMESPACE, "ResourceId": resource}
        found = self._moto.call(_SERVICE, "DescribeScalingPolicies", of_policies, region)["ScalingPolicies"]
        tracking = [
            each["TargetTrackingScalingPolicyConfiguration"]
            for each in found
            if each["PolicyType"] == "TargetTrackingScaling"
        ]
        backlog = next(
            (
                each
                for each in tracking
                if each.get("CustomizedMetricSpecification", {}).get("MetricName") == _BACKLOG
            ),
            None,
        )
        steps = {each["PolicyARN"] for each in found if each["PolicyType"] == "StepScaling"}
        return Rules(
            least=targets[0]["MinCapacity"],
            cooldown=backlog.get("ScaleInCooldown", _DEFAULT_COOLDOWN) if backlog else None,
            target=backlog["TargetValue"] if backlog else None,
            wakes=bool(steps) and self._has_alarm(region, endpoint, steps),
        )

    def _has_alarm(self, region: str, endpoint: str, policies: set[str]) -> bool:
        """Tell whether an alarm on requests that wait for an instance takes one of these policies."""
        dimension = {"Name": "EndpointName", "Value": endpoint}
        asked = {"MetricName": _WAITS, "Namespace": "AWS/SageMaker", "Dimensions": [dimension]}
        try:
            found = self._moto.call("cloudwatch", "DescribeAlarmsForMetric", asked, region)
        except AwsFault as fault:
            _log.warning("%s", fault)
            return False
        return any(policies & set(alarm.get("AlarmActions", [])) for alarm in found.get("MetricAlarms", []))
