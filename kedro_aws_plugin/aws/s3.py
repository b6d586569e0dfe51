"""S3: uploads that never overwrite, reads of small objects, deletions."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import get_error_code
from kedro_aws_plugin.errors import AwsError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

    from kedro_aws_plugin.plan.steps.s3 import DeleteObjects, UploadFile

_WORKERS = 4
_ATTEMPTS = 3
_TAKEN = "PreconditionFailed"
_RACED = "ConditionalRequestConflict"
_ABSENT = frozenset({"NoSuchKey", "404"})


def upload_file(client: "S3Client", step: "UploadFile") -> bool:
    """Upload a file unless the object exists: its key has the content's digest, so the two are the same.

    boto3's `upload_file` cannot send If-None-Match (s3transfer 0.19), hence the parts by hand.

    Returns:
        Whether this call wrote the object.

    Raises:
        ClientError: If S3 refuses the upload.
    """
    if _exists(client, step):
        return False
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _upload(client, step)
        except ClientError as error:
            if get_error_code(error) == _TAKEN:
                return False
            # Somebody else is writing the same key. S3 asks to try again, since the other write may fail.
            if get_error_code(error) != _RACED or attempt == _ATTEMPTS:
                raise
        else:
            break
    return True


def _exists(client: "S3Client", step: "UploadFile") -> bool:
    """Look before a large upload. Any refusal means "no": the upload itself then says what is wrong."""
    try:
        client.head_object(**step.where())
    except ClientError:
        return False
    return True


def _upload(client: "S3Client", step: "UploadFile") -> None:
    if parts := step.parts():
        _upload_parts(client, step, parts)
        return
    request = {**step.request(), "Body": step.path.read_bytes()}
    client.put_object(**request)


def _upload_parts(client: "S3Client", step: "UploadFile", ranges: Mapping[int, range]) -> None:
    """Upload in parts, a few at a time. If one fails, abort the upload so that S3 keeps no parts."""
    upload = client.create_multipart_upload(**step.create())["UploadId"]

    def send(number: int) -> "CompletedPartTypeDef":
        with step.path.open("rb") as file:
            file.seek(ranges[number].start)
            body = file.read(len(ranges[number]))
        part = client.upload_part(**step.part(number, upload), Body=body)
        checksum = part.get("ChecksumCRC32")
        done: CompletedPartTypeDef = {"ETag": part["ETag"], "PartNumber": number}
        return {**done, "ChecksumCRC32": checksum} if checksum else done

    pool = ThreadPoolExecutor(_WORKERS)
    try:
        parts = list(pool.map(send, ranges))
        client.complete_multipart_upload(**step.complete(upload, parts))
    except BaseException:
        pool.shutdown(cancel_futures=True)
        client.abort_multipart_upload(**step.where(), UploadId=upload)
        raise
    finally:
        pool.shutdown()


def read(client: "S3Client", uri: str) -> bytes | None:
    """Read a small object; None if it does not exist."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    try:
        return client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if get_error_code(error) in _ABSENT:
            return None
        raise


def put_if_absent(client: "S3Client", bucket: str, key: str, body: bytes) -> bool:
    """Write a small object unless it exists; of several writers at once, one wins.

    Returns:
        Whether this call wrote it.

    Raises:
        ClientError: If S3 refuses for another reason.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            client.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if get_error_code(error) == _TAKEN:
                return False
            if get_error_code(error) != _RACED or attempt == _ATTEMPTS:
                raise
        else:
            return True
    return False


def observe_bucket(client: "S3Client", bucket: str) -> Literal["absent", "own", "foreign"]:
    """Tell whether a bucket exists: in this account, or in another one, which S3 does not let us look at."""
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        code = get_error_code(error)
        if code == "403":
            return _ask_why(client, bucket)
        if code == "301":
            return "foreign"
        if code in {"404", "NoSuchBucket"}:
            return "absent"
        raise
    return "own"


def _ask_why(client: "S3Client", bucket: str) -> Literal["absent", "own", "foreign"]:
    """Ask why S3 does not let us look at a bucket: the answer to HEAD does not say.

    It may be a wrong clock, or credentials that have expired. The question needs the same permission.
    """
    try:
        client.list_objects_v2(Bucket=bucket, MaxKeys=1)
    except ClientError as error:
        code = get_error_code(error)
        if code in {"AccessDenied", "AllAccessDisabled"}:
            return "foreign"
        if code == "NoSuchBucket":
            return "absent"
        raise
    return "own"


def list_keys(client: "S3Client", bucket: str, prefix: str) -> tuple[str, ...]:
    """List every key under a prefix; none if the bucket does not exist."""
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return tuple(item["Key"] for page in pages for item in page.get("Contents", []))
    except ClientError as error:
        if get_error_code(error) == "NoSuchBucket":
            return ()
        raise


def delete_objects(client: "S3Client", step: "DeleteObjects") -> None:
    """Delete objects.

    Raises:
        AwsError: If S3 could not delete all of them.
    """
    kept = client.delete_objects(**step.request()).get("Errors", [])
    if kept:
        first = kept[0]
        raise AwsError(
            f"S3 did not delete {len(kept)} of {len(step.keys)} objects. "
            f"s3://{step.bucket}/{first.get('Key')}: {first.get('Code')}: {first.get('Message')}. "
            "Correct the cause and run the command again."
        )
