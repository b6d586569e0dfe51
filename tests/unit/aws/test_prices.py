"""AWS's price list: read from a server with its form, and kept for the user."""

import json
import socket
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from price_server import answer, make_offer, serve_prices

from kedro_aws_plugin.actions.pricing import add_cost, list_usages
from kedro_aws_plugin.aws import prices
from kedro_aws_plugin.aws.prices import fetch_prices, find_cache, load_prices, make_url, save_prices
from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.cost import PriceList
from kedro_aws_plugin.plan.pipeline import PipelineRequest
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.schedule import ScheduleRequest, plan_machine_schedule, plan_schedule
from kedro_aws_plugin.plan.steps.serving import CreateEndpointConfig

PATH = "/offers/v1.0/aws/AmazonSageMaker/current/eu-west-1/index.json"
OFFER = make_offer(
    {
        "EU-Host:ml.m5.large": "0.1280000000",
        "EU-Tsform:ml.m5.large": "0.1280000000",
        "EU-ServerlessInf:Mem-2GB": "0.0000400000",
        "EU-Notebk:ml.m5.large": "0.1",
        "EU-Host:ml.free.large": "0.0000000000",
    }
)
AWS_YML = {
    "env": "aws",
    "target": "aws",
    "region": "eu-west-1",
    "bucket": "my-data",
    "deploy": {"endpoint": "mine"},
}


def fetch(region: str, address: str) -> PriceList:
    """Ask another server in the place of AWS's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prices, "ADDRESS", address)
        return fetch_prices(region)


def test_the_address_is_that_of_aws() -> None:
    assert make_url("eu-west-1") == f"https://pricing.us-east-1.amazonaws.com{PATH}"


def test_prices_are_read_and_kept(tmp_path: Path) -> None:
    with serve_prices({PATH: answer(OFFER)}) as (address, asked):
        found = fetch("eu-west-1", address)
    assert asked == [PATH]
    assert found.prices == {
        "Host:ml.m5.large": Decimal("0.128"),
        "Tsform:ml.m5.large": Decimal("0.128"),
        "ServerlessInf:Mem-2GB": Decimal("0.00004"),
    }
    assert (found.published, found.source) == ("2026-11-30", f"{address}{PATH}")
    file = save_prices(found, tmp_path / "made")
    assert load_prices("eu-west-1", tmp_path / "made") == found
    assert [each.name for each in file.parent.iterdir()] == ["eu-west-1.json"]
    assert load_prices("us-east-1", tmp_path / "made") is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((403, b""), "answers 403 Forbidden. There is no such region, or its prices are elsewhere."),
        ((503, b""), "answers 503 Service Unavailable. Try again."),
        ((200, b"<html>"), "is not a price list as AWS writes them: "),
        ((200, b"[]"), "is not a price list as AWS writes them: "),
        (answer(make_offer({"EU-Notebk:ml.m5.large": "1"})), "no price of SageMaker is in it"),
        (answer(make_offer({"EU-Host:ml.m5.large": "free"})), "is not a price list as AWS writes them: "),
        (answer(make_offer({"EU-Host:ml.m5.large": "Infinity"})), "no price of SageMaker is in it"),
        (answer(make_offer({"EU-Host:ml.m5.large": "NaN"})), "no price of SageMaker is in it"),
        (answer(make_offer({"EU-Host:ml.m5.large": "1e999999999"})), "no price of SageMaker is in it"),
        (answer(make_offer({"EU-Host:ml.m5.large": "-1"})), "no price of SageMaker is in it"),
        ((200, b'{"terms": ' + b"[" * 100_000), "is not a price list as AWS writes them: "),
    ],
)
def test_what_is_no_price_list_is_refused(given: tuple[int, bytes], message: str) -> None:
    with serve_prices({PATH: given}) as (address, _), pytest.raises(AwsError) as error:
        fetch("eu-west-1", address)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{address}{PATH}")


def test_a_body_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "_LARGEST", 100)
    with serve_prices({PATH: answer(OFFER)}) as (address, _), pytest.raises(AwsError, match="is larger than"):
        fetch("eu-west-1", address)


def test_no_other_host_is_asked() -> None:
    with serve_prices({PATH: answer(OFFER)}) as (elsewhere, asked):
        sent = {PATH: (302, f"{elsewhere}{PATH}".encode())}
        with serve_prices(sent) as (address, _), pytest.raises(AwsError) as error:
            fetch("eu-west-1", address)
    assert asked == []
    assert f"{address}{PATH} sends to {elsewhere}{PATH}, and AWS does not do that." in str(error.value)
    sent = {PATH: (302, b"/newer.json"), "/newer.json": answer(OFFER)}
    with serve_prices(sent) as (address, _):
        assert fetch("eu-west-1", address).prices["Host:ml.m5.large"] == Decimal("0.128")


def test_what_is_no_http_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def say() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 mail.example.com ready\r\n\r\n")

        thread = threading.Thread(target=say, daemon=True)
        thread.start()
        with pytest.raises(AwsError, match="cannot be reached: 220 mail"):
            fetch("eu-west-1", f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()


def test_without_a_network_it_says_so() -> None:
    with pytest.raises(AwsError, match=r"cannot be reached: .* Check the network and HTTPS_PROXY\."):
        fetch("eu-west-1", "http://127.0.0.1:9")


def test_which_of_two_prices_holds_is_not_guessed() -> None:
    usages = {"EU-Host:ml.m5.large": "0.1", "Host:ml.m5.large": "0.2", "EU-Host:ml.c5.large": "0.3"}
    with serve_prices({PATH: answer(make_offer(usages))}) as (address, _):
        assert fetch("eu-west-1", address).prices == {"Host:ml.c5.large": Decimal("0.3")}


def _term(sku: str, *tiers: tuple[str, str, str, str]) -> dict[str, Any]:
    """A term of one product: for each tier its range, its unit and its price."""
    code = f"{sku}.JRTCKXETXF"
    dimensions = {
        f"{code}.RATE{number}": {
            "rateCode": f"{code}.RATE{number}",
            "description": f"${price} per {unit}",
            "beginRange": begin,
            "endRange": end,
            "unit": unit,
            "pricePerUnit": {"USD": price},
            "appliesTo": [],
        }
        for number, (begin, end, unit, price) in enumerate(tiers)
    }
    return {
        code: {
            "offerTermCode": "JRTCKXETXF",
            "sku": sku,
            "effectiveDate": "2026-09-01T00:00:00Z",
            "priceDimensions": dimensions,
            "termAttributes": {},
        }
    }


def _product(sku: str, family: str, usage: str, **attributes: str) -> dict[str, Any]:
    common = {"servicecode": "AmazonSageMaker", "servicename": "Amazon SageMaker", "regionCode": "us-east-1"}
    return {
        "sku": sku,
        "productFamily": family,
        "attributes": {**common, "location": "US East (N. Virginia)", "usagetype": usage, **attributes},
    }


DOCUMENTED = {
    "formatVersion": "v1.0",
    "disclaimer": "This pricing list is for informational purposes only.",
    "offerCode": "AmazonSageMaker",
    "version": "20260920025606",
    "publicationDate": "2026-09-20T02:56:06Z",
    "products": {
        each["sku"]: each
        for each in (
            _product(
                "JDZQJFUVUR8SUWHS",
                "ML Instance",
                "USE1-Host:ml.m5.xlarge",
                component="Hosting",
                instanceName="ml.m5.xlarge-Hosting",
            ),
            _product("BATCH", "ML Instance", "USE1-Tsform:ml.m5.xlarge", component="Batch Transform"),
            _product("ASYNC", "ML Instance", "USE1-AsyncInf:ml.g6e.2xlarge", component="AsyncInf"),
            _product("PUE6HBQ8KFHBUN5T", "ML Serverless", "USE1-ServerlessInf:Mem-3GB"),
            _product("STUDIO", "ML Instance", "USE1-Studio:JupyterLab-ml.m5.xlarge", component="Studio"),
            _product("CLUSTER", "ML Instance", "USE1-Cluster:ml.m5.xlarge", component="Cluster"),
            _product("PARENT", "ML Instance", "AsyncInf:ml.m.xlarge-AsyncInfParent"),
            _product("VOLUME", "ML Storage", "USE1-Host:VolumeUsage.gp2"),
            {"sku": "BARE", "attributes": {}},
            _product("UNPRICED", "ML Instance", "USE1-Host:ml.m5.24xlarge"),
        )
    },
    "terms": {
        "OnDemand": {
            "JDZQJFUVUR8SUWHS": _term("JDZQJFUVUR8SUWHS", ("0", "Inf", "Hrs", "0.2300000000")),
            "BATCH": _term("BATCH", ("0", "Inf", "Hrs", "0.2300000000")),
            "ASYNC": _term("ASYNC", ("0", "Inf", "Hours", "2.8026000000")),
            "PUE6HBQ8KFHBUN5T": _term(
                "PUE6HBQ8KFHBUN5T",
                ("0", "150000", "Seconds", "0.0000000000"),
                ("150000", "Inf", "Seconds", "0.0000600000"),
            ),
            "STUDIO": _term("STUDIO", ("0", "Inf", "Hrs", "0.23")),
            "CLUSTER": _term("CLUSTER", ("0", "Inf", "Hrs", "0.23")),
            "PARENT": _term("PARENT", ("0", "Inf", "Hrs", "0.0000000000")),
            "VOLUME": _term("VOLUME", ("0", "Inf", "GB-Mo", "0.14")),
        },
        "Reserved": {"JDZQJFUVUR8SUWHS": _term("JDZQJFUVUR8SUWHS", ("0", "Inf", "Quantity", "100"))},
        "FlatRate": {"plan": {"planCode": "x"}},
    },
    "attributesList": {},
}
"""Products of SageMaker as the bulk API describes them.

The form is that of "Reading the service price list file for an AWS service" in the AWS Billing user guide.
The usage types, the first SKU and that of 3 GB, and their prices are those that others have read in the real
list; so is that seconds of serverless inference have a price from the 150,000th on.
"""


def test_a_price_list_of_the_documented_form() -> None:
    path = "/offers/v1.0/aws/AmazonSageMaker/current/us-east-1/index.json"
    with serve_prices({path: answer(DOCUMENTED)}) as (address, _):
        found = fetch("us-east-1", address)
    assert found.published == "2026-09-20"
    assert found.prices == {
        "Host:ml.m5.xlarge": Decimal("0.23"),
        "Tsform:ml.m5.xlarge": Decimal("0.23"),
        "AsyncInf:ml.g6e.2xlarge": Decimal("2.8026"),
        "ServerlessInf:Mem-3GB": Decimal("0.00006"),
    }


def test_a_price_of_another_unit_is_none() -> None:
    offer = json.loads(json.dumps(OFFER).replace('"Hrs"', '"GB"'))
    with serve_prices({PATH: answer(offer)}) as (address, _):
        assert set(fetch("eu-west-1", address).prices) == {"ServerlessInf:Mem-2GB"}


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"prices": {}}', '{"prices": {"a": "b"}}', "[" * 100_000])
def test_a_broken_file_is_as_none(broken: str, tmp_path: Path) -> None:
    (tmp_path / "eu-west-1.json").write_text(broken, encoding="utf-8")
    assert load_prices("eu-west-1", tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [
        {"region": "us-east-1"},
        {"published": 20261130},
        {"source": "https://example.com/\x1b[2J"},
        *(
            {"prices": {"Host:ml.m5.large": price}}
            for price in ("NaN", "Infinity", "-1", "0", "1e999999999", "1e-999999999")
        ),
    ],
)
def test_a_file_of_somebody_else_is_as_none(change: dict[str, Any], tmp_path: Path) -> None:
    own = PriceList("eu-west-1", "2026-11-30", make_url("eu-west-1"), {"Host:ml.m5.large": Decimal("0.1")})
    file = save_prices(own, tmp_path)
    assert load_prices("eu-west-1", tmp_path) == own
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **change}), encoding="utf-8")
    assert load_prices("eu-west-1", tmp_path) is None


@pytest.mark.parametrize(
    ("environ", "platform", "folder"),
    [
        ({"HOME": "/h"}, "linux", "/h/.cache/kedro-aws-plugin/prices"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/c"}, "linux", "/c/kedro-aws-plugin/prices"),
        ({"HOME": "/h"}, "darwin", "/h/Library/Caches/kedro-aws-plugin/prices"),
        ({"USERPROFILE": "/h", "LOCALAPPDATA": "/l"}, "win32", "/l/kedro-aws-plugin/prices"),
    ],
)
def test_each_system_has_its_folder(environ: dict[str, str], platform: str, folder: str) -> None:
    assert find_cache(environ, platform).as_posix() == folder


def _plan(config: str = "mine") -> Plan:
    variant = {"VariantName": "a", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    return Plan("deploy", (CreateEndpointConfig(config, {"ProductionVariants": [variant]}, {}),), "")


def test_a_plan_for_aws_says_its_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = AwsConfig.model_validate(AWS_YML)
    unknown = add_cost(_plan(), config, dry_run=False).cost
    assert unknown is not None
    assert unknown.text == "price unknown for ml.m5.large in eu-west-1 (kedro aws prices --refresh)"
    with serve_prices({PATH: answer(OFFER)}) as (address, _):
        save_prices(fetch("eu-west-1", address), find_cache())
    known = add_cost(_plan(), config, dry_run=False).cost
    assert known is not None
    assert known.text.startswith("about $93.44 a month (1 x ml.m5.large, $0.128 an hour in eu-west-1, ")


def test_what_is_scaled_already_costs_from_its_least_to_its_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with serve_prices({PATH: answer(OFFER)}) as (address, _):
        save_prices(fetch("eu-west-1", address), find_cache())
    scaled = {"endpoint": "mine", "autoscaling": {"min": 2, "max": 3, "target": 100}}
    config = AwsConfig.model_validate({**AWS_YML, "deploy": scaled})
    cost = add_cost(_plan("mine-0123abcd"), config, dry_run=False).cost
    assert cost is not None  # 730 x 2 x 0.128 and 730 x 3 x 0.128
    assert cost.text.startswith("from $186.88 to $280.32 a month (2 to 3 x ml.m5.large, ")


@pytest.mark.parametrize("plan_any", [plan_schedule, plan_machine_schedule])
def test_a_schedule_says_what_a_run_costs_at_most(
    plan_any: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    offer = make_offer({"EU-Processing:ml.m5.large": "0.128"})
    with serve_prices({PATH: answer(offer)}) as (address, _):
        save_prices(fetch("eu-west-1", address), find_cache())
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
    job = {
        "ProcessingResources": {"ClusterConfig": cluster},
        "StoppingCondition": {"MaxRuntimeInSeconds": 5400},
    }
    pipeline = PipelineRequest(
        "mine", "{}", "role", {}, "my-data", "run", (), b"{}", "key", jobs=(("CreateProcessingJob", job),) * 2
    )
    wanted = ScheduleRequest("nightly", "group", "rate(1 day)", "UTC", "role", pipeline)
    cost = add_cost(plan_any(wanted, None, (), None), AwsConfig.model_validate(AWS_YML), dry_run=False).cost
    assert cost is not None  # 2 x 1.5 x 0.128
    assert cost.text.startswith("at most $0.39 a run, if no step is tried again (2 x ml.m5.large, ")


def test_the_local_aws_bills_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run there tells what it would be on AWS, once the user has asked for the prices."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = AwsConfig.model_validate({**AWS_YML, "env": "local", "target": "local"})
    assert add_cost(_plan(), config, dry_run=True).cost is None
    with serve_prices({PATH: answer(OFFER)}) as (address, _):
        save_prices(fetch("eu-west-1", address), find_cache())
    assert add_cost(_plan(), config, dry_run=False).cost is None
    told = add_cost(_plan(), config, dry_run=True).cost
    assert told is not None
    assert told.text.startswith("nothing on the local AWS; on AWS about $93.44 a month (1 x ml.m5.large, ")


def test_the_usage_types_of_aws_yml() -> None:
    endpoints = {"a": {"instance_type": "ml.c5.large"}, "b": {"mode": "serverless"}}
    several = {**AWS_YML, "deploy": {"endpoints": endpoints}, "transform": {"instance_type": "ml.m5.xlarge"}}
    assert list_usages(AwsConfig.model_validate(several)) == [
        "Host:ml.c5.large",
        "ServerlessInf:Mem-2GB",
        "Tsform:ml.m5.xlarge",
    ]
    assert list_usages(AwsConfig.model_validate(AWS_YML)) == ["Host:ml.m5.large", "Tsform:ml.m5.large"]


def test_endpoints_inherit_what_they_run_on() -> None:
    deploy = {
        "instance_type": "ml.c5.large",
        "endpoints": {
            "inherits": {},
            "slow": {"mode": "async", "instance_type": "ml.g5.xlarge"},
            "ready": {
                "mode": "serverless",
                "serverless": {"memory_mb": 4096, "provisioned_concurrency": 1},
            },
            "shared": {
                "instance_type": "ml.r5.large",
                "variants": {"a": {"instance_type": "ml.m5.large"}, "b": {"instance_type": "ml.m5.xlarge"}},
            },
            "copied": {"shadow": {"instance_type": "ml.m5.2xlarge"}},
        },
    }
    assert list_usages(AwsConfig.model_validate({**AWS_YML, "deploy": deploy})) == [
        "AsyncInf:ml.g5.xlarge",
        "Host:ml.c5.large",
        "Host:ml.m5.2xlarge",
        "Host:ml.m5.large",
        "Host:ml.m5.xlarge",
        "ProvisionedConcurrency:Mem-4GB",
        "ProvisionedConcurrency:Usage-4GB",
        "ServerlessInf:Mem-4GB",
        "Tsform:ml.m5.large",
    ]


def test_the_file_is_plain(tmp_path: Path) -> None:
    with serve_prices({PATH: answer(OFFER)}) as (address, _):
        file = save_prices(fetch("eu-west-1", address), tmp_path)
    assert json.loads(file.read_text(encoding="utf-8"))["prices"]["Host:ml.m5.large"] == "0.1280000000"
