"""Two models and two endpoints in one project: neither gets in the other's place, and one can go alone."""

import json
import pickle
import shlex
import textwrap
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LinearRegression

from kedro_aws_plugin.cli import commands
from local_aws import LocalAws

BUCKET = "small-data"
VERSION = "2026-11-21T10.00.00.000Z"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package"
AWS_YML = f"""
    region: eu-west-1
    bucket: {BUCKET}
    registry: {{group: price, model: regressor, sample: table}}
    deploy:
      endpoints:
        price:
        score: {{group: score, mode: serverless, serverless: {{memory_mb: 1024}}}}
"""
CATALOG = f"""
    regressor: {{type: pickle.PickleDataset, filepath: "s3://{BUCKET}/regressor.pkl", versioned: true}}
    scorer:
      type: pickle.PickleDataset
      filepath: s3://{BUCKET}/scorer.pkl
      versioned: true
      metadata: {{sagemaker: {{group: score, sample: table}}}}
    table: {{type: pandas.CSVDataset, filepath: "s3://{BUCKET}/table.csv"}}
"""
ROWS = "engines,crew\n1,2\n"


@pytest.fixture
def two_models(small_project: Path, local_aws: LocalAws) -> Path:
    """A project of two models: one predicts 100 engines + crew, the other engines."""
    for name, text in {"conf/base/aws.yml": AWS_YML, "conf/base/catalog.yml": CATALOG}.items():
        (small_project / name).write_text(textwrap.dedent(text), encoding="utf-8")
    table = pd.DataFrame({"engines": [1.0, 2.0, 3.0, 4.0], "crew": [2.0, 1.0, 4.0, 3.0]})
    scorer = LinearRegression().fit(table, table["engines"])
    key = f"scorer.pkl/{VERSION}/scorer.pkl"
    local_aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=pickle.dumps(scorer))
    return small_project


def kedro_aws(*arguments: str, code: int = 0, stdin: str | None = None) -> Any:
    done = CliRunner().invoke(commands, ["aws", *arguments], input=stdin, prog_name="kedro")
    assert done.exit_code == code, done.output
    return done


def error(*arguments: str) -> str:
    return str(kedro_aws(*arguments, code=1).stderr.splitlines()[-1]).removeprefix("Error: ")


def reports(code: int = 0) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(kedro_aws("status", "-o", "json", code=code).stdout)}


def served(code: int = 0) -> dict[str, tuple[Any, ...]]:
    return {name: (each["status"], each["group"], each["version"]) for name, each in reports(code).items()}


@pytest.mark.slow
@pytest.mark.usefixtures("two_models")
def test_two_models_on_two_endpoints(local_aws: LocalAws) -> None:
    assert served() == {"price": ("not deployed", "price", None), "score": ("not deployed", "score", None)}
    for model in ("regressor", "scorer"):
        kedro_aws("register-model", "--model", model)
    listed = kedro_aws("models")
    assert listed.stdout.splitlines()[1].startswith("1        PendingManualApproval")
    assert listed.stderr.endswith(
        "This project has other model package groups: score. List one: kedro aws models --group score\n"
    )
    assert "other" not in kedro_aws("models", "-o", "json").stderr

    # Each refusal names the command that helps; that command does.
    several = "conf/base/aws.yml has several endpoints: price, score. Choose one with --endpoint."
    assert error("deploy") == error("predict") == several
    for group in ("price", "score"):
        kedro_aws(*follow(error("deploy", "--group", group)))
        kedro_aws(*follow(error("predict", "--endpoint", group)))
    assert served() == {"price": ("InService", "price", 1), "score": ("InService", "score", 1)}
    sizes = {name: (each["mode"], each["memory_mb"]) for name, each in reports().items()}
    assert sizes == {"price": ("realtime", None), "score": ("serverless", 1024)}
    answers = [
        kedro_aws("predict", "-", "--endpoint", name, stdin=ROWS).stdout for name in ("price", "score")
    ]
    assert [float(answer) for answer in answers] == pytest.approx([102.0, 1.0])

    assert_that_neither_takes_the_others_place()
    assert_that_one_can_go_alone(local_aws.client("sagemaker"))


def assert_that_neither_takes_the_others_place() -> None:
    """Only where that is asked for."""
    refused = error("deploy", "--endpoint", "price", "--package", f"{ARN}/score/1")
    assert refused == (
        "Endpoint price serves model package group price, and version 1 of score would take its place. "
        "Choose another endpoint with --endpoint. If that is meant: "
        "kedro aws deploy --endpoint price --group score --package 1"
    )
    planned = json.loads(kedro_aws(*follow(refused), "--dry-run", "-o", "json").stdout)
    assert "UpdateEndpoint" in [step["operation"] for step in planned["steps"]]
    assert kedro_aws("deploy", "--package", f"{ARN}/score/1").stdout == (
        f"unchanged: endpoint score serves {ARN}/score/1\n"
    )


def assert_that_one_can_go_alone(sagemaker: Any) -> None:
    kedro_aws("destroy", "--endpoint", "price", "--yes")
    held = [each["EndpointConfigName"] for each in sagemaker.list_endpoint_configs()["EndpointConfigs"]]
    models = [each["ModelName"] for each in sagemaker.list_models()["Models"]]
    assert [name.startswith("score-") for name in (*held, *models)] == [True, True]
    assert served() == {"price": ("not deployed", "price", None), "score": ("InService", "score", 1)}
    sagemaker.delete_endpoint(EndpointName="score")
    sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName="score", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    assert served(code=1)["score"] == ("missing", "score", None)
    told = kedro_aws("status", "--endpoint", "score", code=1)
    assert told.stdout == "endpoint  status\nscore     missing\n"
    planned = json.loads(kedro_aws(*follow(told.stderr), "--dry-run", "-o", "json").stdout)
    assert planned["title"] == "deploy model-package/score/1 to endpoint score (serverless)"
    assert kedro_aws("destroy", "--yes").stdout == "Deleted, in 2 steps.\n"
    assert served()["score"] == ("not deployed", "score", None)


def follow(sentence: str) -> list[str]:
    """The command at the end of a sentence."""
    return shlex.split(sentence.rpartition("kedro aws ")[2])
