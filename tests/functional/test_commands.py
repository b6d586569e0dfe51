"""What each command prints, where, and what it sends; the way a newcomer goes."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from project_cli import BUCKET, GROUP, PACKAGES, State, interrupt, kedro, kedro_aws, started
from requests_sent import Requests

HEAD = "local AWS at {url}, account 123456789012, eu-west-1 (env {env})\n"


@pytest.fixture
def head(local: Any) -> str:
    """The line that says which AWS is spoken to."""
    return HEAD.format(url=local.endpoint_url, env="local")


def test_a_real_command_keeps_json_alone_on_standard_output(
    project: Path, registered: str, head: str
) -> None:
    done = kedro("aws", "register-model", "-o", "json", cwd=project)
    assert done.code == 0
    assert done.stderr.startswith(head)
    assert done.json == {
        "title": done.json["title"],
        "unchanged": f"{registered} (Approved)",
        "warnings": done.json["warnings"],
        "steps": [],
        "results": [],
    }
    assert done.json["title"].startswith("register regressor ")


def test_the_same_model_twice_is_the_same_package(
    registered: str, head: str, requests_sent: Requests
) -> None:
    done = kedro_aws("register-model")
    assert (done.code, done.stdout) == (0, f"unchanged: {registered} (Approved)\n")
    assert done.stderr.startswith(head)
    assert requests_sent.changing == []


def test_registering_is_what_its_dry_run_said(state: State, requests_sent: Requests) -> None:
    before = state.everything()
    planned = kedro_aws("register-model", "--env", "planned", "--dry-run", "-o", "json").json
    assert state.everything() == before
    assert requests_sent.changing == []
    assert planned["unchanged"] is None
    assert "results" not in planned
    done = kedro_aws("register-model", "--env", "planned", "-o", "json").json
    assert {**done, "results": None} == {**planned, "results": None}
    assert as_sent(requests_sent) == [
        (step["operation"], without_archive(step["request"])) for step in planned["steps"]
    ]
    assert [step["operation"] for step in planned["steps"]] == [
        "CreateModelPackageGroup",
        "PutObject",
        "PutObject",
        "PutObject",
        "PutObject",
        "CreateModelPackage",
    ]
    assert done["results"][-1] == {
        "arn": "arn:aws:sagemaker:eu-west-1:123456789012:model-package/planned-price/1"
    }
    archive = planned["steps"][-2]["request"]
    stored = state.s3.get_object(Bucket=BUCKET, Key=archive["Key"])["Body"].read()
    said = f"<model.tar.gz, {len(stored)} bytes, sha256 {hashlib.sha256(stored).hexdigest()}>"
    assert archive["Body"] == said
    described = state.sagemaker.describe_model_package(ModelPackageName=done["results"][-1]["arn"])
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    properties = described["CustomerMetadataProperties"]
    assert properties["artifact_sha256"] == hashlib.sha256(stored).hexdigest()
    assert set(properties) >= {
        "run_id",
        "model_version",
        "parameters_hash",
        "version.python",
        "version.kedro",
    }


def as_sent(requests: Requests) -> list[tuple[str, Any]]:
    """The changing requests as a dry run prints them, the archive's bytes left out."""
    return [
        (sent.operation, without_archive(json.loads(json.dumps(sent.params, default=printed))))
        for sent in requests.all
        if sent.changes
    ]


def printed(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def without_archive(request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "Body": "..."} if request.get("ContentType") == "application/gzip" else request


def test_models_lists_versions(registered: str, state: State) -> None:
    created = state.sagemaker.describe_model_package(ModelPackageName=registered)
    at = created["CreationTime"]
    listed = kedro_aws("models", "-o", "json").json
    assert listed == [
        {
            "arn": registered,
            "group": GROUP,
            "version": 1,
            "approval": "Approved",
            "description": created["ModelPackageDescription"],
            "created": listed[0]["created"],
            "status": "Completed",
            "signature": json.loads(
                created["InferenceSpecification"]["Containers"][0]["ModelInput"]["DataInputConfig"]
            ),
            "properties": created["CustomerMetadataProperties"],
        }
    ]
    assert created["CustomerMetadataProperties"]["signature"] == "predict: table of 11 columns"
    shown = kedro_aws("models").stdout.splitlines()
    metrics = ["mae", "max_error", "mse", "r2", "rmse"]
    assert shown[0].split() == ["version", "approval", "registered", *metrics, "description"]
    version, *rest = shown[1].split(maxsplit=8)
    assert [version, *rest[:2], rest[-1]] == ["1", "Approved", listed[0]["created"], listed[0]["description"]]
    of_the_run = [float(created["CustomerMetadataProperties"][f"metric.{name}"]) for name in metrics]
    assert [float(value) for value in rest[2:-1]] == pytest.approx(of_the_run, rel=1e-3)
    assert str(at.year) in listed[0]["created"]


def test_models_of_a_group_without_versions() -> None:
    done = kedro_aws("models", "-e", "empty")
    assert (done.code, done.stdout) == (
        0,
        "empty-price has no versions. Register one: kedro aws register-model --env empty\n",
    )
    assert kedro_aws("models", "-e", "empty", "-o", "json").stdout == "[]\n"


def test_a_version_is_rejected_and_approved(registered: str, state: State, requests_sent: Requests) -> None:
    rejected = kedro_aws("reject-model", "--reason", "drift")
    assert (rejected.code, rejected.stdout) == (0, f"{registered} is Rejected\n")
    described = state.sagemaker.describe_model_package(ModelPackageName=registered)
    assert (described["ModelApprovalStatus"], described["ApprovalDescription"]) == ("Rejected", "drift")
    assert kedro_aws("deploy").error == (
        f"Version 1 of {GROUP} is Rejected, and no older one is Approved. "
        "Approve it: kedro aws approve-model 1"
    )
    assert kedro_aws("deploy", "--package", "1").error == (
        f"Version 1 of {GROUP} is Rejected. Approve it: kedro aws approve-model 1"
    )
    approved = kedro_aws("approve-model", registered)
    assert (approved.code, approved.stdout) == (0, f"{registered} is Approved\n")
    again = kedro_aws("approve-model", "1")
    assert (again.code, again.stdout) == (0, f"unchanged: {registered} (Approved)\n")
    assert requests_sent.changing == ["UpdateModelPackage", "UpdateModelPackage"]


def test_registering_approves_no_model_that_was_rejected(registered: str, requests_sent: Requests) -> None:
    kedro_aws("reject-model")
    assert kedro_aws("register-model", "--approve").error == (
        f"Version 1 of {GROUP} is the same model, and it was rejected. "
        "To deploy it nevertheless, approve it: "
        f"kedro aws approve-model 1 --group {GROUP}"
    )
    assert kedro_aws("approve-model", "-o", "json").json["results"] == [{"arn": registered}]
    assert requests_sent.changing == ["UpdateModelPackage", "UpdateModelPackage"]


def test_deploying_again_changes_nothing(deployed: str, registered: str, requests_sent: Requests) -> None:
    done = kedro_aws("deploy")
    assert (done.code, done.stdout) == (0, f"unchanged: endpoint {deployed} serves {registered}\n")
    assert requests_sent.changing == []
    assert len(requests_sent.of("InvokeEndpoint")) == 1


def test_deploying_is_what_its_dry_run_said(registered: str, state: State, requests_sent: Requests) -> None:
    options = ("--endpoint", "small", "--mode", "serverless", "--memory", "1024", "--max-concurrency", "1")
    before = state.everything()
    text = kedro_aws("deploy", *options, "--dry-run")
    planned = kedro_aws("deploy", *options, "--dry-run", "-o", "json").json
    assert state.everything() == before
    assert requests_sent.changing == []
    shown = [step["summary"] for step in planned["steps"]]
    assert text.stdout.startswith("Plan: ")
    assert all(f"{number}. {summary}\n" in text.stdout for number, summary in enumerate(shown, start=1))
    assert all(json.dumps(step["request"], indent=2) in text.stdout for step in planned["steps"][:3])
    done = kedro_aws("deploy", *options)
    assert (done.code, done.stdout) == (0, "Endpoint small is in service\n")
    assert [line for line in done.stderr.splitlines() if line.startswith("✓")] == [
        f"✓ {line}" for line in shown
    ]
    planned_changes = [(step["operation"], step["request"]) for step in planned["steps"][:3]]
    assert as_sent(requests_sent) == planned_changes
    assert [step["operation"] for step in planned["steps"]] == [
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "DescribeEndpoint",
        "InvokeEndpoint",
    ]
    [shown] = kedro_aws("status", "--endpoint", "small", "-o", "json").json
    [asked] = shown.pop("last_hour")
    assert (asked["variant"], asked["requests"], asked["errors_4xx"], asked["errors_5xx"]) == (
        *("AllTraffic", 1),
        *(0, 0),
    )
    assert 0 < asked["p50_ms"] <= asked["p99_ms"]
    shown = {key: value for key, value in shown.items() if not key.startswith("capture_")}
    assert shown == {
        "name": "small",
        "status": "InService",
        "group": GROUP,
        "version": 1,
        "package": registered,
        "mode": "serverless",
        "instance_type": None,
        "instance_count": None,
        "memory_mb": 1024,
        "max_concurrency": 1,
        "config": planned["steps"][1]["request"]["EndpointConfigName"],
        "pending_config": None,
        "failure": None,
        "drift": [],
        "variants": [
            {
                "name": "AllTraffic",
                "group": GROUP,
                "version": 1,
                "package": registered,
                "weight": 1.0,
                "share": 1.0,
                "shadow": False,
                "instance_type": None,
                "instance_count": None,
            }
        ],
    }


@pytest.mark.usefixtures("registered")
def test_status_follows_the_endpoint_to_its_version(deployed: str) -> None:
    head, row = kedro_aws("status", "--endpoint", deployed).stdout.splitlines()
    assert head.split(maxsplit=4) == ["endpoint", "status", "serves", "size", "last hour"]
    assert row.split(maxsplit=3)[:3] == [deployed, "InService", f"{GROUP}/1"]
    assert row.split(maxsplit=3)[3].startswith("realtime, 1 x ml.m5.large  ")


@pytest.mark.usefixtures("deployed")
def test_deploy_names_what_has_no_effect_on_this_machine() -> None:
    done = kedro_aws("deploy", "--endpoint", "sized", "--instance-count", "2", "--dry-run")
    recorded = "ExecutionRoleArn, InstanceType, InitialInstanceCount"
    line = f"The local AWS records these settings, and they have no effect on this machine: {recorded}\n"
    assert (done.code, done.stderr.count(line)) == (0, 1)


def test_status_of_no_endpoint() -> None:
    done = kedro_aws("status", "--endpoint", "nope")
    assert (done.code, done.stdout) == (0, "endpoint  status\nnope      not deployed\n")
    assert done.stderr.endswith("nope is not deployed. Make it: kedro aws deploy --endpoint nope\n")
    [shown] = kedro_aws("status", "--endpoint", "nope", "-o", "json").json
    assert (shown["name"], shown["status"], shown["package"]) == ("nope", "not deployed", None)


def test_predict_asks_with_the_sample(deployed: str, registered: str, state: State) -> None:
    done = kedro_aws("predict")
    assert done.code == 0
    described = state.sagemaker.describe_model_package(ModelPackageName=registered)
    folder = described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"].rpartition("/")[0]
    key = f"{folder.removeprefix(f's3://{BUCKET}/')}/sample-answer.json"
    answer = json.loads(state.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert [float(line) for line in done.stdout.splitlines()] == pytest.approx(answer["predictions"])
    assert f" of text/csv to endpoint {deployed}\n" in done.stderr


@pytest.fixture
def rows(state: State) -> pd.DataFrame:
    """Three rows of the table that the model was made of."""
    import io

    body = state.s3.get_object(Bucket=BUCKET, Key="data/model_input/model_input_table.parquet")["Body"]
    return pd.read_parquet(io.BytesIO(body.read())).head(3)


@pytest.mark.usefixtures("deployed")
def test_predict_takes_any_form_and_gives_one_answer(rows: pd.DataFrame, tmp_path: Path) -> None:
    rows.to_csv(tmp_path / "rows.csv", index=False)
    rows.to_json(tmp_path / "rows.json", orient="records", double_precision=15)
    rows.to_json(tmp_path / "rows.jsonl", orient="records", lines=True, double_precision=15)
    rows.to_parquet(tmp_path / "rows.parquet")
    answers = {}
    for path in sorted(tmp_path.glob("rows.*")):
        done = kedro_aws("predict", str(path))
        assert done.code == 0, done.stderr
        answers[path.suffix] = [float(line) for line in done.stdout.splitlines()]
        piped = kedro_aws("predict", "-", stdin=path.read_bytes())
        assert piped.stdout == done.stdout
    assert set(answers) == {".csv", ".json", ".jsonl", ".parquet"}
    for answer in answers.values():
        assert answer == pytest.approx(answers[".csv"])
        assert len(answer) == 3


@pytest.mark.usefixtures("deployed")
def test_predict_takes_a_catalog_entry(rows: pd.DataFrame, requests_sent: Requests) -> None:
    predictions = kedro_aws("predict", "model_input_table", "-o", "json").json["predictions"]
    assert len(predictions) > 3
    first = kedro_aws("predict", "-", stdin=rows.to_csv(index=False))
    assert [float(line) for line in first.stdout.splitlines()] == pytest.approx(predictions[:3])
    assert requests_sent.changing == []


@pytest.mark.usefixtures("deployed")
def test_predict_dry_run_sends_nothing(rows: pd.DataFrame, requests_sent: Requests) -> None:
    planned = kedro_aws("predict", "-", "--dry-run", "-o", "json", stdin=rows.to_csv(index=False)).json
    assert planned["steps"][0]["request"] == {
        "EndpointName": GROUP,
        "Body": rows.to_csv(index=False),
        "ContentType": "text/csv",
        "Accept": "application/json",
    }
    assert not requests_sent.of("InvokeEndpoint")


def test_no_wait_returns_at_once_and_the_next_deploy_waits(registered: str, state: State) -> None:
    done = kedro_aws("deploy", "--endpoint", "quick", "--no-wait")
    following = "Endpoint quick is being created or updated. Follow it: kedro aws status --endpoint quick\n"
    assert (done.code, done.stdout) == (0, following)
    again = kedro_aws("deploy", "--endpoint", "quick")
    assert again.code == 0
    assert "quick" in again.stdout
    assert state.sagemaker.describe_endpoint(EndpointName="quick")["EndpointStatus"] == "InService"
    assert registered == f"{PACKAGES}/1"


def test_the_log_of_an_endpoint(deployed: str, head: str) -> None:
    assert kedro_aws("predict").code == 0
    done = kedro_aws("logs")
    assert done.code == 0, done.stderr
    assert done.stderr == head
    assert re.search(
        r"^\d{4}-\d\d-\d\dT[\d:.]{12}\+00:00 AllTraffic/\S+ .*POST /invocations", done.stdout, re.M
    )
    lines = kedro_aws("logs", f"endpoint/{deployed}", "-o", "json").json
    assert {"time", "stream", "text"} == set(lines[0])
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    assert kedro_aws("logs", "--since", "0s").stderr == head + (
        f"The endpoint {deployed} has printed nothing since then. Look further back with --since 7d.\n"
    )


@pytest.mark.usefixtures("deployed")
def test_following_a_log_shows_what_is_printed_now(project: Path) -> None:
    with started("aws", "logs", "-f", "--since", "0s", cwd=project) as following:
        assert following.stdout is not None
        assert following.stderr is not None
        assert following.stderr.readline().startswith("local AWS at ")
        assert kedro_aws("predict").code == 0
        assert "POST /invocations" in following.stdout.readline()
        ended = interrupt(following)
    assert "Traceback" not in ended.stderr


def test_there_is_no_such_log() -> None:
    assert kedro_aws("logs", "nowhere").error == (
        "There is no endpoint or transform job nowhere, and no log of one. "
        "`kedro aws status` lists the endpoints, `kedro aws runs` the runs."
    )
    assert kedro_aws("logs", "model/nowhere").error == (
        "`model` has no log here. Write endpoint/nowhere or transform-job/nowhere."
    )
    both = kedro_aws("logs", "-f", "-o", "json")
    assert (both.code, both.stdout) == (2, "")
