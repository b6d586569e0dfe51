"""Archives and requirements of the serving process."""

import io
import tarfile
from pathlib import Path

import pytest
from local_cloud import BUCKET, Cloud, archive

from kedro_aws_plugin.local.opt_ml import CannotStart, check_requirements, prepare, unpack


def tar_with(info: tarfile.TarInfo, target: Path) -> Path:
    with tarfile.open(target, "w:gz") as tar:
        tar.addfile(info, io.BytesIO(b"x" * info.size))
    return target


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = 1 if kind == tarfile.REGTYPE else 0
    return info


@pytest.mark.parametrize(
    "info",
    [
        member("../escaped"),
        member("code/../../escaped"),
        member("/escaped-absolutely"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("hard", tarfile.LNKTYPE, "/etc/passwd"),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: info.name,
)
def test_nothing_lands_outside(tmp_path: Path, info):
    target = tmp_path / "model"
    target.mkdir()
    with pytest.raises(tarfile.TarError):
        unpack(tar_with(info, tmp_path / "a.tar.gz"), target)
    assert list(target.rglob("*")) == []
    assert not (tmp_path / "escaped").exists()


def test_files_and_directories_are_unpacked(tmp_path: Path):
    file = tmp_path / "a.tar.gz"
    with tarfile.open(file, "w:gz") as tar:
        tar.addfile(member("./code", tarfile.DIRTYPE))
        tar.addfile(member("./code/deep/inference.py"), io.BytesIO(b"1"))
    unpack(file, tmp_path / "model")
    assert (tmp_path / "model" / "code" / "deep" / "inference.py").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("requirements", "message"),
    [
        ("", None),
        ("# nothing\n\n-r other.txt\njoblib  # any\n", None),
        ("joblib>=0.1\nnot-for-us; python_version < '3'\n", None),
        (
            "joblib==0.0.1\n",
            r"joblib==0.0.1 does not fit joblib .* of this Python\. .*run `pip install 'joblib==0.0.1'`",
        ),
        ("no-such-thing\n", "no-such-thing is not installed in this Python"),
        ("== 1\n", "== 1 is not a requirement"),
    ],
)
def test_requirements_must_be_met_by_this_python(tmp_path: Path, requirements, message):
    file = tmp_path / "requirements.txt"
    file.write_text(requirements)
    if message is None:
        check_requirements(file)
        return
    with pytest.raises(CannotStart, match=message):
        check_requirements(file)


def test_without_requirements_there_is_nothing_to_check(tmp_path: Path):
    check_requirements(tmp_path / "requirements.txt")


@pytest.fixture
def container(cloud: Cloud, monkeypatch, tmp_path: Path) -> Path:
    """The directory that becomes /opt/ml, in the environment of a container."""
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "inference")
    monkeypatch.setenv("SAGEMAKER_SUBMIT_DIRECTORY", "/opt/ml/model/code")
    cloud.s3.put_object(Bucket=BUCKET, Key="a b/m.tar.gz", Body=archive({"code/inference.py": "x = 1"}))
    cloud.s3.put_object(Bucket=BUCKET, Key="broken", Body=b"this is not a tar.gz")
    return tmp_path


def test_the_script_is_found_where_the_container_has_it(container: Path):
    opt_ml = prepare(container, f"s3://{BUCKET}/a b/m.tar.gz")
    assert opt_ml.code == container / "model" / "code"
    assert (opt_ml.model / "code" / "inference.py").read_text() == "x = 1"
    assert not list(container.glob("*.tar.gz"))


def test_an_archive_that_is_none_is_refused(container: Path):
    with pytest.raises(CannotStart, match=f"The archive s3://{BUCKET}/broken cannot be unpacked"):
        prepare(container, f"s3://{BUCKET}/broken")


def test_a_container_that_names_no_script_is_refused(container: Path, monkeypatch):
    monkeypatch.delenv("SAGEMAKER_PROGRAM")
    with pytest.raises(CannotStart, match="SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY"):
        prepare(container, "")
