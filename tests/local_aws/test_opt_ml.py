"""Archives and requirements of the serving process."""

import re
from pathlib import Path

import pytest
from local_cloud import BUCKET, Cloud, archive

from local_aws.sagemaker.opt_ml import CannotStart, check_requirements, prepare


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
    refused = refusal(file)
    assert re.search(message, refused or "") if message else refused is None


def test_without_requirements_there_is_nothing_to_check(tmp_path: Path):
    file = tmp_path / "requirements.txt"
    assert refusal(file) is None
    file.write_text("no-such-thing\n")
    assert "no-such-thing is not installed" in str(refusal(file))


def refusal(requirements: Path) -> str | None:
    """Check requirements, and return why they are refused, or None."""
    try:
        check_requirements(requirements)
    except CannotStart as error:
        return str(error)
    return None


@pytest.fixture
def container(cloud: Cloud, monkeypatch, tmp_path: Path) -> Path:
    """The directory that becomes /opt/ml, in the environment of a container."""
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "inference")
    monkeypatch.setenv("SAGEMAKER_SUBMIT_DIRECTORY", "/opt/ml/model/code")
    cloud.s3.put_object(Bucket=BUCKET, Key="a b/m.tar.gz", Body=archive({"code/inference.py": "x = 1"}))
    cloud.s3.put_object(Bucket=BUCKET, Key="broken", Body=b"this is not a tar.gz")
    cloud.s3.put_object(Bucket=BUCKET, Key="hostile", Body=archive({"../../escaped": "x"}))
    return tmp_path


def test_the_script_is_found_where_the_container_has_it(container: Path):
    opt_ml = prepare(container, f"s3://{BUCKET}/a b/m.tar.gz")
    assert opt_ml.code == container / "code"
    for folder in (opt_ml.model / "code", opt_ml.code):
        assert (folder / "inference.py").read_text() == "x = 1"
    assert not list(container.glob("*.tar.gz"))


@pytest.mark.parametrize(
    ("key", "why"),
    [("broken", "Not a gzipped file"), ("hostile", "'../../escaped' would be written outside")],
)
def test_an_archive_that_cannot_be_unpacked_is_refused(container: Path, key, why):
    said = f"The archive s3://{BUCKET}/{key} cannot be unpacked: {why}"
    with pytest.raises(CannotStart, match=re.escape(said)):
        prepare(container, f"s3://{BUCKET}/{key}")
    assert list(container.rglob("*")) == [container / "model"]


def test_a_container_that_names_no_script_is_refused(container: Path, monkeypatch):
    monkeypatch.delenv("SAGEMAKER_PROGRAM")
    with pytest.raises(CannotStart, match="must name its script: SAGEMAKER_PROGRAM"):
        prepare(container, "")
