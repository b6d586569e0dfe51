"""Buckets of tables: into which one a row goes, and which files a query can need."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice, product
from typing import Any

from local_aws.athena.catalog import Table
from local_aws.athena.failures import AthenaFailure, query_failure, unsupported
from local_aws.athena.pruning import Filter
from local_aws.athena.scan import Source
from local_aws.athena.statement import Buckets
from local_aws.athena.target import Target
from local_aws.trino import Column, Translated, TrinoError
from local_aws.trino.types import Type, quote_name, read_type

BUCKET = "__bucket"
"""The name of the column, and so of the directories, by which DuckDB writes a bucket's rows apart."""
_FILE = re.compile(r"(?:(0\d+)_\d+.*|.*_bucket-(\d+)(?:[-_.].*)?)")
_MOST_BUCKETS = 1_000_000
_INTEGERS = ("tinyint", "smallint", "integer")
_WORD, _POSITIVE = 0xFFFFFFFF, 0x7FFFFFFF
_MOST_VALUES = 1000


def describe_buckets(buckets: Buckets) -> dict[str, Any]:
    """Describe buckets as Glue's StorageDescriptor does."""
    return {"BucketColumns": list(buckets.columns), "NumberOfBuckets": buckets.number}


def read_buckets(properties: Mapping[str, object], columns: Sequence[Column]) -> Buckets | None:
    """Read `bucketed_by` and `bucket_count` of CREATE TABLE AS.

    Raises:
        AthenaFailure: If they do not fit each other, or the columns.
    """
    listed, number = _listed(properties.get("bucketed_by")), properties.get("bucket_count")
    if not listed and not number:
        return None
    if not listed or not isinstance(number, int):
        raise _invalid("bucketed_by and bucket_count must be specified together")
    if not 0 < number <= _MOST_BUCKETS:
        raise _invalid(f"bucket_count must be between 1 and {_MOST_BUCKETS}")
    buckets = Buckets(tuple(str(name).lower() for name in listed), number)
    kinds = {column.name.lower(): read_type(column.type) for column in columns}
    if missing := [name for name in buckets.columns if name not in kinds]:
        raise _invalid(f"Bucketing columns [{', '.join(missing)}] not present in schema")
    keys = [str(name).lower() for name in _listed(properties.get("partitioned_by"))]
    if both := [name for name in buckets.columns if name in keys]:
        raise _invalid(f"Bucketing columns [{', '.join(both)}] are also used as partitioning columns")
    for name in buckets.columns:
        if not _has_hash(kinds[name]):
            raise unsupported(f"buckets by a column of type {kinds[name]}")
    return buckets


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _invalid(message: str) -> AthenaFailure:
    return query_failure(TrinoError("INVALID_TABLE_PROPERTY", message))


def with_bucket(translated: Translated, target: Target) -> tuple[Translated, Target]:
    """Add the number of its bucket to each row, as the last thing by which the rows are written apart."""
    assert target.buckets is not None  # noqa: S101 - the caller has looked
    names = {column.name.lower(): f"c{position}" for position, column in enumerate(translated.columns)}
    kinds = {column.name.lower(): read_type(column.type) for column in translated.columns}
    combined = "0"
    for name in target.buckets.columns:
        combined = f"((31 * ({combined}) + {_write_hash(names[name], kinds[name])}) & {_WORD})"
    number = f"CAST(({combined} & {_POSITIVE}) % {target.buckets.number} AS INTEGER)"
    aliases = ", ".join(names.values())
    sql = f"SELECT *, {number} AS {quote_name(BUCKET)} FROM ({translated.sql}) AS q({aliases})"  # noqa: S608 - quoted
    columns = (*translated.columns, Column(BUCKET, "integer"))
    return Translated(sql, columns), replace(target, partitioned_by=(*target.partitioned_by, BUCKET))


def _write_hash(sql: str, kind: Type) -> str:
    """Write SQL for the hash of a value by Hive's first version of buckets, modulo 2**32."""
    match kind.name:
        case "boolean" | "tinyint" | "smallint" | "integer":
            found = f"CAST({sql} AS BIGINT) & {_WORD}"
        case "bigint":
            found = f"xor({sql} & {_WORD}, ({sql} >> 32) & {_WORD})"
        case "date":
            found = f"({sql} - DATE '1970-01-01') & {_WORD}"
        case _:
            digits = f"hex(encode({sql}))"
            byte = f"CAST('0x' || substr({digits}, 2 * i + 1, 2) AS BIGINT)"
            signed = f"({byte} - CASE WHEN {byte} > 127 THEN 256 ELSE 0 END)"
            steps = f"list_transform(range(octet_length(encode({sql}))), lambda i: {signed})"
            found = f"list_reduce({steps}, lambda h, b: (31 * h + b) & {_WORD}, 0)"
    return f"coalesce({found}, 0)"


def _has_hash(kind: Type) -> bool:
    return kind.name in {"boolean", *_INTEGERS, "bigint", "date"} or (
        kind.name == "varchar" and not kind.numbers
    )


def bucket_columns(table: Table) -> tuple[Column, ...]:
    """Return the columns by which a table is bucketed."""
    names = table.buckets.columns if table.buckets else ()
    return tuple(column for name in names for column in table.columns if column.name == name)


def keep_buckets(table: Table, sources: list[Source], wanted: Filter) -> list[Source]:
    """Return the files whose bucket the query can need; one whose name has no number is always needed.

    Args:
        table: A bucketed table.
        sources: Its files.
        wanted: The conditions on the columns by which it is bucketed.
    """
    buckets, kinds = table.buckets, [read_type(column.type) for column in bucket_columns(table)]
    if buckets is None or len(kinds) < len(buckets.columns) or not all(map(_has_hash, kinds)):
        return sources
    try:
        values = [wanted.equal_to(name) for name in buckets.columns]
        chosen = [each for each in values if each is not None]
        if len(chosen) < len(values):
            return sources
        rows = list(islice(product(*chosen), _MOST_VALUES + 1))
        numbers = {_find_bucket(row, kinds, buckets.number) for row in rows}
    except (TrinoError, ValueError):
        # A constant of another type than the column's.
        return sources
    if len(rows) > _MOST_VALUES:
        return sources
    return [source for source in sources if _number_of(source) in {None, *numbers}]


def _number_of(source: Source) -> int | None:
    found = _FILE.fullmatch(source.object.key.rpartition("/")[2])
    return int(found[1] or found[2]) if found else None


def _find_bucket(row: Sequence[str], kinds: Sequence[Type], number: int) -> int:
    combined = 0
    for text, kind in zip(row, kinds, strict=True):
        combined = (31 * combined + _hash(text, kind)) & _WORD
    return (combined & _POSITIVE) % number


def _hash(text: str, kind: Type) -> int:
    match kind.name:
        case "boolean":
            return ("false", "true").index(text)
        case "tinyint" | "smallint" | "integer":
            return int(text)
        case "bigint":
            return (int(text) & _WORD) ^ (int(text) >> 32 & _WORD)
        case "date":
            return (date.fromisoformat(text) - date(1970, 1, 1)).days
    found = 0
    for byte in text.encode():
        found = 31 * found + (byte - 256 if byte > 127 else byte)  # noqa: PLR2004 - Java's bytes have a sign
    return found
