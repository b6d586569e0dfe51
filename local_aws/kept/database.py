"""The small SQLite databases of what is kept."""

import logging
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from local_aws.kept.folder import UnusableError, explain_damage, explain_unwritten

Change = tuple[str, Sequence[Any]]
"""An SQL statement and its parameters."""


_log = logging.getLogger(__name__)


class NotKept(Exception):
    """A change cannot be kept: the disk is full, or the folder is gone. The text says why and what helps."""


class Database:
    """An SQLite database that one server uses, from all of its threads.

    A commit is safe from the end of the process, not from that of the machine: nothing waits for the disk.

    Args:
        path: The file.
        schema: The statements that make its tables, if they are not there.

    Raises:
        UnusableError: If the file is damaged or cannot be opened.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {schema}")
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def read(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Read all rows of a query.

        Raises:
            UnusableError: If the file is damaged.
        """
        try:
            with self._lock:
                return self._connection.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def write(self, changes: Iterable[Change]) -> None:
        """Make changes, all or none of them.

        Raises:
            NotKept: If they cannot be made. None of them is then.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN")
                for statement, parameters in changes:
                    self._connection.execute(statement, parameters)
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise NotKept(explain_unwritten(self.path, error)) from error
                raise

    def set_aside(self, service: str, reason: str) -> str:
        """Save a copy of everything, since what is kept of a service cannot be read.

        Args:
            service: The service.
            reason: Why not.

        Returns:
            The sentence about it, which names the copy.

        Raises:
            NotKept: If the copy cannot be written. Nothing is left of it then.
        """
        now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")
        path = self.path.with_name(f"{self.path.stem}.{now}.backup")
        partial = self.path.with_name(f"{self.path.stem}.partial")
        try:
            partial.unlink(missing_ok=True)  # of a server that was killed
            with self._lock, closing(sqlite3.connect(partial)) as copy:
                self._connection.backup(copy)
            partial.rename(path)
        except (OSError, sqlite3.Error) as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise NotKept(explain_unwritten(path, error)) from error
        sentence = (
            f"The state of {service} could not be taken over ({reason}), so it begins empty; what it was is "
            f"in {path}"
        )
        _log.warning("%s", sentence)
        return sentence

    def close(self) -> None:
        """Close the file. Nothing can be read or written afterwards."""
        with self._lock:
            self._connection.close()

    def _explain(self, error: sqlite3.Error) -> UnusableError:
        what = f"cannot be used ({error})"
        return UnusableError(explain_damage(self.path.parent.parent, self.path, what))
