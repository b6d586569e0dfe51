"""Real processes of `kedro aws register-model` at the same time, the first registration included."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from local_aws import LocalAws

pytestmark = pytest.mark.slow

OTHER = "2026-11-22T10.00.00.000Z"
FIRST = "2026-11-21T10.00.00.000Z"
GROUP = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/small-price"


def start(project: Path, version: str) -> "subprocess.Popen[str]":
    not_measured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return subprocess.Popen(
        [sys.executable, "-m", "kedro", "aws", "register-model", "--version", version],
        cwd=project,
        env={**not_measured, "KEDRO_DISABLE_TELEMETRY": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_three_register_one_model_and_two_another(local_aws: LocalAws, small_project: Path) -> None:
    s3 = local_aws.client("s3")
    metrics = s3.get_object(Bucket="small-data", Key=f"metrics.json/{FIRST}/metrics.json")["Body"].read()
    model = pickle.loads(
        s3.get_object(Bucket="small-data", Key=f"regressor.pkl/{FIRST}/regressor.pkl")["Body"].read()
    )
    assert isinstance(model, LinearRegression)
    model.intercept_ += np.float64(1)
    other = {
        f"regressor.pkl/{OTHER}/regressor.pkl": pickle.dumps(model),
        f"metrics.json/{OTHER}/metrics.json": metrics,
    }
    for key, body in other.items():
        s3.put_object(Bucket="small-data", Key=key, Body=body)
    versions = (FIRST, OTHER, FIRST, OTHER, FIRST)
    processes = [start(small_project, version) for version in versions]
    ended = [(*each.communicate(timeout=240), each.returncode) for each in processes]
    assert [code for _, _, code in ended] == [0] * 5, ended
    last = [out.splitlines()[-1] for out, _, _ in ended]  # Kedro's log comes before
    said = [line.removeprefix("unchanged: ").split(" ")[0] for line in last]
    assert set(said) == {f"{GROUP}/1", f"{GROUP}/2"}
    assert [arn == said[0] for arn in said] == [True, False, True, False, True]
    listed = local_aws.client("sagemaker").list_model_packages(ModelPackageGroupName="small-price")
    assert {each["ModelPackageArn"] for each in listed["ModelPackageSummaryList"]} == set(said)
