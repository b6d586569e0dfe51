"""One project from the starter, run once on one local AWS; every test is in it, as in a newcomer's shell."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from project_cli import GROUP, PACKAGES, State, kedro
from requests_sent import Requests

import local_aws
from kedro_aws_plugin.aws import environment
from kedro_aws_plugin.hooks import hooks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of it needs the generated project."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project from `kedro new`, run once, which starts its local AWS."""
    folder = tmp_path_factory.mktemp("functional")
    made = kedro("new", "--starter=aws-spaceflights", "--name", "My Flights", cwd=folder)
    assert made.code == 0, made.stderr
    project = folder / "my-flights"
    for env in ("checked", "ci", "compared", "empty", "planned", "spare", "stopped"):  # each for other tests
        add_environment(project, env)
    try:
        ran = kedro("run", cwd=project)
        assert ran.code == 0, ran.stderr
        started = "started, bucket my-flights-data created, 3 files uploaded from data/raw"
        assert ran.stderr.count(started) == 1
        yield project
    finally:
        local_aws.stop(local_aws.default_state_dir(project))


def add_environment(project: Path, env: str) -> None:
    """An environment with a registry and an endpoint of its own on the same local AWS and data."""
    name = f"{env}-price"
    settings = {
        "target": "local",
        "registry": {
            "group": name,
            "model": "regressor",
            "metrics": "metrics",
            "sample": "model_input_table",
        },
        "deploy": {"endpoint": name},
    }
    (project / "conf" / env).mkdir()
    (project / "conf" / env / "aws.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")


@pytest.fixture(autouse=True)
def project(generated: Path, monkeypatch: pytest.MonkeyPatch, requests_sent: Requests) -> Iterator[Path]:
    """A shell in the project: no AWS chosen yet, nothing announced; what a test changes is put back."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("AWS_", "KEDRO_AWS_", "KEDRO_ENV")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["COLUMNS"] = "200"
    monkeypatch.setattr(environment, "_ours", {})
    monkeypatch.setattr(environment, "_theirs", {})
    monkeypatch.setattr(hooks, "_announced", "")
    monkeypatch.chdir(generated)
    yield generated
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)
    forget(generated)
    assert requests_sent.broken == []


def forget(project: Path) -> None:
    """Let go of the project's package, whose name other tests use too."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_flights"]:
        del sys.modules[name]
    sys.path[:] = [folder for folder in sys.path if not folder.startswith(str(project))]


@pytest.fixture
def local(project: Path) -> Any:
    """The project's local AWS."""
    aws = local_aws.find(local_aws.default_state_dir(project))
    assert aws is not None
    return aws


@pytest.fixture
def state(local: Any) -> State:
    """What it holds."""
    return State(local)


@pytest.fixture(scope="session")
def registered(generated: Path) -> str:
    """The ARN of an approved version in the project's group."""
    done = kedro("aws", "register-model", "--approve", cwd=generated)
    assert (done.code, done.stdout) == (0, f"{PACKAGES}/1 (Approved)\n"), done.stderr
    return f"{PACKAGES}/1"


@pytest.fixture(scope="session")
def deployed(generated: Path, registered: str) -> str:
    """The name of the project's endpoint, which serves that version."""
    done = kedro("aws", "deploy", cwd=generated)
    assert (done.code, done.stdout) == (0, f"Endpoint {GROUP} is in service\n"), done.stderr
    assert f"of {registered.rsplit(':', 1)[-1]}\n" in done.stderr
    return GROUP
