"""The project as a newcomer has it: made by `kedro new`, then run, tested, linted, packaged."""

import json
import os
import re
import select
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import local_aws

Run = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.slow

NEW = ("new", "--starter", "aws-spaceflights")
OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("newcomer")
    made = run("kedro", *NEW, "--name", "My Flights", cwd=folder, **OFFLINE)
    assert made.returncode == 0, made.stderr
    yield folder / "my-flights"
    local_aws.stop(local_aws.default_state_dir(folder / "my-flights"))


def test_kedro_lists_the_starter(run: Run, tmp_path: Path) -> None:
    assert "\naws-spaceflights:\n" in run("kedro", "starter", "list", cwd=tmp_path).stdout


def test_new_takes_everything_from_a_config_file(run: Run, tmp_path: Path) -> None:
    config = "project_name: Moon Prices\nrepo_name: moon\nbucket: acme-moon\nregion: us-east-2\n"
    (tmp_path / "new.yml").write_text(config)
    made = run("kedro", *NEW, "--config", "new.yml", cwd=tmp_path, **OFFLINE)
    assert made.returncode == 0, made.stderr
    assert "region: us-east-2" in (tmp_path / "moon/conf/base/aws.yml").read_text()
    assert "acme-moon" in (tmp_path / "moon/conf/base/globals.yml").read_text()


def test_new_refuses_a_wrong_bucket_and_leaves_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "new.yml").write_text("project_name: Moon Prices\nbucket: Moon_Prices\n")
    refused = run("kedro", *NEW, "--config", "new.yml", cwd=tmp_path)
    assert refused.returncode == 1
    assert "bucket 'Moon_Prices': S3 requires 3 to 63 lower-case letters" in refused.stderr
    assert "Stopping generation" not in refused.stderr + refused.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["new.yml"]


def test_new_still_logs_the_failing_check_of_another_starter(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "{{ cookiecutter.repo_name }}").mkdir(parents=True)
    (other / "hooks").mkdir()
    (other / "hooks" / "pre_gen_project.py").write_text("raise SystemExit(1)")
    (other / "cookiecutter.json").write_text('{"project_name": "x", "repo_name": "x", "python_package": "x"}')
    refused = run("kedro", "new", "--starter", str(other), "--name", "Moon Prices", cwd=tmp_path)
    assert refused.returncode == 1
    assert "Stopping generation" in refused.stderr + refused.stdout


def test_run_trains_a_good_model_and_keeps_stdout_clean(run: Run, project: Path) -> None:
    ran = run("kedro", "run", cwd=project)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
    found = re.search(r"R2 (\d\.\d+)", ran.stderr)
    assert found is not None
    assert 0.6 < float(found[1]) < 0.95


def test_adds_the_workflow_that_its_readme_names(run: Run, project: Path) -> None:
    """It installs the project's own extra, and runs its tests; Docker's files are there already."""
    assert "`kedro aws init --ci github`" in (project / "README.md").read_text("utf-8")
    added = run("kedro", "aws", "init", "--ci", "github", "--docker", "--dry-run", cwd=project)
    assert added.returncode == 0, added.stderr
    files = re.findall(r"^\+\+\+ b/(\S+)$", added.stdout, re.MULTILINE)
    assert set(files) - {".env"} == {".github/workflows/aws.yml"}  # .env is of this user alone
    assert '+      - run: python -m pip install ".[dev]"\n+      - run: pytest\n' in added.stdout


def test_registers_what_kedro_pipeline_create_makes(run: Run, tmp_path: Path) -> None:
    assert run("kedro", *NEW, "--name", "More", cwd=tmp_path).returncode == 0
    created = run("kedro", "pipeline", "create", "reporting", cwd=tmp_path / "more")
    assert created.returncode == 0, created.stderr
    listed = run("kedro", "registry", "list", cwd=tmp_path / "more")
    assert listed.stdout.split() == [
        *("-", "__default__", "-", "data_processing", "-", "data_science", "-", "reporting")
    ]
    assert listed.stderr == ""
    for arguments in (["check"], ["format", "--check"]):
        linted = run("ruff", *arguments, cwd=tmp_path / "more")
        assert linted.returncode == 0, linted.stdout


def judge(run: Run, project: Path, version: str) -> dict[str, float]:
    """Run the last node alone, on the model and the test set of a version; read what it saved."""
    versions = f"regressor:{version},test:{version}"
    judged = run("kedro", "run", "--nodes=evaluate_model", f"--load-versions={versions}", cwd=project)
    assert judged.returncode == 0, judged.stderr
    return read_newest_metrics(project)


def read_newest_metrics(project: Path) -> dict[str, float]:
    s3 = find_local_aws(project).client("s3")
    listed = s3.list_objects_v2(Bucket="my-flights-data", Prefix="metrics/")["Contents"]
    newest = max(each["Key"] for each in listed)
    return json.loads(s3.get_object(Bucket="my-flights-data", Key=newest)["Body"].read())


def find_local_aws(project: Path) -> local_aws.LocalAws:
    found = local_aws.find(local_aws.default_state_dir(project))
    assert found is not None
    return found


def test_an_old_version_can_be_judged_again(run: Run, project: Path) -> None:
    """Its test set is kept with it: that of a later run, with another split, is another one."""
    assert run("kedro", "run", cwd=project).returncode == 0
    s3 = find_local_aws(project).client("s3")
    models = s3.list_objects_v2(Bucket="my-flights-data", Prefix="models/")["Contents"]
    version = max(each["Key"] for each in models).split("/")[-2]
    then = read_newest_metrics(project)
    other = run("kedro", "run", "--pipelines=data_science", "--params", "split.random_state=4", cwd=project)
    assert other.returncode == 0, other.stderr
    assert read_newest_metrics(project) != then
    assert judge(run, project, version) == then
    s3_object = s3.get_object(Bucket="my-flights-data", Key="reports/metrics.json")
    (line,) = json.loads(s3_object["Body"].read())["data"]
    # `kedro run --nodes` without list_versions leaves the plot of the run before it.
    assert line["x"] == sorted(set(line["x"]))
    assert len(line["x"]) >= 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of Unix")
@pytest.mark.parametrize(("typed", "folder"), [("Moon Prices", "moon-prices"), ("", "aws-spaceflights")])
def test_new_as_typed_asks_for_the_name(tmp_path: Path, typed: str, folder: str) -> None:
    """Return alone takes the name that is offered."""
    printed = type_into_a_terminal(["kedro", *NEW], typed, cwd=tmp_path)
    assert "[AWS Spaceflights]:" in printed
    assert [path.name for path in tmp_path.iterdir()] == [folder]


def type_into_a_terminal(arguments: list[str], typed: str, cwd: Path) -> str:
    """Run a module in a terminal; answer its first question."""
    import pty

    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env={**os.environ, "KEDRO_DISABLE_TELEMETRY": "1"},
        stdin=end,
        stdout=end,
        stderr=end,
    )
    os.close(end)
    os.write(terminal, typed.encode() + b"\n")  # the terminal keeps it until it is read
    printed = b""
    while process.poll() is None or select.select([terminal], [], [], 0)[0]:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            printed += os.read(terminal, 4096)
        except OSError:  # Linux ends a terminal that nobody writes to so
            break
    os.close(terminal)
    assert process.wait(timeout=60) == 0, printed.decode()
    return printed.decode()


def test_runs_one_pipeline_by_its_name(run: Run, project: Path) -> None:
    ran = run("kedro", "run", "--pipelines", "data_processing", cwd=project)
    assert ran.returncode == 0, ran.stderr
    assert "create_model_input_table" in ran.stderr
    assert not re.search("train_model|[Ww]arning", ran.stderr)


def test_its_tests_pass(run: Run, project: Path) -> None:
    tested = run("pytest", "-p", "no:cacheprovider", cwd=project)
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout
    assert "warnings summary" not in tested.stdout


def test_its_linter_passes_on_what_is_there_now(run: Run, project: Path) -> None:
    assert run("ruff", "check", cwd=project).returncode == 0
    assert run("ruff", "format", "--check", cwd=project).returncode == 0


def test_runs_from_its_wheel(run: Run, project: Path, tmp_path: Path) -> None:
    packaged = run("kedro", "package", cwd=project)
    assert packaged.returncode == 0, packaged.stderr
    with zipfile.ZipFile(next((project / "dist").glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path)
    conf = project / "dist" / "conf-my_flights.tar.gz"
    ran = run("my_flights", "--conf-source", str(conf), cwd=project, PYTHONPATH=str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert "R2" in ran.stderr


def test_git_takes_the_data_and_leaves_what_tools_made(project: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    (project / "conf/aws/credentials.yml").touch()
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert len(listed) <= 26
    raw = {"companies.csv", "reviews/reviews.csv", "shuttles.xlsx"}
    assert {f"data/raw/{name}" for name in raw} <= set(listed)
    assert not [
        name
        for name in listed
        if re.match(r"\.kedro-aws|dist|build|\.ruff|.*__pycache__|conf/aws/cred", name)
    ]
