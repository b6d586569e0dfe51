"""The first contents of the local AWS: a bucket with raw data, and the tables for Athena."""

import re
import threading
from html import unescape
from pathlib import Path
from urllib.parse import quote

from local_aws.protocol.messages import invalid
from local_aws.protocol.moto_app import Moto
from local_aws.server.athena_seeding import AthenaSeeding, Values

_PREFIX = "data/raw"
_FOUND = 200
_EXISTS = 412


class Seeding:
    """Creates and fills buckets, each of them once, and again if it was deleted."""

    def __init__(self, moto: Moto, athena: AthenaSeeding) -> None:
        self._moto = moto
        self._athena = athena
        self._lock = threading.Lock()
        self._seeded: set[str] = set()

    def seed(self, bucket: str, folder: Path, region: str, athena: Values | None) -> dict[str, object]:
        """Create the bucket, and upload the files of `folder` to ``data/raw/`` where they do not exist yet.

        Args:
            bucket: The name of the bucket.
            folder: The raw data.
            region: The region.
            athena: The database, tables and workgroup, see `AthenaSeeding.seed`. A call for the same bucket
                applies their changes.

        Returns:
            The fields of `local_aws.Seeded`.
        """
        with self._lock:
            if athena:
                self._athena.seed(athena, region)
            created = self._create(bucket, region)
            if bucket in self._seeded and not created:
                return self._describe(bucket, created, 0, athena)
            files = sorted(
                file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")
            )
            uploaded = sum(
                self._upload(bucket, file, f"{_PREFIX}/{file.relative_to(folder).as_posix()}")
                for file in files
            )
            if files:  # otherwise they may come later, as where a packaged project runs
                self._seeded.add(bucket)
            return self._describe(bucket, created, uploaded, athena)

    def _describe(
        self, bucket: str, created: bool, uploaded: int, athena: Values | None
    ) -> dict[str, object]:
        tables = athena["tables"] if athena else []
        locations = {table["Name"]: table["StorageDescriptor"]["Location"] for table in tables}
        empty = {name: location for name, location in locations.items() if not self._holds_files(location)}
        return {"bucket": bucket, "created": created, "uploaded": uploaded, "empty_tables": empty}

    def _holds_files(self, location: str) -> bool:
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        query = f"list-type=2&max-keys=1&prefix={quote(prefix, safe='')}"
        return b"<Contents>" in self._moto.request("GET", f"/{bucket}?{query}").body

    def reset(self) -> None:
        """Forget which buckets were seeded, so that the next call seeds them again."""
        with self._lock:
            self._seeded.clear()
            self._athena.reset()

    def _create(self, bucket: str, region: str) -> bool:
        if self._moto.request("HEAD", f"/{bucket}", region=region).status == _FOUND:
            return False
        place = f"<LocationConstraint>{region}</LocationConstraint>" if region != "us-east-1" else ""
        body = f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>" if place else ""
        answer = self._moto.request("PUT", f"/{bucket}", region=region, body=body.encode())
        if answer.status != _FOUND:
            raise invalid(f"Bucket {bucket} cannot be created: {_read_message(answer.body)}")
        return True

    def _upload(self, bucket: str, file: Path, key: str) -> bool:
        with file.open("rb") as content:
            headers = {"If-None-Match": "*", "Content-Type": "binary/octet-stream"}
            answer = self._moto.request("PUT", f"/{bucket}/{quote(key)}", headers=headers, body=content)
        if answer.status not in {_FOUND, _EXISTS}:
            raise invalid(f"{file} cannot be uploaded: {_read_message(answer.body)}")
        return answer.status == _FOUND


def _read_message(body: bytes) -> str:
    """Read the message of S3's error, which is XML."""
    text = body.decode(errors="replace")
    found = re.search("<Message>(.*?)</Message>", text, re.DOTALL)
    return unescape(found.group(1)) if found else text
