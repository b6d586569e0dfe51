"""S3: uploads that never overwrite, small reads, deletions."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import error_code
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.steps import DeleteObjects, UploadFile

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_WORKERS = 4
_ATTEMPTS = 3
_TAKEN = "PreconditionFailed"
_RACED = "ConditionalRequestConflict"
_ABSENT = frozenset({"NoSuchKey", "404"})


def upload_file(client: "S3Client", step: UploadFile) -> bool:
    """Upload a file under a key that holds its content's digest; an object that is there already is as good.

    boto3's `upload_file` cannot send If-None-Match (s3transfer 0.19), hence the parts by hand.

    Returns:
        Whether this call wrote the object.
    """
    if _exists(client, step):
        return False
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _upload(client, step)
        except ClientError as error:
            if error_code(error) == _TAKEN:
                return False
            # Somebody else is writing the same key: S3 asks to try again, since that may still fail.
            if error_code(error) != _RACED or attempt == _ATTEMPTS:
                raise
        else:
            break
    return True


def _exists(client: "S3Client", step: UploadFile) -> bool:
    """Look before a large upload; who may not look is told by the upload itself."""
    try:
        client.head_object(**step.where())
    except ClientError:
        return False
    return True


def _upload(client: "S3Client", step: UploadFile) -> None:
    if parts := step.parts():
        _upload_parts(client, step, parts)
        return
    request = {**step.request(), "Body": step.path.read_bytes()}
    client.put_object(**request)


def _upload_parts(client: "S3Client", step: UploadFile, ranges: Mapping[int, range]) -> None:
    """Upload in parts, a few at a time, and leave no unfinished upload behind."""
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
    """Read a small object; None where there is none."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    try:
        return client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error_code(error) in _ABSENT:
            return None
        raise


def bucket_state(client: "S3Client", bucket: str) -> Literal["absent", "own", "foreign"]:
    """Whether a bucket exists: in this account, or in one that does not let us look at it."""
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        code = error_code(error)
        if code in {"403", "301"}:
            return "foreign"
        if code in {"404", "NoSuchBucket"}:
            return "absent"
        raise
    return "own"


def list_keys(client: "S3Client", bucket: str, prefix: str) -> tuple[str, ...]:
    """List every key under a prefix; none where the bucket is absent."""
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return tuple(item["Key"] for page in pages for item in page.get("Contents", []))
    except ClientError as error:
        if error_code(error) == "NoSuchBucket":
            return ()
        raise


def delete_objects(client: "S3Client", step: DeleteObjects) -> None:
    """Delete objects.

    Raises:
        AwsError: If S3 kept any of them.
    """
    kept = client.delete_objects(**step.request()).get("Errors", [])
    if kept:
        first = kept[0]
        raise AwsError(
            f"S3 kept {len(kept)} of {len(step.keys)} objects; s3://{step.bucket}/{first.get('Key')}: "
            f"{first.get('Code')}: {first.get('Message')}. Correct the cause and run the command again."
        )
