"""An asynchronous endpoint loses its processes when nothing waits, and a request starts them again."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import pytest
from async_endpoints import deploy_async, read_object, send, wait_for_object
from local_cloud import Cloud, refused, variant

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/e/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
ENDPOINT = {"Name": "EndpointName", "Value": "e"}


def track_backlog(scaling: Any, target: float) -> None:
    """Put the policy of AWS's guide on autoscaling an asynchronous endpoint, with a short cooldown."""
    scaling.register_scalable_target(**TARGET, MinCapacity=0, MaxCapacity=2)
    scaling.put_scaling_policy(
        **TARGET,
        PolicyName="backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": target,
            "CustomizedMetricSpecification": {
                "MetricName": "ApproximateBacklogSizePerInstance",
                "Namespace": "AWS/SageMaker",
                "Dimensions": [ENDPOINT],
                "Statistic": "Average",
            },
            "ScaleInCooldown": 1,
        },
    )


def wait_for_count(cloud: Cloud, count: int) -> None:
    wait_until(lambda: count_instances(cloud) == count)


def count_instances(cloud: Cloud) -> int:
    described = cloud.sagemaker.describe_endpoint(EndpointName="e")
    assert described["EndpointStatus"] == "InService"
    (only,) = described["ProductionVariants"]
    assert only["CurrentInstanceCount"] == only["DesiredInstanceCount"]
    return int(only["CurrentInstanceCount"])


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def list_serving(cloud: Cloud) -> list[int]:
    """List the processes of the local AWS that serve models."""
    found = []
    for each in psutil.Process(cloud.aws.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += [each.pid] if "local_aws.sagemaker.serving_process" in each.cmdline() else []
    return found


def test_it_scales_to_zero_and_one_request_wakes_it(cloud: Cloud) -> None:
    deploy_async(cloud)
    scaling, watch = cloud.aws.client("application-autoscaling"), cloud.aws.client("cloudwatch")
    track_backlog(scaling, 5)
    wait_for_count(cloud, 0)
    wait_until(lambda: not list_serving(cloud))
    waits = send(cloud, "waits")
    time.sleep(1.5)
    assert count_instances(cloud) == 0  # one request is less than the target, and nothing else wakes it
    assert read_object(cloud, waits["OutputLocation"]) is None
    policy = scaling.put_scaling_policy(
        **TARGET,
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": 1,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )["PolicyARN"]
    watch.put_metric_alarm(
        AlarmName="e-waits",
        MetricName="HasBacklogWithoutCapacity",
        Namespace="AWS/SageMaker",
        Statistic="Average",
        Dimensions=[ENDPOINT],
        Period=60,
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing",
        AlarmActions=[policy],
    )
    assert wait_for_object(cloud, waits["OutputLocation"]) == "5:waits:text/csv"
    wait_for_count(cloud, 0)
    assert wait_for_object(cloud, send(cloud, "again")["OutputLocation"])


def test_without_the_alarm_more_than_the_target_must_wait(cloud: Cloud) -> None:
    deploy_async(cloud)
    track_backlog(cloud.aws.client("application-autoscaling"), 1)
    wait_for_count(cloud, 0)
    sent = [send(cloud, str(each)) for each in range(2)]
    assert all(wait_for_object(cloud, each["OutputLocation"]) for each in sent)


def test_a_least_count_keeps_or_brings_back_an_instance(cloud: Cloud) -> None:
    deploy_async(cloud)
    scaling = cloud.aws.client("application-autoscaling")
    track_backlog(scaling, 5)
    wait_for_count(cloud, 0)
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2)
    wait_for_count(cloud, 1)
    assert wait_for_object(cloud, send(cloud, "1")["OutputLocation"])


def test_what_cannot_be_scaled_is_refused(cloud: Cloud) -> None:
    cloud.deploy("e", "m")
    register = cloud.aws.client("application-autoscaling").register_scalable_target
    assert "only asynchronous endpoints" in refused(register, **TARGET, MinCapacity=0, MaxCapacity=1)[1]
    less = refused(register, **TARGET, MinCapacity=2, MaxCapacity=1)
    assert less[:2] == ("ValidationException", "Maximum capacity cannot be less than minimum capacity")
    concurrency = {**TARGET, "ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}
    assert "is scaled by" in refused(register, **concurrency, MinCapacity=1, MaxCapacity=1)[1]
    cloud.create_config("burstable", variant("m", InstanceType="ml.t2.medium"))
    cloud.sagemaker.create_endpoint(EndpointName="t", EndpointConfigName="burstable")
    cloud.wait_until_settled("t")
    small = {**TARGET, "ResourceId": "endpoint/t/variant/AllTraffic"}
    assert "ml.t2.medium" in refused(register, **small, MinCapacity=1, MaxCapacity=2)[1]


@pytest.mark.slow
def test_an_update_brings_back_an_instance(cloud: Cloud) -> None:
    deploy_async(cloud)
    track_backlog(cloud.aws.client("application-autoscaling"), 5)
    wait_for_count(cloud, 0)
    cloud.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="e")
    cloud.wait_until_settled("e")
    assert wait_for_object(cloud, send(cloud, "1")["OutputLocation"])
