"""The files of a job: what travels, and that the same project gives the same files."""

import ast
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from importlib.metadata import distribution, version
from pathlib import Path

import pytest

from kedro_aws_plugin.bundle import bootstrap
from kedro_aws_plugin.bundle.conf_archive import pack_configuration
from kedro_aws_plugin.bundle.job_files import Installation, JobDescription, JobStep, build_job_files
from kedro_aws_plugin.bundle.requirements import find_installed, list_constraints, read_project_metadata
from kedro_aws_plugin.bundle.wheel import build_project_wheel
from kedro_aws_plugin.errors import ProjectError

STEP = JobStep(("fit",), ("model",))
DESCRIPTION = JobDescription("shop", "dev", "my-shop", "kedro-aws", {"all": STEP}, pinned=("model",))
FILES = {
    "pyproject.toml": '[project]\nname = "My.Shop"\nversion = "1.02"\ndependencies = ["packaging>=23"]\n',
    "src/shop/__init__.py": "ANSWER = 42\n",
    "src/shop/data/prices.csv": "1\n",
    "src/shop/__pycache__/x.pyc": "",
    "src/shop.egg-info/PKG-INFO": "",
    "src/shop/.secret": "",
    "conf/logging.yml": "version: 1\n",
    "conf/base/aws.yml": "bucket: my-shop\n",
    "conf/base/credentials.yml": "secret\n",
    "conf/base/credentials_db.yaml": "secret\n",
    "conf/base/sub/credentials/db.yml": "secret\n",
    "conf/dev/Credentials.yml": "secret\n",
    "conf/dev/catalog/tables.yml": "{}\n",
    "conf/local/catalog.yml": "{}\n",
    "conf/prod/catalog.yml": "{}\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / name).write_text(text)
    return tmp_path / "shop"


def test_what_travels(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    made = build_job_files(project, project / "conf", DESCRIPTION, folder, installation=Installation("none"))
    wheel = "my_shop-1.2-py3-none-any.whl"
    assert [each.path.name for each in made.files] == ["bootstrap.py", "conf.tar.gz", "job.json", wheel]
    with tarfile.open(folder / "conf.tar.gz") as archive:
        assert archive.getnames() == [
            "conf/base/.gitkeep",
            "conf/base/aws.yml",
            "conf/dev/.gitkeep",
            "conf/dev/catalog/tables.yml",
            "conf/logging.yml",
        ]
    with zipfile.ZipFile(folder / wheel) as archive:
        info = "my_shop-1.2.dist-info"
        assert archive.namelist() == [
            *(f"{info}/METADATA", f"{info}/WHEEL"),
            *("shop/__init__.py", "shop/data/prices.csv", f"{info}/RECORD"),
        ]
        assert b"Requires-Dist: packaging>=23\n" in archive.read(f"{info}/METADATA")
    needed = ("packaging>=23", f"kedro-aws-plugin=={version('kedro-aws-plugin')}")
    described = JobDescription.from_json(json.loads((folder / "job.json").read_text()))
    assert described == replace(DESCRIPTION, requirements=needed)


def test_a_configuration_elsewhere_in_the_project_stays_there(project: Path, tmp_path: Path) -> None:
    (project / "settings").mkdir()
    (project / "conf").rename(project / "settings" / "config")
    target = tmp_path / "conf.tar.gz"
    pack_configuration(project, project / "settings" / "config", {"base"}, target)
    with tarfile.open(target) as archive:
        assert "settings/config/base/aws.yml" in archive.getnames()
    with pytest.raises(ProjectError, match=r"is not in .*Set CONF_SOURCE in settings\.py"):
        pack_configuration(project, tmp_path, {"base"}, target)


def test_what_a_project_reads_as_credentials_does_not_travel(project: Path, tmp_path: Path) -> None:
    for name in ("secrets.yml", "sub/secrets_db.yml", "keys/db.yml"):
        (project / "conf" / "dev" / name).parent.mkdir(exist_ok=True)
        (project / "conf" / "dev" / name).write_text("secret\n")
    patterns = ["**/secrets*", "keys/**"]
    target = tmp_path / "conf.tar.gz"
    pack_configuration(project, project / "conf", {"base", "dev"}, target, patterns)
    with tarfile.open(target) as archive:
        assert [name for name in archive.getnames() if name.startswith("conf/dev")] == [
            "conf/dev/.gitkeep",
            "conf/dev/catalog/tables.yml",
        ]


def test_the_same_project_has_the_same_digest_and_another_one_has_not(project: Path, tmp_path: Path) -> None:
    def digest(name: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        return build_job_files(
            project, project / "conf", DESCRIPTION, folder, installation=Installation("none")
        ).digest

    first = digest("one")
    (project / "conf" / "local" / "catalog.yml").write_text("other: {}\n")  # not the job's environment
    (project / "src" / "shop" / "__init__.py").touch()
    assert digest("two") == first
    (project / "src" / "shop" / "__init__.py").write_text("ANSWER = 43\n")
    assert digest("three") != first


def test_pip_installs_the_wheel(project: Path, tmp_path: Path) -> None:
    wheel = build_project_wheel(project, read_project_metadata(project, "shop"), tmp_path)
    target = tmp_path / "target"
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet", "--target"]
    subprocess.run([*pip, str(target), str(wheel)], check=True)
    assert (target / "shop" / "data" / "prices.csv").read_text() == "1\n"
    assert "my_shop-1.2.dist-info" in [each.name for each in target.iterdir()]


def test_requirements_come_from_requirements_txt_where_pyproject_has_none(project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "shop"\ndynamic = ["dependencies"]\n')
    (project / "requirements.txt").write_text(
        "# ours\n-r more/other.txt\n--extra-index-url https://me:secret@example.com/simple\n"
        "packaging >= 23  # a comment\n\n"
    )
    (project / "more").mkdir()
    (project / "more" / "other.txt").write_text(
        "--requirement=../requirements.txt\nidna \\\n  --hash=sha256:0\n"
    )
    read = read_project_metadata(project, "shop")
    assert read.requirements == ("idna", "packaging>=23")
    assert read.left_out == ("--extra-index-url",)
    (project / "more" / "other.txt").unlink()
    with pytest.raises(
        ProjectError, match=r"requirements\.txt: .*other\.txt does not exist\. Correct its line"
    ):
        read_project_metadata(project, "shop")
    (project / "requirements.txt").write_text("packaging >>= 23\n")
    with pytest.raises(ProjectError, match="the requirement `packaging >>= 23` cannot be read"):
        read_project_metadata(project, "shop")


def test_a_line_that_names_a_folder_is_what_is_installed_from_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This plugin is, where its tests run; what its build leaves in the checkout does not say from where."""
    folders = [each for each in sys.path if not (Path(each) / "kedro_aws_plugin.egg-info").exists()]
    monkeypatch.setattr(sys, "path", folders)
    (project / "pyproject.toml").unlink()
    installed = distribution("kedro-aws-plugin").read_text("direct_url.json")
    assert installed is not None
    folder = json.loads(installed)["url"].removeprefix("file://")
    (project / "requirements.txt").write_text(f"-e .\n-e {folder}[s3]\n")
    assert read_project_metadata(project, "shop").requirements == ("kedro-aws-plugin[s3]",)
    (project / "requirements.txt").write_text("-e ../nothing\n")
    with pytest.raises(ProjectError, match=r"`\.\./nothing` is not installed here, .* pip install -r"):
        read_project_metadata(project, "shop")


def test_what_is_no_python_in_src_does_not_travel_and_is_named(project: Path, tmp_path: Path) -> None:
    (project / "src" / "dump").mkdir()
    (project / "src" / "dump" / "customers.csv").write_text("secret\n")
    (project / "src" / "helper.py").write_text("")
    (project / "requirements.txt").write_text("--pre\n")
    (project / "pyproject.toml").unlink()
    folder = tmp_path / "files"
    folder.mkdir()
    made = build_job_files(project, project / "conf", DESCRIPTION, folder, installation=Installation("none"))
    with zipfile.ZipFile(folder / "shop-0-py3-none-any.whl") as archive:
        assert "helper.py" in archive.namelist()
        assert not any(name.startswith("dump") for name in archive.namelist())
    assert made.left_out == (
        "src/dump has no Python in it, and is not in the wheel. Move it into the package.",
        "Jobs do not know `--pre` of requirements.txt, which this machine's pip follows alone.",
    )


def test_constraints_are_what_is_installed_with_what_that_needs() -> None:
    wanted = ["boto3", "no-such-thing", "kedro-aws-plugin", "pyyaml; python_version < '3'"]
    lines = list_constraints(find_installed(wanted))
    assert f"boto3=={version('boto3')}" in lines
    assert f"s3transfer=={version('s3transfer')}" in lines
    assert not any(line.startswith(("no-such-thing", "kedro-aws-plugin=")) for line in lines)


def test_the_bootstrap_needs_python_3_8_and_its_standard_library() -> None:
    source = Path(bootstrap.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names
    assert len(source.splitlines()) < 150


@pytest.mark.slow
def test_a_step_that_cannot_be_installed_says_why(project: Path, tmp_path: Path) -> None:
    files = tmp_path / "ml" / "processing" / "input" / "job"
    files.mkdir(parents=True)
    build_job_files(project, project / "conf", DESCRIPTION, files, installation=Installation("index"))
    (files / "constraints.txt").write_text("packaging==0.0.1\n")
    environment = {"PIP_NO_INDEX": "1", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, str(files / "bootstrap.py"), "--step", "all"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Trying other versions.\n" in done.stdout
    message = (tmp_path / "ml" / "output" / "message").read_text()
    assert message.startswith("The step did not start: Could not install the project: ERROR: ")


def test_a_message_is_cut_to_what_sagemaker_shows(tmp_path: Path) -> None:
    bootstrap.write_message("é" * 1000, str(tmp_path / "out" / "message"))
    text = io.BytesIO((tmp_path / "out" / "message").read_bytes()).read()
    assert text == "é".encode() * 512
