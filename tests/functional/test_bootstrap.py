"""`kedro aws bootstrap`, as far as it goes without an account."""

import os
from pathlib import Path

import pytest
import yaml
from hcl_values import read_blocks
from project_cli import BUCKET, OFFLINE, kedro_aws
from requests_sent import Requests

RAW = ["companies.csv", "reviews/reviews.csv", "shuttles.xlsx"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user without any AWS configuration; the real AWS cannot be reached."""
    os.environ.update(
        OFFLINE,
        AWS_CONFIG_FILE=str(tmp_path / "config"),
        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "credentials"),
    )
    return tmp_path


def test_the_local_aws_needs_none(requests_sent: Requests) -> None:
    done = kedro_aws("bootstrap")
    assert (done.code, done.stdout) == (
        0,
        f"unchanged: the local AWS created bucket {BUCKET}, and the database, tables and workgroup of "
        "aws.yml, when it started\n",
    )
    assert requests_sent.all == []
    assert kedro_aws("bootstrap", "-o", "json").json["results"] == []


@pytest.mark.parametrize("env", ["local", "aws"])
@pytest.mark.usefixtures("home")
def test_a_dry_run_shows_the_template_without_an_account(env: str, requests_sent: Requests) -> None:
    done = kedro_aws("bootstrap", "--dry-run", "--env", env)
    assert done.code == 0
    assert ("The plan below is for an account in which nothing exists yet." in done.stderr) == (env == "aws")
    assert ("local AWS at" in done.stderr) is False
    text = done.stdout.partition("\n}\n\n")[2].partition("\n\n2. wait until stack")[0]
    template = yaml.safe_load(text)
    assert {resource["Type"] for resource in template["Resources"].values()} == {
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::IAM::Role",
        "AWS::Glue::Database",
        "AWS::Glue::Table",
        "AWS::Athena::WorkGroup",
    }
    assert requests_sent.operations <= {("sts", "GetCallerIdentity")}


@pytest.mark.usefixtures("home")
def test_a_dry_run_in_json_is_the_plan() -> None:
    planned = kedro_aws("bootstrap", "--dry-run", "-e", "aws", "-o", "json").json
    assert [step["operation"] for step in planned["steps"]] == [
        "CreateStack",
        "DescribeStacks",
        *["PutObject"] * 3,
    ]
    assert [step["request"]["Key"] for step in planned["steps"][2:]] == [f"data/raw/{name}" for name in RAW]
    tags = {tag["Key"]: tag["Value"] for tag in planned["steps"][0]["request"]["Tags"]}
    assert tags == {
        "kedro-aws:project": "my_flights",
        "kedro-aws:env": "aws",
        "kedro-aws:bucket": BUCKET,
    }


@pytest.mark.usefixtures("home")
def test_the_template_is_printed_as_it_is_sent(requests_sent: Requests) -> None:
    """What a team applies by hand is what the command would have compared the stack with."""
    done = kedro_aws("bootstrap", "-e", "aws", "-o", "cloudformation")
    assert (done.code, done.stderr) == (0, "")
    planned = kedro_aws("bootstrap", "--dry-run", "-e", "aws", "-o", "json").json["steps"][0]["request"]
    assert yaml.safe_load(done.stdout) == yaml.safe_load(planned["TemplateBody"])
    head = " ".join(line[1:].strip(" \\") for line in done.stdout.splitlines() if line.startswith("#"))
    assert f"--stack-name {planned['StackName']} " in head
    assert head.endswith(" ".join(f"{tag['Key']}={tag['Value']}" for tag in planned["Tags"]))
    assert planned["Capabilities"] == ["CAPABILITY_IAM"]
    assert "--capabilities CAPABILITY_IAM " in head
    assert requests_sent.operations <= {("sts", "GetCallerIdentity")}  # of the dry run


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("env", ["local", "aws"])
def test_terraform_needs_no_account(env: str, requests_sent: Requests) -> None:
    done = kedro_aws("bootstrap", "-e", env, "-o", "terraform")
    assert (done.code, done.stderr, requests_sent.all) == (0, "", [])
    [bucket] = [
        each["aws_s3_bucket"] for each in read_blocks(done.stdout)["resource"] if "aws_s3_bucket" in each
    ]
    assert bucket["project"]["bucket"] == BUCKET
