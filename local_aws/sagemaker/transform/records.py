"""The records of an input, and how many of them go into one request."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True)
class Batch:
    """What goes into one request.

    Attributes:
        data: A part of the input, or all of it.
        first: The number of its first line in the input; 0 for a whole input.
        last: The number of its last line.
    """

    data: bytes
    first: int = 0
    last: int = 0

    def __str__(self) -> str:
        """Say which lines they are."""
        if not self.first:
            return "the whole object"
        return f"line {self.first}" if self.first == self.last else f"lines {self.first} to {self.last}"


class TooLong(Exception):
    """A record does not fit into a request.

    Args:
        where: Which one.
    """

    def __init__(self, where: Batch) -> None:
        super().__init__(str(where))
        self.where = where


def read_whole(content: IO[bytes], limit: int) -> Iterator[Batch]:
    """Make one batch of an input. An empty input has none.

    Args:
        content: The input.
        limit: The longest body of a request, in bytes.

    Raises:
        TooLong: If it does not fit.
    """
    data = _read(content, limit + 1)
    if len(data) > limit:
        raise TooLong(Batch(b""))
    if data:
        yield Batch(data)


def split_lines(content: IO[bytes], limit: int, *, single: bool) -> Iterator[Batch]:
    r"""Make batches of an input's lines, without ever holding more than one batch.

    Lines end with ``\n`` wherever one is, also within the quotes of a CSV field. A header is a line like all
    others. Blank lines are no records.

    Args:
        content: The input.
        limit: The longest body of a request, in bytes.
        single: Whether each batch is to have one record, without the end of its line.

    Raises:
        TooLong: If a line does not fit. The batches before it have been given.
    """
    for batch in _split(content, limit):
        if single:
            yield from _split_further(batch)
        elif batch.data.strip():
            yield batch


def _split_further(batch: Batch) -> Iterator[Batch]:
    for number, line in enumerate(batch.data.split(b"\n"), batch.first):
        record = line.rstrip(b"\r")
        if record.strip():
            yield Batch(record, number, number)


def _split(content: IO[bytes], limit: int) -> Iterator[Batch]:
    first, rest = 1, b""
    while data := rest + _read(content, limit - len(rest)):
        end = len(data) if len(data) < limit else data.rfind(b"\n") + 1
        if not end:  # a line of the limit's length, or a longer one
            if content.read(1) not in {b"", b"\n"}:
                raise TooLong(Batch(b"", first, first))
            end = len(data)
        lines = data.count(b"\n", 0, end) + (not data.endswith(b"\n", 0, end))
        yield Batch(data[:end], first, first + lines - 1)
        first, rest = first + lines, data[end:]


def _read(content: IO[bytes], size: int) -> bytes:
    """Read so many bytes, fewer only at the end: what unpacks may give less than it is asked for."""
    parts = []
    while size and (part := content.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
