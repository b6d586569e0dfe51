"""A run that registers the models it has saved: under every runner, once, and only those."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kedro.framework.session import KedroSession
from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner

from kedro_aws_plugin.cli import commands
from kedro_aws_plugin.run.record import hash_parameters, read_key
from local_aws import LocalAws, default_state_dir

BUCKET = "small-data"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package"
AWS_YML = f"region: eu-west-1\nbucket: {BUCKET}\n"
CATALOG = f"""
    regressor:
      type: pickle.PickleDataset
      filepath: s3://{BUCKET}/regressor.pkl
      versioned: true
      metadata: {{sagemaker: {{group: small-price, metrics: metrics, sample: table}}}}
    "{{kind}}_model":
      type: pickle.PickleDataset
      filepath: s3://{BUCKET}/{{kind}}.pkl
      versioned: true
      metadata: {{sagemaker: {{group: "{{kind}}-price"}}}}
    metrics: {{type: json.JSONDataset, filepath: "s3://{BUCKET}/metrics.json", versioned: true}}
    table: {{type: pandas.CSVDataset, filepath: "s3://{BUCKET}/table.csv"}}
    checked: {{type: json.JSONDataset, filepath: "s3://{BUCKET}/checked.json"}}
"""
PIPELINES = """
    from kedro.pipeline import node, pipeline
    from sklearn.linear_model import LinearRegression

    def fit(table, seed):
        return LinearRegression().fit(table, 100 * table["engines"] + seed), {"r2": 1.0}

    def fit_cheap(table):
        return LinearRegression(positive=True).fit(table, table["engines"])

    def check(model):
        if not hasattr(model, "predict"):
            raise ValueError("no model")
        return True

    def register_pipelines():
        both = pipeline([
            node(fit, ["table", "params:seed"], ["regressor", "metrics"], name="fit"),
            node(fit_cheap, "table", "cheap_model", name="fit_cheap"),
            node(check, "regressor", "checked", name="check"),
        ])
        return {"__default__": both, "one": both.only_nodes("fit")}
"""
PIPELINE_FILE = "src/small/pipeline_registry.py"


@pytest.fixture
def project(small_project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that fits two models of four rows, each marked."""
    files = {"conf/base/aws.yml": AWS_YML, "conf/base/catalog.yml": CATALOG, PIPELINE_FILE: PIPELINES}
    for name, text in files.items():
        (small_project / name).write_text(textwrap.dedent(text), encoding="utf-8")
    for name in [name for name in sys.modules if name.partition(".")[0] == "small"]:
        monkeypatch.delitem(sys.modules, name)
    return small_project


def run(project: Path, runner: Any = None, params: dict[str, Any] | None = None, **options: Any) -> str:
    """Run the project here, and give the run's id."""
    with KedroSession.create(project_path=project, runtime_params=params) as session:
        session.run(runner=runner or SequentialRunner(), **options)
        return session.session_id


def packages(aws: LocalAws) -> dict[str, list[dict[str, Any]]]:
    """What is registered, by group."""
    client = aws.client("sagemaker")
    groups = client.list_model_package_groups()["ModelPackageGroupSummaryList"]
    return {
        group["ModelPackageGroupName"]: [
            client.describe_model_package(ModelPackageName=each["ModelPackageArn"])
            for each in client.list_model_packages(ModelPackageGroupName=group["ModelPackageGroupName"])[
                "ModelPackageSummaryList"
            ]
        ]
        for group in groups
    }


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was said on standard error, apart from which AWS is in force and what its container has."""
    captured = capsys.readouterr()
    return [
        line
        for line in captured.err.splitlines()
        if not line.startswith("local AWS at ") and " in the container " not in line
    ]


def test_a_run_registers_what_it_has_saved(
    project: Path, local_aws: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(project, pipeline_names=["one"], params={"seed": 7})
    assert said(capsys) == [f"Registered regressor {first}: {ARN}/small-price/1 (PendingManualApproval)"]
    [package] = packages(local_aws)["small-price"]
    lineage = package["CustomerMetadataProperties"]
    assert (lineage["run_id"], lineage["model_version"], lineage["recorded"]) == (first, first, "run")
    assert lineage["parameters_hash"] == hash_parameters({"seed": 7}, read_key(default_state_dir(project)))
    assert lineage["metric.r2"] == "1.0"
    assert "ModelMetrics" in package

    run(project, node_names=["check"])
    assert said(capsys) == []

    missing = run(project, only_missing_outputs=True)
    assert said(capsys) == [f"Registered cheap_model {missing}: {ARN}/cheap-price/1 (PendingManualApproval)"]

    again = run(project, pipeline_names=["one"], params={"seed": 7})
    assert said(capsys) == [
        f"regressor {again} is registered already: {package['ModelPackageArn']} (PendingManualApproval)"
    ]
    assert {group: len(held) for group, held in packages(local_aws).items()} == {
        "cheap-price": 1,
        "small-price": 1,
    }


@pytest.mark.parametrize("runner", [ThreadRunner, ParallelRunner])
def test_other_runners_register_from_the_main_process(
    project: Path, local_aws: LocalAws, capsys: pytest.CaptureFixture[str], runner: Any
) -> None:
    if runner is ParallelRunner:  # Kedro does not send versioned datasets on S3 to other processes
        catalog = project / "conf/base/catalog.yml"
        on_disk = catalog.read_text().replace(f"s3://{BUCKET}/", f"{project.as_posix()}/data/")
        catalog.write_text(on_disk, encoding="utf-8")
        (project / "data").mkdir()
        table = local_aws.client("s3").get_object(Bucket=BUCKET, Key="table.csv")["Body"].read()
        (project / "data" / "table.csv").write_bytes(table)
    run_id = run(project, runner())
    assert said(capsys) == [
        f"Registered cheap_model {run_id}: {ARN}/cheap-price/1 (PendingManualApproval)",
        f"Registered regressor {run_id}: {ARN}/small-price/1 (PendingManualApproval)",
    ]
    assert [len(held) for held in packages(local_aws).values()] == [1, 1]


def test_on_run_of_aws_yml_and_a_run_that_fails(
    project: Path, local_aws: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = project / "conf/base/catalog.yml"
    without = [line for line in catalog.read_text().splitlines() if "metadata" not in line]
    catalog.write_text("\n".join(without), encoding="utf-8")
    with (project / "conf/base/aws.yml").open("a", encoding="utf-8") as aws_yml:
        aws_yml.write("registry: {group: flights, model: regressor, on_run: true}\n")
    run_id = run(project)
    assert said(capsys) == [f"Registered regressor {run_id}: {ARN}/flights/1 (PendingManualApproval)"]
    local_aws.client("s3").put_object(Bucket=BUCKET, Key="table.csv", Body=b"wings\n1\n")
    with pytest.raises(KeyError):
        run(project)
    assert said(capsys) == []
    assert [len(versions) for versions in packages(local_aws).values()] == [1]


def test_an_entry_that_is_missing_is_told_before_the_first_node(
    project: Path, local_aws: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = project / "conf/base/catalog.yml"
    catalog.write_text(catalog.read_text().replace("sample: table", "sample: tabel"), encoding="utf-8")
    run(project, pipeline_names=["one"])
    assert said(capsys) == [
        "Warning: regressor will not be registered after this run: The catalog has no entry `tabel`; did you "
        "mean `table`? Correct `sample` where the model's group is named: aws.yml or its catalog entry."
    ]
    assert packages(local_aws) == {}


def test_what_could_not_be_registered_is_registered_by_the_command_that_is_told(
    project: Path, local_aws: LocalAws, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = project / "conf/base/catalog.yml"
    right = catalog.read_text()
    wrong = right.replace("sample: table", "sample: checked").replace("checked.json", "never.json")
    catalog.write_text(wrong, encoding="utf-8")
    run_id = run(project, pipeline_names=["one"])
    warning, command = said(capsys)
    assert warning.startswith("Warning: The run succeeded, but regressor was not registered: `checked` ")
    assert packages(local_aws) == {}
    prefix, words = command.split(": kedro ")
    assert prefix == "Register it"
    catalog.write_text(right, encoding="utf-8")
    run(project, node_names=["check"])
    done = CliRunner().invoke(commands, words.split())
    assert done.exit_code == 0, done.stderr
    [package] = packages(local_aws)["small-price"]
    assert done.stdout == f"{package['ModelPackageArn']} (PendingManualApproval)\n"
    assert package["CustomerMetadataProperties"]["model_version"] == run_id
    approved = CliRunner().invoke(commands, ["aws", "approve-model", package["ModelPackageArn"]])
    assert approved.stdout == f"{package['ModelPackageArn']} is Approved\n", approved.stderr
    listed = CliRunner().invoke(commands, ["aws", "models", "--group", "small-price", "-o", "json"])
    assert [each["approval"] for each in json.loads(listed.stdout)] == ["Approved"], listed.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a console is needed to send Ctrl-C to one process")
def test_ctrl_c_while_a_model_is_registered_leaves_the_run_a_success(
    project: Path, local_aws: LocalAws
) -> None:
    work = local_aws.log_file.parent / "tmp"
    command = [sys.executable, "-m", "kedro", "run", "--pipelines", "one"]
    process = subprocess.Popen(
        command,
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (work.is_dir() and list(work.iterdir())) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Warning: The run succeeded, but regressor was not registered: Ctrl-C was pressed.\n" in errors
    assert "Register it: kedro aws register-model --model regressor --version " in errors
    assert packages(local_aws) == {}
    assert list(work.iterdir()) == []
