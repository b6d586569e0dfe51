"""Every command reads aws.yml once, connects once and seeds once, the ones that load the catalog too."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from project_cli import kedro_aws

AWS_YML = ("conf", "base", "aws.yml")
SEED = b"POST /_kedro_aws/seed"
COMMANDS = {
    "models": ["models"],
    "status": ["status"],
    "register-model": ["register-model", "--dry-run"],
    "approve-model": ["approve-model", "--dry-run"],
    "reject-model": ["reject-model", "--dry-run"],
    "deploy": ["deploy", "--dry-run"],
    "predict": ["predict", "--dry-run"],
    "predict from the catalog": ["predict", "model_input_table", "--dry-run"],
    "destroy": ["destroy", "--dry-run"],
    "bootstrap": ["bootstrap"],
    "local start": ["local", "start"],
}


class Recorder:
    """Counts what Python's audit events tell: a hook cannot be removed, so there is one for all tests."""

    def __init__(self) -> None:
        self.counts: dict[str, int] | None = None
        sys.addaudithook(self._record)

    @contextmanager
    def counting(self) -> Iterator[dict[str, int]]:
        self.counts = {"aws.yml": 0, "seeds": 0}
        try:
            yield self.counts
        finally:
            self.counts = None

    def _record(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.counts is None:
            return
        if event == "open" and isinstance(arguments[0], str) and Path(arguments[0]).parts[-3:] == AWS_YML:
            self.counts["aws.yml"] += 1
        if event == "http.client.send" and bytes(arguments[1]).startswith(SEED):
            self.counts["seeds"] += 1


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_opens_its_project_once(recorder: Recorder, deployed: str, command: str) -> None:
    with recorder.counting() as counts:
        done = kedro_aws(*COMMANDS[command])
    assert done.code == 0, done.stderr
    # The file is opened twice by its one reading: for the globals that it declares, then to resolve it.
    assert counts == {"aws.yml": 2, "seeds": 1}
    assert done.stderr.lower().count("local aws ") == 1, done.stderr
    del deployed


def test_globals_that_need_no_aws_connect_to_none(recorder: Recorder, generated: Path) -> None:
    with recorder.counting() as counts:
        done = kedro_aws("globals")
    assert done.code == 0, done.stderr
    assert counts == {"aws.yml": 2, "seeds": 0}
    del generated
