"""Models of XGBoost and LightGBM are registered, deployed and transformed; they answer what they predict."""

import io
import json
import pickle
import sys
import textwrap
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from click.testing import CliRunner

from kedro_aws_plugin.cli import commands
from local_aws import LocalAws

BUCKET = "small-data"
VERSION = "2026-11-21T10.00.00.000Z"
REQUIREMENTS = {"xgb": "xgboost-cpu", "lgbm": "lightgbm"}
CATALOG = "".join(
    f"""
    {name}:
      type: {dataset}
      filepath: {path}
      versioned: true
      metadata: {{sagemaker: {{group: {name}, sample: table, requirements: [{REQUIREMENTS[name]}]}}}}
    """
    for name, dataset, path in (
        ("xgb", "small.trees.TreesDataset", "models/xgb.json"),
        ("lgbm", "pickle.PickleDataset", f"s3://{BUCKET}/models/lgbm.pkl"),
    )
)
TABLE = f"""
    table: {{type: pandas.CSVDataset, filepath: "s3://{BUCKET}/table.csv"}}
"""
AWS_YML = f"""
    region: eu-west-1
    bucket: {BUCKET}
    deploy: {{endpoints: {{xgb: {{group: xgb}}, lgbm: {{group: lgbm}}}}}}
"""
DATASET = """
    from pathlib import Path, PurePosixPath

    import xgboost
    from kedro.io import AbstractVersionedDataset


    class TreesDataset(AbstractVersionedDataset):
        def __init__(self, filepath, version=None, metadata=None):
            super().__init__(PurePosixPath(filepath), version)
            self.metadata = metadata

        def load(self):
            model = xgboost.XGBRegressor()
            model.load_model(self._get_load_path())
            return model

        def save(self, data):
            path = Path(self._get_save_path())
            path.parent.mkdir(parents=True, exist_ok=True)
            data.save_model(path)

        def _describe(self):
            return {}
"""
ROWS = pd.DataFrame({"engines": np.linspace(1, 9, 60), "crew": [1.0, 2.0, 3.0] * 20})
ROWS.loc[3, "crew"] = None
PRICES = 100 * ROWS["engines"] + ROWS["crew"].fillna(7)


def kedro_aws(*arguments: str) -> Any:
    done = CliRunner().invoke(commands, ["aws", *arguments], prog_name="kedro")
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture
def models(small_project: Path, local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A model of each library, fitted on rows with a missing value. One has its library's own format."""
    for module in [name for name in sys.modules if name.partition(".")[0] == "small"]:
        monkeypatch.delitem(sys.modules, module)  # of another test's project
    files = {"aws.yml": AWS_YML, "catalog.yml": CATALOG + TABLE}
    for name, text in files.items():
        (small_project / "conf/base" / name).write_text(textwrap.dedent(text), encoding="utf-8")
    (small_project / "src/small/trees.py").write_text(textwrap.dedent(DATASET), encoding="utf-8")
    fitted: dict[str, Any] = {
        "xgb": xgboost.XGBRegressor(n_estimators=8).fit(ROWS, PRICES),
        "lgbm": lightgbm.LGBMRegressor(n_estimators=8, verbose=-1).fit(ROWS, PRICES),
    }
    own = small_project / "models" / "xgb.json" / VERSION / "xgb.json"
    own.parent.mkdir(parents=True)
    fitted["xgb"].save_model(own)
    s3 = local_aws.client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"models/lgbm.pkl/{VERSION}/lgbm.pkl", Body=pickle.dumps(fitted["lgbm"]))
    s3.put_object(Bucket=BUCKET, Key="table.csv", Body=ROWS.to_csv(index=False).encode())
    return fitted


@pytest.mark.slow
def test_boosted_models_answer_what_they_predict(models: dict[str, Any], local_aws: LocalAws) -> None:
    runtime, s3 = local_aws.client("sagemaker-runtime"), local_aws.client("s3")
    for name, model in models.items():
        expected = pytest.approx(model.predict(ROWS).tolist(), rel=1e-6)
        kedro_aws("register-model", "--model", name, "--approve")
        kedro_aws("deploy", "--endpoint", name)
        answer = runtime.invoke_endpoint(
            EndpointName=name,
            Body=ROWS.to_csv(index=False).encode(),
            ContentType="text/csv",
            Accept="application/x-npy",
        )
        assert np.load(io.BytesIO(answer["Body"].read())).tolist() == expected
        folder = f"s3://{BUCKET}/predictions/{name}"
        kedro_aws("transform", "--input", "table", "--output", folder, "--group", name)
        [key] = [
            each["Key"]
            for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"predictions/{name}/")["Contents"]
        ]
        lines = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode().splitlines()
        assert [json.loads(line)["prediction"] for line in lines] == expected
