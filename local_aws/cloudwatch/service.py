"""CloudWatch as a service of the overlay: the metrics of endpoints are its own, all else is moto's."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from local_aws.cloudwatch.alarms import Alarms
from local_aws.cloudwatch.distribution import Distribution, is_statistic
from local_aws.cloudwatch.metrics import MINUTE, NAMESPACE, UNITS, Metrics
from local_aws.cloudwatch.wire import Call, read_call, write_answer, write_fault
from local_aws.protocol.messages import AwsFault, Request, Response, unsupported
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.overlay import refuse_unanswered

_SIGNED_FOR = "monitoring"
_EVALUATED = {"DescribeAlarms", "DescribeAlarmsForMetric"}
_MOST_DATAPOINTS = 1440

_log = logging.getLogger(__name__)

Params = Mapping[str, Any]


class CloudWatch:
    """The service of metrics and alarms.

    Args:
        moto: Keeps the alarms, and answers everything else.
        region: The region of requests that are not signed.

    Attributes:
        metrics: The metrics of endpoints.
        alarms: The alarms.
    """

    name = "cloudwatch"

    def __init__(self, moto: Moto, region: str) -> None:
        self.metrics = Metrics()
        self.alarms = Alarms(self.metrics, moto)
        self._moto = moto
        self._default_region = region
        self._own: Mapping[str, Callable[[str, Params], Params | None]] = {
            "GetMetricStatistics": self._get_statistics,
            "GetMetricData": self._get_data,
            "ListMetrics": self._list,
            "PutMetricData": self._put_data,
        }

    def handles(self, request: Request) -> bool:
        """Tell whether a request is signed for CloudWatch."""
        return request.service == _SIGNED_FOR

    def handle(self, request: Request) -> Response:
        """Answer a request, or hand it on to moto."""
        region = request.region or self._default_region
        call = read_call(request)
        if call is None:
            return self._hand_on(request, region)
        try:
            answer = self._own[call.operation](region, call.params) if call.operation in self._own else None
            if answer is not None:
                return write_answer(call, answer)
            if call.operation in _EVALUATED:
                self.alarms.evaluate(region)
        except AwsFault as fault:
            return write_fault(call, fault)
        response = self._hand_on(request, region)
        if call.operation == "PutMetricAlarm" and response.status == HTTPStatus.OK:
            self._begin(region, call)
        return response

    def _begin(self, region: str, call: Call) -> None:
        """Evaluate an alarm that was just put: moto would say OK of it."""
        self.alarms.evaluate(region, [call.params["AlarmName"]])

    def _hand_on(self, request: Request, region: str) -> Response:
        taken = ("content-type", "x-amz-target", "smithy-protocol", "accept")
        headers = {name: request.headers[name] for name in taken if name in request.headers}
        try:
            answer = self._moto.request(
                request.method,
                request.path,
                service=self.name,
                region=region,
                headers=headers,
                body=request.body,
            )
        except Exception:  # noqa: BLE001 - moto raises where it has no answer
            _log.exception("moto failed: %s %s %s", request.method, request.path, request.target)
            return refuse_unanswered(request)
        return Response(answer.status, answer.headers, answer.body)

    def _get_statistics(self, region: str, params: Params) -> Params | None:
        if params["Namespace"] != NAMESPACE:
            return None
        wanted = [*params.get("Statistics", []), *params.get("ExtendedStatistics", [])]
        if not wanted:
            raise _invalid(
                "InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics"
            )
        _check_statistics("GetMetricStatistics", wanted)
        periods = self._read(region, params, params, params["Period"])
        if len(periods) > _MOST_DATAPOINTS:
            raise _invalid(
                "InvalidParameterCombination",
                f"You have requested up to {len(periods)} datapoints, which exceeds the limit of "
                f"{_MOST_DATAPOINTS}. You may reduce the datapoints requested by increasing Period, or "
                "decreasing the time range.",
            )
        unit = UNITS.get(params["MetricName"], "None")
        if params.get("Unit", unit) != unit:
            periods = {}
        return {
            "Label": params["MetricName"],
            "Datapoints": [
                {"Timestamp": float(begin), "Unit": unit, **_compute(values, params)}
                for begin, values in periods.items()
            ],
        }

    def _get_data(self, region: str, params: Params) -> Params | None:
        queries = params["MetricDataQueries"]
        own = [each for each in queries if _is_own(each)]
        if not own:
            return None
        if any("Expression" in each for each in queries):
            raise unsupported(f"Expression of GetMetricData beside metrics of {NAMESPACE}")
        others = [each for each in queries if not _is_own(each)]
        asked = {**params, "MetricDataQueries": others}
        moto = self._moto.call("cloudwatch", "GetMetricData", asked, region) if others else {}
        results = {each["Id"]: each for each in moto.get("MetricDataResults", [])}
        for query in own:
            results[query["Id"]] = self._query(region, query, params)
        shown = [each["Id"] for each in queries if each.get("ReturnData", True) and each["Id"] in results]
        return {"MetricDataResults": [results[each] for each in shown], "Messages": []}

    def _query(self, region: str, query: Params, params: Params) -> Params:
        wanted = query["MetricStat"]
        metric, statistic = wanted["Metric"], wanted["Stat"]
        _check_statistics("GetMetricData", [statistic])
        unit = UNITS.get(metric["MetricName"], "None")
        periods = self._read(region, metric, params, wanted["Period"])
        if wanted.get("Unit", unit) != unit:
            periods = {}
        times = sorted(periods, reverse=params.get("ScanBy", "TimestampDescending") == "TimestampDescending")
        return {
            "Id": query["Id"],
            "Label": query.get("Label") or metric["MetricName"],
            "Timestamps": [float(each) for each in times],
            "Values": [periods[each].compute(statistic) for each in times],
            "StatusCode": "Complete",
        }

    def _read(self, region: str, metric: Params, times: Params, period: int) -> dict[int, Distribution]:
        if times["StartTime"] >= times["EndTime"]:
            raise _invalid(
                "InvalidParameterValue",
                "The parameter StartTime must be less than the parameter EndTime.",
            )
        dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
        between = (times["StartTime"], times["EndTime"])
        period = max(MINUTE, period)  # they are of one minute, whatever shorter period is asked for
        return self.metrics.read_periods(region, metric.get("MetricName", ""), dimensions, between, period)

    def _list(self, region: str, params: Params) -> Params | None:
        if params.get("Namespace", NAMESPACE) != NAMESPACE or "NextToken" in params:
            return None
        moto = {} if "Namespace" in params else self._moto.call("cloudwatch", "ListMetrics", params, region)
        wanted = {each["Name"]: each.get("Value") for each in params.get("Dimensions", [])}
        found = [
            {
                "Namespace": NAMESPACE,
                "MetricName": name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            }
            for dimensions in self.metrics.list_dimensions(region)
            for name in UNITS
            if name == params.get("MetricName", name)
            and all(key in dimensions and value in (None, dimensions[key]) for key, value in wanted.items())
        ]
        return {"Metrics": [*found, *moto.get("Metrics", [])], "NextToken": moto.get("NextToken")}

    def _put_data(self, region: str, params: Params) -> Params | None:
        del region
        if params["Namespace"].startswith("AWS/"):
            raise _invalid(
                "InvalidParameterValue",
                f"The value {params['Namespace']} for parameter Namespace is invalid: names that begin with "
                "AWS/ are for metrics of AWS's own.",
            )
        return None


def _is_own(query: Params) -> bool:
    namespace: str = query.get("MetricStat", {}).get("Metric", {}).get("Namespace", "")
    return namespace == NAMESPACE


def _check_statistics(operation: str, names: list[str]) -> None:
    for name in names:
        if not is_statistic(name):
            raise unsupported(f"the statistic {name} of {operation} for metrics of {NAMESPACE}")


def _compute(values: Distribution, params: Params) -> dict[str, Any]:
    computed: dict[str, Any] = {each: values.compute(each) for each in params.get("Statistics", [])}
    if extended := params.get("ExtendedStatistics"):
        computed["ExtendedStatistics"] = {each: values.compute(each) for each in extended}
    return computed


def _invalid(code: str, message: str) -> AwsFault:
    return AwsFault(code, message)
