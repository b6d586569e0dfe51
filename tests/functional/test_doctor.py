"""`kedro aws doctor` in a generated project, as a user types it."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from project_cli import OFFLINE, clean_environment, kedro, kedro_aws

import local_aws
from kedro_aws_plugin.doctor.examine import ask_git
from kedro_aws_plugin.doctor.leftovers import check_local_aws, check_state_folders


def test_a_new_project() -> None:
    found = kedro_aws("doctor")
    assert found.code == 0, found
    lines = found.stdout.splitlines()
    assert any(line.startswith("ok       local AWS    at http://127.0.0.1:") for line in lines)
    assert any(line.endswith("`regressor` is a versioned pickle") for line in lines)
    assert not any(line.startswith("problem") for line in lines)


def test_json_for_programs() -> None:
    found = kedro_aws("doctor", "-o", "json").json
    assert {
        "check": "model",
        "state": "ok",
        "message": "`regressor` is a versioned pickle",
        "fix": "",
    } in found
    assert {each["check"] for each in found} >= {"python", "packages", "project", "local AWS"}


def test_without_a_network(project: Path) -> None:
    ran = kedro("aws", "doctor", "--env", "aws", cwd=project, AWS_ACCESS_KEY_ID="AKIAX",
                AWS_SECRET_ACCESS_KEY="x", **OFFLINE)  # fmt: skip
    assert ran.code == 1
    [line] = [line for line in ran.stdout.splitlines() if line.startswith("problem")]
    assert "AWS cannot be reached" in line
    assert "Fix: Check the network, the proxy and `region` in aws.yml." in ran.stdout
    assert "Traceback" not in ran.stderr


def test_in_a_network_that_swallows_everything(project: Path, tmp_path: Path) -> None:
    """Nobody answers, not even that there is nobody: the system looks for a name for 10 s each time."""
    (tmp_path / "resolv.conf").write_text("nameserver 10.255.255.53\n", encoding="utf-8")
    names = f"mount --bind {tmp_path}/resolv.conf /etc/resolv.conf"
    swallow = f"{names} && ip link set lo up && ip route add default dev lo"
    apart = ["unshare", "--net", "--mount", "bash", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*apart, swallow], check=False).returncode:
        pytest.skip("only root can make a network of its own, by util-linux and iproute2")
    doctor = f"{sys.executable} -m kedro aws doctor --env aws"
    keys = {"AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "x"}
    ran = subprocess.run(
        [*apart, f"{swallow} && {doctor}"],
        cwd=project, env=clean_environment(**keys), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    [line] = [line for line in ran.stdout.splitlines() if line.startswith("problem")]
    assert line.endswith("AWS cannot be reached: nothing answers within 2.5 s.")
    assert "Fix: Check the network, the proxy and `region` in aws.yml." in ran.stdout


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("[profile x\nregion", "Unable to parse config file"),
        (
            "[default]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n"
            "sso_account_id = 123456789012\nsso_role_name = r\n",
            "Error loading SSO Token",
        ),
    ],
)
def test_a_broken_profile_and_a_stale_login(project: Path, tmp_path: Path, config: str, says: str) -> None:
    (tmp_path / "config").write_text(config, encoding="utf-8")
    home = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "HOME": str(tmp_path)}
    ran = kedro("aws", "doctor", "-e", "aws", cwd=project, **home, **OFFLINE)
    assert ran.code == 1
    lines = ran.stdout.splitlines()
    [number] = [number for number, line in enumerate(lines) if line.startswith("problem")]
    assert says in lines[number]
    assert lines[number + 1].strip().startswith("Fix: ")
    assert "Traceback" not in ran.stderr


def test_outside_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = kedro_aws("doctor")
    assert found.code == 1
    assert "is not inside a Kedro project.\n" in found.stdout
    assert found.stdout.endswith("1 problem.\n")


def test_a_mistake_in_aws_yml_and_in_the_catalog(project: Path) -> None:
    local = project / "conf" / "local"
    (local / "aws.yml").write_text("regoin: eu-west-1\n", encoding="utf-8")
    try:
        assert "unknown key `regoin`; did you mean `region`?" in kedro_aws("doctor").stdout
        (local / "aws.yml").unlink()
        (local / "catalog.yml").write_text("x: ${globals:absent}\n", encoding="utf-8")
        found = kedro_aws("doctor")
        assert (found.code, "problem  catalog      there is no global `absent`" in found.stdout) == (1, True)
    finally:
        (local / "aws.yml").unlink(missing_ok=True)
        (local / "catalog.yml").unlink(missing_ok=True)


def test_a_fresh_checkout_in_which_nothing_has_run(project: Path, tmp_path: Path) -> None:
    """`.kedro-aws/` in .gitignore matches a folder, which is not there yet."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(".kedro-aws/\n", encoding="utf-8")
    assert ask_git(tmp_path, tmp_path / ".kedro-aws") is True
    (tmp_path / ".gitignore").write_text("data/\n", encoding="utf-8")
    assert ask_git(tmp_path, tmp_path / ".kedro-aws") is False
    assert ask_git(tmp_path, project / ".kedro-aws") is None


def test_what_git_would_commit_is_mended(project: Path) -> None:
    """The starter's .gitignore has the line; without it, the state folder's own file still keeps it out."""
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    ignored = (project / ".gitignore").read_text(encoding="utf-8")
    own = project / ".kedro-aws" / ".gitignore"
    kept = own.read_text(encoding="utf-8")
    try:
        assert "ok       git" in kedro_aws("doctor").stdout
        (project / ".gitignore").write_text(ignored.replace(".kedro-aws/\n", ""), encoding="utf-8")
        own.unlink()
        assert "problem  git          git does not ignore .kedro-aws/" in kedro_aws("doctor").stdout
        mended = kedro_aws("doctor", "--fix")
        assert (mended.code, "fixed    git" in mended.stdout) == (0, True)
        assert "ok       git" in kedro_aws("doctor").stdout
    finally:
        own.write_text(kept, encoding="utf-8")
        (project / ".gitignore").write_text(ignored, encoding="utf-8")
        subprocess.run(["rm", "-rf", str(project / ".git")], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows stops no processes")
def test_a_local_aws_that_hangs_or_is_of_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is stopped like a debugger does it, and one whose state file names another version."""
    aws, _ = local_aws.start(tmp_path, region="eu-west-1")
    try:
        os.kill(aws.pid, signal.SIGSTOP)
        [hangs] = check_local_aws(tmp_path)
        os.kill(aws.pid, signal.SIGCONT)
        assert (hangs.state, hangs.fix) == ("problem", "kedro aws local stop")
        assert "does not answer" in hangs.message
        monkeypatch.setattr(local_aws, "__version__", "0.0.1")
        [other] = check_local_aws(tmp_path)
        assert (other.state, other.fix) == ("problem", "kedro aws local stop")
        assert "and this is 0.0.1." in other.message
    finally:
        local_aws.stop(tmp_path)
    [stopped] = check_local_aws(tmp_path)
    assert (stopped.state, stopped.message) == ("ok", "not running; the next command starts it")


def test_a_state_folder_that_is_no_longer_used(project: Path, tmp_path: Path) -> None:
    [left] = check_state_folders(project, tmp_path)
    assert (left.state, f"Delete {project / '.kedro-aws'}" in left.fix) == ("warning", True)
    assert list(check_state_folders(project, project / ".kedro-aws")) == []
