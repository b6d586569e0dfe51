"""S3: uploads and deletions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from kedro_aws_plugin.plan.steps.request import Request, size

_MAX_PARTS = 10_000
"""S3's own limit."""


@dataclass(frozen=True)
class UploadFile:
    """Upload a file to S3 unless its key is already taken; a large one in parts, so that memory is bounded.

    Attributes:
        path: The file.
        size: Its size in bytes.
        sha256: Its digest.
        bucket: Where it goes.
        key: Its key there.
        content_type: Its media type.
        part_size: A larger file goes in parts of that many bytes, or of more where S3 would not take so many.
    """

    service: ClassVar = "s3"
    operation: ClassVar = "PutObject"
    path: Path
    size: int
    sha256: str
    bucket: str
    key: str
    content_type: str
    part_size: int = 16 * 1024 * 1024

    def request(self) -> Request:
        """The request that sends it at once; Body stands for the file's bytes."""
        return {
            **self.where(),
            "Body": f"<{self.path.name}, {self.size} bytes, sha256 {self.sha256}>",
            "ContentType": self.content_type,
            "IfNoneMatch": "*",
            "Metadata": {"sha256": self.sha256},
        }

    def requests(self) -> list[tuple[str, Request]]:
        """Every request in order: a look whether it is there, then the file, at once or in parts."""
        look: tuple[str, Request] = ("HeadObject", self.where())
        parts = self.parts()
        if not parts:
            return [look, (self.operation, self.request())]
        upload = "<UploadId>"
        done = [
            {
                "ETag": f"<ETag of part {number}>",
                "PartNumber": number,
                "ChecksumCRC32": f"<CRC32 of part {number}>",
            }
            for number in parts
        ]
        return [
            look,
            ("CreateMultipartUpload", self.create()),
            *(
                (
                    "UploadPart",
                    {**self.part(number, upload), "Body": f"<bytes {each.start} to {each.stop - 1}>"},
                )
                for number, each in parts.items()
            ),
            ("CompleteMultipartUpload", self.complete(upload, done)),
        ]

    def parts(self) -> dict[int, range]:
        """The bytes of each part by its number; none if it goes at once."""
        if self.size <= self.part_size:
            return {}
        step = max(self.part_size, -(-self.size // _MAX_PARTS))
        starts = range(0, self.size, step)
        return {
            number: range(start, min(start + step, self.size)) for number, start in enumerate(starts, start=1)
        }

    def where(self) -> Request:
        """Its place."""
        return {"Bucket": self.bucket, "Key": self.key}

    def create(self) -> Request:
        """The request that begins an upload in parts."""
        return {
            **self.where(),
            "ContentType": self.content_type,
            "Metadata": {"sha256": self.sha256},
            "ChecksumAlgorithm": "CRC32",
        }

    def part(self, number: int, upload: str) -> Request:
        """The request that sends a part, without its Body."""
        return {**self.where(), "UploadId": upload, "PartNumber": number, "ChecksumAlgorithm": "CRC32"}

    def complete(self, upload: str, parts: Sequence[Mapping[str, Any]]) -> Request:
        """The request that makes the parts one object."""
        return {
            **self.where(),
            "UploadId": upload,
            "MultipartUpload": {"Parts": list(parts)},
            "IfNoneMatch": "*",
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
