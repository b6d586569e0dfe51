"""Secrets planted wherever a user may have one are found nowhere else."""

import io
import json
import os
import subprocess
import sys
import tarfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import LocalAws, default_state_dir

BUCKET = "small-data"
PLANTED = {
    name: f"planted-{name}-7f3a9c"
    for name in (
        "own-secret",
        "own-token",
        "website",
        "parameter",
        "runtime",
        "global",
        "environment",
        "shell-secret",
        "shell-token",
        "proxy",
        "fsspec",
        "header",
    )
}
FILES = {
    "conf/base/aws.yml": f"region: eu-west-1\nbucket: {BUCKET}\n",
    "conf/base/catalog.yml": f"""
        regressor:
          type: pickle.PickleDataset
          filepath: s3://{BUCKET}/regressor.pkl
          versioned: true
          metadata: {{sagemaker: {{group: small-price, metrics: metrics, sample: table}}}}
        metrics: {{type: json.JSONDataset, filepath: "s3://{BUCKET}/metrics.json", versioned: true}}
        table:
          type: pandas.CSVDataset
          filepath: s3://{BUCKET}/table.csv
          credentials: own
        absent: {{type: pandas.CSVDataset, filepath: "s3://{BUCKET}/absent.csv", credentials: own}}
        prices: {{type: api.APIDataset, url: "http://127.0.0.1:9/prices", credentials: website}}
        query:
          type: kedro_aws_plugin.datasets.AthenaQueryDataset
          query: SELEC nonsense
          credentials: own
          output_location: s3://{BUCKET}/athena/
    """,
    "conf/local/credentials.yml": f"""
        own: {{key: AKIAOWN, secret: {PLANTED["own-secret"]}, token: {PLANTED["own-token"]}}}
        website: [me, {PLANTED["website"]}]
    """,
    "conf/base/globals.yml": f"token: {PLANTED['global']}\n",
    "conf/base/parameters.yml": f"""
        seed: 1
        password: {PLANTED["parameter"]}
        runtime: none
        token: ${{globals:token}}
    """,
    "src/small/pipeline_registry.py": """
        from kedro.pipeline import node, pipeline
        from sklearn.linear_model import LinearRegression

        def fit(table, password, runtime):
            assert password and runtime != "none"
            return LinearRegression().fit(table, table["engines"]), {"r2": 1.0}

        def same(value):
            return value

        def register_pipelines():
            fitted = node(fit, ["table", "params:password", "params:runtime"], ["regressor", "metrics"])
            failing = {name: pipeline([node(same, name, "out")]) for name in ("absent", "query", "prices")}
            return {"__default__": pipeline([fitted]), **failing}
    """,
}
SHELL = {
    "MY_TOKEN": PLANTED["environment"],
    "AWS_ACCESS_KEY_ID": "AKIAUSER",
    "AWS_SECRET_ACCESS_KEY": PLANTED["shell-secret"],
    "AWS_SESSION_TOKEN": PLANTED["shell-token"],
    "HTTPS_PROXY": f"http://me:{PLANTED['proxy']}@127.0.0.1:9",
    "FSSPEC_S3_SECRET": PLANTED["fsspec"],
    "FSSPEC_S3_KEY": "AKIAFSSPEC",
}
CODE = """
import logging, sys, traceback
from pathlib import Path
import boto3
from click.testing import CliRunner
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro_aws_plugin.cli import commands
bootstrap_project(Path.cwd())

def run(name, params):
    try:
        with KedroSession.create(Path.cwd(), runtime_params=params) as session:
            session.run(pipeline_names=[name])
        return 0
    except Exception:
        traceback.print_exc()
        return 1

def kedro_aws(*arguments):
    result = CliRunner().invoke(commands, ["aws", *arguments], prog_name="kedro")
    print(result.output)
    return result.exit_code

codes = [
    run("__default__", {"runtime": "RUNTIME"}),
    run("absent", {"runtime": "RUNTIME"}),
    run("query", {}),
    run("prices", {}),
    run("query", {"globals": {"tokn": "RUNTIME"}}),
    kedro_aws("register-model", "--model", "regressor", "--dry-run", "--output", "json"),
    kedro_aws("register-model", "--model", "regressor", "--version", "nope"),
    kedro_aws("status", "--output", "json"),
    kedro_aws("bootstrap", "--dry-run", "--output", "json"),
]
with KedroSession.create(Path.cwd()) as session:
    catalog = session.load_context().catalog
    for name in catalog:
        dataset = catalog[name]
        print(name, str(dataset), repr(dataset), getattr(dataset, "metadata", None))
    print(catalog["table"].preview())
s3 = boto3.client("s3")
s3.put_object(Bucket="small-data", Key="x", Body=b"", Metadata={"token": "HEADER"})
s3.delete_object(Bucket="small-data", Key="x")
print(*codes)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def project(small_project: Path) -> Path:
    """The project with all secrets in it."""
    for name, text in FILES.items():
        (small_project / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return small_project


def found_in(text: bytes, local_secret: str) -> set[str]:
    """The names of the secrets in a text."""
    secrets = {**PLANTED, "local AWS": local_secret}
    return {name for name, secret in secrets.items() if secret.encode() in text}


def read_everything(local_aws: LocalAws, project: Path) -> Iterator[tuple[str, bytes]]:
    """All that the commands have left: the state folder, what S3 holds, and the registry."""
    state = default_state_dir(project)
    for file in state.rglob("*"):
        if file.is_file() and file.name not in ("local.json", "credentials.json", "parameters.key"):
            yield str(file.relative_to(state)), file.read_bytes()
    s3 = local_aws.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for each in page.get("Contents", []):
            body = s3.get_object(Bucket=BUCKET, Key=each["Key"])
            content = body["Body"].read()
            yield each["Key"], json.dumps(body["Metadata"]).encode() + content
            if each["Key"].endswith("model.tar.gz"):
                with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                    for member in archive.getmembers():
                        opened = archive.extractfile(member)
                        yield member.name, opened.read() if opened else b""
    sagemaker = local_aws.client("sagemaker")
    packages = sagemaker.list_model_packages(ModelPackageGroupName="small-price")["ModelPackageSummaryList"]
    assert packages
    for each in packages:
        arn = each["ModelPackageArn"]
        described = sagemaker.describe_model_package(ModelPackageName=arn)
        tags = sagemaker.list_tags(ResourceArn=described["ModelPackageGroupName"] and arn)
        yield arn, json.dumps([described, tags], default=str).encode()


def test_no_secret_is_said_or_left_anywhere(project: Path, local_aws: LocalAws) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    secret = local_aws.environment()["AWS_SECRET_ACCESS_KEY"]
    code = CODE.replace("RUNTIME", PLANTED["runtime"]).replace("HEADER", PLANTED["header"])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=project,
        env={**kept, **SHELL, "KEDRO_DISABLE_TELEMETRY": "1", "COLUMNS": "500"},
        capture_output=True,
        timeout=250,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said.decode()
    codes = done.stdout.decode().splitlines()[-1]
    assert codes.split() == ["0", "1", "1", "1", "1", "0", "1", "0", "0"], said.decode()
    assert found_in(said, secret) == set(), said.decode()
    left = {name: found_in(content, secret) for name, content in read_everything(local_aws, project)}
    assert {name: names for name, names in left.items() if names} == {}
    assert any(name.endswith("local.log") for name in left)
    assert any(name.startswith("runs/") for name in left)
    assert any(name.endswith("model.tar.gz") for name in left)
