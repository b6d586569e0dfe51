"""What a query leaves behind on S3 and in Glue, removed whatever happens."""

import logging
from collections.abc import Callable
from functools import partial
from types import TracebackType

from typing_extensions import Self

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import Status
from kedro_aws_plugin.errors import KedroAwsError, LocalAwsError

_logger = logging.getLogger("kedro.athena")


class Leftovers:
    """A context that removes at its end what was noted in it.

    Args:
        athena: Removes.
        keep: Whether to leave everything where it is instead.

    Attributes:
        kept: Whether it does.
    """

    def __init__(self, athena: Athena, *, keep: bool = False) -> None:
        self._athena = athena
        self.kept = keep
        self._prefixes: dict[str, None] = {}
        self._tables: list[tuple[str, str]] = []

    def __call__(self, status: Status) -> None:
        """Note the files that Athena itself writes about a query: its result, metadata and manifest."""
        for uri in status.outputs:
            head, found, _ = uri.partition(status.query_id)
            if found:
                self.folder(head + found)

    def folder(self, uri: str) -> str:
        """Note a prefix."""
        self._prefixes[uri] = None
        return uri

    def table(self, database: str, name: str) -> None:
        """Note a table."""
        self._tables.append((database, name))

    def keep(self) -> None:
        """Leave everything after all."""
        self.kept = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.kept:
            self.remove()

    def remove(self) -> None:
        """Remove it all; what cannot be removed is logged, since the result itself is good."""
        tables = [partial(self._athena.drop_table, database, name) for database, name in self._tables]
        try:
            for remove in (*tables, *(partial(self._athena.remove, uri) for uri in self._prefixes)):
                self._try(remove)
        except LocalAwsError:
            return  # what was to be removed is gone with it

    @staticmethod
    def _try(remove: Callable[[], None]) -> None:
        try:
            remove()
        except LocalAwsError:
            raise
        except KedroAwsError as error:
            _logger.warning("%s Or let a lifecycle rule of the bucket remove it.", error)
