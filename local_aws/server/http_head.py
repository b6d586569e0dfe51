"""The head of an HTTP request: its first line and its headers.

Strict, as RFC 9112 wants it of servers: what two readers could read in two ways is refused.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus
from http.client import HTTPMessage
from typing import Any, NamedTuple, Protocol

_MOST_HEADERS = 100
_LONGEST_LINE = 65536
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_FIRST = re.compile(rf"({_NAME}) ([!-~\x80-\xff]+) HTTP/(\d)\.(\d)", re.ASCII)
_VALUE = r"(?:[^\r\n\0 \t][^\r\n\0]*)?"
_HEADER = re.compile(rf"({_NAME}):[ \t]*({_VALUE})\r?\n")
_HEADERS = re.compile(rf"(?:{_NAME}:[ \t]*{_VALUE}\r?\n)*")


class BadHead(Exception):
    """A head that is none.

    Attributes:
        status: The status of the answer.
        message: What the client is told.
    """

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class FirstLine(NamedTuple):
    """The first line of a request.

    Attributes:
        method: Such as ``GET``.
        target: The path and query; it begins with one slash, if with any.
        minor: The minor version of HTTP: 0 or 1.
    """

    method: str
    target: str
    minor: int


class Headers(HTTPMessage):
    """Headers that are found by their names, of which each request asks a dozen.

    A message of the standard library compares the name with that of each header, and looks each value
    through. Headers can be removed; none is added later.

    Args:
        pairs: Names and values.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__()
        self._headers = list(pairs)
        self._values: dict[str, list[str]] = {}
        for name, value in self._headers:
            self._values.setdefault(name.lower(), []).append(value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._values.pop(name.lower(), None)

    def __contains__(self, name: object) -> bool:
        return str(name).lower() in self._values

    def get(self, name: str, failobj: Any = None) -> Any:
        """Find the first value of a header."""
        values = self._values.get(name.lower())
        return values[0] if values else failobj

    def get_all(self, name: str, failobj: Any = None) -> Any:
        """Find all values of a header."""
        return list(self._values.get(name.lower(), ())) or failobj

    def items(self) -> list[tuple[str, str]]:
        """List names and values, as they came."""
        return list(self.raw_items())


class _Lines(Protocol):
    def readline(self, limit: int, /) -> bytes: ...


def parse_first_line(line: str) -> FirstLine:
    """Parse the first line of a request.

    Raises:
        BadHead: If it is none of HTTP/1.
    """
    found = _FIRST.fullmatch(line)
    if found is None:
        raise BadHead(HTTPStatus.BAD_REQUEST, "The first line must be a method, a path and HTTP/1.1.")
    method, target, major, minor = found.groups()
    if major != "1":
        raise BadHead(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, f"HTTP/{major}.{minor} is not spoken here.")
    return FirstLine(method, f"/{target.lstrip('/')}" if target.startswith("//") else target, int(minor))


def read_headers(lines: _Lines) -> Headers:
    """Read headers up to the empty line that ends them.

    Raises:
        BadHead: If they are too many or too long, or one of them is none.
    """
    read: list[str] = []
    while len(read) <= _MOST_HEADERS:
        line = lines.readline(_LONGEST_LINE + 1)
        if line in (b"\r\n", b"\n", b""):
            return _parse_headers("".join(read))
        if len(line) > _LONGEST_LINE:
            break
        read.append(line.decode("latin-1"))
    limits = f"{_MOST_HEADERS} headers, of {_LONGEST_LINE} bytes each"
    raise BadHead(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"More than {limits}, are not read.")


def _parse_headers(text: str) -> Headers:
    if _HEADERS.fullmatch(text) is None:
        raise BadHead(HTTPStatus.BAD_REQUEST, "A header must be a name, a colon and a value in one line.")
    return Headers(_HEADER.findall(text))
