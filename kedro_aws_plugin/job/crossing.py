"""A dataset that is kept in memory within a step, and as a pickle on S3 between two steps of one run."""

import pickle
import tempfile
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from kedro_aws_plugin.aws.session import Aws

_IN_MEMORY = 64 * 1024 * 1024
"""Bytes up to which a pickle is not written to the disk on its way."""


class CrossingDataset(AbstractDataset[Any, Any]):
    """A pickle on S3 that one step of a run writes and later ones read.

    Args:
        aws: The clients.
        bucket: The project's bucket.
        key: The key of the object, which has the run's id in it.
        name: The dataset's name, for messages.
    """

    def __init__(self, aws: Aws, bucket: str, key: str, name: str) -> None:
        self._aws = aws
        self._bucket = bucket
        self._key = key
        self._name = name

    def load(self) -> Any:
        """Load what an earlier step saved."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
            self._aws.s3.download_fileobj(self._bucket, self._key, file)
            file.seek(0)
            return pickle.load(file)  # noqa: S301 - the run's own

    def save(self, data: Any) -> None:
        """Save it for later steps.

        Raises:
            DatasetError: If it cannot be pickled.
        """
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
            try:
                pickle.dump(data, file, pickle.HIGHEST_PROTOCOL)
            except Exception as error:
                raise DatasetError(
                    f"`{self._name}` passes from one step to another, and a {type(data).__name__} cannot be "
                    f"pickled: {error}. Add `{self._name}` to the catalog, or put its nodes into one step."
                ) from error
            file.seek(0)
            self._aws.s3.upload_fileobj(file, self._bucket, self._key)

    def _exists(self) -> bool:
        found = self._aws.s3.list_objects_v2(Bucket=self._bucket, Prefix=self._key, MaxKeys=1)
        return any(each["Key"] == self._key for each in found.get("Contents", []))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": f"s3://{self._bucket}/{self._key}"}
