"""A project's raw data on S3: uploaded when new or changed, as long as nobody else changed the object."""

import hashlib
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import quote

from local_aws.protocol.messages import invalid, read_s3_message
from local_aws.protocol.moto_app import Moto
from local_aws.server.memory import Memory

_PREFIX = "data/raw"
_FOUND = 200
_BLOCK = 1024**2


@dataclass(frozen=True)
class Sent:
    """What is known of a file since it was last looked at.

    Attributes:
        size: Its size.
        mtime: When it was written, in nanoseconds.
        digest: Its MD5, which is the ETag of an object with this content.
        etag: The ETag of the object when it was last this file's copy; empty if it never was.
    """

    size: int
    mtime: int
    digest: str
    etag: str


@dataclass
class Uploaded:
    """What was done with the files of a folder.

    Attributes:
        count: How many were uploaded.
        skipped: Why others that are new or have changed were not, by their keys.
    """

    count: int = 0
    skipped: dict[str, str] = field(default_factory=dict)


class RawData:
    """Uploads the files of folders, and remembers what it has uploaded.

    Args:
        moto: The S3.
        sent: What was uploaded, by bucket and key. It does not say from which folder: a project may be moved.
    """

    def __init__(self, moto: Moto, sent: Memory) -> None:
        self._moto = moto
        self._sent = sent

    def forget(self, bucket: str) -> None:
        """Forget what was uploaded to a bucket that is gone."""
        self._sent.clear(bucket)

    def reset(self) -> None:
        """Forget everything."""
        self._sent.clear()

    def upload(self, bucket: str, folder: Path) -> Uploaded:
        """Upload the files that are new, and those that have changed while their objects have not.

        A file that is skipped is named once for each of its changes.

        Raises:
            AwsFault: If a file cannot be read or uploaded.
        """
        done = Uploaded()
        for file in sorted(folder.rglob("*")):
            if file.name.startswith(".") or not file.is_file():
                continue
            name = _name(file, folder)
            try:
                self._update(file, (bucket, f"{_PREFIX}/{name}"), done)
            except OSError as error:
                raise invalid(f"{file} cannot be read: {error.strerror}.") from error
        return done

    def _update(self, file: Path, place: tuple[str, str], done: Uploaded) -> None:
        stat = file.stat()
        known = self._sent.get(place)
        before = None if known is None else Sent(**known)
        is_same = before is not None and (before.size, before.mtime) == (stat.st_size, stat.st_mtime_ns)
        if before is not None and is_same and before.etag == before.digest:
            return
        found = self._read_etag(place)
        expected = before.etag if before is not None else None
        digest = "" if before is None and found is None else _digest(file)
        if found == digest:
            etag = digest
        elif found == expected:
            etag = digest = self._send(file, place)
            done.count += 1
        else:
            etag = expected or ""
            if not is_same:
                done.skipped[place[1]] = _explain(before, found)
        self._sent.put(place, asdict(Sent(stat.st_size, stat.st_mtime_ns, digest, etag)))

    def _read_etag(self, place: tuple[str, str]) -> str | None:
        answer = self._moto.request("HEAD", _path(place))
        return answer.headers.get("ETag", "").strip('"') if answer.status == _FOUND else None

    def _send(self, file: Path, place: tuple[str, str]) -> str:
        headers = {"Content-Type": "binary/octet-stream"}
        with file.open("rb") as content:
            answer = self._moto.request("PUT", _path(place), headers=headers, body=content)
        if answer.status != _FOUND:
            raise invalid(f"{file} cannot be uploaded: {read_s3_message(answer.body)}")
        return answer.headers.get("ETag", "").strip('"')


def _name(file: Path, folder: Path) -> str:
    """Name a file within its folder.

    Raises:
        AwsFault: If its name is not UTF-8, as every key is.
    """
    name = file.relative_to(folder).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(file).decode("utf-8", "backslashreplace")
        raise invalid(f"{shown} cannot be uploaded: its name is not UTF-8. Rename it.") from None
    return name


def _path(place: tuple[str, str]) -> str:
    bucket, key = place
    return f"/{bucket}/{quote(key)}"


def _digest(file: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _explain(before: Sent | None, found: str | None) -> str:
    """Say what is wrong with the object of a file that is new or has changed."""
    if before is None or not before.etag:
        return "an object of this name was there before"
    return "the object was deleted" if found is None else "the object was changed on S3"
