"""The metrics of endpoints: what is counted, in all three protocols of CloudWatch, and the alarms on them."""

import json
import random
import statistics
import time
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore import parsers, serialize
from botocore.exceptions import ClientError
from local_cloud import Cloud, refused, variant

from local_aws.cloudwatch.alarms import Alarms
from local_aws.cloudwatch.distribution import Distribution
from local_aws.cloudwatch.metrics import Invocation, Metrics, Source
from local_aws.cloudwatch.service import CloudWatch
from local_aws.protocol.messages import Request, unsupported
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.service_model import load_service_model

MODEL = load_service_model("cloudwatch")
SOURCE = Source("eu-west-1", "e", "AllTraffic", "c")
DIMENSIONS = [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "AllTraffic"}]
BY_CONFIG = [*DIMENSIONS, {"Name": "EndpointConfigName", "Value": "c"}]
PICKY = """
def model_fn(model_dir): return None
def transform_fn(model, data, content_type, accept):
    text = data if isinstance(data, str) else data.decode()
    if text == "bad": raise ValueError("bad")
    return text, accept
"""
BREAKING = """
def model_fn(model_dir): return None
def transform_fn(model, data, content_type, accept): raise ValueError("it is broken")
"""


def test_percentiles_are_those_of_the_values_within_two_percent() -> None:
    values = [random.Random(7).lognormvariate(8, 2) for _ in range(2000)] + [0.0, 1.0, 5e7]
    found, other = Distribution(), Distribution()
    for number, value in enumerate(values):
        (found if number % 2 else other).add(value)
    found.merge(other)
    exact = statistics.quantiles(values, n=1000, method="inclusive")
    for percent in (10, 50, 90, 99, 99.9):
        assert found.compute(f"p{percent}") == pytest.approx(exact[round(percent * 10) - 1], rel=0.03)
    assert found.compute("Average") == pytest.approx(statistics.fmean(values))
    assert (found.compute("Minimum"), found.compute("Maximum")) == (0.0, 5e7)
    assert found.compute("p0") == 0.0
    assert found.compute("p100") == 5e7
    assert len(found.buckets) < 1000


def test_the_memory_is_bounded_and_a_day_is_kept() -> None:
    clock = [1_800_000_000.0]
    metrics = Metrics(lambda: clock[0])
    made = Invocation(200, 1, 0.01, 0.001)
    for number in range(1200):
        metrics.record(Source("r", f"e{number}", "A", "c"), made)
    assert len(metrics.list_dimensions("r")) == 2 * 1000
    for _ in range(1500):
        metrics.record(SOURCE, made)
        clock[0] += 60
    dimensions = SOURCE.list_dimensions()[0]
    found = metrics.read("eu-west-1", "Invocations", dimensions, 0, clock[0])
    assert len(found) == 1440
    assert metrics.read("eu-west-1", "Invocations", {"EndpointName": "e"}, 0, clock[0]) == []


def ask(service: CloudWatch, protocol: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """Ask a service as botocore does, and read its answer as botocore does."""
    named = {"cbor": "smithy-rpc-v2-cbor"}.get(protocol, protocol)
    model = MODEL.operation_model(operation)
    sent = serialize.create_serializer(named).serialize_to_request(params, model)
    body = sent["body"]
    if isinstance(body, dict):  # a form, which botocore encodes later
        body = urlencode(body)
    data = body.encode() if isinstance(body, str) else bytes(body)
    headers = {name.lower(): str(value) for name, value in sent["headers"].items()}
    request = Request("POST", sent["url_path"], headers, data, "monitoring", "eu-west-1")
    assert service.handles(request)
    answer = service.handle(request)
    read = parsers.create_parser(named).parse(
        {"status_code": answer.status, "headers": answer.headers, "body": answer.body}, model.output_shape
    )
    assert isinstance(read, dict)
    return read


def make_service(moments: list[float]) -> CloudWatch:
    service = CloudWatch(Moto(lambda *_: [], "eu-west-1"), "eu-west-1")
    clock = [0.0]
    service.metrics.clock = lambda: clock[0]
    for clock[0] in moments:
        service.metrics.record(SOURCE, Invocation(200, 2, 0.02, 0.004))
    service.metrics.record(SOURCE, Invocation(500, 2, 0.04, 0.004))
    return service


@pytest.mark.parametrize("protocol", ["json", "cbor", "query"])
def test_each_protocol_of_cloudwatch(protocol: str) -> None:
    start = datetime(2026, 11, 30, 3, 0, tzinfo=timezone.utc)
    service = make_service([start.timestamp() + 5, start.timestamp() + 65, start.timestamp() + 66])
    between = {"StartTime": start + timedelta(seconds=7), "EndTime": start + timedelta(hours=1)}
    stat = {"Metric": {"Namespace": "AWS/SageMaker", "MetricName": "ModelLatency", "Dimensions": BY_CONFIG}}
    queries = [
        {"Id": "m1", "MetricStat": {**stat, "Period": 60, "Stat": "Maximum"}},
        {"Id": "m2", "MetricStat": {**stat, "Period": 3600, "Stat": "p50"}},
    ]
    read = ask(service, protocol, "GetMetricData", {**between, "MetricDataQueries": queries})
    first, second = read["MetricDataResults"]
    assert [each.timestamp() - start.timestamp() for each in first["Timestamps"]] == [60, 0]
    assert first["Values"] == pytest.approx([40_000, 20_000])
    assert second["Values"] == pytest.approx([20_000], rel=0.02)
    assert (first["Id"], second["Id"], first["StatusCode"]) == ("m1", "m2", "Complete")
    wanted = {"Namespace": "AWS/SageMaker", "MetricName": "Invocation5XXErrors", "Dimensions": DIMENSIONS}
    asked = {**between, **wanted, "Period": 3600, "Statistics": ["Sum", "SampleCount", "Average"]}
    (point,) = ask(service, protocol, "GetMetricStatistics", asked)["Datapoints"]
    assert point.pop("Timestamp") == start
    assert point == {"Unit": "None", "Sum": 1.0, "SampleCount": 4.0, "Average": 0.25}
    listed = ask(service, protocol, "ListMetrics", {"Namespace": "AWS/SageMaker"})["Metrics"]
    assert len(listed) == 12
    failed = ask(service, protocol, "GetMetricStatistics", {**asked, "EndTime": between["StartTime"]})
    assert failed["Error"]["Code"].rpartition("#")[2] == "InvalidParameterValue"


def read_sum(cloud: Cloud, metric: str, statistic: str = "Sum", **others: Any) -> float:
    now = datetime.now(timezone.utc)
    (point,) = cloud.aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=3600,
        Statistics=[statistic],
        Dimensions=others.get("dimensions", DIMENSIONS),
    )["Datapoints"]
    return float(point[statistic])


def test_requests_are_counted_by_how_the_model_answered(cloud: Cloud) -> None:
    cloud.create_model("c", PICKY)
    cloud.create_config("c", variant("c", InitialInstanceCount=4))
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    cloud.wait_until_settled("e")
    took, failed = [], []
    for body in ("1", "2", "bad"):
        began = time.perf_counter()
        try:
            cloud.invoke("e", body)
        except ClientError:
            failed.append(body)
        took.append(time.perf_counter() - began)
    assert failed == ["bad"]
    with pytest.raises(ClientError):
        cloud.invoke("e", b"x" * (7 * 1024 * 1024))  # refused before the model sees it
    assert read_sum(cloud, "Invocations") == 3
    assert read_sum(cloud, "InvocationsPerInstance", dimensions=BY_CONFIG) == pytest.approx(0.75)
    assert read_sum(cloud, "Invocation5XXErrors") + read_sum(cloud, "Invocation4XXErrors") == 1
    model, overhead = read_sum(cloud, "ModelLatency"), read_sum(cloud, "OverheadLatency")
    assert 0 < model + overhead < 1_000_000 * sum(took)
    client = cloud.aws.client("cloudwatch")
    listed = client.list_metrics(Namespace="AWS/SageMaker", MetricName="Invocations")["Metrics"]
    assert [each["Dimensions"] for each in listed] == [DIMENSIONS, BY_CONFIG]
    other = {"MetricName": "m", "Value": 1.0}
    client.put_metric_data(Namespace="mine", MetricData=[other])
    assert {each["Namespace"] for each in client.list_metrics()["Metrics"]} >= {"AWS/SageMaker", "mine"}
    code, message, _ = refused(client.put_metric_data, Namespace="AWS/SageMaker", MetricData=[other])
    assert code in ("InvalidParameterValue", "InvalidParameterValueException")
    assert "AWS/SageMaker" in message


class FakeMoto:
    """Keeps one alarm, as moto does."""

    def __init__(self, **others: Any) -> None:
        self.alarm: dict[str, Any] = {
            "AlarmName": "a",
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocation5XXErrors",
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0.5,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Dimensions": DIMENSIONS,
            "StateValue": "OK",
            "StateReason": "Unchecked: Initial alarm creation",
            **others,
        }

    def call(self, _service: str, operation: str, params: dict[str, Any], _region: str) -> dict[str, Any]:
        if operation == "SetAlarmState":
            self.alarm |= {key: params[key] for key in ("StateValue", "StateReason", "StateReasonData")}
        return {"MetricAlarms": [self.alarm]}


def judge(minutes: str, **others: Any) -> tuple[str, str]:
    """Evaluate an alarm after minutes, the current one last: x fails, o is answered, - has no request."""
    moto, clock = FakeMoto(**others), [1_800_000_000.0]
    metrics = Metrics(lambda: clock[0])
    for number, minute in enumerate(minutes):
        clock[0] = 1_800_000_000.0 + 60 * number
        if minute != "-":
            metrics.record(SOURCE, Invocation(500 if minute == "x" else 200, 1, 0.01, 0.001))
    alarms: Any = Alarms(metrics, moto)  # type: ignore[arg-type]
    state = alarms.evaluate("eu-west-1")["a"]
    assert moto.alarm["StateValue"] == state
    return state, moto.alarm["StateReason"]


THREE = {"EvaluationPeriods": 3}


@pytest.mark.parametrize(
    ("minutes", "others", "state"),
    [
        ("x", {}, "ALARM"),
        ("o", {}, "OK"),
        ("x-", {}, "ALARM"),
        ("x--", {}, "INSUFFICIENT_DATA"),
        ("xo", {}, "OK"),
        ("ox", {}, "ALARM"),
        ("x--", {"TreatMissingData": "notBreaching"}, "OK"),
        ("o--", {"TreatMissingData": "breaching"}, "ALARM"),
        ("o--", {"TreatMissingData": "ignore", "StateValue": "ALARM", "StateReason": "r"}, "ALARM"),
        ("xxx", THREE, "ALARM"),
        ("xox", THREE, "OK"),
        ("xox", {**THREE, "DatapointsToAlarm": 2}, "ALARM"),
        ("x-x", {**THREE, "TreatMissingData": "breaching"}, "ALARM"),
        ("o", {"ComparisonOperator": "LessThanThreshold"}, "INSUFFICIENT_DATA"),
        ("o-", {"ComparisonOperator": "LessThanThreshold"}, "ALARM"),
    ],
)
def test_the_state_of_an_alarm(minutes: str, others: dict[str, Any], state: str) -> None:
    assert judge(minutes, **others)[0] == state


def test_the_reason_of_a_state_is_worded_as_aws_words_it() -> None:
    assert judge("x")[1] == (
        "Threshold Crossed: 1 datapoint [1] was greater than or equal to the threshold (0.5)."
    )
    assert judge("o")[1] == (
        "Threshold Crossed: 1 datapoint [0] was not greater than or equal to the threshold (0.5)."
    )
    assert judge("-")[1] == "Insufficient Data: 1 datapoint was unknown."


def put_alarm(cloud: Cloud, name: str, **others: Any) -> Any:
    client = cloud.aws.client("cloudwatch")
    client.put_metric_alarm(
        **{
            "AlarmName": name,
            "Namespace": "AWS/SageMaker",
            "MetricName": "Invocation5XXErrors",
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0.05,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "Dimensions": DIMENSIONS,
            **others,
        }
    )
    return client


def canary(*alarms: str, seconds: int = 20) -> dict[str, Any]:
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    routing = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": seconds}
    return {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
    }


def test_an_alarm_sends_all_requests_back_to_the_former_config(cloud: Cloud) -> None:
    cloud.deploy("e", "old")
    cloud.create_model("broken", BREAKING)
    cloud.create_config("broken")
    client = put_alarm(cloud, "errors", TreatMissingData="missing")
    (alarm,) = client.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    assert alarm["StateValue"] == "INSUFFICIENT_DATA"
    cloud.invoke("e")
    assert client.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]["StateValue"] == "OK"
    cloud.sagemaker.update_endpoint(
        EndpointName="e", EndpointConfigName="broken", DeploymentConfig=canary("errors")
    )
    failures, began = 0, time.monotonic()
    while cloud.sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] != "InService":
        assert time.monotonic() - began < 60
        try:
            answer = cloud.invoke("e")
        except ClientError:
            failures += 1
        else:
            assert answer == "old:1:text/csv"
    described = cloud.sagemaker.describe_endpoint(EndpointName="e")
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "old")
    assert "errors" in described["FailureReason"]
    assert time.monotonic() - began < 20  # it did not wait for the end of the stage
    assert failures > 0
    (alarm,) = client.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM"
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 datapoint [")
    assert json.loads(alarm["StateReasonData"])["threshold"] == 0.05
    assert {cloud.invoke("e") for _ in range(20)} == {"old:1:text/csv"}


def test_an_alarm_on_the_new_fleet_alone(cloud: Cloud) -> None:
    cloud.deploy("e", "broken", BREAKING)
    with pytest.raises(ClientError):
        cloud.invoke("e")
    cloud.create_model("new")
    cloud.create_config("new")
    by_config = [*DIMENSIONS, {"Name": "EndpointConfigName", "Value": "new"}]
    put_alarm(cloud, "of-the-new", Dimensions=by_config)
    put_alarm(cloud, "of-both")
    update = cloud.sagemaker.update_endpoint
    update(EndpointName="e", EndpointConfigName="new", DeploymentConfig=canary("of-both", seconds=1))
    described = cloud.wait_until_settled("e")
    assert described["EndpointConfigName"] == "broken"  # the old fleet trips it, as AWS warns
    update(EndpointName="e", EndpointConfigName="new", DeploymentConfig=canary("of-the-new", seconds=1))
    assert cloud.wait_until_settled("e")["EndpointConfigName"] == "new"


def test_an_alarm_that_cannot_be_evaluated_is_refused_by_its_name(cloud: Cloud) -> None:
    cloud.deploy("e", "old")
    client = put_alarm(cloud, "cpu", Namespace="/aws/sagemaker/Endpoints", MetricName="CPUUtilization")
    put_alarm(cloud, "short", Period=30)
    put_alarm(cloud, "everywhere", Dimensions=DIMENSIONS[:1])
    told = refused(client.put_composite_alarm, AlarmName="both", AlarmRule="ALARM(cpu)")[1]
    assert "does not support" in told
    math = {"Id": "m", "Expression": "1 + 1", "Label": "two", "ReturnData": True, "Period": 60}
    client.put_metric_alarm(
        AlarmName="math",
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=[math],
    )
    update = cloud.sagemaker.update_endpoint
    reasons = {
        "cpu": "the metric CPUUtilization of /aws/sagemaker/Endpoints",
        "short": "a period of 30 seconds",
        "everywhere": "metrics but by EndpointName and VariantName, or by these and EndpointConfigName",
        "math": "metric math",
    }
    for name, reason in reasons.items():
        told = refused(update, EndpointName="e", EndpointConfigName="old", DeploymentConfig=canary(name))[1]
        assert told == unsupported(f"alarm {name}: it cannot evaluate {reason}").message
    told = refused(update, EndpointName="e", EndpointConfigName="old", DeploymentConfig=canary("no"))[1]
    assert told == 'Could not find alarm "no".'
    assert cloud.sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "InService"
