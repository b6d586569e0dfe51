"""Two versions on one endpoint: shares of the requests, a shadow variant, what was captured."""

import io
import json
import pickle
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from project_cli import BUCKET, Ran, kedro_aws
from requests_sent import Requests

import local_aws

ENDPOINT = "compared-price"
DOUBLED = '''\
"""Prices for two."""

import default_inference


def predict_fn(data, model):
    return 2 * default_inference.predict_fn(data, model)
'''
TIMES = {"champion": 1, "challenger": 2, "shadow": 2}
"""How many times the model's own answer each variant gives."""

AB = {"champion": {"package": 1, "weight": 3}, "challenger": {"weight": 1}}
Change = Callable[..., None]


def run(*arguments: str) -> Ran:
    done = kedro_aws(*arguments, "-e", "compared")
    assert done.code == 0, done.stderr
    return done


def predicted(*arguments: str) -> list[float]:
    return [float(line) for line in run("predict", *arguments).stdout.split()]


@pytest.fixture
def aws(project: Path) -> Any:
    """The local AWS of the project, with two versions of which the second answers twice as much."""
    if not run("models", "-o", "json").json:
        run("register-model", "--approve")
        handlers = project / "src" / "my_flights" / "inference.py"
        handlers.write_text(DOUBLED, encoding="utf-8")
        run("register-model", "--approve")
        handlers.unlink()
    return local_aws.find(local_aws.default_state_dir(project))


@pytest.fixture
def set_deploy(project: Path) -> Iterator[Change]:
    """Change `deploy:` of the environment, until the end of the test."""
    path = project / "conf" / "compared" / "aws.yml"
    before = path.read_text(encoding="utf-8")

    def change(**keys: Any) -> None:
        settings = yaml.safe_load(before)
        settings["deploy"].update(keys)
        path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    yield change
    path.write_text(before, encoding="utf-8")


class Model:
    """The pickled model itself, without any endpoint, and the sample of the endpoint's first version."""

    def __init__(self, aws: Any) -> None:
        s3 = aws.client("s3")
        saved = s3.list_objects_v2(Bucket=BUCKET, Prefix="models/regressor.pickle/")["Contents"][-1]["Key"]
        self._model = pickle.loads(s3.get_object(Bucket=BUCKET, Key=saved)["Body"].read())
        first = f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/{ENDPOINT}/1"
        package = aws.client("sagemaker").describe_model_package(ModelPackageName=first)
        (container,) = package["InferenceSpecification"]["Containers"]
        folder = container["ModelDataUrl"].removeprefix(f"s3://{BUCKET}/").rpartition("/")[0]
        self.rows: bytes = s3.get_object(Bucket=BUCKET, Key=f"{folder}/sample.csv")["Body"].read()

    def predict(self, rows: bytes) -> list[float]:
        return [float(each) for each in self._model.predict(pd.read_csv(io.BytesIO(rows)))]


@pytest.mark.usefixtures("aws")
def test_a_dry_run_shows_what_is_sent_for_several_variants(
    set_deploy: Change, requests_sent: Requests
) -> None:
    run("deploy", "--package", "1")
    set_deploy(variants=AB)
    shown = run("deploy", "--dry-run", "-o", "json").json["steps"]
    requests_sent.all.clear()
    run("deploy")
    changing = [each["operation"] for each in shown if not each["operation"].startswith(("Desc", "Invoke"))]
    assert changing == ["CreateModel", "CreateEndpointConfig", "AddTags", "UpdateEndpoint"]
    assert requests_sent.changing == changing
    targets = [each["request"]["TargetVariant"] for each in shown if each["operation"] == "InvokeEndpoint"]
    assert targets == ["champion", "challenger"]
    assert [each["TargetVariant"] for each in requests_sent.of("InvokeEndpoint")] == targets
    assert kedro_aws("deploy", "--package", "1", "-e", "compared").error == (
        f"aws.yml: `deploy.variants` names the versions of endpoint {ENDPOINT}. Change them there, and "
        "deploy without a version or a group: kedro aws deploy --env compared"
    )


def test_requests_are_shared_by_weight_and_each_version_answers_as_its_model(
    aws: Any, set_deploy: Change
) -> None:
    set_deploy(variants=AB)
    run("deploy")
    model, runtime = Model(aws), aws.client("sagemaker-runtime")
    expected = model.predict(model.rows)
    counted: Counter[str] = Counter()
    for _ in range(400):
        answer = runtime.invoke_endpoint(
            EndpointName=ENDPOINT, Body=model.rows, ContentType="text/csv", Accept="application/json"
        )
        variant = answer["InvokedProductionVariant"]
        counted[variant] += 1
        answered = json.loads(answer["Body"].read())["predictions"]
        assert answered == pytest.approx([TIMES[variant] * value for value in expected])
    # 400 draws of three in four: the chance to be outside of these bounds is 1e-7.
    assert 254 <= counted["champion"] <= 344
    assert predicted("--variant", "champion") == pytest.approx(expected)
    assert kedro_aws("predict", "--variant", "other", "-e", "compared").error == (
        f"Endpoint {ENDPOINT} has no variant other that answers requests; it has champion, challenger. "
        "Name one of them, or leave --variant out."
    )


def test_other_weights_need_no_deployment_and_a_rollback_leaves_the_new_version(
    aws: Any, set_deploy: Change, requests_sent: Requests
) -> None:
    set_deploy(variants=AB)
    run("deploy")
    set_deploy(variants={**AB, "challenger": {"weight": 9}})
    requests_sent.all.clear()
    run("deploy")
    assert requests_sent.changing == ["UpdateEndpointWeightsAndCapacities"]
    lines = run("status", "--endpoint", ENDPOINT).stdout.splitlines()
    # What follows is what each was asked in the last hour.
    assert [line[: line.index("size") if "size" in line else 87].rstrip() for line in lines] == [
        "endpoint        status     variant     weight  share  serves",
        "compared-price  InService  champion    3       25%    compared-price/1  1 x ml.m5.large",
        "                           challenger  9       75%    compared-price/2  1 x ml.m5.large",
    ]
    (report,) = run("status", "--endpoint", ENDPOINT, "-o", "json").json
    assert [(each["name"], each["version"], each["share"]) for each in report["variants"]] == [
        ("champion", 1, 0.25),
        ("challenger", 2, 0.75),
    ]
    requests_sent.all.clear()
    run("deploy")
    assert requests_sent.changing == []
    run("rollback", "--reason", "too dear")
    model = Model(aws)
    assert predicted() == pytest.approx(model.predict(model.rows))
    assert kedro_aws("deploy", "-e", "compared").error == (
        f"Version 2 of {ENDPOINT} was rolled back on endpoint {ENDPOINT}: too dear. Deploy another version, "
        "or this one again with --again."
    )
    run("deploy", "--again")


def test_a_shadow_variant_answers_nobody_and_both_answers_are_captured(
    aws: Any, set_deploy: Change, requests_sent: Requests
) -> None:
    set_deploy(variants={"champion": {"package": 1}}, shadow={}, capture={})
    run("deploy", "--again")
    model = Model(aws)
    assert predicted() == pytest.approx(model.predict(model.rows))
    shown = run("status", "--endpoint", ENDPOINT).stdout.splitlines()
    assert (
        f"champion  1       100%            compared-price/1  1 x ml.m5.large  100% to s3://{BUCKET}/"
        in shown[1]
    )
    assert "shadow    1       copies of 100%  compared-price/2" in shown[2]
    champion, shadow = (read_captured(aws, name) for name in ("champion", "shadow"))
    assert champion.keys() == shadow.keys()
    for event, (asked, answered) in champion.items():
        assert asked == shadow[event][0]
        expected = model.predict(asked.encode())
        assert answered == pytest.approx(expected)
        assert shadow[event][1] == pytest.approx([2 * value for value in expected])
    refused = kedro_aws("predict", "--variant", "shadow", "-e", "compared").error
    assert refused.startswith(f"Endpoint {ENDPOINT} has no variant shadow that answers requests")
    assert "on other instances or with other settings" in kedro_aws("rollback", "-e", "compared").error
    requests_sent.all.clear()
    run("destroy", "--endpoint", ENDPOINT, "--yes")
    assert requests_sent.changing[-2:] == ["DeleteModel", "DeleteModel"]


def read_captured(aws: Any, variant: str) -> dict[str, tuple[str, list[float]]]:
    """Wait for what was captured of a variant: what was asked and answered, by the id of the event."""
    s3, folder = aws.client("s3"), {"Bucket": BUCKET, "Prefix": f"captured/{ENDPOINT}/{variant}/"}
    deadline = time.monotonic() + 20
    while not s3.list_objects_v2(**folder)["KeyCount"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(2.5)
    keys = [each["Key"] for each in s3.list_objects_v2(**folder)["Contents"]]
    files = [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys]
    found = {}
    for each in (json.loads(line) for file in files for line in file.splitlines()):
        data = each["captureData"]
        answered = json.loads(data["endpointOutput"]["data"])["predictions"]
        found[each["eventMetadata"]["eventId"]] = (data["endpointInput"]["data"], answered)
    return found
