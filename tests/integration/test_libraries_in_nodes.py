"""Whatever a node uses to speak to AWS speaks to the one in force, with no endpoint in the catalog."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws import LocalAws

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NODE = """
import json
from pathlib import Path

import awswrangler
import boto3
import pandas as pd
import pyathena
import s3fs
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

bootstrap_project(Path.cwd())
with KedroSession.create(Path.cwd()) as session:
    session.load_context()

frame = pd.DataFrame({"a": [1, 2]})
frame.to_parquet("s3://small-data/by-pandas.parquet")
wr = awswrangler.s3.to_parquet(frame, "s3://small-data/by-awswrangler.parquet")
with s3fs.S3FileSystem().open("s3://small-data/by-s3fs.txt", "w") as file:
    file.write("hello")
boto3.client("s3").put_object(Bucket="small-data", Key="by-boto3.txt", Body=b"hello")
athena = pyathena.connect(s3_staging_dir="s3://small-data/athena/")
print(json.dumps({
    "pandas": len(pd.read_parquet("s3://small-data/by-pandas.parquet")),
    "awswrangler": len(awswrangler.s3.read_parquet("s3://small-data/by-awswrangler.parquet")),
    "athena": athena.client.meta.endpoint_url,
    "account": boto3.client("sts").get_caller_identity()["Account"],
}))
"""

HOSTILE = {
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_ENDPOINT_URL": "https://s3.example.invalid",
    "AWS_ENDPOINT_URL_S3": "https://s3.example.invalid",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_REGION": "us-gov-west-1",
    "HTTP_PROXY": "http://proxy.example.invalid:3128",
    "HTTPS_PROXY": "http://proxy.example.invalid:3128",
}


@pytest.mark.parametrize("hostile", [False, True], ids=["plain", "hostile"])
def test_libraries_speak_to_the_local_aws(small_project: Path, local_aws: LocalAws, hostile: bool) -> None:
    variables = {**os.environ, **(HOSTILE if hostile else {})}
    if hostile:
        profile = small_project / "aws-config"
        profile.write_text(
            "[profile production]\nregion = us-east-1\nendpoint_url = https://example.invalid\n"
        )
        variables["AWS_CONFIG_FILE"] = str(profile)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", NODE],
        cwd=small_project,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen == {
        "pandas": 2,
        "awswrangler": 2,
        "athena": local_aws.endpoint_url,
        "account": local_aws.account_id,
    }
    keys = {item["Key"] for item in local_aws.client("s3").list_objects_v2(Bucket="small-data")["Contents"]}
    assert {"by-pandas.parquet", "by-awswrangler.parquet", "by-s3fs.txt", "by-boto3.txt"} <= keys
