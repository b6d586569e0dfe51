"""Destroy: what carries the tags goes, asked for; the rest stays."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from project_cli import State, clean_environment, kedro, kedro_aws
from requests_sent import Requests


@pytest.fixture
def spare(state: State) -> Iterator[State]:
    """An environment with a version registered, and an endpoint on its way."""
    assert kedro_aws("register-model", "-e", "spare", "--approve").code == 0
    assert kedro_aws("deploy", "-e", "spare", "--no-wait").code == 0
    yield state
    kedro_aws("deploy", "-e", "spare")
    kedro_aws("destroy", "-e", "spare", "--registry", "--yes")


def others(state: State) -> dict[str, list[object]]:
    """What is not of that environment."""
    return {
        kind: [each for each in held if "spare-price" not in str(each)]
        for kind, held in state.everything().items()
    }


def test_destroy(spare: State, requests_sent: Requests, project: Path) -> None:
    settled = kedro_aws("deploy", "-e", "spare")
    assert settled.code == 0, settled.stderr
    before, kept = spare.everything(), others(spare)
    requests_sent.all.clear()

    refused = kedro_aws("destroy", "-e", "spare")
    assert (refused.code, refused.stdout) == (1, "")
    assert "Plan: destroy what my_flights has on AWS\n  1. delete endpoint spare-price\n" in refused.stderr
    assert refused.stderr.endswith(
        "Error: Nothing was changed: confirmation is required. Re-run with --yes, or preview with "
        "--dry-run.\n"
    )
    planned = kedro_aws("destroy", "-e", "spare", "--dry-run", "-o", "json").json
    assert [step["operation"] for step in planned["steps"]] == [
        "DeleteEndpoint",
        "DescribeEndpoint",
        "DeleteEndpointConfig",
        "DeleteModel",
    ]
    assert requests_sent.changing == []
    assert spare.everything() == before

    done = kedro("aws", "destroy", "-e", "spare", "--yes", cwd=project)
    assert (done.code, done.stdout) == (0, "Deleted, in 4 steps.\n")
    assert "spare-price" not in spare.endpoints()
    assert others(spare) == kept
    assert [package for package, _ in spare.everything()["packages"] if "spare-price" in package]
    again = kedro_aws("destroy", "-e", "spare")
    assert (again.code, again.stdout) == (0, "unchanged: my_flights has nothing on AWS to delete\n")

    registry = kedro_aws("destroy", "-e", "spare", "--registry", "--yes", "-o", "json").json
    operations = [step["operation"] for step in registry["steps"]]
    assert operations == ["DeleteModelPackage", "DeleteObjects", "DeleteModelPackageGroup"]
    assert "spare-price" not in str(spare.everything())
    assert others(spare) == kept


def test_a_lost_laptop_loses_nothing(spare: State, project: Path, tmp_path: Path) -> None:
    """Another clone, which knows the project's name and environment alone, finds all of it by its tags."""
    clone = tmp_path / "clone"
    shutil.copytree(project, clone, ignore=shutil.ignore_patterns(".kedro-aws", "__pycache__"))
    done = kedro(
        "aws",
        "destroy",
        "-e",
        "spare",
        "--dry-run",
        "-o",
        "json",
        cwd=clone,
        KEDRO_AWS_STATE_DIR=str(project / ".kedro-aws"),
    )
    assert done.code == 0, done.stderr
    names = [next(iter(step["request"].values())) for step in done.json["steps"]]
    assert names[0] == "spare-price"
    assert set(names) == {"spare-price", *spared(spare)}


def spared(state: State) -> set[str]:
    held = state.everything()
    names = [str(name) for kind in ("models", "configs") for name in held[kind]]
    return {name for name in names if name.startswith("spare-price")}


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed to answer a question")
@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"y\n", 0)])
def test_on_a_terminal_it_asks(spare: State, project: Path, answer: bytes, code: int) -> None:
    import pty
    import subprocess

    assert kedro_aws("deploy", "-e", "spare").code == 0
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kedro", "aws", "destroy", "-e", "spare"],
        cwd=project,
        env=clean_environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    os.write(ours, answer)
    stdout, stderr = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code, stderr
    assert "Apply this plan? [y/N]: " in stderr
    assert ("spare-price" in spare.endpoints()) == (code == 1)
    if code == 1:
        assert (stdout, stderr.endswith("Error: Nothing was changed.\n")) == ("", True)
    else:
        assert stdout == "Deleted, in 4 steps.\n"
