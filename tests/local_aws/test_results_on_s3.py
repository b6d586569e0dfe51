"""The files of a query's result on S3 are what PutObject makes of them, though no request stores them."""

import json
import time
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config
from local_cloud import BUCKET, Cloud

_OF_A_REQUEST = {
    "date",
    "last-modified",
    "x-amz-content-sha256",  # moto returns what a client has sent
    "x-amz-id-2",
    "x-amz-request-id",
    "x-amz-version-id",
    "x-amzn-requestid",
}


def _query(cloud: Cloud, sql: str) -> str:
    athena = cloud.aws.client("athena")
    where = {"OutputLocation": f"s3://{BUCKET}/results/"}
    started = athena.start_query_execution(QueryString=sql, ResultConfiguration=where)
    name: str = started["QueryExecutionId"]
    for _ in range(200):
        status = athena.get_query_execution(QueryExecutionId=name)["QueryExecution"]["Status"]
        if status["State"] not in {"QUEUED", "RUNNING"}:
            assert status["State"] == "SUCCEEDED", status
            return f"results/{name}.csv"
        time.sleep(0.05)
    raise AssertionError(status)


def _describe(s3: Any, key: str) -> dict[str, Any]:
    """Describe what clients see of an object."""
    got = s3.get_object(Bucket=BUCKET, Key=key)
    described = {
        name: value for name, value in got.items() if name not in {"Body", "ResponseMetadata", "LastModified"}
    }
    headers = got["ResponseMetadata"]["HTTPHeaders"]
    described["VersionId"] = "VersionId" in described
    return {
        **described,
        "content": got["Body"].read(),
        "headers": {name: value for name, value in headers.items() if name not in _OF_A_REQUEST},
        "acl": s3.get_object_acl(Bucket=BUCKET, Key=key)["Grants"],
        "tags": s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"],
    }


@pytest.mark.parametrize("setting", ["plain", "versioned", "encrypted"])
def test_a_result_is_what_put_object_makes(cloud: Cloud, setting: str) -> None:
    s3: Any = boto3.client("s3", config=Config(request_checksum_calculation="when_required"))
    if setting == "versioned":
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    if setting == "encrypted":
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "a-key"}}
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    key = _query(cloud, "SELECT 1 AS a")
    for each, content in ((key, b'"a"\n"1"\n'), (f"{key}.metadata", None)):
        found = _describe(s3, each)
        if content is not None:
            assert found["content"] == content
        s3.put_object(
            Bucket=BUCKET, Key="by-hand", Body=found["content"], ContentType="application/octet-stream"
        )
        assert found == _describe(s3, "by-hand")
    versions = s3.list_object_versions(Bucket=BUCKET, Prefix=key)["Versions"]
    assert [each["IsLatest"] for each in versions] == [True, True]


def test_others_are_told_of_a_result(cloud: Cloud) -> None:
    s3, sqs = cloud.aws.client("s3"), cloud.aws.client("sqs")
    queue = sqs.create_queue(QueueName="results")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    told = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=told)
    key = _query(cloud, "SELECT 1 AS a")
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    events = [json.loads(each["Body"]) for each in messages]
    keys = {unquote(record["s3"]["object"]["key"]) for event in events for record in event.get("Records", [])}
    assert keys == {key, f"{key}.metadata"}


@pytest.mark.parametrize(("folder", "is_stored"), [("x" * 500, True), ("x" * 1_000, False)])
def test_a_key_that_put_object_refuses_is_refused(cloud: Cloud, folder: str, is_stored: bool) -> None:
    athena = cloud.aws.client("athena")
    where = {"OutputLocation": f"s3://{BUCKET}/{folder}/"}
    name = athena.start_query_execution(QueryString="SELECT 1", ResultConfiguration=where)["QueryExecutionId"]
    status: dict[str, Any] = {"State": "QUEUED"}
    while status["State"] in {"QUEUED", "RUNNING"}:
        status = athena.get_query_execution(QueryExecutionId=name)["QueryExecution"]["Status"]
    assert status["State"] == ("SUCCEEDED" if is_stored else "FAILED"), status
    assert ("Contents" in cloud.s3.list_objects_v2(Bucket=BUCKET)) == is_stored
