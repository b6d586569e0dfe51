"""The messages between the local AWS and the processes that serve models.

A message is the sizes of its two parts, a head in JSON, and a body. A head of HTTP would take each side
longer to read and to write than all else that it does for a request. A connection begins with the password of
the process, because every user of the machine can connect to its port.
"""

import io
import json
import socket
import struct
from collections.abc import Mapping
from typing import IO, Any

from typing_extensions import Self

PASSWORD_BYTES = 16
"""The random bytes of a password, which is their hexadecimal digits."""

_SIZES = struct.Struct("!II")
_JOINED = 64 * 1024
"""Larger bodies are sent apart from their heads, rather than copied."""

_MOST_AT_ONCE = 1024**2


class Stream:
    """A connection on which messages go back and forth.

    Args:
        connection: The connection. Its timeout holds for each step of a message.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self._received = b""

    @classmethod
    def connect(cls, port: int, password: str, seconds: float) -> Self:
        """Connect to a process on this machine."""
        stream = cls(socket.create_connection(("127.0.0.1", port), seconds))
        stream.connection.sendall(password.encode())
        return stream

    def read_password(self) -> bytes:
        """Read the password with which a connection begins."""
        return self._read(2 * PASSWORD_BYTES)

    def send(self, head: Any, body: bytes | IO[bytes] = b"") -> None:
        """Send a message.

        Args:
            head: What JSON can hold.
            body: The body, or an open file with it.
        """
        packed = json.dumps(head).encode()
        size = len(body) if isinstance(body, bytes) else body.seek(0, io.SEEK_END)
        start = _SIZES.pack(len(packed), size) + packed
        if isinstance(body, bytes) and size <= _JOINED:
            self.connection.sendall(start + body)
            return
        self.connection.sendall(start)
        if isinstance(body, bytes):
            self.connection.sendall(body)
        elif size and self.connection.sendfile(body, 0, size) != size:
            raise ConnectionError("the file of a body has become shorter")

    def receive(self) -> tuple[Any, bytes] | None:
        """Receive a message; None if the other side has closed the connection.

        Raises:
            OSError: If it ends within a message, or is none.
        """
        sizes = self._read(_SIZES.size)
        if not sizes:
            return None
        try:
            of_head, of_body = _SIZES.unpack(sizes)
            head, body = self._read(of_head), self._read(of_body)
            if (len(head), len(body)) != (of_head, of_body):
                raise ConnectionError("the connection has ended within a message")
            return json.loads(head.decode()), body
        except (ValueError, RecursionError, struct.error) as error:
            raise ConnectionError(f"what came is no message: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def _read(self, size: int) -> bytes:
        """Read so many bytes, or less if the connection ends before."""
        chunks, missing = [self._received], size - len(self._received)
        while missing > 0:
            chunk = self.connection.recv(max(_JOINED, min(missing, _MOST_AT_ONCE)))
            if not chunk:
                break
            chunks.append(chunk)
            missing -= len(chunk)
        received = b"".join(chunks)
        self._received = received[size:]
        return received[:size]


def are_texts(headers: Any) -> bool:
    """Tell whether headers that came in a message are names and values."""
    return isinstance(headers, Mapping) and all(
        isinstance(text, str) for pair in headers.items() for text in pair
    )
