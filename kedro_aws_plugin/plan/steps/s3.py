"""S3: uploads and deletions."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from kedro_aws_plugin.plan.steps.request import Request, size


@dataclass(frozen=True)
class UploadFile:
    """Upload a file to S3 unless its key is already taken; parts in parallel, memory bounded."""

    service: ClassVar = "s3"
    operation: ClassVar = "PutObject"
    path: Path
    size: int
    sha256: str
    bucket: str
    key: str
    content_type: str

    def request(self) -> Request:
        """The request; Body stands for the file's bytes."""
        return {
            "Bucket": self.bucket,
            "Key": self.key,
            "Body": f"<{self.path.name}, {self.size} bytes, sha256 {self.sha256}>",
            "ContentType": self.content_type,
            "IfNoneMatch": "*",
            "Metadata": {"sha256": self.sha256},
        }

    def __str__(self) -> str:
        return f"upload s3://{self.bucket}/{self.key} ({size(self.size)})"


@dataclass(frozen=True)
class PutObject:
    """Write a small object to S3."""

    service: ClassVar = "s3"
    operation: ClassVar = "PutObject"
    bucket: str
    key: str
    body: bytes
    content_type: str

    def request(self) -> Request:
        """The request as S3 gets it."""
        return {
            "Bucket": self.bucket,
            "Key": self.key,
            "Body": self.body,
            "ContentType": self.content_type,
        }

    def __str__(self) -> str:
        return f"upload s3://{self.bucket}/{self.key} ({size(len(self.body))})"


@dataclass(frozen=True)
class DeleteObjects:
    """Delete objects from S3, at most 1000 in one step, as S3 takes them."""

    service: ClassVar = "s3"
    operation: ClassVar = "DeleteObjects"
    bucket: str
    keys: tuple[str, ...]

    def request(self) -> Request:
        """The request as S3 gets it."""
        return {
            "Bucket": self.bucket,
            "Delete": {"Objects": [{"Key": key} for key in self.keys], "Quiet": True},
        }

    def __str__(self) -> str:
        return f"delete {len(self.keys)} objects from s3://{self.bucket}"


S3Step = UploadFile | PutObject | DeleteObjects
