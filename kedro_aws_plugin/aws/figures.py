"""What an endpoint was asked in the last hour: its metrics in CloudWatch."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.plan.observed import Figures

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

_HOUR = 3600
_MICROSECONDS = 1000
"""So many of them are a millisecond."""

_WANTED = {
    "requests": ("Invocations", "Sum"),
    "errors_4xx": ("Invocation4XXErrors", "Sum"),
    "errors_5xx": ("Invocation5XXErrors", "Sum"),
    "p50": ("ModelLatency", "p50"),
    "p99": ("ModelLatency", "p99"),
}
"""Metric and statistic of each figure, by a part of its id in the request."""


def observe_last_hour(aws: Aws, endpoint: str, variants: Sequence[str], now: datetime) -> tuple[Figures, ...]:
    """Look up the figures of an endpoint's variants, those alone that were asked anything.

    Args:
        aws: The clients.
        endpoint: The endpoint.
        variants: The names of its variants.
        now: The time.

    Raises:
        AwsError: If AWS refuses to tell them.
    """
    # One period that ends with the minute which has begun: CloudWatch divides the time from its start.
    end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    queries: list[MetricDataQueryTypeDef] = [
        _make_query(f"{figure}_{number}", endpoint, variant, *_WANTED[figure])
        for number, variant in enumerate(variants)
        for figure in _WANTED
    ]
    values: dict[str, float] = {}
    with translate_errors(f"look up the metrics of endpoint {endpoint}"):
        pages = aws.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=end - timedelta(seconds=_HOUR), EndTime=end
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                values |= {result.get("Id", ""): value for value in result.get("Values", [])[:1]}
    found = (_read(values, number, variant) for number, variant in enumerate(variants))
    return tuple(each for each in found if each)


def _make_query(query: str, endpoint: str, variant: str, metric: str, statistic: str) -> Any:
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    return {
        "Id": query,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions},
            "Period": _HOUR,
            "Stat": statistic,
        },
    }


def _read(values: dict[str, float], number: int, variant: str) -> Figures | None:
    own = {figure: values.get(f"{figure}_{number}") for figure in _WANTED}
    requests = own["requests"]
    if not requests:
        return None
    p50, p99 = own["p50"], own["p99"]
    return Figures(
        variant=variant,
        requests=round(requests),
        errors_4xx=round(own["errors_4xx"] or 0),
        errors_5xx=round(own["errors_5xx"] or 0),
        p50_ms=None if p50 is None else round(p50 / _MICROSECONDS, 3),
        p99_ms=None if p99 is None else round(p99 / _MICROSECONDS, 3),
    )
