"""`kedro aws init` in projects that this plugin has not made."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from project_cli import Ran, kedro

import local_aws
from kedro_aws_plugin.spark.jars import find_s3a_settings

PIPELINE = '''
"""A namespaced pipeline."""

from kedro.pipeline import Pipeline, node, pipeline
from sklearn.linear_model import LinearRegression


def fit(rows):
    return LinearRegression().fit(rows[["x"]], rows["y"])


def score(model, rows):
    return {"r2": float(model.score(rows[["x"]], rows["y"]))}


def create_pipeline() -> Pipeline:
    parts = [
        node(fit, "table", "model", name="fit"),
        node(score, ["model", "table"], "metrics", name="score"),
    ]
    return pipeline(parts, namespace="north", inputs="table")
'''
CATALOG = """\
table:
  type: pandas.CSVDataset
  filepath: data/01_raw/table.csv # rows

"{area}.model": # of each area
  type: pickle.PickleDataset
  filepath: data/06_models/{area}.pkl

"{area}.metrics":
  type: json.JSONDataset
  filepath: data/08_reporting/{area}.json
"""


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Path]:
    """What `kedro new` makes without tools."""
    made = kedro("new", "--name", "Some One", "--tools", "none", "--example", "n", cwd=tmp_path)
    assert made.code == 0, made.stderr
    project = tmp_path / "some-one"
    yield project
    local_aws.stop(local_aws.default_state_dir(project))


@pytest.fixture
def namespaced(bare: Path) -> Path:
    """A project with namespaces and dataset factories."""
    (bare / "conf/base/catalog.yml").write_text(CATALOG, encoding="utf-8")
    (bare / "data/01_raw").mkdir(parents=True, exist_ok=True)
    (bare / "data/01_raw/table.csv").write_text(
        "x,y\n" + "".join(f"{i},{i * 2 + i % 3}\n" for i in range(40)), encoding="utf-8"
    )
    folder = bare / "src/some_one/pipelines/area"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(PIPELINE, encoding="utf-8")
    return bare


def init(project: Path, *options: str) -> Ran:
    return kedro("aws", "init", *options, cwd=project)


def snapshot(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_a_bare_project(bare: Path) -> None:
    before = snapshot(bare)
    shown = init(bare, "--dry-run")
    assert shown.code == 0, shown
    assert "+++ b/conf/base/aws.yml\n" in shown.stdout
    assert snapshot(bare) == before
    done = init(bare, "--yes")
    assert (done.code, done.stderr.endswith("Next: kedro aws doctor, then kedro run\n")) == (0, True)
    assert yaml.safe_load((bare / "conf/base/aws.yml").read_text()) == {
        "region": "eu-west-1",
        "bucket": "${globals:bucket}",
    }
    assert yaml.safe_load((bare / "conf/base/globals.yml").read_text()) == {"bucket": "some-one-data"}
    assert (bare / ".gitignore").read_text(encoding="utf-8").splitlines()[-1] == ".kedro-aws/"
    after = snapshot(bare)
    again = init(bare, "--yes")
    assert again.stdout.splitlines()[-1] == "unchanged: nothing to add"
    assert snapshot(bare) == after


def test_from_init_to_a_prediction(namespaced: Path) -> None:
    done = init(namespaced, "--yes", "--s3")
    assert done.code == 0, done
    catalog = (namespaced / "conf/base/catalog.yml").read_text(encoding="utf-8")
    assert "filepath: s3://${globals:bucket}/data/raw/table.csv # rows\n" in catalog
    assert yaml.safe_load(catalog)["{area}.model"] == {
        "type": "pickle.PickleDataset",
        "filepath": "s3://${globals:bucket}/data/06_models/{area}.pkl",
        "versioned": True,
    }
    assert yaml.safe_load((namespaced / "conf/base/aws.yml").read_text())["registry"] == {
        "group": "some-one-model",
        "model": "north.model",
        "metrics": "north.metrics",
        "sample": "table",
    }
    subprocess.run(["git", "init", "--quiet"], cwd=namespaced, check=True)
    for command in ("aws doctor", "run", "aws register-model --approve", "aws deploy"):
        ran = kedro(*command.split(), cwd=namespaced)
        assert ran.code == 0, ran
    predicted = kedro("aws", "predict", cwd=namespaced)
    assert len(predicted.stdout.splitlines()) >= 5
    assert init(namespaced, "--yes", "--s3").stdout.splitlines()[-1] == "unchanged: nothing to add"


def test_what_is_there_is_kept(bare: Path) -> None:
    (bare / "conf/base/aws.yml").write_text("region: us-east-1\nbucket: mine\n", encoding="utf-8")
    (bare / "conf/base/globals.yml").write_text("answer: 42", encoding="utf-8")
    (bare / ".gitignore").write_bytes(b"data/\r\nlogs/\r\n")
    subprocess.run(["git", "init", "--quiet"], cwd=bare, check=True)
    done = init(bare, "--yes", "--ci", "github")
    assert done.code == 0, done
    assert "Warning: the project has changes that are not committed." in done.stderr
    assert (bare / "conf/base/aws.yml").read_text(encoding="utf-8") == "region: us-east-1\nbucket: mine\n"
    assert (bare / "conf/base/globals.yml").read_text(encoding="utf-8") == "answer: 42"
    assert (bare / ".gitignore").read_bytes() == b"data/\r\nlogs/\r\n.kedro-aws/\n"
    workflow = (bare / ".github/workflows/aws.yml").read_text(encoding="utf-8")
    assert set(yaml.safe_load(workflow)["jobs"]) == {"test", "plan", "deploy"}
    assert "aws-region: us-east-1\n" in workflow
    assert "INSTALL" not in workflow
    refused = init(bare, "--yes", "--region", "eu-west-1")
    assert "conf/base/aws.yml is there already. Change it there, and leave out --region." in refused.stderr
    for text, problem in (
        ("region: eu-west-1\nbucket: [\n", "line 3: expected the node content, but found '<stream end>'"),
        ("- region\n", "expected keys and values, found a list"),
    ):
        (bare / "conf/base/aws.yml").write_text(text, encoding="utf-8")
        broken = init(bare, "--yes", "--s3")
        assert broken.code == 1
        assert f"Error: conf/base/aws.yml: {problem}. Correct it there.\n" in broken.stderr
    with (bare / "src/some_one/settings.py").open("a", encoding="utf-8") as file:
        file.write('\nCONF_SOURCE = "configuration"\n')
    (bare / "conf").rename(bare / "configuration")
    elsewhere = init(bare, "--yes")
    assert (
        "Error: CONF_SOURCE in settings.py is configuration, and `kedro aws init` writes to conf."
        in elsewhere.stderr
    )
    assert not (bare / "conf").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--bucket", "My_Bucket"), "--bucket: `My_Bucket` is not a bucket name"),
        (("--region", "mars"), "--region: `mars` is not an AWS region"),
        (
            ("--model", "absent"),
            "The catalog has no model `absent` that a node writes. No node writes a pickle.",
        ),
        ((), "Nothing was changed: confirmation is required."),
    ],
)
def test_refused_in_one_sentence(bare: Path, options: tuple[str, ...], says: str) -> None:
    before = snapshot(bare)
    refused = init(bare, *options)
    assert refused.code == 1
    [line] = [line for line in refused.stderr.splitlines() if line.startswith("Error: ")]
    assert says in line
    assert snapshot(bare) == before


def test_what_cannot_be_moved_is_named_and_what_is_there_is_not_replaced(namespaced: Path) -> None:
    catalog = namespaced / "conf/base/catalog.yml"
    catalog.write_text(
        CATALOG.replace("data/01_raw/table.csv # rows", "${_base}/table.csv") + "_base: data/01_raw\n",
        encoding="utf-8",
    )
    shown = init(namespaced, "--s3", "--dry-run")
    assert "Not moved, because the path is not written in the entry itself: table." in shown.stderr
    assert "copy " not in shown.stdout
    catalog.write_text(CATALOG, encoding="utf-8")
    (namespaced / "data/raw").mkdir()
    (namespaced / "data/raw/table.csv").write_text("another", encoding="utf-8")
    before = snapshot(namespaced)
    refused = init(namespaced, "--s3", "--yes")
    assert "data/raw/table.csv is there already, and is not data/01_raw/table.csv" in refused.stderr
    assert (refused.code, snapshot(namespaced)) == (1, before)


def test_a_model_that_was_saved_without_versions(namespaced: Path) -> None:
    (namespaced / "data/06_models").mkdir(parents=True, exist_ok=True)
    (namespaced / "data/06_models/north.pkl").write_bytes(b"old")
    shown = init(namespaced, "--dry-run")
    assert "Move data/06_models/north.pkl away before `kedro run`." in shown.stderr


def test_spark_gets_its_settings_and_transcoded_tables_stay_together(namespaced: Path) -> None:
    """What `table@spark` writes and `table@pandas` reads is one folder, and is no raw data."""
    (namespaced / "conf/base/catalog.yml").write_text(
        CATALOG.replace("table:\n", "raw:\n")
        + """
table@spark:
  type: spark.SparkDatasetV2
  filepath: data/03_primary/table

table@pandas:
  type: pandas.ParquetDataset
  filepath: data/03_primary/table
""",
        encoding="utf-8",
    )
    code = namespaced / "src/some_one/pipelines/area/__init__.py"
    text = code.read_text(encoding="utf-8").replace('"table"', '"table@pandas"')
    prepare = 'Pipeline([node(lambda rows: rows, "raw", "table@spark", name="prepare")])'
    code.write_text(text.replace("return pipeline(", f"return {prepare} + pipeline("), encoding="utf-8")
    done = init(namespaced, "--yes", "--s3")
    assert done.code == 0, done
    catalog = yaml.safe_load((namespaced / "conf/base/catalog.yml").read_text(encoding="utf-8"))
    assert {catalog[f"table@{each}"]["filepath"] for each in ("spark", "pandas")} == {
        "s3://${globals:bucket}/data/03_primary/table"
    }
    stated = yaml.safe_load((namespaced / "conf/base/aws.yml").read_text())
    assert (stated["spark"], stated["registry"]["sample"]) == ({"enabled": True}, "table@pandas")
    spark = yaml.safe_load((namespaced / "conf/base/spark.yml").read_text())
    assert spark == find_s3a_settings()
    assert init(namespaced, "--yes", "--s3").stdout.splitlines()[-1] == "unchanged: nothing to add"


def test_docker_for_a_project_with_packages_of_its_own(bare: Path) -> None:
    """The files are the starters', except that the image's packages have a file of their own."""
    shutil.rmtree(bare / "notebooks")
    done = init(bare, "--yes", "--docker", "--ci", "github")
    assert done.code == 0, done
    assert "The workflow installs what pyproject.toml names, which lacks this plugin." in done.stderr
    required = (bare / "requirements-docker.txt").read_text(encoding="utf-8").splitlines()
    assert required[1] == "kedro-aws-plugin[athena,local,s3]"
    dockerfile = (bare / "Dockerfile").read_text(encoding="utf-8")
    assert "\nCOPY pyproject.toml requirements-docker.txt requirements.loc[k] imag[e] /build/\n" in dockerfile
    assert "else set -- -r pyproject.toml -r requirements-docker.txt; fi" in dockerfile
    ignored = (bare / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1:4] == ["*", "!pyproject.toml", "!requirements-docker.txt"]
    assert {".env", "image/", ".kedro-aws/"} <= set((bare / ".gitignore").read_text("utf-8").splitlines())
    compose = yaml.safe_load((bare / "compose.yaml").read_text(encoding="utf-8"))["services"]["kedro"]
    assert (compose["image"], compose["environment"]["LAB_URL"][-4:]) == ("some-one", "/lab")
    made = [bare / name for name in ("Dockerfile", "compose.yaml", ".devcontainer/devcontainer.json")]
    assert not [file for file in made if "cookiecutter" in file.read_text(encoding="utf-8")]
    if sys.platform == "linux":
        check_docker_files(bare)
    own = (os.getuid(), os.getgid()) if hasattr(os, "getuid") else (1000, 1000)
    written = f"HOST_UID={own[0]}\nHOST_GID={own[1]}\n" if own[0] != 1000 else None
    assert ((bare / ".env").read_text() if (bare / ".env").exists() else None) == written
    assert init(bare, "--yes", "--docker").stdout.splitlines()[-1] == "unchanged: nothing to add"
    (bare / "Dockerfile").write_text("FROM mine\n", encoding="utf-8")
    (bare / ".dockerignore").unlink()
    assert init(bare, "--yes", "--docker").stdout.splitlines()[-1] == "unchanged: nothing to add"


def check_docker_files(project: Path) -> None:
    """Let hadolint and Compose itself read the files."""
    hadolint = [str(Path(sys.executable).with_name("hadolint")), "Dockerfile"]
    compose = [str(find_compose()), "--env-file", os.devnull, "config", "--quiet"]
    for command in (hadolint, compose):
        read = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert (read.returncode, read.stdout, read.stderr) == (0, "", ""), read


def find_compose() -> Path:
    """Find the program in PyPI's package."""
    found = find_spec("compose")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).with_name("docker-compose")


def test_outside_of_a_project(tmp_path: Path) -> None:
    assert "is not inside a Kedro project." in init(tmp_path).stderr


def test_several_models_must_be_chosen(namespaced: Path) -> None:
    code = namespaced / "src/some_one/pipelines/area/__init__.py"
    text = code.read_text(encoding="utf-8").replace(
        'return pipeline(parts, namespace="north", inputs="table")',
        "areas = [pipeline(parts, namespace=each, inputs='table') for each in ('north', 'south')]\n"
        "    return sum(areas, Pipeline([]))",
    )
    code.write_text(text, encoding="utf-8")
    refused = init(namespaced, "--yes")
    assert "There are several models: north.model, south.model. Choose one with --model." in refused.stderr
    assert init(namespaced, "--yes", "--model", "south.model").code == 0
    assert "model: south.model" in (namespaced / "conf/base/aws.yml").read_text(encoding="utf-8")


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Make a folder unwritable: by a mount for root, whom permissions do not stop."""
    if os.geteuid() == 0:
        make = [["mount", "--bind", folder, folder], ["mount", "-o", "remount,ro,bind", folder]]
        undo = [["umount", folder]]
    else:
        make, undo = [["chmod", "555", folder]], [["chmod", "755", folder]]
    try:
        for command in make:
            subprocess.run(command, check=True)
        yield
    finally:
        for command in undo:
            subprocess.run(command, check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="the commands are Linux's")
def test_a_folder_that_cannot_be_written(bare: Path) -> None:
    with unwritable(bare / "conf/base"):
        assert "conf/base/globals.yml cannot be written" in init(bare, "--yes").stderr
