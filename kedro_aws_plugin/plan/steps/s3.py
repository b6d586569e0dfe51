"""S3: uploads and deletions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import BaseStep, PlainStep, Request, Result, format_size

_MAX_PARTS = 10_000
"""S3's own limit for one upload."""


@dataclass(frozen=True)
class UploadFile(BaseStep):
    """Upload a file to S3 unless the object exists. Large files are sent in parts, which bounds the memory.

    Attributes:
        path: The file.
        size: Its size in bytes.
        sha256: Its SHA-256 digest, in hexadecimal digits.
        bucket: The bucket to upload it to.
        key: The key of the object.
        content_type: Its media type.
        part_size: Bytes in a part; a smaller file is sent whole. Parts are larger where the file would
            otherwise have more of them than S3 allows.
    """

    service: ClassVar = "s3"
    operation: ClassVar = "PutObject"
    results: ClassVar = ("uri", "written")
    also_sends: ClassVar = ("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
    path: Path
    size: int
    sha256: str
    bucket: str
    key: str
    content_type: str
    part_size: int = 16 * 1024 * 1024

    def request(self) -> Request:
        """Build the request that sends the whole file; its Body stands for the file's bytes."""
        return {
            **self.where(),
            "Body": f"<{self.path.name}, {self.size} bytes, sha256 {self.sha256}>",
            "ContentType": self.content_type,
            "IfNoneMatch": "*",
            "Metadata": {"sha256": self.sha256},
        }

    def requests(self) -> list[tuple[str, Request]]:
        """List the requests: whether the object exists, then the file, whole or in parts."""
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
        """Divide the file: the bytes of each part by its number. Empty if it is sent whole."""
        if self.size <= self.part_size:
            return {}
        step = max(self.part_size, -(-self.size // _MAX_PARTS))
        starts = range(0, self.size, step)
        return {
            number: range(start, min(start + step, self.size)) for number, start in enumerate(starts, start=1)
        }

    def where(self) -> Request:
        """Name the object."""
        return {"Bucket": self.bucket, "Key": self.key}

    def create(self) -> Request:
        """Build the request that begins an upload in parts."""
        return {
            **self.where(),
            "ContentType": self.content_type,
            "Metadata": {"sha256": self.sha256},
            "ChecksumAlgorithm": "CRC32",
        }

    def part(self, number: int, upload: str) -> Request:
        """Build the request that sends a part, without its Body."""
        return {**self.where(), "UploadId": upload, "PartNumber": number, "ChecksumAlgorithm": "CRC32"}

    def complete(self, upload: str, parts: Sequence[Mapping[str, Any]]) -> Request:
        """Build the request that joins the parts."""
        return {
            **self.where(),
            "UploadId": upload,
            "MultipartUpload": {"Parts": list(parts)},
            "IfNoneMatch": "*",
        }

    def __str__(self) -> str:
        return f"upload s3://{self.bucket}/{self.key} ({format_size(self.size)})"


@dataclass(frozen=True)
class PutObject(PlainStep):
    """Write a small object to S3."""

    service: ClassVar = "s3"
    operation: ClassVar = "PutObject"
    bucket: str
    key: str
    body: bytes
    content_type: str

    @override
    def request(self) -> Request:
        return {
            "Bucket": self.bucket,
            "Key": self.key,
            "Body": self.body,
            "ContentType": self.content_type,
        }

    @override
    def result(self, answer: Mapping[str, Any]) -> Result:
        return {"uri": f"s3://{self.bucket}/{self.key}", "written": True}

    def __str__(self) -> str:
        return f"upload s3://{self.bucket}/{self.key} ({format_size(len(self.body))})"


@dataclass(frozen=True)
class DeleteObjects(BaseStep):
    """Delete objects from S3: at most 1000 in one step, which is S3's limit for a request."""

    service: ClassVar = "s3"
    operation: ClassVar = "DeleteObjects"
    bucket: str
    keys: tuple[str, ...]

    @override
    def request(self) -> Request:
        return {
            "Bucket": self.bucket,
            "Delete": {"Objects": [{"Key": key} for key in self.keys], "Quiet": True},
        }

    def __str__(self) -> str:
        return f"delete {len(self.keys)} objects from s3://{self.bucket}"
