import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from kedro_aws_plugin.model_artifact.archive import lay_out
from kedro_aws_plugin.model_artifact.handlers import list_model_members

NUMBERS = ["engines", "crew"]


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Numbers, strings and booleans, with values missing."""
    return pd.DataFrame(
        {
            "engines": [1.0, 2.0, np.nan, 4.0, 0.1 + 0.2, 1e-17],
            "crew": [1, 2, 3, 5, 8, 13],
            "kind": ["a", "b, or c", "a", np.nan, 'say "x"', "b, or c"],
            "certified": [True, False, True, True, False, False],
        }
    )


@pytest.fixture(scope="session")
def model(frame: pd.DataFrame) -> Pipeline:
    columns = make_column_transformer(
        (SimpleImputer(), [*NUMBERS, "certified"]),
        (OneHotEncoder(handle_unknown="ignore"), ["kind"]),
    )
    return make_pipeline(columns, LinearRegression()).fit(frame, [1.0, 2.0, 3.0, 5.0, 8.0, 13.5])


@pytest.fixture
def model_file(model: Pipeline, tmp_path: Path) -> Path:
    path = tmp_path / "regressor.pickle"
    path.write_bytes(pickle.dumps(model))
    return path


@pytest.fixture
def model_dir(model_file: Path, tmp_path: Path) -> Path:
    """The model as the container finds it, in /opt/ml/model."""
    folder = tmp_path / "model"
    lay_out(list_model_members(model_file), folder)
    return folder
