"""What an endpoint was asked in the last hour, from one request to CloudWatch."""

from datetime import datetime, timezone
from typing import Any

import pytest
from stubbed import Stubbed

from kedro_aws_plugin.actions.tables import format_table, tabulate_endpoints
from kedro_aws_plugin.aws.figures import observe_last_hour
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.observed import EndpointReport, Figures, VariantReport

NOW = datetime(2026, 11, 30, 3, 45, 12, 7, tzinfo=timezone.utc)


def results(**values: float) -> dict[str, Any]:
    return {"MetricDataResults": [{"Id": each, "Values": [value]} for each, value in values.items()]}


def test_the_figures_of_each_variant(stubbed: Stubbed) -> None:
    requests = {
        "requests_0": 7.0,
        "errors_5xx_0": 1.0,
        "errors_4xx_0": 0.0,
        "p50_0": 1500.0,
        "p99_0": 80_000.0,
    }
    stubbed.answers("GetMetricData", results(**requests, requests_1=2.0))
    found = observe_last_hour(stubbed.aws, "flights", ["A", "B", "C"], NOW)
    assert found == (Figures("A", 7, 0, 1, 1.5, 80.0), Figures("B", 2, 0, 0))


def test_it_is_one_period_of_an_hour_that_ends_with_this_minute(stubbed: Stubbed) -> None:
    def query(figure: str, metric: str, statistic: str) -> dict[str, Any]:
        dimensions = [
            {"Name": "EndpointName", "Value": "flights"},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ]
        named = {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions}
        return {"Id": figure, "MetricStat": {"Metric": named, "Period": 3600, "Stat": statistic}}

    asked = {
        "StartTime": datetime(2026, 11, 30, 2, 46, tzinfo=timezone.utc),
        "EndTime": datetime(2026, 11, 30, 3, 46, tzinfo=timezone.utc),
        "MetricDataQueries": [
            query("requests_0", "Invocations", "Sum"),
            query("errors_4xx_0", "Invocation4XXErrors", "Sum"),
            query("errors_5xx_0", "Invocation5XXErrors", "Sum"),
            query("p50_0", "ModelLatency", "p50"),
            query("p99_0", "ModelLatency", "p99"),
        ],
    }
    stubbed.answers("GetMetricData", results(), asked)
    assert observe_last_hour(stubbed.aws, "flights", ["AllTraffic"], NOW) == ()


def test_without_the_permission_it_says_so(stubbed: Stubbed) -> None:
    stubbed.refuses("GetMetricData", "AccessDenied", "no", 403)
    with pytest.raises(AwsError, match=r"^Could not look up the metrics of endpoint flights: AWS does not"):
        observe_last_hour(stubbed.aws, "flights", ["AllTraffic"], NOW)


def test_the_table_shows_figures_where_there_are_any() -> None:
    one = Figures("AllTraffic", 1204, 3, 1, 12.345, 80.0)
    several = (Figures("A", 1, 0, 0, 2.0, 2.0), Figures("B", 2, 0, 0))
    pair = (
        VariantReport("A", "price", 1, weight=3, share=0.75, instance_type="ml.m5.large", instance_count=1),
        VariantReport("B", "price", 2, weight=1, share=0.25, instance_type="ml.c5.large", instance_count=2),
    )
    reports = [
        EndpointReport("a", "InService", variants=(VariantReport("AllTraffic"),), last_hour=(one,)),
        EndpointReport("b", "InService", variants=pair, last_hour=several),
        EndpointReport("c", "InService", variants=(VariantReport("AllTraffic"),)),
    ]
    assert format_table(*tabulate_endpoints(reports)).splitlines() == [
        "endpoint  status     variant  weight  share  serves   size             last hour",
        f"a         InService{' ' * 52}1204 requests, 3 x 4xx, 1 x 5xx, p50 12.3 ms, p99 80.0 ms",
        "b         InService  A        3       75%    price/1  1 x ml.m5.large  1 request, p50 2.0 ms, "
        "p99 2.0 ms",
        "                     B        1       25%    price/2  2 x ml.c5.large  2 requests",
        "c         InService",
    ]
    assert format_table(*tabulate_endpoints(reports[2:])).splitlines()[0] == "endpoint  status"
