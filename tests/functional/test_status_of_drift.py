"""What runs is no longer what aws.yml says: `status` shows it, `deploy` mends it."""

from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from project_cli import kedro_aws
from requests_sent import Requests

from conftest import add_environment

ENDPOINT = "drift-price"


@pytest.fixture(scope="module")
def aws_yml(generated: Path) -> Path:
    add_environment(generated, "drift")
    return generated / "conf" / "drift" / "aws.yml"


def drift(*arguments: str) -> str:
    done = kedro_aws(*arguments, "-e", "drift")
    assert done.code == 0, done.stderr
    return done.stdout


def differences() -> dict[str, tuple[Any, Any]]:
    [report] = kedro_aws("status", "-e", "drift", "-o", "json").json
    return {each["key"]: (each["wanted"], each["runs"]) for each in report["drift"]}


@pytest.mark.usefixtures("project")
def test_drift_is_shown_and_mended(aws_yml: Path) -> None:
    drift("register-model", "--approve")
    drift("deploy")
    assert differences() == {}
    settings = yaml.safe_load(aws_yml.read_text(encoding="utf-8"))
    settings["deploy"] |= {"instance_type": "ml.c5.large", "environment": {"LEVEL": "debug"}}
    settings["deploy"]["tags"] = {"team": "flights"}
    aws_yml.write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert differences() == {
        "deploy.instance_type": ("ml.c5.large", "ml.m5.large"),
        "deploy.environment.LEVEL": ("debug", None),
        "deploy.tags.team": ("flights", None),
    }
    shown = kedro_aws("status", "-e", "drift")
    assert "drift-price  deploy.instance_type      ml.c5.large  ml.m5.large\n" in shown.stdout
    command = f"kedro aws deploy --env drift --endpoint {ENDPOINT} --package 1"
    mend = f"{ENDPOINT} is not what aws.yml says. Mend it: {command}"
    assert mend in shown.stderr.splitlines()
    drift("deploy")
    assert differences() == {}

    sagemaker = boto3.client("sagemaker")
    model = sagemaker.describe_endpoint_config(
        EndpointConfigName=sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
    )["ProductionVariants"][0]["ModelName"]
    by_hand = {"VariantName": "AllTraffic", "ModelName": model, "InitialInstanceCount": 3}
    sagemaker.create_endpoint_config(
        EndpointConfigName="by-hand", ProductionVariants=[{**by_hand, "InstanceType": "ml.c5.large"}]
    )
    sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName="by-hand")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=ENDPOINT, WaiterConfig={"Delay": 1})
    sagemaker.delete_tags(
        ResourceArn=sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointArn"], TagKeys=["team"]
    )
    found = differences()
    assert found.pop("endpoint config")[1] == "by-hand"
    assert found == {"deploy.instance_count": (1, 3), "deploy.tags.team": ("flights", None)}
    drift("deploy")
    assert differences() == {}
    check_what_is_left(sagemaker, model)


def change_count(count: int) -> None:
    """Change the number of instances as somebody does in the console."""
    sagemaker = boto3.client("sagemaker")
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=ENDPOINT,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": count}],
    )
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=ENDPOINT, WaiterConfig={"Delay": 1})


def count_instances() -> int:
    found = boto3.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)["ProductionVariants"]
    return int(found[0]["CurrentInstanceCount"])


@pytest.mark.usefixtures("project")
def test_instances_changed_by_hand_are_shown_and_mended_unless_they_are_scaled(
    aws_yml: Path, requests_sent: Requests
) -> None:
    drift("register-model", "--approve")
    drift("deploy")
    change_count(3)
    assert differences() == {"deploy.instance_count": (1, 3)}
    [report] = kedro_aws("status", "-e", "drift", "-o", "json").json
    assert (report["instance_count"], report["variants"][0]["instance_count"]) == (3, 3)
    requests_sent.all.clear()
    drift("deploy")
    assert requests_sent.changing == ["UpdateEndpointWeightsAndCapacities"]
    assert count_instances() == 1
    assert differences() == {}

    settings = yaml.safe_load(aws_yml.read_text(encoding="utf-8"))
    settings["deploy"]["autoscaling"] = {"min": 1, "max": 4, "target": 100}
    aws_yml.write_text(yaml.safe_dump(settings), encoding="utf-8")
    drift("deploy")
    change_count(2)
    assert differences() == {}
    requests_sent.all.clear()
    drift("deploy")
    assert requests_sent.changing == []
    assert count_instances() == 2


def check_what_is_left(sagemaker: Any, model: str) -> None:
    """What serves is left, and what has not the project's tags; the first deployment's config is removed."""
    serving = sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
    configs = sagemaker.list_endpoint_configs(NameContains=ENDPOINT)["EndpointConfigs"]
    assert [each["EndpointConfigName"] for each in configs] == [serving]
    models = sagemaker.list_models(NameContains=ENDPOINT)["Models"]
    assert [each["ModelName"] for each in models] == [model]
    assert sagemaker.describe_endpoint_config(EndpointConfigName="by-hand")
