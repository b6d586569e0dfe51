"""Text, CSV, JSON, ORC and Avro files, converted to Parquet once and read by DuckDB as often as needed."""

import bz2
import csv
import gzip
import hashlib
import io
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from local_aws.athena import avro_files, json_values
from local_aws.athena.catalog import Table
from local_aws.athena.failures import AthenaFailure, unsupported
from local_aws.athena.storage import S3Object
from local_aws.athena.table_formats import AVRO, DELIMITED, OPEN_CSV, ORC

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 50_000
_SKIPPED = "skip.header.line.count"
_GZIP = b"\x1f\x8b"
_BZIP2 = b"BZh"
_COMPRESSIONS = {".snappy": "snappy", ".zst": "zstd", ".lz4": "lz4", ".lzo": "lzo"}
_EARLY = 2
"""Up to here in a line, opencsv never takes a quote for a part of its field."""
_LINE_END = re.compile(r"\r\n|\n|\r")


def convert_to_parquet(table: Table, path: Path, source: S3Object) -> Path:
    """Convert a file to Parquet, with what the table's SerDe reads from it.

    Columns of text files are named ``c0``, ``c1``, ... and are not converted; those of JSON files have the
    table's names and types.

    Args:
        table: Says how the file is read.
        path: A local copy of the object.
        source: The object.

    Raises:
        AthenaFailure: If the file is broken, or packed in a way that is not supported.
    """
    columns = [[column.name, column.type] for column in table.columns]
    skipped = table.parameters.get(_SKIPPED)
    recipe = json.dumps([table.serde, dict(table.serde_parameters), columns, skipped], sort_keys=True)
    target = path.with_suffix(f".{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.parquet")
    if target.exists():
        return target
    partial = target.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    _write(table, path, source, partial)
    os.replace(partial, target)  # noqa: PTH105 - atomic: another query may want the same file
    return target


def _write(table: Table, path: Path, source: S3Object, target: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if table.serde == ORC:
        from pyarrow import orc

        try:
            pq.write_table(_by_position(table, orc.read_table(path)), target)
        except pa.ArrowInvalid as error:
            raise AthenaFailure(
                f"HIVE_BAD_DATA: Malformed ORC file. {source.uri}", error_type=1001
            ) from error
        return
    schema, read_batches = _batches(table, path, source)
    with pq.ParquetWriter(target, schema) as writer:
        for batch in read_batches:
            writer.write_table(batch)


def _by_position(table: Table, read: "pa.Table") -> "pa.Table":
    """Rename ORC's columns by their position, unless the table says that names count."""
    if table.serde_parameters.get("orc.column.index.access", "true").lower() == "false":
        return read
    width = min(len(table.columns), read.num_columns)
    return read.select(range(width)).rename_columns([column.name for column in table.columns[:width]])


def _batches(table: Table, path: Path, source: S3Object) -> "tuple[pa.Schema, Iterator[pa.Table]]":
    if table.serde == AVRO:
        return avro_files.read_batches(table, path, source, _BATCH)
    lines = _lines(path, source, int(table.parameters.get(_SKIPPED, 0)))
    if table.serde not in {DELIMITED, OPEN_CSV}:
        return json_values.read_batches(table, lines, source, _BATCH)
    import pyarrow as pa

    width = len(table.columns)
    rows = _open_csv(lines, table.serde_parameters) if table.serde == OPEN_CSV else _simple(lines, table)
    schema = pa.schema([(f"c{position}", pa.string()) for position in range(width)])

    def read_batches() -> Iterator[pa.Table]:
        while batch := list(islice(rows, _BATCH)):
            padded = ((*row[:width], *(None,) * (width - len(row))) for row in batch)
            yield pa.table(
                [pa.array(values, pa.string()) for values in zip(*padded, strict=True)], schema=schema
            )

    return schema, read_batches()


def _lines(path: Path, source: S3Object, skip: int) -> Iterator[str]:
    ending = next((kind for suffix, kind in _COMPRESSIONS.items() if source.key.endswith(suffix)), "")
    if ending:
        raise unsupported(f"text files compressed with {ending}")
    data = path.read_bytes()
    if data.startswith(_GZIP):
        data = gzip.decompress(data)
    elif source.key.endswith(".bz2") and data.startswith(_BZIP2):
        data = bz2.decompress(data)
    text = data.decode("utf-8-sig", errors="replace")
    lines = iter(text.split("\n") if "\r" not in text else _LINE_END.split(text))
    found = (line for line in lines)
    for _ in range(skip):
        next(found, None)
    return _without_last_empty(found)


def _without_last_empty(lines: Iterator[str]) -> Iterator[str]:
    """Leave out the empty rest after the last newline, which is not a line."""
    previous: str | None = None
    for line in lines:
        if previous is not None:
            yield previous
        previous = line
    if previous:
        yield previous


def _simple(lines: Iterator[str], table: Table) -> Iterator[list[str]]:
    parameters = table.serde_parameters
    delimiter = read_delimiter(
        parameters.get("field.delim") or parameters.get("serialization.format") or "\x01"
    )
    escape = parameters.get("escape.delim")
    if escape is None:
        return (line.split(delimiter) for line in lines)
    separator = re.compile(
        f"((?:[^{re.escape(delimiter + escape)}]|{re.escape(escape)}.?)*)(?:{re.escape(delimiter)}|$)"
    )
    return (_split_escaped(line, separator) for line in lines)


def _split_escaped(line: str, separator: re.Pattern[str]) -> list[str]:
    fields: list[str] = []
    at = 0
    while at <= len(line):
        match = separator.match(line, at)
        if match is None:
            break
        fields.append(match[1])
        if match.end() == len(line) and match.end(1) == match.end():
            break
        at = match.end()
    return fields


def read_delimiter(text: str) -> str:
    r"""Read a delimiter as Hive writes it: itself, or its number such as ``9`` or ``\u0001``."""
    if text.isdigit():
        return chr(int(text))
    if re.fullmatch(r"\\u[0-9a-fA-F]{4}", text):
        return chr(int(text[2:], 16))
    return text[:1]


def _open_csv(lines: Iterator[str], parameters: Mapping[str, str]) -> Iterator[list[str]]:
    separator = parameters.get("separatorChar", ",")[:1]
    quote = parameters.get("quoteChar", '"')[:1]
    escape = parameters.get("escapeChar", "\\")[:1]
    if escape == '"':
        escape = "\\"  # as the SerDe has it
    if len({separator, quote, escape}) < len(',"\\'):
        raise AthenaFailure("HIVE_BAD_DATA: The separator, quote, and escape characters must be different!")
    other = f"[^{re.escape(separator + quote + escape)}]*"
    inside = f"[^{re.escape(quote + escape)}]*"
    field = rf"(?:{other}|{re.escape(quote)}{inside}(?:{re.escape(quote * 2)}{inside})*{re.escape(quote)})"
    plain = re.compile(f"{field}(?:{re.escape(separator)}{field})*")
    for line in lines:
        if quote not in line and escape not in line:
            yield line.split(separator) if line else []
        elif plain.fullmatch(line):
            yield next(csv.reader(io.StringIO(line), delimiter=separator, quotechar=quote))
        else:
            yield _open_csv_fields(line, separator, quote, escape)


def _open_csv_fields(line: str, separator: str, quote: str, escape: str) -> list[str]:
    """Split a line as opencsv does: a field whose quote is not closed is left out."""
    pairs = {(escape, quote), (escape, escape), (quote, quote)}
    fields, field = [], ""
    quote_name = entered = False
    at = 0
    while at < len(line):
        char, following = line[at], line[at + 1 : at + 2]
        if (quote_name or entered) and (char, following) in pairs:
            field += following
            at += 1
            entered = entered != (char == quote)
        elif char == quote:
            if at > _EARLY and line[at - 1] != separator and following not in {"", separator}:
                field = "" if field.isspace() else field + quote
            quote_name, entered = not quote_name, not entered
        elif char == separator and not quote_name:
            fields.append(field)
            field, entered = "", False
        elif char != escape:
            field += char
            entered = True
        at += 1
    return fields if quote_name else [*fields, field]
