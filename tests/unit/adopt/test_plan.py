"""What is planned for a project: which files, in which order, and what is left to the user."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kedro_aws_plugin.adopt.changes import Copy, Write
from kedro_aws_plugin.adopt.discovery import Found
from kedro_aws_plugin.adopt.files import Answers
from kedro_aws_plugin.adopt.look import Adopted
from kedro_aws_plugin.adopt.plan import Adoption, Wishes, find_packages, plan_adoption
from kedro_aws_plugin.errors import ProjectError

S3 = Wishes(s3=True)


def plan(
    path: Path, catalog: Mapping[str, Any] | None = None, wishes: Wishes = S3, bucket: str = "b-data"
) -> Adoption:
    """Plan for a project all of whose entries are raw data."""
    catalog = catalog or {}
    file = path / "conf/base/catalog.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_text(yaml.safe_dump(dict(catalog)), encoding="utf-8")
    stated = yaml.safe_load(file.read_text(encoding="utf-8"))
    names = {name: name for name in stated}
    project = Adopted(path, "some-one", stated, names, Found((), frozenset(names)))
    return plan_adoption(project, Answers("some-one", bucket, "eu-west-1", None), wishes)


def make(path: Path, adoption: Adoption, most: int | None = None) -> None:
    for change in adoption.changes[:most]:
        change.make(path)


def raw(path: Path, filepath: str = "data/01_raw/rows.csv") -> dict[str, Any]:
    (path / filepath).parent.mkdir(parents=True, exist_ok=True)
    (path / filepath).write_text("x\n1\n", encoding="utf-8")
    return {"rows": {"type": "pandas.CSVDataset", "filepath": filepath}}


def test_what_else_stands_in_env_is_not_shown() -> None:
    before = "PASSWORD=hunter2\n"
    assert "hunter2" not in Write(".env", before, f"{before}HOST_UID=1001\n").show()
    assert "+HOST_UID=1001\n" in Write(".env", before, f"{before}HOST_UID=1001\n").show()


@pytest.mark.parametrize("ignored", ["data/**\n!data/**/\n!.gitkeep\n*.csv\n", "data/\n", "/data"])
def test_git_takes_in_the_copied_raw_data_and_nothing_else(tmp_path: Path, ignored: str) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text(ignored, encoding="utf-8")
    make(tmp_path, plan(tmp_path, raw(tmp_path)))
    (tmp_path / "data/raw/parts").mkdir()
    (tmp_path / "data/raw/parts/1.csv").write_text("x\n", encoding="utf-8")
    (tmp_path / "data/other.csv").write_text("x\n", encoding="utf-8")
    seen = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "data"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert seen.stdout.split() == ["data/raw/parts/1.csv", "data/raw/rows.csv"]
    again = plan(tmp_path)
    assert again.changes == ()


@pytest.mark.parametrize("before", [None, "answer: 42\n"])
def test_paths_name_a_bucket_that_is_there(tmp_path: Path, before: str | None) -> None:
    """An aws.yml with the bucket's own name, and another in the environment `aws`."""
    catalog = raw(tmp_path)
    for folder, bucket in (("base", "mine"), ("aws", "theirs")):
        (tmp_path / "conf" / folder).mkdir(parents=True)
        (tmp_path / f"conf/{folder}/aws.yml").write_text(f"bucket: {bucket}\n", encoding="utf-8")
    if before is not None:
        (tmp_path / "conf/base/globals.yml").write_text(before, encoding="utf-8")
    make(tmp_path, plan(tmp_path, catalog, bucket="mine"))
    named = [yaml.safe_load((tmp_path / f"conf/{each}/globals.yml").read_text()) for each in ("base", "aws")]
    assert named == [{**yaml.safe_load(before or "{}"), "bucket": "mine"}, {"bucket": "theirs"}]


def test_a_bucket_from_elsewhere_is_left_to_the_user(tmp_path: Path) -> None:
    catalog = raw(tmp_path)
    (tmp_path / "conf/base").mkdir(parents=True)
    (tmp_path / "conf/base/aws.yml").write_text("bucket: ${globals:store}\n", encoding="utf-8")
    [warning] = plan(tmp_path, catalog).warnings
    assert "Add `bucket` to conf/base/globals.yml: the value of ${globals:store}" in warning


def test_an_interrupted_command_goes_on_wherever_it_ended(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    spark = {"table": {"type": "spark.SparkDatasetV2", "filepath": "data/03_primary/table"}}
    wishes = Wishes(s3=True, ci=True, docker=True)
    first = plan(whole, {**raw(whole), **spark}, wishes)
    make(whole, first)
    assert first.changes[-1].path == "conf/base/aws.yml"
    assert "enabled: true" in (whole / "conf/base/aws.yml").read_text(encoding="utf-8")
    expected = {each.path: (whole / each.path).read_bytes() for each in first.changes}
    for number in range(1, len(first.changes)):
        part = tmp_path / str(number)
        make(part, plan(part, {**raw(part), **spark}, wishes), number)
        make(part, plan(part, None, wishes))
        assert {path: (part / path).read_bytes() for path in expected} == expected, number


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/aws").touch()
    with pytest.raises(ProjectError, match=r"conf/aws/globals\.yml cannot be read: "):
        plan(tmp_path)


@pytest.mark.parametrize("own", ["docker-compose.yml", "compose.yml", ".dockerignore", "Dockerfile"])
def test_nothing_is_added_to_somebodys_own_docker_files(tmp_path: Path, own: str) -> None:
    (tmp_path / own).write_text("mine\n", encoding="utf-8")
    found = plan(tmp_path, wishes=Wishes(docker=True))
    texts = {each.path: each.after for each in found.changes if isinstance(each, Write)}
    assert set(texts) == {
        "conf/base/globals.yml",
        "conf/aws/aws.yml",
        "conf/aws/globals.yml",
        "conf/base/aws.yml",
        ".gitignore",
    }
    assert texts[".gitignore"] == ".kedro-aws/\n"
    assert found.warnings == (
        f"The project has files of its own for Docker: {own}. They stay, and --docker adds nothing.",
    )


def test_a_path_that_leads_out_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/x.csv").touch()
    project = tmp_path / "project"
    found = plan(project, {"rows": {"type": "pandas.CSVDataset", "filepath": "../shared/x.csv"}})
    assert not [each for each in found.changes if isinstance(each, Copy) or "catalog" in each.path]
    [warning] = found.warnings
    assert warning.startswith("Not moved, because the path leads out of the project: rows. ")


@pytest.mark.parametrize(
    ("stated", "installed"),
    [
        ('dependencies = []\n[project.optional-dependencies]\ndev = ["pytest"]\n', '".[dev]"'),
        ('dependencies = []\n[dependency-groups]\ndev = ["pytest"]\n', ". --group dev"),
        ('optional-dependencies = { dev = ["pytest"] }\n', '".[dev]"'),
        ("dependencies = []\n[tool.x]\ndev = [1]\n", "."),
    ],
)
def test_a_dependency_group_is_no_extra(tmp_path: Path, stated: str, installed: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[project]\n{stated}", encoding="utf-8")
    (tmp_path / "tests").mkdir()
    workflow = {each.path: each for each in plan(tmp_path, wishes=Wishes(ci=True)).changes}
    written = workflow[".github/workflows/aws.yml"]
    assert isinstance(written, Write)
    assert f"- run: python -m pip install {installed}\n" in written.after
    assert find_packages(tmp_path).tested == ("pytest" in stated)
