import json
import pickle
import shutil
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from kedro_aws_plugin.model_artifact import default_inference
from kedro_aws_plugin.model_artifact.archive import Member, lay_out
from kedro_aws_plugin.model_artifact.handlers import list_model_members
from kedro_aws_plugin.model_artifact.signature import describe_input, describe_output, write_signature

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
def model_dir(model_file: Path, model: Pipeline, frame: pd.DataFrame, tmp_path: Path) -> Path:
    """The model as the container finds it, in /opt/ml/model."""
    folder = tmp_path / "model"
    signature = write_signature(describe_input(model, frame, "predict"), describe_output(model, "predict"))
    description = Member("code/signature.json", json.dumps(signature).encode())
    lay_out([*list_model_members(model_file), description], folder)
    return folder


class Handlers(Protocol):
    """Gives the packed handlers of a model, with its signature."""

    def __call__(self, model: object, frame: pd.DataFrame | None, method: str = "predict") -> ModuleType: ...


@pytest.fixture
def handlers_of(tmp_path: Path) -> Handlers:
    def load(model: object, frame: pd.DataFrame | None, method: str = "predict") -> ModuleType:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        known = None if frame is None else describe_input(model, frame, method)
        signature = write_signature(known, describe_output(model, method))
        (folder / "signature.json").write_text(json.dumps(signature), encoding="utf-8")
        shutil.copy(default_inference.__file__, folder)
        spec = spec_from_file_location(f"packed_{folder.name}", folder / "default_inference.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
