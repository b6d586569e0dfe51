"""The files of a table: listed, copied and deleted by the folder (an s3:// URI that ends in ``/``)."""

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError
from typing_extensions import Self

from kedro_aws_plugin.aws.credentials import dataset_config
from kedro_aws_plugin.aws.errors import error_code, translated
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
    """Bucket and key, or key prefix, of an S3 URI."""
    found = _URI.fullmatch(uri)
    if not found:
        raise AwsError(f"`{uri}` is no location on S3. Glue has it for the table: correct it there.")
    return found["bucket"], found["key"]


class TableFiles:
    """Works on folders, a few at a time.

    Args:
        client: boto3's.
    """

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    @classmethod
    def open(cls, session: "Session") -> Self:
        """The files that this session sees."""
        with translated("reach S3"):
            return cls(session.client("s3", config=dataset_config()))

    def below(self, folder: str) -> list[str]:
        """The URIs of all objects below a folder, in the order of their names."""
        bucket, prefix = split_uri(folder)
        with translated(f"list {folder}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [f"s3://{bucket}/{found['Key']}" for page in pages for found in page.get("Contents", [])]

    def below_each(self, folders: Sequence[str]) -> list[list[str]]:
        """The URIs of all objects below each of the folders."""
        return _at_once(self.below, folders)

    def subfolders(self, folder: str) -> list[str]:
        """The names right below a folder, without slashes."""
        bucket, prefix = split_uri(folder)
        with translated(f"list {folder}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=prefix, Delimiter="/"
            )
            found = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
        return [key.removeprefix(prefix).rstrip("/") for key in found]

    def delete(self, uris: Iterable[str]) -> None:
        """Delete objects; one that is gone already is as good.

        Raises:
            AwsError: If S3 kept any of them.
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
            pairs: From where to where.
        """
        _at_once(self._copy, pairs)

    def check(self, folder: str) -> None:
        """Find out early that the bucket is not there or is somebody else's.

        Raises:
            AwsError: If so.
        """
        bucket, _ = split_uri(folder)
        try:
            with translated(f"write to {folder}"):
                self._client.head_bucket(Bucket=bucket)
        except AwsError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and error_code(cause) in {"404", "NoSuchBucket"}:
                raise AwsError(
                    f"Could not write to {folder}: the bucket `{bucket}` does not exist. "
                    "Create it with `kedro aws bootstrap`, or correct `location`."
                ) from cause
            raise

    def _copy(self, pair: tuple[str, str]) -> None:
        (from_bucket, from_key), (bucket, key) = map(split_uri, pair)
        with translated(f"copy {pair[0]} to {pair[1]}"):
            self._client.copy({"Bucket": from_bucket, "Key": from_key}, bucket, key)

    def _delete(self, bucket: str, keys: Sequence[str]) -> None:
        with translated(f"delete files of s3://{bucket}/"):
            kept = self._client.delete_objects(
                Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            ).get("Errors", [])
        if kept:
            raise AwsError(
                f"Could not delete {len(kept)} files of s3://{bucket}/, first {kept[0].get('Key')}: "
                f"{kept[0].get('Code')}: {kept[0].get('Message')}. "
                "Ask for the permission to call DeleteObject."
            )


def _at_once(work: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(work, items))
