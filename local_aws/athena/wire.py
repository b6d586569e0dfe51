"""What the server and a process that runs queries say to each other: pickles, each after its length."""

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from local_aws.athena.failures import AthenaFailure
from local_aws.athena.submission import Outcome, Parsed, Submission

_LENGTH = struct.Struct("!Q")


@dataclass(frozen=True)
class Ready:
    """The process can run queries."""


@dataclass(frozen=True)
class Run:
    """Run a statement."""

    submission: Submission


@dataclass(frozen=True)
class Parse:
    """Read a statement without running it. The tree comes back as a pickle: the server does not need it."""

    sql: str


@dataclass(frozen=True)
class Cancel:
    """Interrupt a statement, if it is still running."""

    execution_id: str


@dataclass(frozen=True)
class AwsRequest:
    """A request of the query to S3 or Glue, which are in the server.

    Attributes:
        body: The body, or the file that holds it.
        target: The new file for the content of an object.
    """

    method: str
    path: str
    service: str
    region: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Path = b""
    target: Path | None = None


@dataclass(frozen=True)
class AwsAnswer:
    """The answer to it; a long body is in a file, which its reader deletes."""

    status: int
    headers: Mapping[str, str]
    body: bytes | Path


@dataclass(frozen=True)
class FindTable:
    """Find a table, as `Moto.find_table` does. The answer is what that returns."""

    database: str
    name: str
    region: str


@dataclass(frozen=True)
class ListObjects:
    """List objects, as `Moto.list_objects` does. The answer is what that returns."""

    bucket: str
    prefix: str


@dataclass(frozen=True)
class Answered:
    """The answer to one of the two."""

    value: Any


@dataclass(frozen=True)
class Ended:
    """The end of a statement, or of reading one.

    Attributes:
        result: What came out.
        peak_bytes: The most memory that the process has used in its life; 0 if that is not known.
    """

    result: Outcome | Parsed | AthenaFailure
    peak_bytes: int = 0


def send(stream: IO[bytes], message: object) -> None:
    """Send a message.

    Raises:
        OSError: If the other process has ended.
    """
    data = _pickle(message)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Wait for a message.

    Raises:
        EOFError: If the other process has ended.
    """
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (size,) = _LENGTH.unpack(head)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - from our own process


def _pickle(message: object) -> bytes:
    try:
        return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    except RecursionError:
        if not isinstance(message, Run):
            raise
        # The tree of a deeply nested statement: the process parses the text again.
        return pickle.dumps(Run(replace(message.submission, statement=None)), pickle.HIGHEST_PROTOCOL)
