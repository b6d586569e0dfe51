"""Writers of JSON lines and delimited text, as Hive's SerDes write them."""

import base64
import gzip
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from local_aws.athena.session import Session
from local_aws.athena.target import Target
from local_aws.trino import Translated, write_value
from local_aws.trino.types import Type, read_type

_NULL = "\\N"
_DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__"


def write(session: Session, translated: Translated, target: Target, out: Path) -> int:
    """Write one file for each partition and return the number of rows."""
    kinds = [read_type(column.type) for column in translated.columns]
    names = [column.name.lower() for column in translated.columns]
    width = len(names) - len(target.partitioned_by)
    line = _line_writer(target, names[:width], kinds[:width])
    result = session.execute(translated.sql)
    count = 0
    with ExitStack() as stack:
        files: dict[tuple[object, ...], IO[str]] = {}
        while rows := session.fetch(result):
            for row in rows:
                key = row[width:]
                if key not in files:
                    folder = out / _folder(names[width:], kinds[width:], key)
                    files[key] = stack.enter_context(_open(folder, target.compression))
                files[key].write(line(row[:width]) + "\n")
            count += len(rows)
    return count


def _open(folder: Path, compression: str) -> IO[str]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "data"
    if compression == "GZIP":
        return gzip.open(path, "wt", encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")


def _folder(names: Sequence[str], kinds: Sequence[Type], values: Sequence[object]) -> str:
    parts = []
    for name, kind, value in zip(names, kinds, values, strict=True):
        written = write_value(value, str(kind))
        parts.append(f"{name}={_DEFAULT_PARTITION if written is None else quote(written, safe='')}")
    return "/".join(parts)


def _line_writer(
    target: Target, names: Sequence[str], kinds: Sequence[Type]
) -> Callable[[Sequence[object]], str]:
    if target.format == "JSON":
        whole = Type("row", tuple(kinds), tuple(names))
        return lambda row: _json(dict(enumerate(row)), whole)
    separators = (target.delimiter, "\x02", "\x03", "\x04", "\x05", "\x06")
    return lambda row: target.delimiter.join(
        _delimited(value, kind, separators, 1) for value, kind in zip(row, kinds, strict=True)
    )


def _json(value: Any, kind: Type) -> str:  # noqa: PLR0911 - a kind of type each
    """Write a value as JSON; a number keeps all its digits, which a float would not."""
    if value is None:
        return "null"
    match kind.name:
        case "array":
            return f"[{','.join(_json(item, kind.inner[0]) for item in value)}]"
        case "map":
            pairs = ((write_value(key, str(kind.inner[0])), item) for key, item in _pairs(value))
            return _json_object((str(key), _json(item, kind.inner[1])) for key, item in pairs)
        case "row":
            fields = zip(kind.fields, value.values(), kind.inner, strict=True)
            return _json_object((str(name), _json(item, inner)) for name, item, inner in fields)
        case "decimal":
            return str(value)
        case "boolean" | "tinyint" | "smallint" | "integer" | "bigint" | "real" | "double":
            return json.dumps(value)
    return json.dumps(_delimited(value, kind, (), 0), ensure_ascii=False)


def _json_object(members: Iterable[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{value}" for name, value in members) + "}"


def _delimited(value: Any, kind: Type, separators: Sequence[str], depth: int) -> str:
    if value is None:
        return _NULL
    match kind.name:
        case "array":
            return separators[depth].join(
                _delimited(item, kind.inner[0], separators, depth + 1) for item in value
            )
        case "map":
            return separators[depth].join(
                separators[depth + 1].join(
                    _delimited(part, inner, separators, depth + 2)
                    for part, inner in zip(pair, kind.inner, strict=True)
                )
                for pair in _pairs(value)
            )
        case "row":
            fields = zip(value.values(), kind.inner, strict=True)
            return separators[depth].join(
                _delimited(item, inner, separators, depth + 1) for item, inner in fields
            )
        case "varbinary":
            return base64.b64encode(value).decode()
    return str(write_value(value, str(kind)))


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    """List the entries of a map: DuckDB returns a dict, or keys and values if a key cannot be one."""
    if set(value) == {"key", "value"} and isinstance(value["key"], list):
        return list(zip(value["key"], value["value"], strict=True))
    return list(value.items())
