"""The fixture `local_aws` in a project that has boto3 and pytest, and nothing of Kedro."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """
import sys

def pytest_configure(config):
    assert config.pluginmanager.hasplugin("local_aws")
    assert not {"kedro", "kedro_aws_plugin", "click", "boto3", "moto"} & set(sys.modules)
"""

TESTS = """
import os
import sys
import time

import boto3

AWS = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def test_objects_and_queries(local_aws):
    place = {"LocationConstraint": local_aws.region}
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="shop", CreateBucketConfiguration=place)
    s3.put_object(Bucket="shop", Key="prices/one.csv", Body=b"apple,1")
    assert s3.get_object(Bucket="shop", Key="prices/one.csv")["Body"].read() == b"apple,1"
    create = (
        "CREATE EXTERNAL TABLE prices (name string, price int) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://shop/prices/'"
    )
    boto3.client("glue").create_database(DatabaseInput={"Name": "shop"})
    query(create)
    assert query("SELECT name, price FROM prices")[1:] == [["apple", "1"]]


def query(sql):
    athena = boto3.client("athena")
    execution = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": "shop"},
        ResultConfiguration={"OutputLocation": "s3://shop/results/"},
    )
    state = "QUEUED"
    while state in {"QUEUED", "RUNNING"}:
        time.sleep(0.1)
        found = athena.get_query_execution(QueryExecutionId=execution["QueryExecutionId"])
        state = found["QueryExecution"]["Status"]["State"]
    assert state == "SUCCEEDED", found
    rows = athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])["ResultSet"]["Rows"]
    return [[cell["VarCharValue"] for cell in row["Data"]] for row in rows]


def test_the_next_test_finds_it_empty(local_aws):
    assert boto3.client("s3").list_buckets()["Buckets"] == []
    assert "AWS_PROFILE" not in os.environ


def test_afterwards_the_variables_are_as_before():
    assert {name: value for name, value in os.environ.items() if name.startswith("AWS_")} == AWS
    assert AWS["AWS_PROFILE"] == "of-the-user"


def test_nothing_of_kedro_was_imported():
    assert [name for name in sys.modules if name.split(".")[0] in {"kedro", "kedro_aws_plugin"}] == []
"""


@pytest.mark.slow
def test_a_project_without_kedro(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_shop.py").write_text(TESTS)
    monkeypatch.setenv("AWS_PROFILE", "of-the-user")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
    assert sorted(file.name for file in tmp_path.iterdir() if file.name != "__pycache__") == [
        "conftest.py",
        "pytest.ini",
        "test_shop.py",
    ]
