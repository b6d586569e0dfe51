"""A small project with a saved model, on a fresh local AWS."""

import json
import pickle
from pathlib import Path

import pandas as pd
import pytest
import reviews_table
from kedro.framework.startup import bootstrap_project
from sklearn.linear_model import LinearRegression

from local_aws import LocalAws

VERSION = "2026-11-21T10.00.00.000Z"
BUCKET = "small-data"
FILES = {
    "pyproject.toml": """
        [tool.kedro]
        package_name = "small"
        project_name = "Small"
        kedro_init_version = "1.4.0"
    """,
    "conf/base/aws.yml": f"""
        region: eu-west-1
        bucket: {BUCKET}
        registry: {{group: small-price, model: regressor, metrics: metrics, sample: table}}
        deploy: {{endpoint: small-price}}
    """,
    "conf/base/catalog.yml": f"""
        regressor: {{type: pickle.PickleDataset, filepath: "s3://{BUCKET}/regressor.pkl", versioned: true}}
        metrics: {{type: json.JSONDataset, filepath: "s3://{BUCKET}/metrics.json", versioned: true}}
        table: {{type: pandas.CSVDataset, filepath: "s3://{BUCKET}/table.csv"}}
    """,
    "conf/base/parameters.yml": "seed: 1\n",
    "conf/local/.gitkeep": "",
    "src/small/__init__.py": "",
    "src/small/settings.py": "",
    "src/small/pipeline_registry.py": """
        from kedro.pipeline import pipeline

        def register_pipelines():
            return {"__default__": pipeline([])}
    """,
}


@pytest.fixture
def small_project(local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose pipeline has run: model, metrics and table are on S3."""
    import textwrap

    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
    table = pd.DataFrame({"engines": [1.0, 2.0, 3.0, 4.0], "crew": [2.0, 1.0, 4.0, 3.0]})
    model = LinearRegression().fit(table, 100 * table["engines"] + table["crew"])
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    saved = {
        f"regressor.pkl/{VERSION}/regressor.pkl": pickle.dumps(model),
        f"metrics.json/{VERSION}/metrics.json": json.dumps({"r2": 1.0, "mae": 0.0}).encode(),
        "table.csv": table.to_csv(index=False).encode(),
    }
    for key, body in saved.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    monkeypatch.chdir(tmp_path)
    bootstrap_project(tmp_path)
    return tmp_path


@pytest.fixture
def reviews(aws: LocalAws) -> None:
    """The table of that name."""
    reviews_table.add_reviews(aws)
