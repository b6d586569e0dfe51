"""Globals and parameters reach every way of running a project, with `--env` and `--params`.

One small project, one process a row; its nodes write down what they were given, what their module read when
it was imported, and what `parameters` holds when they run.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from everywhere_project import FILES, GIVEN, IPYTHON, SECRET, SESSIONS, SNAPSHOT, Project

from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.aws.values import Parameter, read_parameter, read_secret
from local_aws import LocalAws

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for the project's temporary files, with a name that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="k") as folder:
        yield Path(folder)


@pytest.fixture
def project(local_aws: LocalAws, tmp_path: Path, temporary: Path) -> Project:
    for name, text in FILES.items():
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).write_text(textwrap.dedent(text), encoding="utf-8")
    for stage in ("base", "other"):
        local_aws.client("ssm").put_parameter(
            Name=f"/everywhere/{stage}", Value=f"level {stage}", Type="String"
        )
    local_aws.client("secretsmanager").create_secret(
        Name="everywhere", SecretString=json.dumps({"password": SECRET})
    )
    outside = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTHONPATH"))}
    quiet = {"KEDRO_DISABLE_TELEMETRY": "1", "TMPDIR": str(temporary), "PYTHONWARNINGS": "ignore"}
    return Project(tmp_path / "project", {**outside, **quiet})


def check(seen: list[dict[str, Any]], processes: int = 1) -> None:
    """Two nodes saw the run of `GIVEN`, and the same one."""
    one, two = seen
    for each in seen:
        assert each["import"] == each["call"] == one["call"]
        assert each["input"] == {"depth": 7, "nightly": each["call"]["nightly"]}
        assert each["password"] == SECRET
    now = one["call"]
    assert (now["depth"], now["where"], now["given"]) == (7, "other", "word")
    assert now["asked"] == "123456789012 level other"
    assert now["run"].startswith("20")
    assert len({one["pid"], two["pid"]}) == processes


def add_a_dataset_with_secrets(project: Project) -> None:
    file = project.path / "conf/base/catalog.yml"
    file.write_text(
        f"{file.read_text(encoding='utf-8')}\n"
        'plain: {type: everywhere.seen.SeenDataset, filepath: "${globals:password}/${globals:level}"}\n',
        encoding="utf-8",
    )


@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner"])
def test_run(project: Project, runner: str) -> None:
    project.run("-m", "kedro", "run", *GIVEN, "--runner", runner)
    check(project.seen())


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_run_in_processes(project: Project, method: str) -> None:
    project.run("-m", "kedro", "run", *GIVEN, "--runner", "ParallelRunner", KEDRO_MP_CONTEXT=method)
    check(project.seen(), processes=2)


def test_ipython(project: Project) -> None:
    project.run(
        "-m", "IPython", "--ext", "kedro.ipython", "-c", IPYTHON, IPYTHONDIR=str(project.path / "ipy")
    )
    check(project.seen())


def test_a_packaged_project_with_its_configuration_in_an_archive(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with tarfile.open(elsewhere / "conf.tar.gz", "w:gz") as archive:
        archive.add(project.path / "conf", "conf")
    source = ("--conf-source", str(elsewhere / "conf.tar.gz"))
    project.run("-m", "everywhere", *GIVEN, *source, cwd=elsewhere, PYTHONPATH=str(project.path / "src"))
    check(Project(elsewhere, {}).seen())


def test_commands_without_a_session(project: Project) -> None:
    assert "- __default__\n- wait" in project.run("-m", "kedro", "registry", "list", KEDRO_ENV="other")
    (project.path / "src/everywhere/settings.py").write_text(
        "from kedro_aws_plugin import AwsConfigLoader\nCONFIG_LOADER_CLASS = AwsConfigLoader\n",
        encoding="utf-8",
    )
    add_a_dataset_with_secrets(project)
    printed = project.run("-c", SNAPSHOT)
    assert "SECRETS ***/***" in printed
    assert printed.partition("SEEN ")[2].startswith("out/other/")


def test_pytest(project: Project) -> None:
    source = str(project.path / "src")
    printed = project.run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", KEDRO_ENV="other", PYTHONPATH=source
    )
    assert "1 passed" in printed


def test_runs_in_one_process_see_their_own(project: Project) -> None:
    seen = json.loads(project.run("-c", SESSIONS).rpartition("SEEN ")[2])
    assert [each["call"]["depth"] for each in seen] == [3, 4, 5, 5]
    assert [each["call"]["where"] for each in seen] == ["base", "base", "other", "other"]
    runs = [each["call"]["run"] for each in seen]
    assert len(set(runs)) == 4
    assert (runs[2], runs[3][:2]) == ("mine", "20")
    stamps = [each["call"]["stamp"] for each in seen]
    assert len(set(stamps)) == 4
    # What a module kept is that of the run that imported it.
    assert {each["import"]["depth"] for each in seen} == {3}


def test_kedro_catalog_prints_no_secret(project: Project) -> None:
    add_a_dataset_with_secrets(project)
    printed = project.run("-m", "kedro", "catalog", "resolve-patterns", "--env", "other")
    assert "***/***" in printed
    assert "level other" not in printed


def test_kedro_aws_globals_shows_what_each_resolves_to_and_from_where(project: Project) -> None:
    command = ("-m", "kedro", "aws", "globals", "--env", "other")
    done = json.loads(
        project.run(*command, "--params", "globals.unused=1,globals.nightly=2026/01/01", "-o", "json")
    )
    found = {each["name"]: (each["value"], each["computed"], each["source"]) for each in done}
    assert [each["problem"] for each in done if each["problem"]] == []
    assert found["account"] == ("123456789012", "account_id", "conf/base/aws.yml")
    assert found["password"] == ("***", "secret", "conf/base/aws.yml")
    assert found["level"] == ("level other", "ssm", "conf/base/aws.yml")
    assert found["bucket"] == ("everywhere", "constant", "conf/base/globals.yml")
    assert found["stage"] == ("other", "constant", "conf/other/globals.yml")
    assert found["nightly"] == ("2026/01/01", "constant", "--params")
    assert found["prefix"][0] == f"out/other/{found['stamp'][0]}"


def test_kedro_aws_globals_says_each_thing_that_is_wrong(project: Project) -> None:
    file = project.path / "conf/base/aws.yml"
    file.write_text(f"{file.read_text(encoding='utf-8')}  home: {{env: {{name: EVERYWHERE_NOT}}}}\n", "utf-8")
    command = ("-m", "kedro", "aws", "globals", "--env", "other")
    with pytest.raises(AssertionError) as failed:
        project.run(*command)
    assert [line[:45] for line in str(failed.value).splitlines() if line.startswith("Error:")] == [
        "Error: `globals.home`: the environment variab",
        "Error: `globals.unused`: There is no secret t",
    ]
    assert str(failed.value).count("(see the error)") == 2
    (project.path / "conf/other/globals.yml").write_text("stage: x${ globals:nightly}\n", "utf-8")
    with pytest.raises(
        AssertionError, match=r"Error: conf/other/globals\.yml: `stage` refers to a `\$\{globals"
    ):
        project.run(*command)


def test_what_aws_answers_is_not_logged(
    project: Project, local_aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    name = {"Name": "/everywhere/base", "Type": "SecureString", "Overwrite": True}
    local_aws.client("ssm").put_parameter(**name, Value=f"{SECRET} too")
    aws = Aws("local", "eu-west-1")
    with caplog.at_level(logging.DEBUG):
        assert read_secret(aws, "everywhere", "password") == SECRET
        assert read_parameter(aws, "/everywhere/base") == Parameter(f"{SECRET} too", True, 2)
        aws.sts.get_caller_identity()
    assert project
    assert "GetCallerIdentity" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_no_secret_is_left_on_the_disk_by_a_run_that_is_killed(project: Project, temporary: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", "--pipelines", "wait", "--runner", "ParallelRunner"],
        cwd=project.path,
        env={**project.environment, "KEDRO_MP_CONTEXT": "spawn"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not (project.path / "waiting").exists():
            assert running.poll() is None
            time.sleep(0.05)
        running.kill()
        running.wait()
        assert running.returncode == -signal.SIGKILL
        folders = (project.path, temporary, Path("/dev/shm"))
        kept = [file for folder in folders for file in folder.rglob("*") if file.is_file() and _holds(file)]
        assert [file for file in kept if file != project.path / "tests/test_nodes.py"] == []
    finally:
        # Its children know nothing of its death yet.
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def _holds(file: Path) -> bool:
    try:
        return SECRET.encode() in file.read_bytes()
    except OSError:
        return False  # another's, which is gone or not ours to read
