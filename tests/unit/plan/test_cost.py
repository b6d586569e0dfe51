"""What a plan will cost. Amounts are worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from kedro_aws_plugin.plan.cost import Cost, PriceList, estimate_cost, find_usage, price_job
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.render import render, render_requests
from kedro_aws_plugin.plan.steps.serving import CreateEndpointConfig

PRICES = PriceList(
    "us-east-1",
    "2026-11-30",
    "https://pricing.us-east-1.amazonaws.com/x",
    {
        "Host:ml.m5.large": Decimal("0.1150000000"),
        "Host:ml.c5.large": Decimal("0.102"),
        "AsyncInf:ml.m5.large": Decimal("0.12"),
        "Tsform:ml.m5.large": Decimal("0.115"),
        "Processing:ml.m5.large": Decimal("0.115"),
        "Train:ml.c5.large": Decimal("0.102"),
        "ServerlessInf:Mem-2GB": Decimal("0.00004"),
        "ProvisionedConcurrency:Usage-2GB": Decimal("0.00001"),
        "ProvisionedConcurrency:Mem-2GB": Decimal("0.00003"),
    },
)
LIST = "in us-east-1, AWS price list of 2026-11-30"


def on_instances(kind: str = "ml.m5.large", count: int = 1, name: str = "AllTraffic") -> dict[str, Any]:
    return {"VariantName": name, "InstanceType": kind, "InitialInstanceCount": count}


def serverless(**others: int) -> dict[str, Any]:
    size = {"MemorySizeInMB": 2048, "MaxConcurrency": 5, **others}
    return {"VariantName": "AllTraffic", "ServerlessConfig": size}


def config(*variants: dict[str, Any], **others: Any) -> tuple[str, dict[str, Any]]:
    return "CreateEndpointConfig", {"ProductionVariants": list(variants), **others}


def limit(low: int, high: int) -> tuple[str, dict[str, Any]]:
    resource = "endpoint/mine/variant/AllTraffic"
    return "RegisterScalableTarget", {"ResourceId": resource, "MinCapacity": low, "MaxCapacity": high}


def job(kind: str, instance: str, minutes: int) -> tuple[str, dict[str, Any]]:
    where = {"InstanceType": instance, "InstanceCount": 1}
    resources = (
        {"ResourceConfig": where} if kind == "Training" else {"ProcessingResources": {"ClusterConfig": where}}
    )
    return f"Create{kind}Job", {**resources, "StoppingCondition": {"MaxRuntimeInSeconds": minutes * 60}}


TRANSFORM = (
    "CreateTransformJob",
    {"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2}},
)


@pytest.mark.parametrize(
    ("requests", "per", "low", "high", "text"),
    [
        (  # 730 h x 0.115
            [config(on_instances())],
            "month",
            "83.95",
            "83.95",
            f"about $83.95 a month (1 x ml.m5.large, $0.115 an hour {LIST})",
        ),
        (  # 730 x (2 x 0.115 + 0.102)
            [config(on_instances(count=2), on_instances("ml.c5.large", name="b"))],
            "month",
            "242.36",
            "242.36",
            "about $242.36 a month (2 x ml.m5.large, $0.115 an hour; 1 x ml.c5.large, $0.102 an hour "
            f"{LIST})",
        ),
        (
            [config(on_instances(), ShadowProductionVariants=[on_instances("ml.c5.large", name="s")])],
            "month",
            "158.41",
            "158.41",
            "about $158.41 a month (1 x ml.m5.large, $0.115 an hour; 1 x ml.c5.large, $0.102 an hour "
            f"{LIST})",
        ),
        (  # 730 x 0.12 x 2
            [config(on_instances(), AsyncInferenceConfig={}), limit(0, 2)],
            "month",
            "0",
            "175.2",
            f"from $0.00 to $175.20 a month (0 to 2 x ml.m5.large, $0.12 an hour {LIST})",
        ),
        (
            [config(serverless())],
            "second",
            "0.00004",
            "0.00004",
            f"$0.00004 a second while it answers (2 GB {LIST}), nothing while idle",
        ),
        (  # 730 x 3600 x 0.00001 x 3
            [config(serverless(ProvisionedConcurrency=3))],
            "month",
            "78.84",
            "78.84",
            f"about $78.84 a month (3 x 2 GB kept ready, $0.00001 a second {LIST}); and "
            "$0.00003 a second while it answers (2 GB kept ready); and "
            "$0.00004 a second while it answers (2 GB on demand)",
        ),
        (  # no request is ever on demand
            [config(serverless(ProvisionedConcurrency=5))],
            "month",
            "131.4",
            "131.4",
            f"about $131.40 a month (5 x 2 GB kept ready, $0.00001 a second {LIST}); and "
            "$0.00003 a second while it answers (2 GB kept ready)",
        ),
        (
            [TRANSFORM],
            "hour",
            "0.23",
            "0.23",
            f"$0.23 for each hour of the job (2 x ml.m5.large, $0.115 an hour {LIST})",
        ),
        (  # 2 x 0.115 x 1 + 0.102 x 1.5, in whole cents that are enough
            [
                ("StartPipelineExecution", {"PipelineName": "mine"}),
                *[job("Processing", "ml.m5.large", 60)] * 2,
                job("Training", "ml.c5.large", 90),
            ],
            "run",
            "0",
            "0.383",
            "at most $0.39 a run, if no step is tried again (2 x ml.m5.large, $0.115 an hour, up to 60 min; "
            f"1 x ml.c5.large, $0.102 an hour, up to 90 min {LIST})",
        ),
    ],
)
def test_amounts(requests: list[Any], per: str, low: str, high: str, text: str) -> None:
    found = estimate_cost(requests, "us-east-1", PRICES)
    assert found is not None
    assert (found.per, found.low, found.high, found.text) == (per, Decimal(low), Decimal(high), text)
    assert (found.unknown, found.published, found.source) == ((), PRICES.published, PRICES.source)


def test_nothing_is_guessed() -> None:
    unknown = estimate_cost([config(on_instances("ml.x"))], "eu-west-1", None)
    assert unknown == Cost(
        "price unknown for ml.x in eu-west-1 (kedro aws prices --refresh)", unknown=("Host:ml.x",)
    )
    both = estimate_cost([config(on_instances(), on_instances("ml.x", name="b"))], "us-east-1", PRICES)
    assert both is not None
    assert both.text == "price unknown for ml.x in us-east-1: AWS's price list of 2026-11-30 has none"
    assert (both.per, both.low, both.high) == (None, None, None)
    jobs = [job("Processing", "ml.m5.large", 60), job("Training", "ml.x", 60)]
    run = estimate_cost(jobs, "us-east-1", PRICES)
    assert run is not None
    assert run.text == "price unknown for ml.x in us-east-1: AWS's price list of 2026-11-30 has none"
    assert run.unknown == ("Train:ml.x",)
    assert [price_job(*each, PRICES) for each in jobs] == ["$0.115 an hour, at most $0.12", None]


def test_what_creates_nothing_that_is_billed_costs_nothing() -> None:
    assert estimate_cost([("CreateModel", {}), ("UpdateEndpoint", {})], "us-east-1", PRICES) is None
    again = estimate_cost([("CreateEndpoint", {"EndpointConfigName": "a"})], "us-east-1", PRICES)
    assert again is not None
    assert again.text == "that of the endpoint config, which exists already"


@pytest.mark.parametrize("operation", ["StartPipelineExecution", "RetryPipelineExecution"])
def test_a_run_is_not_taken_for_free(operation: str) -> None:
    found = estimate_cost([(operation, {"PipelineName": "mine"})], "us-east-1", PRICES)
    assert found == Cost("price unknown for the jobs of the pipeline")


@pytest.mark.parametrize(
    ("usage", "found"),
    [
        ("USE1-Host:ml.m5.large", "Host:ml.m5.large"),
        ("Host:ml.m5.large", "Host:ml.m5.large"),
        ("EU-AsyncInf:ml.g6.xlarge", "AsyncInf:ml.g6.xlarge"),
        ("APN1-Tsform:ml.m5.4xlarge", "Tsform:ml.m5.4xlarge"),
        ("EU-ServerlessInf:Mem-4GB", "ServerlessInf:Mem-4GB"),
        ("USE1-ServerlessInf:ProvisionedConcurrency:Usage-4GB", "ProvisionedConcurrency:Usage-4GB"),
        ("USE1-ServerlessInf:ProvisionedConcurrency:Mem-4GB", "ProvisionedConcurrency:Mem-4GB"),
        ("EUC1-ProvisionedConcurrency:Usage-1GB", "ProvisionedConcurrency:Usage-1GB"),
        ("EUC1-ProvisionedConcurrency:Mem-1GB", "ProvisionedConcurrency:Mem-1GB"),
        ("USE1-Train:ml.m5.large", "Train:ml.m5.large"),
        ("USE1-Processing:ml.m5.large", "Processing:ml.m5.large"),
        ("USE1-Host:VolumeUsage.gp2", None),
        ("USE1-Notebk:ml.t3.medium", None),
    ],
)
def test_usage_types(usage: str, found: str | None) -> None:
    assert find_usage(usage) == found


def test_a_plan_ends_with_its_cost() -> None:
    steps = (CreateEndpointConfig("mine", config(on_instances())[1], {}),)
    cost = estimate_cost(steps[0].requests(), "us-east-1", PRICES)
    plan = Plan("deploy", steps, "", cost=cost)
    line = f"cost: about $83.95 a month (1 x ml.m5.large, $0.115 an hour {LIST})"
    assert render(plan).splitlines()[-1] == render_requests(plan).splitlines()[-1] == line
    assert plan.as_json()["cost"] == {
        "text": line.removeprefix("cost: "),
        "currency": "USD",
        "per": "month",
        "low": "83.9500000000",
        "high": "83.9500000000",
        "unknown": [],
        "published": "2026-11-30",
        "source": PRICES.source,
    }
    assert "cost" not in Plan("deploy", steps, "").as_json()
