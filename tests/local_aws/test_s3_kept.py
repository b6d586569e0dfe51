"""What S3 holds is there again after a kill and after a stop, and what nothing refers to is not."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from local_cloud import refused

import local_aws

REGION = "eu-west-1"
PART = b"p" * 5 * 1024**2
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::one/*"}
    ],
}
ANY_KEYS = ["plain", "ü/ \x07*?%&+", "a//b/", "../../up", "k" * 1000, "\U0001f9ea", "'; DROP TABLE item; --"]


class Lasting:
    """A local AWS that is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / ".kedro-aws"
        self.s3: Any = None
        self.start()

    def start(self) -> None:
        aws, _started = local_aws.start(self.folder, region=REGION)
        self.pid = aws.pid
        self.aws = aws
        self.s3 = self.client("s3")

    def client(self, service: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id=self.aws.access_key_id,
            aws_secret_access_key=self.aws.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        wait_for(lambda: local_aws.find(self.folder) is None)

    def again(self) -> None:
        self.kill()
        self.start()

    def make_bucket(self, name: str, **params: Any) -> None:
        place = {"LocationConstraint": REGION}
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration=place, **params)

    def read(self, bucket: str, key: str, **params: Any) -> bytes:
        return bytes(self.s3.get_object(Bucket=bucket, Key=key, **params)["Body"].read())

    def files(self) -> list[Path]:
        return [path for path in (self.folder / "kept" / "objects").rglob("*") if path.is_file()]


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Lasting]:
    made = Lasting(tmp_path)
    try:
        yield made
    finally:
        local_aws.stop(made.folder)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in {"ResponseMetadata", "Body"}}


def describe(lasting: Lasting) -> dict[str, Any]:
    """Ask for all that S3 says of what it holds."""
    s3 = lasting.s3
    asked: dict[str, Any] = {"buckets": s3.list_buckets()["Buckets"]}
    for operation in (
        "get_bucket_versioning",
        "get_bucket_tagging",
        "get_bucket_policy",
        "get_bucket_cors",
        "get_bucket_lifecycle_configuration",
        "get_bucket_encryption",
        "get_bucket_acl",
        "get_public_access_block",
        "get_bucket_website",
        "get_bucket_ownership_controls",
        "list_bucket_inventory_configurations",
        "list_object_versions",
        "list_multipart_uploads",
    ):
        asked[operation] = without_metadata(getattr(s3, operation)(Bucket="one"))
    for listed in asked["list_object_versions"]["Versions"]:
        version = {"Bucket": "one", "Key": listed["Key"], "VersionId": listed["VersionId"]}
        for operation in ("head_object", "get_object_tagging", "get_object_acl"):
            asked[f"{operation} {version}"] = without_metadata(getattr(s3, operation)(**version))
        asked[f"content {version}"] = s3.get_object(**version)["Body"].read()
    asked["keys"] = {key: lasting.read("two", key) for key in ANY_KEYS}
    return asked


def fill(lasting: Lasting) -> dict[str, Any]:
    """Make something of each kind, and return the upload that is not completed."""
    s3 = lasting.s3
    lasting.make_bucket("one", ObjectLockEnabledForBucket=True)
    lasting.make_bucket("two")
    one = {"Bucket": "one"}
    s3.put_bucket_tagging(**one, Tagging={"TagSet": [{"Key": "team", "Value": "a"}]})
    s3.put_bucket_policy(**one, Policy=json.dumps(POLICY))
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 5}
    s3.put_bucket_cors(**one, CORSConfiguration={"CORSRules": [rule]})
    expiring = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(**one, LifecycleConfiguration={"Rules": [expiring]})
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    s3.put_bucket_encryption(**one, ServerSideEncryptionConfiguration=encryption)
    s3.put_public_access_block(**one, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    s3.put_bucket_website(**one, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_bucket_ownership_controls(
        **one, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    put_inventory(s3)
    for body in (b"first", b"second", b"third"):
        s3.put_object(**one, Key="versions", Body=body)
    s3.delete_object(**one, Key="versions")
    metadata = {
        "Metadata": {"a": "b"},
        "ContentType": "text/x",
        "ContentEncoding": "gzip",
        "CacheControl": "no-store",
    }
    s3.put_object(**one, Key="described", Body=b"1", Tagging="x=1&y=2", ACL="public-read", **metadata)
    s3.copy_object(**one, Key="copy", CopySource="one/described")
    s3.put_object_tagging(**one, Key="copy", Tagging={"TagSet": [{"Key": "z", "Value": "3"}]})
    s3.put_object_legal_hold(**one, Key="copy", LegalHold={"Status": "ON"})
    s3.put_object(**one, Key="checked", Body=b"2", ChecksumAlgorithm="SHA256", StorageClass="STANDARD_IA")
    upload_in_parts(s3, "large")
    open_upload: dict[str, Any] = {**one, "Key": "open", "UploadId": begin(s3, "open")}
    s3.upload_part(**open_upload, PartNumber=1, Body=PART)
    for key in ANY_KEYS:
        s3.put_object(Bucket="two", Key=key, Body=key.encode())
    return open_upload


def put_inventory(s3: Any) -> None:
    inventory = {
        "Id": "all",
        "IsEnabled": True,
        "IncludedObjectVersions": "All",
        "Schedule": {"Frequency": "Daily"},
        "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::two", "Format": "CSV"}},
    }
    s3.put_bucket_inventory_configuration(Bucket="one", Id="all", InventoryConfiguration=inventory)


def begin(s3: Any, key: str) -> str:
    return str(s3.create_multipart_upload(Bucket="one", Key=key, Metadata={"m": "1"})["UploadId"])


def upload_in_parts(s3: Any, key: str) -> None:
    upload = {"Bucket": "one", "Key": key, "UploadId": begin(s3, key)}
    sent = [
        s3.upload_part(**upload, PartNumber=number, Body=body) for number, body in ((1, PART), (2, b"end"))
    ]
    complete(s3, upload, sent)


def complete(s3: Any, upload: dict[str, Any], sent: list[Any]) -> None:
    parts = [{"PartNumber": number, "ETag": each["ETag"]} for number, each in enumerate(sent, 1)]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


@pytest.mark.slow
def test_all_that_s3_holds_is_there_after_a_kill_and_after_a_stop(lasting: Lasting) -> None:
    upload = fill(lasting)
    before = describe(lasting)
    lasting.again()
    assert describe(lasting) == before
    first = lasting.s3.list_parts(**upload)["Parts"]
    assert [each["Size"] for each in first] == [len(PART)]
    second = lasting.s3.upload_part(**upload, PartNumber=2, Body=b"end")
    local_aws.stop(lasting.folder)
    lasting.start()
    complete(lasting.s3, upload, [*first, second])
    lasting.again()
    assert lasting.read("one", "open") == lasting.read("one", "large") == PART + b"end"
    assert lasting.s3.head_object(Bucket="one", Key="open")["Metadata"] == {"m": "1"}
    assert "Uploads" not in lasting.s3.list_multipart_uploads(Bucket="one")
    assert refused(lasting.s3.get_object, Bucket="one", Key="versions")[0] == "NoSuchKey"


@pytest.mark.slow
def test_what_was_deleted_or_replaced_stays_so_and_frees_its_disk(lasting: Lasting) -> None:
    lasting.make_bucket("one")
    lasting.make_bucket("two")
    for key in ("deleted", "replaced", "shared"):
        lasting.s3.put_object(Bucket="one", Key=key, Body=key.encode())
    lasting.s3.copy_object(Bucket="two", Key="copy", CopySource="one/shared")
    assert len(lasting.files()) == 3
    lasting.again()
    lasting.s3.delete_object(Bucket="one", Key="deleted")
    lasting.s3.put_object(Bucket="one", Key="replaced", Body=b"now")
    lasting.s3.delete_objects(Bucket="one", Delete={"Objects": [{"Key": "shared"}]})
    wait_for(lambda: len(lasting.files()) == 2)
    lasting.again()
    assert [each["Key"] for each in lasting.s3.list_objects_v2(Bucket="one")["Contents"]] == ["replaced"]
    assert (lasting.read("one", "replaced"), lasting.read("two", "copy")) == (b"now", b"shared")
    lasting.s3.delete_object(Bucket="two", Key="copy")
    lasting.s3.delete_bucket(Bucket="two")
    wait_for(lambda: len(lasting.files()) == 1)
    lasting.again()
    assert [each["Name"] for each in lasting.s3.list_buckets()["Buckets"]] == ["one"]


@pytest.mark.slow
def test_clients_that_race_for_a_key_leave_what_the_last_one_of_them_sent(lasting: Lasting) -> None:
    lasting.make_bucket("one")
    bodies = {str(number): bytes([number]) * (number * 40_000 + 1) for number in range(1, 9)}

    def put(name: str) -> None:
        for _ in range(5):
            lasting.s3.put_object(Bucket="one", Key="k", Body=bodies[name], Metadata={"name": name})
            lasting.s3.delete_object(Bucket="one", Key="k")
        lasting.s3.put_object(Bucket="one", Key="k", Body=bodies[name], Metadata={"name": name})

    def finish(_number: int) -> None:
        complete(lasting.s3, upload, sent)  # as on AWS, it may be completed twice

    upload = {"Bucket": "one", "Key": "parts", "UploadId": begin(lasting.s3, "parts")}
    sent = [lasting.s3.upload_part(**upload, PartNumber=number, Body=PART) for number in (1, 2)]
    with ThreadPoolExecutor(8) as clients:
        list(clients.map(put, bodies))
        list(clients.map(finish, range(4)))
    read = lasting.s3.get_object(Bucket="one", Key="parts", Range=f"bytes=10-{2 * len(PART) - 11}")["Body"]
    begun = read.read(1000)
    lasting.s3.delete_object(Bucket="one", Key="parts")
    assert begun + read.read() == (PART * 2)[10:-10]
    before = lasting.s3.head_object(Bucket="one", Key="k")["Metadata"]["name"]
    lasting.again()
    after = lasting.s3.get_object(Bucket="one", Key="k")
    assert (after["Metadata"]["name"], after["Body"].read()) == (before, bodies[before])
    assert [each["Key"] for each in lasting.s3.list_objects_v2(Bucket="one")["Contents"]] == ["k"]
    wait_for(lambda: len(lasting.files()) == 1)


@pytest.mark.slow
def test_files_that_belong_to_nothing_go_at_the_start(lasting: Lasting) -> None:
    lasting.make_bucket("one")
    lasting.s3.put_object(Bucket="one", Key="k", Body=b"kept")
    (kept,) = lasting.files()
    lasting.kill()
    left = kept.parent / ("0" * len(kept.name))
    left.write_bytes(b"an upload that was never answered")
    lasting.start()
    wait_for(lambda: lasting.files() == [kept])
    assert lasting.read("one", "k") == b"kept"


@pytest.mark.slow
def test_what_another_service_changes_of_s3_is_kept_too(lasting: Lasting) -> None:
    lasting.make_bucket("one")
    tagging = lasting.client("resourcegroupstaggingapi")
    tagging.tag_resources(ResourceARNList=["arn:aws:s3:::one"], Tags={"team": "b"})
    lasting.again()
    assert lasting.s3.get_bucket_tagging(Bucket="one")["TagSet"] == [{"Key": "team", "Value": "b"}]


@pytest.mark.slow
def test_a_reset_forgets_and_a_server_that_keeps_nothing_sees_nothing(lasting: Lasting) -> None:
    lasting.make_bucket("one")
    lasting.s3.put_object(Bucket="one", Key="k", Body=b"1")
    local_aws.stop(lasting.folder)
    aws, _started = local_aws.start(lasting.folder, region=REGION, keep=False)
    lasting.aws = aws
    assert lasting.client("s3").list_buckets()["Buckets"] == []
    local_aws.stop(lasting.folder)
    lasting.start()
    assert lasting.read("one", "k") == b"1"
    local_aws.reset(lasting.folder)
    assert lasting.files() == []
    lasting.again()
    assert lasting.s3.list_buckets()["Buckets"] == []
