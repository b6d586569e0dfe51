"""A table's files on S3. A folder is given as an s3:// URI that ends in ``/``."""

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError
from typing_extensions import Self

from kedro_aws_plugin.aws.credentials import make_dataset_config
from kedro_aws_plugin.aws.errors import get_error_code, translate_errors
from kedro_aws_plugin.errors import AwsError

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_s3.client import S3Client

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_WORKERS = 8
_DELETED_AT_ONCE = 1000
_URI = re.compile(r"(?:s3|s3a|s3n)://(?P<bucket>[^/]+)/(?P<key>.*)", re.DOTALL)


def split_uri(uri: str) -> tuple[str, str]:
    """Split an S3 URI into its bucket and its key or key prefix.

    Raises:
        AwsError: If it is not an S3 URI.
    """
    found = _URI.fullmatch(uri)
    if not found:
        raise AwsError(f"`{uri}` is not an S3 URI. Correct the location of the table in Glue.")
    return found["bucket"], found["key"]


class TableFiles:
    """Lists, copies and deletes files, several at a time.

    Args:
        client: boto3's S3 client.
    """

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    @classmethod
    def open(cls, session: "Session") -> Self:
        """Open S3 with a session's credentials and region."""
        with translate_errors("reach S3"):
            return cls(session.client("s3", config=make_dataset_config()))

    def list_folder(self, folder: str) -> list[str]:
        """List the URIs of all objects below a folder, ordered by name."""
        bucket, prefix = split_uri(folder)
        with translate_errors(f"list {folder}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [f"s3://{bucket}/{found['Key']}" for page in pages for found in page.get("Contents", [])]

    def list_folders(self, folders: Sequence[str]) -> list[list[str]]:
        """List the URIs of all objects below each of several folders."""
        return _run_parallel(self.list_folder, folders)

    def list_subfolders(self, folder: str) -> list[str]:
        """List the names of the folders directly below a folder, without slashes."""
        bucket, prefix = split_uri(folder)
        with translate_errors(f"list {folder}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix, Delimiter="/"
            )
            found = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
        return [key.removeprefix(prefix).rstrip("/") for key in found]

    def delete(self, uris: Iterable[str]) -> None:
        """Delete objects. One that does not exist is no error.

        Raises:
            AwsError: If S3 refuses to delete any of them.
        """
        keys: dict[str, list[str]] = {}
        for uri in uris:
            bucket, key = split_uri(uri)
            keys.setdefault(bucket, []).append(key)
        for bucket, of_bucket in keys.items():
            for start in range(0, len(of_bucket), _DELETED_AT_ONCE):
                self._delete(bucket, of_bucket[start : start + _DELETED_AT_ONCE])

    def copy(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Copy objects within S3, each as a whole or not at all.

        Args:
            pairs: Source URI and target URI of each object.
        """
        _run_parallel(self._copy, pairs)

    def check_bucket(self, folder: str) -> None:
        """Check that the bucket of a folder exists and may be used.

        Raises:
            AwsError: If not.
        """
        bucket, _ = split_uri(folder)
        try:
            with translate_errors(f"write to {folder}"):
                self._client.head_bucket(Bucket=bucket)
        except AwsError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and get_error_code(cause) in {"404", "NoSuchBucket"}:
                raise AwsError(
                    f"Could not write to {folder}: the bucket `{bucket}` does not exist. "
                    "Create it with `kedro aws bootstrap --env ENV`, or correct `location`."
                ) from cause
            raise

    def _copy(self, pair: tuple[str, str]) -> None:
        (from_bucket, from_key), (bucket, key) = map(split_uri, pair)
        with translate_errors(f"copy {pair[0]} to {pair[1]}"):
            self._client.copy({"Bucket": from_bucket, "Key": from_key}, bucket, key)

    def _delete(self, bucket: str, keys: Sequence[str]) -> None:
        with translate_errors(f"delete files of s3://{bucket}/"):
            kept = self._client.delete_objects(
                Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            ).get("Errors", [])
        if kept:
            raise AwsError(
                f"Could not delete {len(kept)} files of s3://{bucket}/, the first is {kept[0].get('Key')}: "
                f"{kept[0].get('Code')}: {kept[0].get('Message')}. "
                "Ask for the permission to call DeleteObject."
            )


def _run_parallel(work: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(work, items))
