"""The bodies of uploads: read to their stated end, and freed of AWS's chunks."""

import io
import re
from collections.abc import Mapping
from typing import Any

_LINE = 16 * 1024
_TRAILERS = 16
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,16})(;[^\r\n]*)?\r?\n")
_TRAILER = re.compile(rb"\s*(x-amz-checksum-[a-z0-9]+)\s*:\s*([^\r\n]*?)\s*", re.IGNORECASE)
STREAMING = "STREAMING-"
"""How the header x-amz-content-sha256 begins where the body comes in AWS's chunks."""


class Incomplete(Exception):
    """A body ended before its stated end."""


class Malformed(Exception):
    """A body is not in the chunks that it is said to be in."""


class TooLong(Exception):
    """A body is longer than an object may be."""


class Bounded(io.RawIOBase):
    """The body of a request, and no byte after it.

    Args:
        stream: The connection.
        length: The length of the body; None if the stream ends with it.
        limit: The longest body.
    """

    def __init__(self, stream: Any, length: int | None, limit: int) -> None:
        self._stream = stream
        self._left = limit if length is None else length
        self._stated = length is not None

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some more.

        Raises:
            Incomplete: If the client has gone.
            TooLong: If there is too much of it.
        """
        view = memoryview(buffer)
        if self._stated:
            view = view[: self._left]
        if not view:
            return 0
        try:
            count: int = self._stream.readinto(view) or 0
        except OSError as error:
            raise Incomplete from error
        if not count and self._stated:
            raise Incomplete
        self._left -= count
        if self._left < 0:
            raise TooLong
        return count


class AwsChunks:
    """A body in AWS's chunks, as of ``aws-chunked``, without their sizes, signatures and trailers.

    Args:
        body: The body as it comes.

    Attributes:
        trailers: The checksums that came after the last chunk; complete when the body was read.
    """

    def __init__(self, body: io.RawIOBase) -> None:
        self._body = io.BufferedReader(body, _LINE)
        self._left = 0
        self._ended = False
        self._begun = False
        self.trailers: dict[str, str] = {}

    def readinto(self, buffer: memoryview) -> int:
        """Read some more of what is in the chunks.

        Raises:
            Incomplete: If the body ends too early.
            Malformed: If it is not in chunks.
        """
        filled = 0
        while filled < len(buffer) and not self._ended:
            if not self._left:
                self._read_size()
                continue
            count = self._body.readinto(buffer[filled : filled + self._left])
            if not count:
                raise Incomplete
            filled += count
            self._left -= count
            if not self._left:
                self._read_end()
        return filled

    def _read_size(self) -> None:
        line = self._body.readline(_LINE)
        if not line and not self._begun:
            self._ended = True
            return
        self._begun = True
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise Malformed if line.endswith(b"\n") or len(line) == _LINE else Incomplete
        self._left = int(found[1], 16)
        if not self._left:
            self._read_trailers()
            self._ended = True

    def _read_end(self) -> None:
        if self._body.readline(2) not in {b"\r\n", b"\n"}:
            raise Malformed

    def _read_trailers(self) -> None:
        for _ in range(_TRAILERS):
            line = self._body.readline(_LINE)
            if not line:
                return
            if found := _TRAILER.fullmatch(line):
                self.trailers[found[1].decode().lower()] = found[2].decode("latin-1")


def open_body(environ: Mapping[str, Any], limit: int) -> Bounded:
    """Open the body of a WSGI request, to read it to its end."""
    length = environ.get("CONTENT_LENGTH")
    if length:
        return Bounded(environ["wsgi.input"], int(length), limit)
    return Bounded(environ["wsgi.input"], None if environ.get("wsgi.input_terminated") else 0, limit)
