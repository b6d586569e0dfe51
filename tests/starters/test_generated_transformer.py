"""A project whose model has a step of the project's own, from `kedro new` to a prediction."""

import importlib
import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import local_aws

Run = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.slow

FEATURES = '''
"""A step of the model that computes a column."""

from sklearn.base import BaseEstimator, TransformerMixin


class PassengersPerCrew(TransformerMixin, BaseEstimator):
    """Add the number of passengers for each member of the crew."""

    def fit(self, table, y=None):
        self.feature_names_in_ = table.columns.to_numpy()
        return self

    def transform(self, table):
        return table.assign(passengers_per_crew=table["passenger_capacity"] / table["crew"])
'''
FORMER = 'model = Model([("columns", columns), ("regressor", regressor)])'
STEPS = """
    columns.transformers.append(("own", "passthrough", ["passengers_per_crew"]))
    model = Model([("own", PassengersPerCrew()), ("columns", columns), ("regressor", regressor)])
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("own-step")
    made = run("kedro", "new", "--starter", "aws-spaceflights", "--name", "Moon Steps", cwd=folder)
    assert made.returncode == 0, made.stderr
    package = folder / "moon-steps" / "src" / "moon_steps"
    (package / "features.py").write_text(FEATURES, encoding="utf-8")
    science = package / "pipelines" / "data_science" / "__init__.py"
    source = science.read_text(encoding="utf-8")
    assert source.count(FORMER) == 1
    source = source.replace(FORMER, STEPS.strip())
    importing = "import numpy as np\n"
    source = source.replace(importing, f"{importing}from moon_steps.features import PassengersPerCrew\n")
    science.write_text(source, encoding="utf-8")
    yield folder / "moon-steps"
    local_aws.stop(local_aws.default_state_dir(folder / "moon-steps"))


@pytest.fixture
def importable(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a pickle of the project's model needs in this process."""
    monkeypatch.syspath_prepend(str(project / "src"))
    importlib.invalidate_caches()
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "moon_steps"]:
        del sys.modules[name]


@pytest.mark.usefixtures("importable")
def test_a_step_of_the_project_answers_at_the_endpoint_as_in_the_model(project: Path, run: Run) -> None:
    for command in (("run",), ("aws", "register-model", "--approve"), ("aws", "deploy")):
        done = run("kedro", *command, cwd=project)
        assert done.returncode == 0, done.stderr
    aws = local_aws.find(local_aws.default_state_dir(project))
    assert aws is not None
    s3 = aws.client("s3")

    def read(prefix: str) -> bytes:
        (found,) = s3.list_objects_v2(Bucket="moon-steps-data", Prefix=prefix)["Contents"]
        return s3.get_object(Bucket="moon-steps-data", Key=found["Key"])["Body"].read()

    model = pickle.loads(read("models/regressor"))
    table = pd.read_parquet(io.BytesIO(read("data/model_input/model_input_table.parquet"))).head(20)
    table.to_csv(project / "rows.csv", index=False)
    predicted = run("kedro", "aws", "predict", "rows.csv", "-o", "json", cwd=project)
    assert predicted.returncode == 0, predicted.stderr
    answers = json.loads(predicted.stdout)["predictions"]
    assert type(model.steps[0][1]).__module__ == "moon_steps.features"
    expected = model.predict(table[model.feature_names_in_])
    assert answers == pytest.approx(expected.tolist(), rel=1e-9)
    assert len(np.unique(answers)) > 10
