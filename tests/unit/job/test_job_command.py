"""How the process of a step ends, and what it tells SageMaker."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kedro_aws_plugin.job import __main__ as job_command


def run(
    monkeypatch: pytest.MonkeyPatch, folder: Path, run_step: Callable[[Any], list[str]]
) -> tuple[int, str]:
    """Run a step, and give its exit code and its message."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(job_command, "run_step", run_step)
    message = folder / "output" / "message"
    code = job_command.main(["--files", str(folder), "--message", str(message), "--step", "train"])
    return code, message.read_text(encoding="utf-8") if message.exists() else ""


@pytest.mark.parametrize(("code", "said"), [(0, "SystemExit: 0"), (None, "SystemExit")])
def test_a_node_that_leaves_python_fails_its_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int | None, said: str
) -> None:
    def leave(_asked: Any) -> list[str]:
        raise SystemExit(*([] if code is None else [code]))

    assert run(monkeypatch, tmp_path, leave) == (1, f"Step train failed: {said}")


def test_a_message_may_have_bytes_that_are_no_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(_asked: Any) -> list[str]:
        raise ValueError(b"caf\xe9.csv".decode("utf-8", "surrogateescape"))

    assert run(monkeypatch, tmp_path, fail) == (1, "Step train failed: ValueError: caf\\udce9.csv")


def test_a_step_that_succeeds_writes_no_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path, lambda _asked: ["model 1"]) == (0, "")
