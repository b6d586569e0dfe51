"""What actionlint and zizmor say of our workflows and of those for projects; the changelog of a release."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import pytest
import yaml

from kedro_aws_plugin.adopt.files import Answers, Packages, list_ci

ROOT = Path(__file__).parents[2]
ANSWERS = Answers("my-flights", "my-flights-data", "eu-west-1", None)
KINDS = {
    "starter": Packages("pyproject.toml", dev=True, tested=True, named=True),
    "requirements": Packages("requirements.txt", dev=False, tested=True, named=True),
    "plain": Packages("pyproject.toml", dev=False, tested=False, named=True),
}
"""Projects whose workflows differ."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tools are installed on Linux alone")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with all workflows."""
    folder = tmp_path_factory.mktemp("repository")
    workflows = folder / ".github" / "workflows"
    shutil.copytree(ROOT / ".github" / "workflows", workflows)
    for name, packages in KINDS.items():
        [(_, text)] = list_ci(ANSWERS, packages)
        (workflows / f"aws-{name}.yml").write_text(text, encoding="utf-8")
    return folder


def run(repository: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    program = str(Path(sys.executable).with_name(command[0]))
    return subprocess.run(
        [program, *command[1:]], cwd=repository, capture_output=True, text=True, timeout=60, check=False
    )


def test_actionlint_finds_nothing(repository: Path) -> None:
    files = sorted(str(file) for file in (repository / ".github/workflows").iterdir())
    assert len(files) >= 2 + len(KINDS)
    linted = run(repository, "actionlint", "-shellcheck=", "-pyflakes=", *files)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_zizmor_finds_nothing_even_as_an_auditor(repository: Path) -> None:
    """It knows actions that are not pinned, keys that live long, and texts of strangers in scripts."""
    audited = run(
        repository, "zizmor", "--offline", "--no-progress", "--color=never", "--persona=auditor", "."
    )
    assert (audited.returncode, audited.stdout) == (0, "No findings to report. Good job!\n"), audited.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_the_workflow_of_a_project(kind: str) -> None:
    """It tests on the local AWS, comments what a deployment would do, and deploys after approval."""
    [(path, text)] = list_ci(ANSWERS, KINDS[kind])
    assert path == ".github/workflows/aws.yml"
    jobs = yaml.safe_load(text)["jobs"]
    runs = {name: "\n".join(step.get("run", "") for step in job["steps"]) for name, job in jobs.items()}
    assert list(jobs) == ["test", "plan", "deploy"]
    assert ("pytest\n" in runs["test"]) == KINDS[kind].tested
    assert "--env aws" not in runs["test"]
    assert "kedro aws deploy --env aws --dry-run" in runs["plan"]
    assert "gh pr comment" in runs["plan"]
    assert jobs["plan"]["environment"] == "plan"
    assert jobs["deploy"]["environment"] == "production"
    assert jobs["deploy"]["needs"] == "test"
    installed = {"starter": '".[dev]"', "requirements": "-r requirements.txt", "plain": "."}[kind]
    assert all(f"python -m pip install {installed}\n" in each for each in runs.values())
    assert "secrets." not in text


def test_every_fragment_gets_into_the_changelog() -> None:
    """towncrier leaves out, without a word, a file whose name it does not understand."""
    fragments = [file for file in (ROOT / "docs/changelog.d").iterdir() if file.name != ".gitkeep"]
    kinds = "feature|bugfix|doc|removal|misc"
    odd = [each.name for each in fragments if not re.fullmatch(rf"\d+\.({kinds})(\.\d+)?\.md", each.name)]
    assert odd == []
    built = run(ROOT, "towncrier", "build", "--draft", "--version=9.9.9", "--date=2026-11-29")
    assert built.returncode == 0, built.stderr
    assert "\n## 9.9.9 (2026-11-29)\n" in f"\n{built.stdout}", "the release workflow looks for this title"


def test_the_sbom_lists_what_every_extra_brings() -> None:
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    script = "\n".join(step.get("run", "") for step in release["jobs"]["sbom"]["steps"])
    [named] = re.findall(r"\$wheel\[([\w,]+)\]", script)
    assert set(named.split(",")) == set(metadata("kedro-aws-plugin").get_all("Provides-Extra"))


@pytest.mark.parametrize(
    ("there", "installed"),
    [
        (("dockerd", "iptables"), ["debootstrap"]),
        ((), ["docker.io iptables debootstrap"]),
        (("dockerd", "iptables", "debootstrap"), []),
    ],
)
def test_ci_installs_only_what_the_machine_lacks(
    tmp_path: Path, there: tuple[str, ...], installed: list[str]
) -> None:
    """GitHub's machines have Docker's own packages, with which docker.io conflicts."""
    said = {"apt-get": 'echo "$@" >> "$LOG"', "java": "echo 'openjdk version \"17.0.1\"' >&2"}
    for name in ("apt-get", "java", "python3", "make", "chromium", "npm", *there):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{said.get(name, 'exit 0')}\n", encoding="utf-8")
        program.chmod(0o755)
    for name in ("dirname", "sed"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    environ = {"PATH": str(tmp_path), "LOG": str(tmp_path / "log")}
    subprocess.run([str(shutil.which("bash")), str(ROOT / ".ci/run")], env=environ, check=True)
    log = (tmp_path / "log").read_text(encoding="utf-8") if installed else ""
    lines = [line for line in log.splitlines() if line.startswith("install ")]
    assert [line.partition("--no-install-recommends ")[2] for line in lines] == installed
