"""What a transform job of the local AWS takes, by `model.predict` in one process on the same file.

A model like the starter's and a CSV of a million rows. The job's side: CreateTransformJob with two requests
at once, until it is Completed; the model's processes start within that. The other side: a new process that
reads the same CSV with pandas, predicts all of it at once and writes the same lines. Both outputs must be
equal. While the job runs, the memory of the server and of the model's processes is looked at: that of the
server must not depend on the file.
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
from bench_serving import client_options
from common import environment, in_turn, judge, progress, ratio_of, row, spread, verdict, workshop

import local_aws
from kedro_aws_plugin.model_artifact.archive import Member, build_archive
from kedro_aws_plugin.model_artifact.handlers import PROGRAM, SUBMIT_DIRECTORY, list_model_members
from kedro_aws_plugin.model_artifact.signature import describe_input, describe_output, write_signature

GOAL = 1.5
MEMORY_GOAL = 100
_WORKERS = 2
_BUCKET = "benchmark"
_REGION = "eu-west-1"
_ROLE = "arn:aws:iam::123456789012:role/benchmark"
_MEGABYTE = 1024**2
_PREDICT = """
import pickle, sys
import pandas as pd
model = pickle.load(open(sys.argv[1], "rb"))
table = pd.read_csv(sys.argv[2], header=None, names=model.feature_names_in_)
pd.Series(model.predict(table)).to_csv(sys.argv[3], index=False, header=False)
"""


def make_inputs(folder: Path, rows: int) -> Path:
    """Fit and pack a model, write rows without a header, and return the archive."""
    import numpy as np
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    chance = np.random.default_rng(0)

    def draw(size: int) -> Any:
        numbers = {f"number_{each}": chance.normal(size=size).round(3) for each in range(8)}
        kinds = [f"type {kind}" for kind in range(8)]
        return pd.DataFrame({**numbers, **{f"text_{each}": chance.choice(kinds, size) for each in range(3)}})

    table = draw(2000)
    names = list(table.columns)
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("numbers", "passthrough", names[:8]), ("texts", one_hot, names[8:])])
    trees = HistGradientBoostingRegressor(max_iter=150, max_leaf_nodes=8, random_state=3)
    model = Pipeline([("columns", columns), ("trees", trees)]).fit(table, table["number_0"] * 2)
    file = folder / "model.pickle"
    file.write_bytes(pickle.dumps(model))
    signature = write_signature(describe_input(model, table, "predict"), describe_output(model, "predict"))
    members = [*list_model_members(file), Member("code/signature.json", json.dumps(signature).encode())]
    draw(rows).to_csv(folder / "input.csv", index=False, header=False)
    return build_archive(members, folder / "model.tar.gz").path


class Side:
    """The job's side.

    Args:
        aws: The local AWS.
        folder: The folder of the inputs.
        archive: The model.
    """

    def __init__(self, aws: local_aws.LocalAws, folder: Path, archive: Path) -> None:
        self._server = psutil.Process(aws.pid)
        self._sagemaker: Any = boto3.client("sagemaker", **client_options(aws))
        self._s3: Any = boto3.client("s3", **client_options(aws))
        where: Any = {"LocationConstraint": _REGION}
        self._s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration=where)
        self._s3.upload_file(str(archive), _BUCKET, "model.tar.gz")
        self._s3.upload_file(str(folder / "input.csv"), _BUCKET, "in/input.csv")
        self._count = 0
        self.server_growth: list[float] = []
        self.models: list[float] = []
        self.work: list[float] = []
        variables = {"SAGEMAKER_PROGRAM": PROGRAM, "SAGEMAKER_SUBMIT_DIRECTORY": SUBMIT_DIRECTORY}
        data = f"s3://{_BUCKET}/model.tar.gz"
        container: Any = {"Image": "benchmark", "ModelDataUrl": data, "Environment": variables}
        self._sagemaker.create_model(ModelName="m", ExecutionRoleArn=_ROLE, PrimaryContainer=container)

    def run(self) -> float:
        """Run a job, and return its seconds."""
        self._count += 1
        name = f"job-{self._count}"
        before, most, most_of_models = self._server.memory_info().rss, 0, 0
        work, work_of_models = _measure_work(self._server), dict[int, float]()
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{_BUCKET}/in/"}
        began = time.perf_counter()
        self._sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName="m",
            MaxConcurrentTransforms=_WORKERS,
            TransformInput={
                "DataSource": {"S3DataSource": source},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            TransformOutput={
                "S3OutputPath": f"s3://{_BUCKET}/out",
                "Accept": "text/csv",
                "AssembleWith": "Line",
            },
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        while True:
            job = self._sagemaker.describe_transform_job(TransformJobName=name)
            if job["TransformJobStatus"] != "InProgress":
                break
            most = max(most, self._server.memory_info().rss)
            for each in self._server.children():
                with suppress(psutil.Error):  # it has just ended
                    most_of_models = max(most_of_models, each.memory_info().rss)
                    work_of_models[each.pid] = _measure_work(each)
            time.sleep(0.1)
        took = time.perf_counter() - began
        if job["TransformJobStatus"] != "Completed":
            sys.exit(f"The job has {job['TransformJobStatus']}: {job.get('FailureReason')}")
        self.server_growth.append((most - before) / _MEGABYTE)
        self.models.append(most_of_models / _MEGABYTE)
        self.work.append(_measure_work(self._server) - work + sum(work_of_models.values()))
        return took

    def read(self) -> bytes:
        """Read the output."""
        body: bytes = self._s3.get_object(Bucket=_BUCKET, Key="out/input.csv.out")["Body"].read()
        return body


def _measure_work(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def predict(folder: Path, work: list[float]) -> float:
    """Predict in one process, note its processor time, and return its seconds."""
    files = [str(folder / name) for name in ("model.pickle", "input.csv", "output.csv")]
    began, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-c", _PREDICT, *files], check=True, env=environment())
    took, after = time.perf_counter() - began, os.times()
    work.append(after.children_user - before.children_user + after.children_system - before.children_system)
    return took


def check_outputs(job: bytes, file: Path) -> None:
    """Check that both sides have predicted the same numbers."""
    import numpy as np

    ours, theirs = (np.loadtxt(lines) for lines in (job.decode().splitlines(), file.read_text().splitlines()))
    if ours.shape != theirs.shape or not np.allclose(ours, theirs, rtol=1e-12, atol=0):
        sys.exit(f"The outputs differ: {ours.shape} and {theirs.shape}.")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--pairs", type=int, default=3)
    chosen = options.parse_args()
    os.environ.update(environment())
    print(f"A transform job of {chosen.rows} rows by model.predict in one process")
    with workshop() as folder:
        archive = make_inputs(folder, chosen.rows)
        progress("the inputs are made")
        aws, _ = local_aws.start(folder / ".kedro-aws", region=_REGION, exit_with_parent=True)
        job = Side(aws, folder, archive)
        work: list[float] = []
        pairs = in_turn(job.run, lambda: predict(folder, work), chosen.pairs, warm_up=False)
        check_outputs(job.read(), folder / "output.csv")
        row("input", f"{(folder / 'input.csv').stat().st_size / _MEGABYTE:.0f} MB")
        for index, name in enumerate(("transform job, 2 workers", "model.predict in one process")):
            row(name, spread([pair[index] for pair in pairs]))
        row("processor time of the job", spread(job.work))
        row("processor time in one process", spread(work))
        row("memory of a model's process", f"{max(job.models):.0f} MB")
        row("memory of the server, growth", f"{max(job.server_growth):.0f} MB")
        judge(ratio_of(pairs), GOAL)
        verdict(max(job.server_growth), MEMORY_GOAL, "MB")


if __name__ == "__main__":
    main()
