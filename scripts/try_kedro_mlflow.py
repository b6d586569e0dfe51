"""Register, deploy and transform a model that kedro-mlflow saved, in a clean environment.

    python scripts/try_kedro_mlflow.py

Makes a project of the aws-spaceflights starter, gives its model the type `MlflowModelLocalFileSystemDataset`,
and compares what the endpoint and a batch transform answer with `mlflow.pyfunc` on the same rows. Prints the
versions and the comparison; exits with 1 if they differ. Needs a package index and about 900 MB of disk.
"""

import datetime
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHOWN = ("kedro", "kedro-mlflow", "mlflow", "scikit-learn")
ENTRY = """\
regressor:
  type: kedro_mlflow.io.models.MlflowModelLocalFileSystemDataset
  filepath: data/models/regressor
  flavor: mlflow.sklearn
  save_args: {serialization_format: cloudpickle}
  versioned: true

predictions:
  type: pandas.ParquetDataset
  filepath: data/predictions.parquet
"""
COMMANDS = (
    "kedro mlflow init",
    "kedro run",
    "kedro aws register-model --approve",
    "kedro aws deploy",
    "kedro aws transform --input model_input_table --output predictions",
)
COMPARE = """
import importlib.metadata, pathlib, sys
import boto3, mlflow.pyfunc, numpy as np, pandas as pd, local_aws
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

bootstrap_project(pathlib.Path.cwd())
with KedroSession.create() as session:
    catalog = session.load_context().catalog
    rows, transformed = catalog.load("model_input_table"), catalog.load("predictions")
[folder] = pathlib.Path("data/models/regressor").glob("*/regressor")
expected = mlflow.pyfunc.load_model(str(folder)).predict(rows)
runtime = local_aws.find(pathlib.Path(".kedro-aws")).client("sagemaker-runtime")
answer = runtime.invoke_endpoint(
    EndpointName="my-flights-price", ContentType="text/csv", Accept="application/x-npy",
    Body=rows.to_csv(index=False).encode(),
)
import io
answered = np.load(io.BytesIO(answer["Body"].read()))
same = [np.allclose(each, expected) for each in (answered, transformed.iloc[:, -1])]
print(f"{len(rows)} rows, as MLflow predicts: endpoint {same[0]}, transform {same[1]}")
print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in SHOWN))
sys.exit(not all(same))
"""


def main() -> int:
    """Try it, and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        venv.create(home / "venv", with_pip=True)
        programs = home / "venv" / "bin"
        environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PATH": f"{programs}:{os.environ['PATH']}",
            "KEDRO_DISABLE_TELEMETRY": "1",
            "MLFLOW_ALLOW_FILE_STORE": "true",  # MLflow 3.17 asks for a database otherwise
        }

        def run(command: list[str], where: Path) -> int:
            return subprocess.run(command, cwd=where, env=environment, check=False).returncode

        pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--upgrade", "pip"], check=True)
        group = f"{ROOT}/pyproject.toml:starters"
        subprocess.run([*pip, f"{ROOT}[athena,local,s3]", "kedro-mlflow", "--group", group], check=True)
        run(["kedro", "new", "--starter=aws-spaceflights", "--name", "My Flights"], home)
        project = home / "my-flights"
        _change_catalog(project / "conf" / "base" / "catalog.yml")
        try:
            for command in COMMANDS:
                if code := run(command.split(), project):
                    print(f"{command}: exit {code}")
                    return 1
            print(datetime.datetime.now(tz=datetime.timezone.utc).date())
            return run([str(programs / "python"), "-c", f"SHOWN = {SHOWN!r}\n{COMPARE}"], project)
        finally:
            run(["kedro", "aws", "local", "stop"], project)


def _change_catalog(file: Path) -> None:
    before, found, after = file.read_text(encoding="utf-8").partition("regressor:\n")
    assert found
    following = after.split("\n\n", 1)[1]
    file.write_text(f"{before}{ENTRY}\n{following}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
