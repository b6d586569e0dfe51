"""The file that a query is in: of the project, on S3, or wherever fsspec reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.io import DatasetError

_S3FS_NAMES = {
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
    "aws_session_token": "token",
    "profile_name": "profile",
    "key": "key",
    "secret": "secret",
    "token": "token",
}


def sql_of_file(path: str, credentials: Mapping[str, Any]) -> str:
    """Read the query.

    Args:
        path: A path, or a URL.
        credentials: Of the catalog entry, for a URL.

    Raises:
        DatasetError: If it cannot be read.
    """
    import fsspec  # type: ignore[import-untyped]

    options: dict[str, Any] = {}
    if "://" in path:
        options = {_S3FS_NAMES[name]: value for name, value in credentials.items() if name in _S3FS_NAMES}
    try:
        with fsspec.open(path, encoding="utf-8", mode="r", **options) as file:
            return str(file.read())
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"`query_file: {path}` cannot be read: {error}. Correct the path or the file."
        ) from error


def absolute(path: str | None) -> str | None:
    """A relative path starts at the project's folder: Kedro itself completes `filepath` only."""
    if path is None or "://" in path or Path(path).is_absolute():
        return path
    from kedro.utils import find_kedro_project

    return str((find_kedro_project(Path.cwd()) or Path.cwd()) / path)
