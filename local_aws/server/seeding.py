"""The first contents of the local AWS: a bucket with raw data, and the tables for Athena."""

import threading
from pathlib import Path
from urllib.parse import quote

from local_aws.athena.service import Athena
from local_aws.kept.services import KeptServices
from local_aws.protocol.messages import invalid, read_s3_message
from local_aws.protocol.moto_app import Moto
from local_aws.server.athena_seeding import AthenaSeeding, Values
from local_aws.server.memory import Memory
from local_aws.server.raw_data import RawData, Uploaded

_FOUND = 200


class Seeding:
    """Creates buckets and fills them, and again if they were deleted.

    Args:
        moto: The S3 and the Glue.
        athena: The workgroups.
        kept: Where it is kept what was made and uploaded.
    """

    def __init__(self, moto: Moto, athena: Athena, kept: KeptServices) -> None:
        self._moto = moto
        self._lock = threading.Lock()
        lock = threading.RLock()  # not held for long, since requests wait for it
        self._room = kept.open_room("seeding", lock)
        self._athena = AthenaSeeding(moto, athena, Memory(self._room.open_table("athena"), lock))
        self._raw_data = RawData(moto, Memory(self._room.open_table("files"), lock))

    def seed(self, bucket: str, folder: Path, region: str, athena: Values | None) -> dict[str, object]:
        """Create the bucket if it is not there, and bring the files of `folder` to ``data/raw/``.

        Args:
            bucket: The name of the bucket.
            folder: The raw data, see `RawData.upload`.
            region: The region.
            athena: The database, tables and workgroup, see `AthenaSeeding.seed`.

        Returns:
            The fields of `local_aws.Seeded`.
        """
        with self._lock:
            try:
                if athena:
                    self._athena.seed(athena, region)
                created = self._create(bucket, region)
                if created:
                    self._raw_data.forget(bucket)
                uploaded = self._raw_data.upload(bucket, folder)
            finally:
                self._room.flush()
        return self._describe(bucket, created, uploaded, athena)

    def _describe(
        self, bucket: str, created: bool, uploaded: Uploaded, athena: Values | None
    ) -> dict[str, object]:
        tables = athena["tables"] if athena else []
        locations = {table["Name"]: table["StorageDescriptor"]["Location"] for table in tables}
        empty = {name: location for name, location in locations.items() if not self._holds_files(location)}
        return {
            "bucket": bucket,
            "created": created,
            "uploaded": uploaded.count,
            "skipped": uploaded.skipped,
            "empty_tables": empty,
        }

    def _holds_files(self, location: str) -> bool:
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        query = f"list-type=2&max-keys=1&prefix={quote(prefix, safe='')}"
        return b"<Contents>" in self._moto.request("GET", f"/{bucket}?{query}").body

    def reset(self) -> None:
        """Forget what was made and uploaded, so that the next call does it again."""
        with self._lock:
            self._athena.reset()
            self._raw_data.reset()
            self._room.flush()

    def _create(self, bucket: str, region: str) -> bool:
        if self._moto.request("HEAD", f"/{bucket}", region=region).status == _FOUND:
            return False
        place = f"<LocationConstraint>{region}</LocationConstraint>" if region != "us-east-1" else ""
        body = f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>" if place else ""
        answer = self._moto.request("PUT", f"/{bucket}", region=region, body=body.encode())
        if answer.status != _FOUND:
            raise invalid(f"Bucket {bucket} cannot be created: {read_s3_message(answer.body)}")
        return True
