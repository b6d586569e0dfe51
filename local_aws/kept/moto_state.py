"""The state of moto's services but S3: brought back at the start, and written after each request."""

import threading
from functools import wraps
from typing import Any

from moto.core.base_backend import BaseBackend
from moto.core.common_models import BaseModel
from moto.core.responses import BaseResponse
from moto.s3 import models as s3_models

from local_aws.kept.cells import Cells
from local_aws.kept.database import Database
from local_aws.kept.loading import load
from local_aws.kept.shape import is_of_s3
from local_aws.kept.watch import Seen, recording, take_strays, unwatch, watch


class MotoState:
    """What moto's services hold, but S3, whose objects and buckets are kept by the room of S3.

    Args:
        database: Where it is kept.

    Attributes:
        lock: Held by the one request that may change moto's objects.
        lost: The services whose state could not be taken over, each with a sentence about it.

    Raises:
        UnusableError: If what is kept is damaged.
    """

    def __init__(self, database: Database) -> None:
        self.lock = threading.RLock()
        self._cells = Cells(database)
        self._owed: Seen = {}
        watch(BaseModel)
        watch(BaseBackend)
        _leave_s3_alone()
        _leave_accounts_alone()
        self.lost = load(database, self._cells)

    def save(self, seen: Seen) -> None:
        """Write what a request may have changed.

        Args:
            seen: The objects that it has looked at.

        Raises:
            NotKept: If it cannot be written. The next call writes it too.
        """
        with self.lock:
            self._owed.update(seen)
            self._owed.update(take_strays())
            self._cells.save(self._owed)
            self._owed = {}

    def owe(self, seen: Seen) -> None:
        """Write with the next request what one has changed that failed in the middle.

        Args:
            seen: The objects that it has looked at.
        """
        with self.lock:
            self._owed.update(seen)

    def list_failed(self) -> dict[str, str]:
        """List the services whose state is not kept, each with the reason."""
        with self.lock:
            return dict(self._cells.failed)

    def clear(self) -> None:
        """Forget everything, as after a reset of moto."""
        with self.lock:
            self._owed = {}
            take_strays()
            self._cells.clear()

    def close(self) -> None:
        """Write everything for a last time: also what requests that only read have moved on."""
        with self.lock, recording(None):
            take_strays()
            self._cells.save_all()


def _leave_s3_alone() -> None:
    """Record nothing about S3's objects, which are very many."""
    for kind in vars(s3_models).values():
        if isinstance(kind, type) and is_of_s3(kind) and issubclass(kind, (BaseModel, BaseBackend)):
            unwatch(kind)


def _leave_accounts_alone() -> None:
    """Record nothing while moto prepares a request: it looks for the account in seven backends of IAM.

    It would note there when a key was last used; but the local AWS lets in none of the keys that IAM has.
    """
    prepare = BaseResponse.setup_class
    if getattr(prepare, "__wrapped__", None) is not None:
        return

    @wraps(prepare)
    def prepare_unrecorded(*args: Any, **options: Any) -> None:
        with recording(None):
            prepare(*args, **options)

    BaseResponse.setup_class = prepare_unrecorded  # type: ignore[method-assign]
