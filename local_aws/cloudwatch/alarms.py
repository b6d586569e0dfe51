"""Alarms on the metrics of endpoints: moto keeps them, and their state is evaluated here.

Source: "Using Amazon CloudWatch alarms" in CloudWatch's user guide, with its rules for missing data.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from local_aws.cloudwatch.distribution import is_statistic
from local_aws.cloudwatch.metrics import MINUTE, NAMESPACE, UNITS, Metrics
from local_aws.protocol.messages import AwsFault, invalid, unsupported
from local_aws.protocol.moto_app import Moto

ALARM, OK, INSUFFICIENT = "ALARM", "OK", "INSUFFICIENT_DATA"
_UNCHECKED = "Unchecked"
"""How the reason of an alarm begins that was never evaluated."""

_COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (lambda value, threshold: value > threshold, "greater than"),
    "GreaterThanOrEqualToThreshold": (
        lambda value, threshold: value >= threshold,
        "greater than or equal to",
    ),
    "LessThanThreshold": (lambda value, threshold: value < threshold, "less than"),
    "LessThanOrEqualToThreshold": (lambda value, threshold: value <= threshold, "less than or equal to"),
}
_DIMENSIONS = ({"EndpointName", "VariantName"}, {"EndpointName", "VariantName", "EndpointConfigName"})

Alarm = Mapping[str, Any]
"""An alarm as DescribeAlarms shows it."""


@dataclass(frozen=True)
class _Judgement:
    """A state, with the reason in AWS's words, and the values of the periods, the oldest first."""

    state: str
    reason: str
    values: tuple[float, ...] = ()


class Alarms:
    """The alarms of all regions.

    Their state is evaluated when somebody asks for it: a request, or an update of an endpoint.

    Args:
        metrics: The metrics of endpoints.
        moto: Keeps the alarms.
    """

    def __init__(self, metrics: Metrics, moto: Moto) -> None:
        self._metrics = metrics
        self._moto = moto
        self._evaluating = threading.Lock()

    def check(self, region: str, names: Iterable[str]) -> None:
        """Check that alarms exist and can be evaluated.

        Raises:
            AwsFault: If one of them does not or cannot.
        """
        for name in names:
            alarms = self._describe(region, {"AlarmNames": [name]}).get("MetricAlarms", [])
            if not alarms:
                raise invalid(f'Could not find alarm "{name}".')
            if problem := _find_problem(alarms[0]):
                raise unsupported(f"alarm {name}: it cannot evaluate {problem}")

    def find_alarming(self, region: str, names: Sequence[str]) -> list[str]:
        """Find those of some alarms that are in the state ALARM now; all of them must have been checked."""
        states = self.evaluate(region, names)
        return [name for name in names if states.get(name) == ALARM]

    def evaluate(self, region: str, names: Sequence[str] = ()) -> dict[str, str]:
        """Evaluate the alarms on metrics of endpoints, and tell moto their states.

        Args:
            region: The region.
            names: The alarms; by default all of them.

        Returns:
            The state of each alarm that can be evaluated, by its name.
        """
        with self._evaluating:
            found = self._describe(region, {"AlarmNames": list(names)} if names else {})
            states: dict[str, str] = {}
            for alarm in found.get("MetricAlarms", []):
                if _find_problem(alarm) is None:
                    states[alarm["AlarmName"]] = self._evaluate(region, alarm)
            return states

    def _evaluate(self, region: str, alarm: Alarm) -> str:
        judged = self._judge(region, alarm)
        unchecked = alarm["StateReason"].startswith(_UNCHECKED)
        if judged.state != alarm["StateValue"] or unchecked:
            state = {
                "AlarmName": alarm["AlarmName"],
                "StateValue": judged.state,
                "StateReason": judged.reason,
                "StateReasonData": json.dumps(self._describe_data(alarm, judged)),
            }
            try:
                self._moto.call("cloudwatch", "SetAlarmState", state, region)
            except AwsFault:  # it was deleted meanwhile
                return INSUFFICIENT
        return judged.state

    def _judge(self, region: str, alarm: Alarm) -> _Judgement:
        unchecked = alarm["StateReason"].startswith(_UNCHECKED)
        state = INSUFFICIENT if unchecked else alarm["StateValue"]
        values = self._read(region, alarm)
        count, treatment = alarm["EvaluationPeriods"], alarm.get("TreatMissingData", "missing")
        needed = alarm.get("DatapointsToAlarm") or count
        breaches, words = _COMPARISONS[alarm["ComparisonOperator"]]
        breaching = [value for value in values if breaches(value, alarm["Threshold"])]
        missing = count - len(values)
        if not values and treatment in ("missing", "ignore"):
            reason = f"Insufficient Data: {_count(count)} {'was' if count == 1 else 'were'} unknown."
            return _Judgement(INSUFFICIENT if treatment == "missing" else state, reason)
        bad = len(breaching) + (missing if treatment == "breaching" else 0)
        fine = len(values) - len(breaching) + (missing if treatment == "notBreaching" else 0)
        shown = f" [{', '.join(f'{value:g}' for value in values)}]" if values else ""
        verb = "was" if len(values) == 1 else "were"
        threshold = f"{words} the threshold ({alarm['Threshold']:g})"
        if bad >= needed:
            reason = f"Threshold Crossed: {_count(bad)}{shown} {verb} {threshold}."
            return _Judgement(ALARM, reason, tuple(values))
        if fine or state != ALARM:
            reason = f"Threshold Crossed: {_count(max(fine, 1))}{shown} {verb} not {threshold}."
            return _Judgement(OK, reason, tuple(values))
        return _Judgement(state, alarm["StateReason"], tuple(values))  # all there are breach, but too few

    def _read(self, region: str, alarm: Alarm) -> list[float]:
        """Read the values of the alarm's periods, the oldest first, without those that are missing.

        The period that has not ended yet is one of them if it has a value and more requests cannot make it
        better: an alarm above a threshold reacts at once.
        """
        now, period = self._metrics.clock(), alarm["Period"]
        current = int(now) // period * period
        first = current - alarm["EvaluationPeriods"] * period
        dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
        periods = self._metrics.read_periods(
            region, alarm["MetricName"], dimensions, (first, current + period), period
        )
        if not alarm["ComparisonOperator"].startswith("Greater"):
            periods.pop(current, None)
        if current in periods:
            periods.pop(first, None)
        statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        return [values.compute(statistic) for values in periods.values()]

    def _describe_data(self, alarm: Alarm, judged: _Judgement) -> dict[str, Any]:
        at = datetime.fromtimestamp(self._metrics.clock(), timezone.utc)
        return {
            "version": "1.0",
            "queryDate": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}+0000",
            "statistic": alarm.get("Statistic") or alarm["ExtendedStatistic"],
            "period": alarm["Period"],
            "recentDatapoints": judged.values,
            "threshold": alarm["Threshold"],
        }

    def _describe(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        return self._moto.call("cloudwatch", "DescribeAlarms", params, region)


def _find_problem(alarm: Alarm) -> str | None:
    """Find what of an alarm cannot be evaluated; None if it can be."""
    if alarm.get("Metrics"):
        return "metric math"
    namespace, metric = alarm.get("Namespace"), alarm.get("MetricName")
    statistic = alarm.get("Statistic") or alarm.get("ExtendedStatistic") or ""
    dimensions = {each["Name"] for each in alarm.get("Dimensions", [])}
    problems = {
        f"the metric {metric} of {namespace}": namespace != NAMESPACE or metric not in UNITS,
        f"the statistic {statistic}": not is_statistic(statistic),
        "metrics but by EndpointName and VariantName, or by these and EndpointConfigName": (
            dimensions not in _DIMENSIONS
        ),
        f"the comparison {alarm['ComparisonOperator']}": alarm["ComparisonOperator"] not in _COMPARISONS,
        f"a period of {alarm.get('Period')} seconds": not alarm.get("Period")
        or alarm["Period"] % MINUTE != 0,
    }
    return next((problem for problem, applies in problems.items() if applies), None)


def _count(number: int) -> str:
    return f"{number} datapoint{'s' if number != 1 else ''}"
