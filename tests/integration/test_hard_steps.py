"""Nodes that start children or are killed, and whose names are of any script."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from submitted_project import Project, stopped_at_last, wait_for

from local_aws import LocalAws

REGISTRY = """
    import os, signal, subprocess, sys, time
    from pathlib import Path
    from kedro.pipeline import node, pipeline

    def hold(gate):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(gate, "child").write_text(str(child.pid))
        while not Path(gate, "open").exists():
            time.sleep(0.02)
        child.kill()
        child.wait()
        return 1

    def die(held):
        os.kill(os.getpid(), signal.SIGKILL)

    def register_pipelines():
        nodes = [
            node(hold, "params:gate", "held", name="prüfe_Σ"),
            node(die, "held", "nothing", name="終了"),
        ]
        return {"__default__": pipeline(nodes)}
"""


@pytest.fixture
def project(local_aws: LocalAws, tmp_path: Path) -> Iterator[Project]:
    gate = tmp_path / "gate"
    gate.mkdir()
    made = Project(tmp_path / "hard", gate)
    registry = made.folder / "src/steps/pipeline_registry.py"
    registry.write_text("\n".join(line[4:] for line in REGISTRY.splitlines()), encoding="utf-8")
    with stopped_at_last(local_aws, gate):
        yield made


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="a group of processes ends by killpg")
def test_children_end_with_stop_and_a_killed_step_is_explained(project: Project) -> None:
    project.run("submit", "--no-wait", "--run-id", "hard", "--group-by", "node")
    child = int(wait_for(project.gate / "child"))
    assert is_alive(child)
    project.run("stop", "hard")
    deadline = time.monotonic() + 60
    while is_alive(child):
        assert time.monotonic() < deadline, "the child outlives its step"
        time.sleep(0.05)
    (project.gate / "open").touch()
    again = project.run("retry", "hard", code=1)
    name = [line.split()[0] for line in again.stderr.splitlines() if " Executing" in line][-1]
    assert f"Run hard failed: step {name}: " in again.stderr
    assert "exit code: 137. Its log: " in again.stderr
