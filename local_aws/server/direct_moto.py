"""What every query asks of Glue and S3, without requests, which would take longer than a small query."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from http import HTTPStatus
from typing import IO, Any

from local_aws.kept.folder import UnusableError
from local_aws.kept.moto_state import MotoState
from local_aws.protocol.moto_app import Listed, Moto
from local_aws.protocol.overlay import WsgiApp
from local_aws.protocol.resources import ACCOUNT_ID
from local_aws.s3.keeping import Keeping
from local_aws.s3.objects import put_directly


class DirectMoto(Moto):
    """A client of moto that looks into moto's own objects for what every query asks.

    Args:
        app: Moto's WSGI application.
        region: The region of requests for which none is given.
        state: Where moto's state is kept: what a query is told is kept before; None if nothing is kept.
        keeping: The same for S3.
    """

    def __init__(
        self,
        app: WsgiApp,
        region: str,
        state: MotoState | None,
        keeping: Keeping | None,
    ) -> None:
        super().__init__(app, region)
        self._glue_lock: AbstractContextManager[object] = nullcontext() if state is None else state.lock
        self._keep_s3: Callable[[], AbstractContextManager[None]] = (
            nullcontext if keeping is None else keeping.kept
        )

    def find_table(self, database: str, name: str, region: str) -> dict[str, Any] | None:
        """Find a table of Glue, as GetTable describes it; None if there is none."""
        from moto.glue.models import glue_backends

        with self._glue_lock:
            found = glue_backends[ACCOUNT_ID][region].databases.get(database)
            table = None if found is None else found.tables.get(name)
            described = None if table is None else json.dumps(table.as_dict(), default=_write_time)
        return None if described is None else json.loads(described)

    def has_bucket(self, bucket: str) -> bool:
        """Tell whether a bucket of S3 exists."""
        from moto.s3.models import s3_backends

        with self._keep_s3():
            return bucket in s3_backends.bucket_accounts

    def list_objects(self, bucket: str, prefix: str) -> list[Listed] | None:
        """List all objects whose keys begin with a prefix; None if S3 refuses."""
        from moto.s3.exceptions import S3ClientError
        from moto.s3.models import s3_backends

        with self._keep_s3():
            partition, account = s3_backends.bucket_accounts.get(bucket, ("aws", ACCOUNT_ID))
            backend = s3_backends[account][partition]
            try:
                found, *_ = backend.list_objects(backend.get_bucket(bucket), prefix, None, None, None)
                return [
                    Listed(key.name, key.etag.strip('"'), key.size, key.last_modified_ISO8601)
                    for key in found
                ]
            except (S3ClientError, UnusableError):  # no such bucket; what is kept of an object is damaged
                return None

    def put_object(self, bucket: str, key: str, content: bytes | IO[bytes], content_type: str) -> int:
        """Store an object; by a request where more than that is to be done, or where it is refused."""
        if put_directly(bucket, key, content, content_type):
            return HTTPStatus.OK
        return super().put_object(bucket, key, content, content_type)


def _write_time(value: object) -> float:
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000).timestamp()
    raise TypeError(type(value).__name__)
