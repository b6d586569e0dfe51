"""The folder in the place of a job's ``/opt/ml``: what is downloaded to it, and what is uploaded from it."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from local_aws.sagemaker.data_source import find_objects
from local_aws.sagemaker.job_failures import JobFailed
from local_aws.sagemaker.objects import NotStored, Objects, S3Object, split_uri

OPT_ML = "/opt/ml"
_IN_TEXT = re.compile(r"(?<![^\s=:,;\"'(\[{])/opt/ml(?![^/\s=:,;\"')\]}])")
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_CHUNK = 1024 * 1024
_CONTENT_TYPE = "application/octet-stream"


class JobFolder:
    """A folder in the place of ``/opt/ml``.

    Args:
        path: The folder, which is made.
        objects: The S3.
    """

    def __init__(self, path: Path, objects: Objects) -> None:
        self.path = path
        self._objects = objects

    def locate(self, container_path: str) -> Path:
        """Find the place of a path below ``/opt/ml``."""
        inside = PurePosixPath(container_path).relative_to(OPT_ML)
        return self.path.joinpath(*inside.parts)

    def map(self, text: str) -> str:
        """Write this folder instead of ``/opt/ml`` wherever a path in a text begins with it."""
        return _IN_TEXT.sub(lambda _found: str(self.path), text)

    def map_command(self, words: list[str]) -> list[str]:
        """Map the paths of a command, and let this machine's Python stand in for the image's."""
        mapped = [self.map(each) for each in words]
        is_python = _PYTHON.fullmatch(PurePosixPath(mapped[0]).name) and not words[0].startswith(OPT_ML)
        return [sys.executable, *mapped[1:]] if is_python else mapped

    def write_json(self, container_path: str, content: Any) -> None:
        """Write a file of the container's configuration."""
        file = self.locate(container_path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")

    def read_message(self, container_path: str, limit: int) -> bytes:
        """Read the beginning of a file that the job may have written; empty if it has not."""
        try:
            with self.locate(container_path).open("rb") as file:
                return file.read(limit)
        except OSError:
            return b""

    def download(self, uri: str, data_type: str, container_path: str, role: str) -> None:
        """Download an input.

        Args:
            uri: Its S3 URI.
            data_type: ``S3Prefix`` or ``ManifestFile``.
            container_path: The folder for it.
            role: The job's role, for the message.

        Raises:
            JobFailed: If there is nothing, or it does not fit into a folder.
        """
        target = self.locate(container_path)
        target.mkdir(parents=True, exist_ok=True)
        found = find_objects(self._objects, data_type, uri, self.path.with_name("manifest"))
        if not found:
            raise JobFailed(_describe_nothing(uri, role))
        for source, below in found:
            self._download_object(source, _place(target, below, source))

    def _download_object(self, source: S3Object, target: Path) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._objects.open(source, self.path.with_name("content")) as content:
                if content is None:
                    raise JobFailed(f"ClientError: Data download failed:s3://{source} does not exist.")
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file, _CHUNK)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise JobFailed(
                f"ClientError: Data download failed:s3://{source} is both a file and a folder."
            ) from error

    def upload(self, container_path: str, uri: str, known: dict[str, tuple[int, int]]) -> None:
        """Upload the files of a folder that are new or have changed.

        Args:
            container_path: The folder, or a file.
            uri: Where they go.
            known: The size and the time of what was uploaded already, by its path; it is updated.

        Raises:
            JobFailed: If S3 refuses one.
        """
        root = self.locate(container_path)
        place = split_uri(uri)
        above = f"{place.key.rstrip('/')}/" if place.key else ""
        for file in _list_files(root):
            stat = file.stat()
            seen = (stat.st_size, stat.st_mtime_ns)
            if known.get(str(file)) == seen:
                continue
            below = file.name if file == root else file.relative_to(root).as_posix()
            self.upload_file(file, S3Object(place.bucket, f"{above}{below}"))
            known[str(file)] = seen

    def upload_file(self, file: Path, place: S3Object) -> None:
        """Upload a file.

        Raises:
            JobFailed: If S3 refuses it.
        """
        try:
            with file.open("rb") as content:
                self._objects.write(place, content, _CONTENT_TYPE)
        except NotStored as error:
            raise JobFailed(f"ClientError: Artifact upload failed:{error}") from error


def _list_files(root: Path) -> Iterator[Path]:
    """List the files of a folder, and nothing that a link makes of another one."""
    if root.is_symlink():
        return
    if root.is_file():
        yield root
    elif root.is_dir():
        for child in sorted(root.iterdir()):
            yield from _list_files(child)


def _place(target: Path, below: str, source: S3Object) -> Path:
    parts = PurePosixPath(below).parts
    if not parts or below.startswith("/") or ".." in parts or "\0" in below:
        raise JobFailed(
            f"ClientError: Data download failed:the key of s3://{source} leads out of its folder."
        )
    return target.joinpath(*parts)


def _describe_nothing(uri: str, role: str) -> str:
    bucket = split_uri(uri).bucket
    return (
        f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in input data '
        f"source. Please ensure that the bucket exists, that objects exist under that S3 prefix, and that "
        f'the role "{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )
