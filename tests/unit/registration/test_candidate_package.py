"""Models with classes of the project's own, and what else goes into the artifact for the container."""

import os
import platform
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
import sklearn
from kedro.io import DataCatalog
from scipy.sparse import csr_array

from kedro_aws_plugin.config import AwsConfig, Project, Registry
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.images import choose_sklearn_image, explain_skew
from kedro_aws_plugin.plan.register import Candidate
from kedro_aws_plugin.project.catalog import ProjectCatalog
from kedro_aws_plugin.registration.candidate import prepare_candidate

pytestmark = pytest.mark.slow

CONFIG = AwsConfig(env="ci", target="local", region="eu-west-1", bucket="flights")
REGISTRY = Registry(group="flights", model="model")
TRANSFORMERS = """
from sklearn.base import BaseEstimator, TransformerMixin


class Halve(TransformerMixin, BaseEstimator):
    def fit(self, table, target=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, table):
        return table / 2
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project whose package has a transformer, and whose pipelines import Kedro, as most do."""
    folder = tmp_path / "src" / "own_flights"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "transformers.py").write_text(TRANSFORMERS)
    (folder / "pipeline_registry.py").write_text("import kedro.pipeline\n")
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder.parent), os.environ.get("PYTHONPATH", "")]))
    yield Project(tmp_path, "own_flights", CONFIG)
    for name in [name for name in sys.modules if name.partition(".")[0] == "own_flights"]:
        del sys.modules[name]


def save(project: Project, model: object) -> ProjectCatalog:
    path = str(project.path / "data" / "model.pkl")
    entry = {"type": "pickle.PickleDataset", "filepath": path, "versioned": True}
    made = DataCatalog.from_config({"model": entry}, save_version="2026-11-21T22.48.12.552Z")
    made.save("model", model)
    return ProjectCatalog(made, {})


def fit_own() -> object:
    from own_flights.transformers import Halve  # type: ignore[import-not-found]
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(Halve(), LinearRegression()).fit(pd.DataFrame({"x": [1.0, 2.0]}), [1.0, 2.0])


def fit_plain() -> object:
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(pd.DataFrame({"x": [1.0, 2.0]}), [1.0, 2.0])


def fit_holding(*objects: object) -> object:
    """A model that holds objects of other libraries."""
    model = fit_plain()
    model.held_ = objects  # type: ignore[attr-defined]
    return model


def prepare(
    project: Project, catalog: ProjectCatalog, registry: Registry = REGISTRY
) -> tuple[Candidate, dict[str, bytes]]:
    """A candidate, and the files in its archive."""
    with (
        prepare_candidate(project, catalog, registry, None) as candidate,
        tarfile.open(candidate.archive) as archive,
    ):
        return candidate, {
            name: file.read() for name in archive.getnames() if (file := archive.extractfile(name))
        }


def test_the_package_of_a_models_own_classes_is_packed(project: Project) -> None:
    catalog = save(project, fit_own())
    candidate, files = prepare(project, catalog)
    assert {name for name in files if name.startswith("code/own_flights/")} == {
        "code/own_flights/__init__.py",
        "code/own_flights/pipeline_registry.py",
        "code/own_flights/transformers.py",
    }
    assert prepare(project, catalog)[0].sha256 == candidate.sha256
    (project.path / "src/own_flights/transformers.py").write_text(TRANSFORMERS.replace("/ 2", "/ 3"))
    assert prepare(project, catalog)[0].content_sha256 != candidate.content_sha256


def test_a_package_that_needs_what_the_container_lacks_is_refused(project: Project) -> None:
    catalog = save(project, fit_own())
    (project.path / "src/own_flights/__init__.py").write_text("import kedro.pipeline\n")
    with pytest.raises(ProjectError, match=r"src/own_flights/__init__\.py, line 1, imports `kedro`, which"):
        prepare(project, catalog)


def test_a_package_that_is_not_in_src_is_refused(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = save(project, fit_own())
    shutil.move(project.path / "src", tmp_path / "elsewhere")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "elsewhere"), os.environ["PYTHONPATH"]]))
    with pytest.raises(
        ProjectError, match=r"own package `own_flights(\.transformers)?`, .* Move it into src/"
    ):
        prepare(project, catalog)


def test_a_plain_model_takes_the_package_along_only_if_told_to(project: Project) -> None:
    catalog = save(project, fit_plain())
    _, files = prepare(project, catalog)
    assert not any(name.startswith("code/own_flights/") for name in files)
    _, files = prepare(project, catalog, REGISTRY.model_copy(update={"include_project": True}))
    assert "code/own_flights/transformers.py" in files


def test_requirements_are_bundled_if_told_to(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / "extra-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("extra-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
        wheel.writestr("extra-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("extra-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    catalog = save(project, fit_plain())
    registry = REGISTRY.model_copy(update={"requirements": ("extra",), "bundle": True})
    _, files = prepare(project, catalog, registry)
    assert files["code/requirements.txt"] == b"--no-index\n--find-links wheels\nextra\n"
    assert "code/wheels/extra-1.0-py3-none-any.whl" in files
    _, files = prepare(project, catalog, registry.model_copy(update={"bundle": False}))
    assert files["code/requirements.txt"] == b"extra\n"


def test_versions_that_differ_from_the_images_are_warnings_of_one_line(project: Project) -> None:
    catalog = save(project, fit_plain())
    image = choose_sklearn_image("eu-west-1", sklearn.__version__)
    installed = {"python": platform.python_version()}
    installed |= {name: version(name) for name in ("scikit-learn", "numpy", "pandas")}
    expected = explain_skew(image, installed)
    assert prepare(project, catalog)[0].warnings == tuple(expected)
    required = REGISTRY.model_copy(update={"requirements": (f"pandas=={version('pandas')}",)})
    assert prepare(project, catalog, required)[0].warnings == tuple(
        line for line in expected if not line.startswith("pandas ")
    )


def test_a_package_whose_objects_the_pickle_holds_is_compared(project: Project) -> None:
    catalog = save(project, fit_holding(pd.Timestamp("2026-01-02"), csr_array((1, 1))))
    image = choose_sklearn_image("eu-west-1", sklearn.__version__)
    installed = {name: version(name) for name in ("scipy", "numpy")}
    expected = explain_skew(image, {"python": platform.python_version(), **installed})
    warnings = prepare(project, catalog)[0].warnings
    assert [line for line in expected if line.startswith("scipy ")] == [
        line for line in warnings if line.startswith("scipy ")
    ]
    assert all("\n" not in line for line in warnings)
