"""The project with Spark as a newcomer has it: Athena, Spark and scikit-learn, up to the endpoint."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import spark_session
import yaml
from spark_cluster import cluster

import local_aws
from kedro_aws_plugin.run.run_id import make_run_id

Run = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(600)]

BUCKET = "my-iris-data"
NIGHT = "nightly/2026-11-01"
EVERY_TASK = {
    "spark.eventLog.rolling.enabled": False,
    "spark.eventLog.compress": False,
    # Spark would join the few rows of iris into one task.
    "spark.sql.adaptive.enabled": False,
    # Not before both are there.
    "spark.scheduler.minRegisteredResourcesRatio": 1,
    "spark.scheduler.maxRegisteredResourcesWaitingTime": "60s",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Iterator[Path]:
    spark_session.skip_unless_possible()
    folder = tmp_path_factory.mktemp("newcomer")
    made = run("kedro", "new", "--starter", "aws-pyspark-iris", "--name", "My Iris", cwd=folder)
    assert made.returncode == 0, made.stderr
    settings = yaml.safe_dump(spark_session.local_settings())
    (folder / "my-iris/conf/local/spark.yml").write_text(settings, encoding="utf-8")
    yield folder / "my-iris"
    local_aws.stop(local_aws.default_state_dir(folder / "my-iris"))


@pytest.fixture(scope="module")
def ran(project: Path, run: Run) -> subprocess.CompletedProcess[str]:
    """A run of what there was when it began."""
    return run("kedro", "run", "--params", f"globals.nightly_prefix={NIGHT}", cwd=project)


def keys(project: Path) -> list[str]:
    local = local_aws.find(local_aws.default_state_dir(project))
    assert local is not None
    return [found["Key"] for found in local.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]


def test_run_leaves_what_globals_and_parameters_say(
    project: Path, ran: subprocess.CompletedProcess[str]
) -> None:
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
    found = re.search(r"accuracy (\d\.\d+), on Spark (\d\.\d+)", ran.stderr)
    assert found is not None
    assert all(0.85 < float(accuracy) <= 1 for accuracy in found.groups())
    parsed = [key for key in keys(project) if key.startswith(f"data/{NIGHT}/parsed/species=")]
    assert sorted(key.split("/")[4] for key in parsed) == [
        *("species=setosa", "species=versicolor", "species=virginica")
    ]


def test_athena_leaves_nothing_of_its_query(project: Path, ran: subprocess.CompletedProcess[str]) -> None:
    assert ran.returncode == 0
    assert not [key for key in keys(project) if key.startswith("athena/") and "/_temporary/" not in key]


def take_any_pandas(project: Path) -> None:
    """A job refuses another pandas than the project requires, and that of the tests may be newer."""
    metadata = project / "pyproject.toml"
    stated = metadata.read_text(encoding="utf-8")
    metadata.write_text(stated.replace('"pandas>=2.2,<3"', '"pandas>=2.2"'), encoding="utf-8")


def test_it_is_submitted_registered_approved_deployed_and_predicts(
    project: Path, run: Run, ran: subprocess.CompletedProcess[str]
) -> None:
    """As jobs of SageMaker. Without an image that has Java, AWS could not run them."""
    assert ran.returncode == 0
    refused = run("kedro", "aws", "submit", cwd=project)
    assert refused.returncode == 1
    assert "Error (spark_image): `spark.enabled` is true, and Spark needs Java" in refused.stderr
    assert "credentials" not in refused.stderr
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/spark:1"
    with (project / "conf/local/aws.yml").open("a", encoding="utf-8") as file:
        file.write(f"pipelines: {{image: {image}, group_by: all}}\n")
    take_any_pandas(project)
    register_runs(project)
    no_java = {"PATH": "", "JAVA_HOME": ""}  # nor is any needed where no node runs

    def kedro_aws(*words: str, **variables: str) -> str:
        done = run("kedro", "aws", *words, cwd=project, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    night = f"globals.nightly_prefix={NIGHT}"
    submitted = json.loads(kedro_aws("submit", "--params", night, "-o", "json"))
    assert submitted["steps"] == {"all": "Succeeded", "register": "Succeeded"}
    version = submitted["run_id"]
    assert f"models/classifier.pickle/{version}/classifier.pickle" in keys(project)
    shown = kedro_aws("runs", version)
    assert f"run {version} of pipeline my-iris-default-local, version 1: Succeeded" in shown
    assert "PendingManualApproval" in kedro_aws("models", **no_java)
    kedro_aws("approve-model", **no_java)
    kedro_aws("deploy", **no_java)
    (project / "conf/local/globals.yml").write_text(f"nightly_prefix: {NIGHT}\n")
    species = json.loads(kedro_aws("predict", "-o", "json", **no_java))["predictions"]
    assert len(species) == 5
    assert set(species) <= {"setosa", "versicolor", "virginica"}


def register_runs(project: Path) -> None:
    """Let each run register its model, as its last step."""
    settings = project / "conf/base/aws.yml"
    text = settings.read_text(encoding="utf-8")
    if "on_run" not in text:
        settings.write_text(text.replace("registry:\n", "registry:\n  on_run: true\n"), encoding="utf-8")


@pytest.fixture
def on_emr(project: Path, run: Run) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """`kedro aws` in the project with the target emr-serverless."""
    local = project / "conf/local/aws.yml"
    local.write_text("pipelines:\n  target: emr-serverless\n", encoding="utf-8")
    take_any_pandas(project)
    register_runs(project)
    yield lambda *words, **variables: run("kedro", "aws", *words, cwd=project, **variables)
    local.unlink()


def test_the_pipeline_is_one_job_on_emr_serverless(
    project: Path, on_emr: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """As the guide has it: a schedule starts it, without its input; and retry goes on when that is there."""
    assert json.loads(on_emr("compile", "-o", "json").stdout)["findings"] == []
    raw = "data/raw/iris/iris.csv"
    on_emr("runs")  # starts the local AWS, if no test has
    local = local_aws.find(local_aws.default_state_dir(project))
    assert local is not None
    client = local.client("s3")
    client.download_file(BUCKET, raw, str(tmp_path / "iris.csv"))
    client.delete_object(Bucket=BUCKET, Key=raw)
    scheduled = on_emr("schedule", "--rate", "1 day", "-o", "json")
    assert scheduled.returncode == 0, scheduled.stderr
    schedule = json.loads(scheduled.stdout)["schedule"]
    listed = on_emr("schedule", "--list").stdout
    assert re.search(rf"^{schedule} +EMR Serverless +my-iris-default-local +rate", listed, re.MULTILINE)
    version = wait_for_run(local)
    shown = on_emr("runs", version)
    assert f"run {version} of pipeline my-iris-default-local: Failed" in shown.stdout
    assert "Step all failed" in shown.stderr
    client.upload_file(str(tmp_path / "iris.csv"), BUCKET, raw)
    again = on_emr("retry", version)
    assert again.returncode == 0, again.stderr
    assert again.stdout == f"Run {version} has succeeded, in 1 step\n"
    assert f"stdout classifier {version}" in on_emr("logs", version).stdout
    assert f"models/classifier.pickle/{version}/classifier.pickle" in keys(project)
    submitted = on_emr("submit", "--no-wait", "--dry-run")
    assert "StartJobRun" in submitted.stdout
    assert "CreateApplication" not in submitted.stdout
    assert f"delete schedule {schedule}" in (removed := on_emr("destroy", "--yes").stderr)
    assert "delete application" in removed


def wait_for_run(local: local_aws.LocalAws) -> str:
    """Wait until a schedule has started a run, and the run has ended: its id."""
    client = local.client("emr-serverless")
    [application] = client.list_applications(states=["CREATED", "STARTED"])["applications"]
    deadline = time.monotonic() + 240
    while True:
        runs = client.list_job_runs(applicationId=application["id"])["jobRuns"]
        if runs and runs[0]["state"] in {"SUCCESS", "FAILED", "CANCELLED"}:
            return make_run_id(runs[0]["name"].split()[3])
        assert time.monotonic() < deadline, runs
        time.sleep(0.5)


def test_an_application_that_does_not_exist_is_refused(
    project: Path, on_emr: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    nobodys = "pipelines: {target: emr-serverless, emr_serverless: {application_id: 00wrong}}\n"
    (project / "conf/local/aws.yml").write_text(nobodys, encoding="utf-8")
    for command in ("submit", "runs"):
        refused = on_emr(command)
        assert refused.returncode == 1
        assert "There is no application 00wrong in eu-west-1. Correct `pipelines." in refused.stderr


def test_the_same_project_on_two_workers(project: Path, run: Run, tmp_path: Path) -> None:
    """Spark's own cluster manager; the event log tells which executor did which task."""
    local = project / "conf/local/spark.yml"
    kept = local.read_text(encoding="utf-8")
    log = {"spark.eventLog.enabled": True, "spark.eventLog.dir": tmp_path.as_uri(), **EVERY_TASK}
    local.write_text(kept + yaml.safe_dump(log), encoding="utf-8")
    try:
        with cluster(tmp_path) as master:
            ran = run("kedro", "run", "--params", f"spark.master={master}", cwd=project)
    finally:
        local.write_text(kept, encoding="utf-8")
    assert ran.returncode == 0, ran.stderr
    assert "Completed 7 out of 7 tasks" in ran.stderr
    (events,) = tmp_path.glob("app-*")
    tasks = [
        event["Task Info"]["Executor ID"]
        for event in map(json.loads, events.read_text(encoding="utf-8").splitlines())
        if event["Event"] == "SparkListenerTaskEnd"
    ]
    assert set(tasks) == {"0", "1"}


def test_its_tests_pass(run: Run, project: Path) -> None:
    tested = run("pytest", "-p", "no:cacheprovider", cwd=project)
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout


def test_its_linter_passes_on_what_is_there_now(run: Run, project: Path) -> None:
    assert run("ruff", "check", cwd=project).returncode == 0
    assert run("ruff", "format", "--check", cwd=project).returncode == 0


def test_the_shipped_flowers_are_scikit_learns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = spark_session.script("make_iris_data")
    assert script.main(["--check"]) == 0
    (tmp_path / "iris.csv").write_bytes(script.make_csv().replace(b"setosa", b"rosa", 1))
    assert script.main(["--check", "--file", str(tmp_path / "iris.csv")]) == 1
    assert "not what this script makes" in capsys.readouterr().err
