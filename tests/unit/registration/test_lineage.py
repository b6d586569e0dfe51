import datetime as dt
import enum
import gzip
import json
import re
import subprocess
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import botocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedro_aws_plugin.registration.lineage import (
    MAX_KEY,
    MAX_PROPERTIES,
    MAX_VALUE,
    Lineage,
)
from kedro_aws_plugin.run.git import read_git_state
from kedro_aws_plugin.run.record import find_installed_versions, hash_parameters


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a.py").write_text("x = 1")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-q", "-m", "a")
    return tmp_path


def test_all_is_recorded_under_plain_names():
    lineage = Lineage(
        git_sha="abc",
        git_dirty=False,
        run_id="2026-01-31T10.00.00.000Z",
        model_entry="regressor",
        model_version="2026-01-31T10.00.00.000Z",
        parameters_hash="1" * 64,
        artifact_sha256="2" * 64,
        content_sha256="3" * 64,
        versions={"python": "3.12.1", "scikit-learn": "1.9.1"},
        metrics={"r2": 0.8301, "mae": 12.0},
    )
    assert lineage.to_properties() == {
        "git_sha": "abc",
        "git_dirty": "false",
        "run_id": "2026-01-31T10.00.00.000Z",
        "model_entry": "regressor",
        "model_version": "2026-01-31T10.00.00.000Z",
        "parameters_hash": "1" * 64,
        "artifact_sha256": "2" * 64,
        "content_sha256": "3" * 64,
        "version.python": "3.12.1",
        "version.scikit-learn": "1.9.1",
        "metric.mae": "12.0",
        "metric.r2": "0.8301",
    }


def test_what_is_not_known_is_left_out():
    assert Lineage(git_sha=None, run_id="", model_entry="regressor").to_properties() == {
        "model_entry": "regressor"
    }


def test_too_long_a_value_is_cut_so_that_it_shows_and_differs():
    one, other = (
        Lineage(model_version="x" * 300 + end).to_properties()["model_version"] for end in ("a", "b")
    )
    assert len(one) == len(other) == MAX_VALUE
    assert re.fullmatch(r"x+\.\.\.[0-9a-f]{8}", one)
    assert one != other
    longest = "y" * MAX_VALUE
    assert Lineage(model_version=longest).to_properties() == {"model_version": longest}


def test_what_aws_refuses_becomes_an_underscore():
    assert Lineage(model_entry="a\tbé 中(1)#").to_properties() == {"model_entry": "a_bé 中_1__"}


def test_more_metrics_than_fit_are_counted():
    metrics = {f"m{number:03}": float(number) for number in range(60)}
    properties = Lineage(git_sha="abc", metrics=metrics).to_properties()
    assert len(properties) == MAX_PROPERTIES
    assert properties["metrics_omitted"] == "12"
    assert properties["git_sha"] == "abc"
    fitting = Lineage(metrics=dict.fromkeys(list(metrics)[:MAX_PROPERTIES], 1.0)).to_properties()
    assert len(fitting) == MAX_PROPERTIES
    assert "metrics_omitted" not in fitting
    one_more = Lineage(metrics=dict.fromkeys(list(metrics)[: MAX_PROPERTIES + 1], 1.0)).to_properties()
    assert (len(one_more), one_more["metrics_omitted"]) == (MAX_PROPERTIES, "2")


@given(
    entry=st.text(max_size=400),
    metrics=st.dictionaries(st.text(min_size=1, max_size=200), st.floats(), max_size=60),
)
def test_whatever_is_recorded_fits_into_aws_limits(entry, metrics):
    properties = Lineage(model_entry=entry, metrics=metrics).to_properties()
    assert len(properties) <= MAX_PROPERTIES
    for key, value in properties.items():
        assert 1 <= len(key) <= MAX_KEY
        assert 1 <= len(value) <= MAX_VALUE
        assert all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LNZ" for c in key + value)


def test_the_limits_are_those_of_botocores_service_model():
    file = Path(botocore.__file__).parent / "data" / "sagemaker" / "2017-07-24" / "service-2.json.gz"
    shapes = json.loads(gzip.decompress(file.read_bytes()))["shapes"]
    assert shapes["CustomerMetadataMap"]["max"] == MAX_PROPERTIES
    assert shapes["CustomerMetadataKey"]["max"] == MAX_KEY
    assert shapes["CustomerMetadataValue"]["max"] == MAX_VALUE
    for name in ("CustomerMetadataKey", "CustomerMetadataValue"):
        assert shapes[name]["pattern"].startswith(r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)")


def test_a_clean_checkout_is_its_commit(repository):
    assert read_git_state(repository) == (git(repository, "rev-parse", "HEAD"), False)


@pytest.mark.parametrize("file", ["a.py", "b.py"])
def test_a_changed_or_new_file_makes_it_dirty(repository, file):
    (repository / file).write_text("x = 2")
    assert read_git_state(repository)[1] is True


def test_files_of_other_projects_in_the_repository_do_not(repository):
    project = repository / "project"
    project.mkdir()
    (project / "a.py").write_text("")
    git(repository, "add", "project")
    git(repository, "commit", "-q", "-m", "b")
    (repository / "a.py").write_text("x = 3")
    assert read_git_state(project)[1] is False


def test_a_hooks_own_repository_does_not_count(repository, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(repository / "nowhere"))
    assert read_git_state(repository)[1] is False


def test_without_a_commit_or_repository_nothing_is_told(tmp_path, monkeypatch):
    assert read_git_state(tmp_path / "absent") == (None, None)
    git(tmp_path, "init", "-q")
    assert read_git_state(tmp_path) == (None, None)
    monkeypatch.setenv("PATH", "")
    assert read_git_state(tmp_path) == (None, None)


def test_versions_are_those_installed():
    found = find_installed_versions(["numpy", "no-such-distribution"])
    assert found == {"python": sys.version.split()[0], "numpy": np.__version__}
    assert {"scikit-learn", "kedro", "kedro-aws-plugin"} <= set(find_installed_versions())


class Colour(enum.Enum):
    RED = 1


@dataclass
class Split:
    size: float


class Plain:
    """Its text has its address."""


def digest(parameters):
    return hash_parameters(parameters, b"key")


def test_parameters_hash_does_not_depend_on_how_they_are_written():
    one = {"b": [1, {"y": None, "x": "é"}], "a": 0.1}
    other = {"a": 0.1, "b": (1, {"x": "é", "y": None})}
    assert digest(one) == digest(other)
    assert re.fullmatch("[0-9a-f]{64}", digest(one))


def test_parameters_hash_tells_values_apart():
    values = [{}, {"a": 1}, {"a": "1"}, {"a": [1]}, {"a": None}, {"a": True}, {"b": 1}, {"a": 1.5}]
    assert len({digest(value) for value in values}) == len(values)


@pytest.mark.parametrize(
    "value",
    [
        dt.date(2026, 1, 31),
        dt.datetime(2026, 1, 31, tzinfo=dt.timezone.utc),
        {"x", "y", 3},
        frozenset({1, 2}),
        PurePosixPath("a/b"),
        Colour.RED,
        Split(0.2),
        np.float64(1.5),
        np.arange(3),
        b"x",
        1 + 2j,
        float("nan"),
        {1: "a", "b": 2},
    ],
    ids=lambda value: type(value).__name__,
)
def test_parameters_hash_takes_what_yaml_and_resolvers_make(value):
    assert digest({"v": value}) == digest({"v": value})
    assert digest({"v": value}) != digest({"v": "other"})


def test_parameters_hash_does_not_depend_on_addresses():
    assert digest({"v": Plain()}) == digest({"v": Plain()})
