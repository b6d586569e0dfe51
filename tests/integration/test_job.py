"""The steps of executions as processes: no step reads another run's data, however it is started."""

import io
import signal
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from job_project import BUCKET, Steps, make_steps

from local_aws import LocalAws

A, B = "2026-11-21T10.00.00.000Z", "2026-11-21T10.00.01.000Z"

pytestmark = pytest.mark.slow


@pytest.fixture
def steps(local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Steps]:
    monkeypatch.setenv("STEPS_USER", "somebody else")
    made = make_steps(local_aws, tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_late_step_reads_its_own_runs_data(steps: Steps) -> None:
    first, second = steps.ask(params={"level": 1}), steps.ask(params={"level": 2})
    steps.begin("train", A, "a", request=first)
    steps.begin("train", B, "b", request=second)
    for number in (0, 1):
        code, said = steps.end(number)
        assert code == 0, said
    steps.aws.client("ssm").put_parameter(
        Name="/steps/level", Value="two", Type="SecureString", Overwrite=True
    )
    steps.aws.client("secretsmanager").put_secret_value(SecretId="steps-password", SecretString="new")
    steps.run("judge", A, "a", request=first)

    assert steps.load("metrics.json", A) == {"model": 1, "memory": 1}
    trained, judged = steps.load("first.json", A), steps.load("second.json", A)
    assert trained == judged
    assert (trained["user"], trained["run"], trained["kept"]) == ("ada", A, "one")
    assert trained["password"] == "old"
    assert steps.load("first.json", B)["stamp"] != trained["stamp"]
    kept = [key for key in steps.list_keys() if key.startswith("kedro-aws/")]
    objects = [steps.aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in kept]
    assert not any(b"one" in each or b"old" in each for each in objects), "a secret was written"


def test_a_killed_step_runs_again_and_a_taken_run_id_is_refused(steps: Steps, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.mkdir()
    steps.begin("train", A, "a", STEPS_GATE=str(gate))
    wait_for(gate / "waiting")
    assert f"regressor.pkl/{A}/regressor.pkl" in steps.list_keys()
    steps.started[-1].send_signal(signal.SIGKILL)
    assert steps.end()[0] == -signal.SIGKILL

    ml = steps.begin("train", A, "another")
    code, said = steps.end()
    message = f"The run id {A} is taken: another execution has begun its step train. Nothing was run."
    assert (code, f"Error: {message} Submit it again without --run-id.\n" in said) == (1, True)
    assert (ml / "output" / "message").read_text().startswith(f"Step train failed: {message}")

    said = steps.run("train", A, "a", request=steps.ask(params={"level": 3}))
    assert f"Removed regressor {A}, which an attempt of this step left behind" in said
    steps.run("judge", A, "a")
    assert steps.load("metrics.json", A) == {"model": 3, "memory": 3}

    steps.aws.client("s3").put_object(Bucket=BUCKET, Key=f"regressor.pkl/{B}/regressor.pkl", Body=b"mine")
    for _attempt in range(2):  # a retry of what was refused removes nothing either
        steps.begin("train", B, "b")
        code, said = steps.end()
        assert (code, f"The run id {B} is taken: `regressor` has this version already." in said) == (1, True)
    found = steps.aws.client("s3").get_object(Bucket=BUCKET, Key=f"regressor.pkl/{B}/regressor.pkl")
    assert found["Body"].read() == b"mine"


def test_a_step_says_why_it_ended(steps: Steps, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.mkdir()
    ml = steps.begin("train", A, "a", STEPS_GATE=str(gate))
    wait_for(gate / "waiting")
    steps.started[-1].terminate()
    assert steps.end()[0] == 143
    assert (ml / "output" / "message").read_text() == "Step train was stopped"

    key = f"metrics.json/{B}/metrics.json"
    steps.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    ml = steps.begin("broken", B, "b")
    code, said = steps.end()
    assert (code, "Traceback" in said) == (1, True)
    message = (ml / "output" / "message").read_text()
    assert message == "Step broken failed in node fail: ValueError: the table is empty"


def test_the_last_step_registers_with_the_lineage_of_what_was_submitted(steps: Steps) -> None:
    # Without a run id, it is the start of the execution.
    for step in ("train", "judge"):
        steps.run(step, "", "a", request=steps.ask(parameters_hash="abc"))
    said = steps.run("register", "", "a", request=steps.ask(parameters_hash="abc"))
    assert "Registered regressor 2026-11-21T10.00.00.000Z: " in said
    client = steps.aws.client("sagemaker")
    [package] = client.list_model_packages(ModelPackageGroupName="ada-price")["ModelPackageSummaryList"]
    found = client.describe_model_package(ModelPackageName=package["ModelPackageArn"])
    lineage = found["CustomerMetadataProperties"]
    assert (lineage["git_sha"], lineage["git_dirty"]) == ("0123456789abcdef0123456789abcdef01234567", "false")
    assert (lineage["parameters_hash"], lineage["recorded"]) == ("abc", "run")
    assert lineage["metric.model"] == "1.0"
    [archive] = [key for key in steps.list_keys() if key.endswith("/model.tar.gz")]
    packed = steps.aws.client("s3").get_object(Bucket=BUCKET, Key=archive)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        handlers = [tar.extractfile(name).read() for name in tar.getnames() if name.endswith(".py")]  # type: ignore[union-attr]
    assert any(b"return [7.0 for" in each for each in handlers)
