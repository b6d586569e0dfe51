"""Partition values as Hive writes them in the names of folders: ``day=2024-01-01/city=N%2FA/``."""

import datetime as dt
from collections.abc import Sequence
from urllib.parse import unquote

from kedro.io import DatasetError

NULL = "__HIVE_DEFAULT_PARTITION__"
_ESCAPED = frozenset("\"#%'*/:=?\\{[]^") | {chr(code) for code in (*range(0x20), 0x7F)}


def text_of(column: str, value: object) -> str:
    """The text that Glue keeps of a value.

    Raises:
        DatasetError: If it would come back as something else.
    """
    if value is None:
        return NULL
    if value in ("", NULL):
        raise DatasetError(
            f"The partition column `{column}` has the value {value!r}, which Hive takes for a missing one. "
            "Use None, or another text."
        )
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def folder_of(keys: Sequence[str], values: Sequence[str]) -> str:
    """The folder of a partition, ending in ``/``; empty where there are no keys."""
    return "".join(f"{key}={_escape(value)}/" for key, value in zip(keys, values, strict=True))


def values_of(keys: Sequence[str], path: str) -> tuple[str, ...]:
    """The values of the partition that a file is in, e.g. of ``day=2024-01-01/part-0.parquet``."""
    folders = path.split("/")[:-1][-len(keys) :] if keys else []
    return tuple(unquote(folder.partition("=")[2]) for folder in folders)


def value_of(text: str, type_: str) -> object:
    """The value that a text of Glue's stands for.

    Raises:
        ValueError: If it stands for none of the type.
    """
    if text == NULL:
        return None
    if type_ == "date":
        return dt.date.fromisoformat(text)
    if type_ == "boolean":
        return _boolean(text)
    return int(text) if type_.endswith("int") else text


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _escape(text: str) -> str:
    return "".join(f"%{ord(char):02X}" if char in _ESCAPED else char for char in text)
