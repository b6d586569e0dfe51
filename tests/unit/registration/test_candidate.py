"""What a saved model is registered with: its archive, its sample, its metrics and its lineage."""

import json
import os
import tarfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sklearn
from kedro.io import DataCatalog
from sklearn.linear_model import LinearRegression

from kedro_aws_plugin.config import AwsConfig, Project, Registry
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.plan.register import Candidate
from kedro_aws_plugin.project.catalog import ProjectCatalog
from kedro_aws_plugin.registration.candidate import prepare_candidate
from kedro_aws_plugin.run.record import RunRecord, hash_parameters, read_key, write_record
from local_aws import default_state_dir

RUN = "2026-11-21T22.48.12.552Z"
ROWS = pd.DataFrame({"engines": [1.0, 2.0, 4.0], "crew": [1.0, 3.0, 2.0]})
CONFIG = AwsConfig(env="ci", target="local", region="eu-west-1", bucket="flights")
REGISTRY = Registry(group="flights", model="model", metrics="metrics", sample="table")
RECORD = RunRecord(git_sha="0" * 40, git_dirty=False, parameters_hash="1" * 64, versions={"numpy": "1.2.3"})


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project without handlers of its own, and without a repository."""
    (tmp_path / "src" / "flights_package").mkdir(parents=True)
    return Project(tmp_path, "flights_package", CONFIG)


@pytest.fixture
def catalog(project: Project) -> ProjectCatalog:
    """The catalog of a run that has saved a model, its metrics and a table."""
    files = project.path / "data"
    entries = {
        "model": {"type": "pickle.PickleDataset", "filepath": str(files / "model.pkl"), "versioned": True},
        "metrics": {"type": "json.JSONDataset", "filepath": str(files / "metrics.json"), "versioned": True},
        "table": {
            "type": "pandas.CSVDataset",
            "filepath": str(files / "table.csv"),
            "save_args": {"index": False},
        },
    }
    made = DataCatalog.from_config(entries, save_version=RUN)
    made.save("model", LinearRegression().fit(ROWS, [10.0, 20.0, 40.0]))
    made.save("metrics", {"r2": 0.75})
    made.save("table", ROWS.assign(note=["a", "b", "c"]))
    return ProjectCatalog(made, {"seed": 7})


def prepare(
    project: Project, catalog: ProjectCatalog, registry: Registry = REGISTRY
) -> tuple[Candidate, set[str]]:
    """A candidate, and the names of the files in its archive."""
    with prepare_candidate(project, catalog, registry, None) as candidate:
        with tarfile.open(candidate.archive) as archive:
            names = set(archive.getnames())
        assert candidate.size == candidate.archive.stat().st_size
    assert not candidate.archive.exists()
    return candidate, names


def test_a_model_with_metrics_and_a_sample(project: Project, catalog: ProjectCatalog) -> None:
    write_record(default_state_dir(project.path), RUN, RECORD)
    candidate, names = prepare(project, catalog)
    assert (candidate.entry, candidate.version) == ("model", RUN)
    assert names == {
        "model.joblib",
        *(f"code/{name}" for name in ("default_inference.py", "inference.py", "signature.json")),
        *(f"code/{name}" for name in ("_build_backend.py", "pyproject.toml")),
    }
    assert candidate.signature is not None
    assert [column["name"] for column in candidate.signature["input"]["columns"]] == ["engines", "crew"]
    assert candidate.image.endswith(candidate.framework_version.join((":", "-cpu-py3")))
    assert candidate.sample is not None
    assert candidate.sample.body.decode().splitlines()[0] == "engines,crew"
    answer: dict[str, Any] = json.loads(candidate.sample.answer)
    assert answer["predictions"] == pytest.approx([10.0, 20.0, 40.0])
    assert candidate.quality is not None
    assert json.loads(candidate.quality)["regression_metrics"]["r2"]["value"] == 0.75
    assert candidate.properties == {
        "git_sha": RECORD.git_sha,
        "git_dirty": "false",
        "run_id": RUN,
        "model_entry": "model",
        "model_version": RUN,
        "parameters_hash": RECORD.parameters_hash,
        "recorded": "run",
        "requirements": "none",
        "artifact_sha256": candidate.sha256,
        "content_sha256": candidate.content_sha256,
        "version.numpy": "1.2.3",
        "metric.r2": "0.75",
    }


@pytest.mark.slow
def test_a_model_with_nothing_else_and_without_a_record(project: Project, catalog: ProjectCatalog) -> None:
    candidate, _ = prepare(project, catalog, Registry(group="flights", model="model"))
    assert (candidate.sample, candidate.quality) == (None, None)
    assert candidate.properties["recorded"] == "registration"
    assert candidate.properties["parameters_hash"] == hash_parameters(
        {"seed": 7}, read_key(default_state_dir(project.path))
    )
    assert candidate.properties["version.scikit-learn"] == sklearn.__version__
    assert not any(key.startswith("metric.") for key in candidate.properties)


@pytest.mark.slow
def test_handlers_and_requirements_of_the_project_go_along(project: Project, catalog: ProjectCatalog) -> None:
    handlers = "import joblib\n\n\ndef model_fn(folder):\n    return joblib.load(f'{folder}/model.joblib')\n"
    (project.path / "src/flights_package/inference.py").write_text(handlers, encoding="utf-8")
    registry = Registry(group="flights", model="model", sample="table", requirements=("joblib",))
    (project.path / "data/table.csv").write_text("engines,crew\n1,1\n", encoding="utf-8")
    candidate, names = prepare(project, catalog, registry)
    assert {"code/project_inference.py", "code/requirements.txt"} <= names
    assert candidate.sample is not None
    assert candidate.sample.body.decode().splitlines() == ["engines,crew", "1,1"]


@pytest.mark.slow
def test_the_method_of_the_registry_answers(project: Project, catalog: ProjectCatalog) -> None:
    registry = REGISTRY.model_copy(update={"method": "predict_proba"})
    with pytest.raises(ProjectError, match="LinearRegression, which has no method `predict_proba`"):
        prepare(project, catalog, registry)


@pytest.mark.slow
def test_a_run_without_metrics_is_a_warning(project: Project, catalog: ProjectCatalog) -> None:
    (project.path / "data/metrics.json" / RUN / "metrics.json").unlink()
    candidate, _ = prepare(project, catalog)
    assert candidate.quality is None
    assert f"Run {RUN} saved no `metrics`: model is registered without metrics." in candidate.warnings


def test_a_missing_sample_is_said_with_its_key(project: Project, catalog: ProjectCatalog) -> None:
    registry = REGISTRY.model_copy(update={"sample": "tabel"})
    with pytest.raises(ProjectError, match=r"no entry `tabel`; did you mean `table`\? Correct `sample`"):
        prepare(project, catalog, registry)


@pytest.mark.slow
def test_only_what_killed_commands_left_long_ago_is_deleted(
    project: Project, catalog: ProjectCatalog
) -> None:
    old, new = (default_state_dir(project.path) / "tmp" / name for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    six_days = 6 * 24 * 60 * 60
    os.utime(old, times=(time.time() - six_days - 60,) * 2)
    os.utime(new, times=(time.time() - six_days + 600,) * 2)
    prepare(project, catalog, Registry(group="flights", model="model"))
    assert (old.exists(), new.exists()) == (False, True)
