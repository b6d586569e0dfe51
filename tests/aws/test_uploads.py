"""S3: what is written once stays, what is not finished goes."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, StubResponseError
from stubbed import Stubbed

from kedro_aws_plugin.aws.s3 import delete_objects, list_keys, read, upload_file
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.steps.s3 import DeleteObjects, UploadFile

BUCKET = "flights-data"
KEY = "sagemaker/flights/0a/model.tar.gz"
MIB = 1024 * 1024


@pytest.fixture
def step(tmp_path: Path) -> UploadFile:
    """An archive of 12 MiB: three parts of 5 MiB, the smallest that S3 takes."""
    path = tmp_path / "model.tar.gz"
    path.write_bytes(b"".join(bytes([number]) * MIB for number in range(12)))
    return UploadFile(
        path=path,
        size=12 * MIB,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        bucket=BUCKET,
        key=KEY,
        content_type="application/gzip",
    )


@pytest.fixture
def empty(stubbed: Stubbed) -> Stubbed:
    """Nothing is there yet, or nobody may look."""
    stubbed.refuses("HeadObject", "403", "Forbidden", 403)
    return stubbed


def test_a_small_file_goes_in_one_request_that_overwrites_nothing(empty: Stubbed, step: UploadFile) -> None:
    empty.answers("PutObject", {"ETag": "e"})
    assert upload_file(empty.aws.s3, step) is True
    [request] = empty.requests.of("PutObject")
    assert request == {**step.request(), "Body": step.path.read_bytes()}
    assert request["IfNoneMatch"] == "*"


def test_a_file_that_is_there_already_is_not_sent(stubbed: Stubbed, step: UploadFile) -> None:
    stubbed.answers("HeadObject", {}, {"Bucket": BUCKET, "Key": KEY})
    assert upload_file(stubbed.aws.s3, step) is False


def test_a_file_that_somebody_else_sent_meanwhile_is_as_good(empty: Stubbed, step: UploadFile) -> None:
    empty.refuses("PutObject", "PreconditionFailed", "At least one of the pre-conditions did not hold", 412)
    assert upload_file(empty.aws.s3, step) is False


def test_a_race_for_the_key_is_run_again(empty: Stubbed, step: UploadFile) -> None:
    empty.refuses("PutObject", "ConditionalRequestConflict", status=409)
    empty.answers("PutObject")
    assert upload_file(empty.aws.s3, step) is True


def test_a_race_is_not_run_for_ever(empty: Stubbed, step: UploadFile) -> None:
    for _ in range(3):
        empty.refuses("PutObject", "ConditionalRequestConflict", status=409)
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        upload_file(empty.aws.s3, step)


def test_a_refused_file_is_an_error(empty: Stubbed, step: UploadFile) -> None:
    empty.refuses("PutObject", "AccessDenied", status=403)
    with pytest.raises(ClientError, match="AccessDenied"):
        upload_file(empty.aws.s3, step)


def test_a_large_file_goes_in_parts(empty: Stubbed, step: UploadFile) -> None:
    empty.answers("CreateMultipartUpload", {"UploadId": "u"})
    for _ in range(3):
        empty.answers("UploadPart", {"ETag": "e", "ChecksumCRC32": "c"})
    empty.answers("CompleteMultipartUpload", {"ETag": "whole"})
    assert upload_file(empty.aws.s3, replace(step, part_size=5 * MIB)) is True
    [begun] = empty.requests.of("CreateMultipartUpload")
    assert begun == {
        "Bucket": BUCKET,
        "Key": KEY,
        "ContentType": "application/gzip",
        "Metadata": {"sha256": step.sha256},
        "ChecksumAlgorithm": "CRC32",
    }
    sent = sorted(empty.requests.of("UploadPart"), key=lambda part: part["PartNumber"])
    assert [part["PartNumber"] for part in sent] == [1, 2, 3]
    assert {(part["UploadId"], part["ChecksumAlgorithm"]) for part in sent} == {("u", "CRC32")}
    assert b"".join(part["Body"] for part in sent) == step.path.read_bytes()
    [completed] = empty.requests.of("CompleteMultipartUpload")
    assert completed["IfNoneMatch"] == "*"
    assert completed["MultipartUpload"]["Parts"] == [
        {"ETag": "e", "PartNumber": number, "ChecksumCRC32": "c"} for number in (1, 2, 3)
    ]


@pytest.mark.parametrize("part_size", [5 * MIB, 100 * MIB])
def test_a_dry_run_shows_what_is_sent(empty: Stubbed, step: UploadFile, part_size: int) -> None:
    upload = replace(step, part_size=part_size)
    planned = upload.requests()
    for operation, request in planned[1:]:
        part = {"ETag": "e", "ChecksumCRC32": "c"} if "PartNumber" in request else {}
        empty.answers(operation, {"UploadId": "<UploadId>"} if operation.startswith("Create") else part)
    assert upload_file(empty.aws.s3, upload) is True

    def in_order(sent: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        """Parts go side by side; bytes and S3's own answers are not known before."""
        unknown = ("Body", "MultipartUpload")
        known = [
            (name, sorted((key, str(each[key])) for key in each if key not in unknown)) for name, each in sent
        ]
        return sorted(known)

    assert in_order([(each.operation, each.params) for each in empty.requests.all]) == in_order(planned)


def test_a_large_file_that_is_there_already_leaves_no_parts(empty: Stubbed, step: UploadFile) -> None:
    empty.answers("CreateMultipartUpload", {"UploadId": "u"})
    for _ in range(3):
        empty.answers("UploadPart", {"ETag": "e"})
    empty.refuses("CompleteMultipartUpload", "PreconditionFailed", status=412)
    aborted = {"Bucket": BUCKET, "Key": KEY, "UploadId": "u"}
    empty.answers("AbortMultipartUpload", {}, aborted)
    assert upload_file(empty.aws.s3, replace(step, part_size=5 * MIB)) is False


def test_a_race_for_the_key_of_a_large_file_is_run_again_from_its_first_part(
    empty: Stubbed, step: UploadFile
) -> None:
    for upload in ("u", "v"):
        empty.answers("CreateMultipartUpload", {"UploadId": upload})
        for _ in range(3):
            empty.answers("UploadPart", {"ETag": "e", "ChecksumCRC32": "c"})
        if upload == "u":
            empty.refuses("CompleteMultipartUpload", "ConditionalRequestConflict", status=409)
            empty.answers("AbortMultipartUpload", {}, {"Bucket": BUCKET, "Key": KEY, "UploadId": "u"})
        else:
            empty.answers("CompleteMultipartUpload", {"ETag": "whole"})
    assert upload_file(empty.aws.s3, replace(step, part_size=5 * MIB)) is True


def test_parts_grow_with_the_file_so_that_there_are_at_most_ten_thousand(
    empty: Stubbed, step: UploadFile
) -> None:
    empty.answers("CreateMultipartUpload", {"UploadId": "u"})
    empty.refuses("UploadPart", "AccessDenied", status=403)
    empty.answers("AbortMultipartUpload")
    # Parts that other threads send after the first was refused find no answer.
    with pytest.raises((ClientError, StubResponseError)):
        upload_file(empty.aws.s3, replace(step, part_size=100))
    assert {len(part["Body"]) for part in empty.requests.of("UploadPart")} == {1259}  # 12 MiB / 10,000


@pytest.mark.slow
@pytest.mark.usefixtures("requests_sent")
def test_the_object_is_the_file(local_aws: Any, step: UploadFile) -> None:
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert upload_file(s3, replace(step, part_size=5 * MIB)) is True
    stored = s3.get_object(Bucket=BUCKET, Key=KEY)
    assert stored["Body"].read() == step.path.read_bytes()
    assert (stored["ContentType"], stored["Metadata"]) == ("application/gzip", {"sha256": step.sha256})
    step.path.write_bytes(b"x" * step.size)
    assert upload_file(s3, replace(step, part_size=5 * MIB)) is False
    assert upload_file(s3, step) is False
    assert s3.head_object(Bucket=BUCKET, Key=KEY)["ETag"] == stored["ETag"]
    assert s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


@pytest.mark.slow
@pytest.mark.usefixtures("requests_sent")
@pytest.mark.parametrize("trouble", ["refused", "interrupted", "file shrinks"])
def test_a_failed_upload_leaves_nothing_behind(local_aws: Any, step: UploadFile, trouble: str) -> None:
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def fail(request: Any, **_: Any) -> AWSResponse | None:
        if "partNumber=2" not in request.url or trouble == "file shrinks":
            return None
        if trouble == "interrupted":
            raise KeyboardInterrupt
        denied = b"<Error><Code>AccessDenied</Code><Message>No.</Message></Error>"
        return Answer(request.url, 403, denied)

    s3.meta.events.register("before-send.s3.UploadPart", fail)
    if trouble == "file shrinks":
        step.path.write_bytes(b"")
    with pytest.raises((ClientError, KeyboardInterrupt)):
        upload_file(s3, replace(step, part_size=5 * MIB))
    assert s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


class Answer(AWSResponse):
    """An answer that never went over the network."""

    def __init__(self, url: str, status: int, content: bytes) -> None:
        super().__init__(url, status, {}, None)
        self._content = content


def test_a_small_object_is_read_or_absent(stubbed: Stubbed) -> None:
    for code in ("NoSuchKey", "404"):
        stubbed.refuses("GetObject", code, status=404)
        assert read(stubbed.aws.s3, f"s3://{BUCKET}/folder/sample.csv") is None
    assert stubbed.requests.of("GetObject")[0] == {"Bucket": BUCKET, "Key": "folder/sample.csv"}
    stubbed.refuses("GetObject", "NoSuchBucket", status=404)
    with pytest.raises(ClientError):
        read(stubbed.aws.s3, f"s3://{BUCKET}/folder/sample.csv")


def test_listing_a_bucket_without_permission_is_an_error(stubbed: Stubbed) -> None:
    stubbed.refuses("ListObjectsV2", "AccessDenied", status=403)
    with pytest.raises(ClientError):
        list_keys(stubbed.aws.s3, BUCKET, "sagemaker/")


def test_an_object_that_s3_keeps_is_named(stubbed: Stubbed) -> None:
    step = DeleteObjects(bucket=BUCKET, keys=("a", "b"))
    stubbed.answers("DeleteObjects", {}, step.request())
    delete_objects(stubbed.aws.s3, step)
    stubbed.answers(
        "DeleteObjects", {"Errors": [{"Key": "b", "Code": "AccessDenied", "Message": "Access Denied"}]}
    )
    with pytest.raises(AwsError) as kept:
        delete_objects(stubbed.aws.s3, step)
    assert kept.value.message == (
        "S3 did not delete 1 of 2 objects. s3://flights-data/b: AccessDenied: Access Denied. "
        "Correct the cause and run the command again."
    )
