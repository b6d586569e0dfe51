"""Projects that cannot be: each one sentence, before anything is sent."""

import shutil
import socket
from pathlib import Path

import pytest
from project_cli import kedro, kedro_aws


def test_a_folder_without_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("models", "status", "deploy", "predict", "destroy", "register-model", "approve-model"):
        assert kedro_aws(command).error == (
            f"{tmp_path} is not inside a Kedro project. "
            "Change to one, or make one: kedro new --starter=aws-spaceflights"
        )


@pytest.fixture
def copy(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project, to spoil; it never starts a local AWS."""
    folder = tmp_path / "copy"
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns(".kedro-aws", "data", "__pycache__"))
    monkeypatch.chdir(folder)
    return folder


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_no_aws_yml(copy: Path) -> None:
    (copy / "conf" / "base" / "aws.yml").unlink()
    assert kedro_aws("status").error == (
        "conf/base/aws.yml is missing. Create it with two lines: `region: eu-west-1` and "
        "`bucket:` with the name of yours."
    )
    assert not (copy / ".kedro-aws").exists()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "instance_type: ml.m5.large",
            "instance_typ: ml.m5.large",
            "conf/base/aws.yml: unknown key `deploy.instance_typ`; did you mean `instance_type`? "
            "Known keys here: vpc, network_isolation, environment, volume_kms_key, tags, volume_gb, "
            "startup_timeout, download_timeout, group, mode, instance_type, instance_count, serverless, "
            "async, autoscaling, update, capture, variants, shadow, endpoints, endpoint.",
        ),
        (
            "region: eu-west-1",
            "region: Ireland",
            "conf/base/aws.yml: `region`: `Ireland` is not an AWS region; one looks like eu-west-1.",
        ),
        (
            "bucket: ${globals:bucket}",
            "bucket: My_Bucket",
            "conf/base/aws.yml: `bucket`: `My_Bucket` is not a bucket name: 3 to 63 lower-case letters, "
            "digits, dots and hyphens, a letter or digit at both ends.",
        ),
    ],
)
def test_a_wrong_aws_yml(copy: Path, old: str, new: str, sentence: str) -> None:
    spoil(copy / "conf" / "base" / "aws.yml", old, new)
    assert kedro_aws("status").error == sentence
    assert not (copy / ".kedro-aws").exists()


def test_a_wrong_aws_yml_stops_kedro_run_before_its_first_node(copy: Path) -> None:
    spoil(copy / "conf" / "base" / "aws.yml", "model: regressor", "modle: regressor")
    ran = kedro("run", cwd=copy)
    assert (ran.code, ran.stdout) == (1, "")
    assert "Traceback" not in ran.stderr
    assert "Error: conf/base/aws.yml: unknown key `registry.modle`; did you mean `model`? " in ran.stderr
    assert "Running node" not in ran.stderr


def test_an_environment_that_is_misspelt(copy: Path) -> None:
    assert kedro_aws("status", "-e", "awss").error == (
        "There is no folder conf/awss for the environment `awss`; did you mean `aws`? "
        "Create it, or choose another --env."
    )
    assert copy.is_dir()


def test_a_local_aws_that_may_not_be_started(copy: Path) -> None:
    (copy / "conf" / "local" / "aws.yml").write_text("local: {autostart: false}\n", encoding="utf-8")
    assert kedro_aws("status").error == (
        "The local AWS is not running and `local.autostart` is off. Start it: kedro aws local start"
    )


def test_a_port_that_is_taken(copy: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        (copy / "conf" / "local" / "aws.yml").write_text(f"local: {{port: {port}}}\n", encoding="utf-8")
        assert kedro_aws("status").error == (
            f"The local AWS cannot use port {port} of 127.0.0.1: it is in use. Choose another one: "
            "`local-aws start --port`, or `local.port` in conf/base/aws.yml of a Kedro project; "
            "0 takes a free one."
        )


@pytest.mark.parametrize(
    ("catalog", "sentence"),
    [
        (
            "regressor: {type: nope.NoDataset}\n",
            "`regressor` cannot be created: An exception occurred when parsing config for dataset "
            "'regressor': No module named 'nope'. Please install the missing dependencies for nope.NoDataset"
            ". Correct it in the catalog.",
        ),
        (
            "regressor: {filepath: here.pickle}\n",
            "The project does not load: An exception occurred when parsing config for dataset 'regressor': "
            "'type' is missing from dataset catalog configuration. "
            "`kedro registry list` shows the whole error.",
        ),
    ],
)
def test_a_catalog_that_does_not_load(project: Path, catalog: str, sentence: str) -> None:
    folder = project / "conf" / "unloadable"
    folder.mkdir(exist_ok=True)
    settings = "target: local\nregistry: {group: odd, model: regressor}\n"
    (folder / "aws.yml").write_text(settings, encoding="utf-8")
    (folder / "catalog.yml").write_text(catalog, encoding="utf-8")
    assert kedro_aws("register-model", "-e", "unloadable").error == sentence
