"""The head of an HTTP request: its first line and its headers.

Strict, as RFC 9112 wants it of servers: what two readers could read in two ways is refused.
"""

import re
from http import HTTPStatus
from http.client import HTTPMessage
from typing import NamedTuple, Protocol

_MOST_HEADERS = 100
_LONGEST_LINE = 65536
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_FIRST = re.compile(rf"({_NAME}) ([!-~\x80-\xff]+) HTTP/(\d)\.(\d)", re.ASCII)
_HEADER = re.compile(rf"({_NAME}):[ \t]*([^\r\n\0]*)\r?\n")


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


def read_headers(lines: _Lines) -> HTTPMessage:
    """Read headers up to the empty line that ends them.

    Raises:
        BadHead: If they are too many or too long, or one of them is none.
    """
    headers = HTTPMessage()
    for _ in range(_MOST_HEADERS + 1):
        line = lines.readline(_LONGEST_LINE + 1)
        if line in (b"\r\n", b"\n", b""):
            return headers
        if len(line) > _LONGEST_LINE:
            break
        found = _HEADER.fullmatch(line.decode("latin-1"))
        if found is None:
            raise BadHead(HTTPStatus.BAD_REQUEST, "A header must be a name, a colon and a value in one line.")
        headers.set_raw(found[1], found[2])
    limits = f"{_MOST_HEADERS} headers, of {_LONGEST_LINE} bytes each"
    raise BadHead(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"More than {limits}, are not read.")
