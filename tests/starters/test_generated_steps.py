"""The project of a newcomer whose pipeline runs as steps: from `kedro new` to a prediction."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import local_aws

Run = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def project(tmp_path: Path, run: Run) -> Iterator[Path]:
    made = run("kedro", "new", "--starter", "aws-spaceflights", "--name", "My Flights", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "my-flights"
    yield folder
    local_aws.stop(local_aws.default_state_dir(folder))


def test_a_new_project_is_submitted_registered_approved_deployed_and_predicts(
    project: Path, run: Run
) -> None:
    settings = project / "conf/base/aws.yml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("registry:\n", "registry:\n  on_run: true\n"), encoding="utf-8")

    def kedro_aws(*arguments: str) -> str:
        done = run("kedro", "aws", *arguments, cwd=project)
        assert done.returncode == 0, done.stderr
        return done.stdout

    submitted = json.loads(kedro_aws("submit", "-o", "json"))
    assert submitted["steps"] == dict.fromkeys(("data_processing", "data_science", "register"), "Succeeded")
    version = submitted["run_id"]
    shown = json.loads(kedro_aws("runs", "latest", "-o", "json"))
    assert (shown["run_id"], shown["status"]) == (version, "Succeeded")
    assert "PendingManualApproval" in kedro_aws("models")
    kedro_aws("approve-model")
    kedro_aws("deploy")
    prices = json.loads(kedro_aws("predict", "-o", "json"))["predictions"]
    assert len(prices) == 5
    assert all(price > 0 for price in prices)
