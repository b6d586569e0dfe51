"""Files that CTAS, INSERT INTO and UNLOAD write."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import unquote

from local_aws.athena import avro_files, text_writing
from local_aws.athena.buckets import BUCKET, with_bucket
from local_aws.athena.failures import AthenaFailure, query_failure, unsupported
from local_aws.athena.session import Session
from local_aws.athena.storage import directory
from local_aws.athena.target import Target
from local_aws.trino import Column, Translated, TrinoError, to_duckdb_type, to_glue_type
from local_aws.trino.types import quote_name

# moto copies the whole object for a ranged GET, so many small files are read faster than few large ones.
_FILE_SIZE = "32MB"
_MOST_PARTITIONS = 100
_COMPRESSIONS = {
    "PARQUET": ("GZIP", "SNAPPY", "ZSTD", "LZ4", "NONE"),
    "ORC": ("ZLIB", "SNAPPY", "ZSTD", "LZ4", "NONE"),
    "AVRO": ("GZIP", "DEFLATE", "SNAPPY", "ZSTD", "NONE"),
    "JSON": ("GZIP", "NONE"),
    "TEXTFILE": ("GZIP", "NONE"),
}
_PRINTABLE = re.compile(r"[ -~]*")
# The characters that Hive escapes in the name of a partition's directory.
_ESCAPED = re.compile(r"[\x00-\x1f\"#%'*/:=?\\\x7f{\[\]^]")


@dataclass(frozen=True)
class Written:
    """The files that were written.

    Attributes:
        uris: The objects.
        rows: The number of rows.
        partitions: The partitions' directories below the location, such as ``year=2024/month=1``.
    """

    uris: tuple[str, ...]
    rows: int
    partitions: tuple[str, ...]


def check_format(name: str, compression: str) -> tuple[str, str]:
    """Check a format and its compression; return both in upper case.

    Raises:
        AthenaFailure: If the local Athena does not write it.
    """
    kind, packed = name.upper(), compression.upper()
    if kind not in _COMPRESSIONS:
        raise unsupported(f"writing files of the format {kind}")
    packed = packed or ("ZLIB" if kind == "ORC" else "GZIP")
    if packed not in _COMPRESSIONS[kind]:
        raise unsupported(f"the compression {packed} of {kind} files")
    return kind, packed


def refuse_if_occupied(session: Session, location: str, table: str) -> None:
    """Raise if something is at the location already.

    Raises:
        AthenaFailure: If something is.
    """
    try:
        found = session.storage.list_objects(location)
    except AthenaFailure:  # there is no such bucket, which the upload says
        return
    if not found:
        return
    raise AthenaFailure(
        f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{table}' already exists: {location}. "
        f"You may need to manually clean the data at location '{location}' before retrying. "
        "Athena will not delete data in your account."
    )


def refuse_unnamed(columns: Sequence[Column]) -> None:
    """Raise if a column has no name, as those of tables and views must."""
    for position, column in enumerate(columns, 1):
        if column.name == f"_col{position - 1}":
            message = f"line 1:1: Column name not specified at position {position}"
            raise query_failure(TrinoError("MISSING_COLUMN_NAME", message))


def refuse_untyped(columns: Sequence[Column]) -> None:
    """Raise if a column is a NULL without a type."""
    for position, column in enumerate(columns, 1):
        if column.type == "unknown":
            message = f"line 1:1: Column type is unknown at position {position}"
            raise query_failure(TrinoError("COLUMN_TYPE_UNKNOWN", message))


def refuse_duplicates(columns: Sequence[Column]) -> None:
    """Raise if two columns have the same name."""
    names = [column.name.lower() for column in columns]
    for name in names:
        if names.count(name) > 1:
            message = f"Column name '{name}' specified more than once"
            raise query_failure(TrinoError("DUPLICATE_COLUMN_NAME", message))


def with_json_as_text(translated: Translated) -> Translated:
    """Declare columns of JSON to be texts, which is what UNLOAD writes for them."""
    columns = (
        Column(column.name, "varchar" if column.type == "json" else column.type)
        for column in translated.columns
    )
    return Translated(translated.sql, tuple(columns))


def hive_columns(columns: Sequence[Column]) -> list[tuple[str, str]]:
    """Return the names and Hive types of a query's columns.

    Raises:
        AthenaFailure: If Hive has no such type, or two columns have one name.
    """
    refuse_duplicates(columns)
    names = [column.name.lower() for column in columns]
    try:
        return [(name, to_glue_type(column.type)) for name, column in zip(names, columns, strict=True)]
    except TrinoError as error:
        raise query_failure(error) from error


def check_partitions(columns: Sequence[Column], partitioned_by: Sequence[str]) -> None:
    """Check that the partition columns come last in the query, in their own order.

    Raises:
        AthenaFailure: If they do not.
    """
    if not partitioned_by:
        return
    names = [column.name.lower() for column in columns]
    last = names[-len(partitioned_by) :]
    if missing := [name for name in partitioned_by if name not in names]:
        raise AthenaFailure(f"INVALID_TABLE_PROPERTY: Partition columns {missing} not present in schema")
    if last != list(partitioned_by):
        raise AthenaFailure(
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and in "
            f"the same order as the table properties: [{', '.join(partitioned_by)}]"
        )
    if len(names) == len(partitioned_by):
        raise AthenaFailure("INVALID_TABLE_PROPERTY: Table contains only partition columns")


def write(session: Session, translated: Translated, target: Target) -> Written:
    """Run a query into files below the target; all of them are uploaded, or none.

    Raises:
        AthenaFailure: If the query fails, or there are too many partitions.
    """
    out = session.folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    if target.buckets:
        translated, target = with_bucket(translated, target)
    if target.format in {"PARQUET", "ORC", "AVRO"}:
        rows = _copy(session, translated, target, out)
    else:
        rows = text_writing.write(session, translated, target, out)
    files = sorted(path for path in out.rglob("*") if path.is_file() and rows)
    places = [_find_place(path.parent.relative_to(out)) for path in files]
    directories = tuple(dict.fromkeys(place.directory for place in places))
    if target.partitioned_by and len(directories) > _MOST_PARTITIONS:
        raise AthenaFailure(
            "HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers for partitions/buckets"
        )
    uris = _upload(session, target, zip(files, places, strict=True))
    return Written(uris, rows, tuple(found for found in directories if found))


def _copy(session: Session, translated: Translated, target: Target, out: Path) -> int:
    names = [column.name.lower() for column in translated.columns]
    aliases = ", ".join(f"c{position}" for position, _ in enumerate(names))
    columns = ", ".join(
        f"CAST(c{position} AS {_parquet_type(column.type)}) AS {quote_name(name)}"
        for position, (name, column) in enumerate(zip(names, translated.columns, strict=True))
    )
    folder = str(out).replace("'", "''")
    # DuckDB declares a column that it knows to have no NULL REQUIRED; Athena's are all OPTIONAL.
    no_row = f"SELECT {', '.join('NULL' for _ in names)} WHERE random() < 0"
    query = f"SELECT {columns} FROM ({translated.sql}) AS q({aliases}) UNION ALL {no_row}"  # noqa: S608 - quoted
    result = session.execute(f"COPY ({query}) TO '{folder}' ({', '.join(_parquet_options(target))})")
    row = result.fetchone()
    if target.format == "ORC":
        _convert_to_orc(session, out, target.compression)
    if target.format == "AVRO":
        for path in [each for each in out.rglob("*") if each.is_file()]:
            session.check()
            avro_files.write(path, translated.columns, target.compression)
    return int(row[0]) if row else 0


def _convert_to_orc(session: Session, folder: Path, compression: str) -> None:
    """Convert the Parquet files of a folder to ORC, which DuckDB does not write."""
    import pyarrow.parquet as pq
    from pyarrow import orc

    packed = "uncompressed" if compression == "NONE" else compression.lower()
    for path in [each for each in folder.rglob("*") if each.is_file()]:
        session.check()
        orc.write_table(pq.ParquetFile(path).read(), path, compression=packed)


def _parquet_options(target: Target) -> Iterator[str]:
    yield "FORMAT parquet"
    packed = target.compression if target.format == "PARQUET" else "NONE"
    yield f"COMPRESSION {'uncompressed' if packed == 'NONE' else packed.lower()}"
    yield "OVERWRITE_OR_IGNORE"
    if _writes_int96():
        yield "WRITE_TIMESTAMP_AS_INT96 true"
    if target.partitioned_by:  # DuckDB 1.5 cannot bound the size of a partition's files
        yield f"PARTITION_BY ({', '.join(map(quote_name, target.partitioned_by))})"
    else:
        yield f"FILE_SIZE_BYTES '{_FILE_SIZE}'"


def _writes_int96() -> bool:
    """Tell whether DuckDB can write timestamps as Athena does, which DuckDB 1 cannot."""
    import duckdb

    return not duckdb.__version__.startswith("1.")


def _parquet_type(athena_type: str) -> str:
    """Return DuckDB's type for a column; without INT96, timestamps have milliseconds."""
    kind = to_duckdb_type(athena_type)
    return kind if _writes_int96() else re.sub(r"\bTIMESTAMP\b(?! WITH)", "TIMESTAMP_MS", kind)


@dataclass(frozen=True)
class _Place:
    """Where a file goes: the directory of its partition, and how its name ends."""

    directory: str
    ending: str


def _find_place(relative: Path) -> _Place:
    name, _, number = relative.name.partition("=")
    if name == BUCKET:
        return _Place(_hive_directory(relative.parent), f"_bucket-{int(number):05d}")
    return _Place(_hive_directory(relative), "")


def _hive_directory(relative: Path) -> str:
    """Convert DuckDB's directory to Hive's spelling, which escapes fewer characters."""
    parts = []
    for part in relative.parts:
        key, _, value = part.partition("=")
        parts.append(f"{key}={_partition_value(unquote(value))}")
    return "/".join(parts)


def _partition_value(value: str) -> str:
    """Write a partition's value as it stands in a path; an empty text becomes NULL.

    Raises:
        AthenaFailure: If it has other characters than ASCII's printable ones.
    """
    if not _PRINTABLE.fullmatch(value):
        raise AthenaFailure(
            "HIVE_INVALID_PARTITION_VALUE: Hive partition keys can only contain printable ASCII characters "
            f"(0x20 - 0x7E). Invalid value: {value.encode().hex(' ').upper()}"
        )
    return escape_value(value) or "__HIVE_DEFAULT_PARTITION__"


def escape_value(value: str) -> str:
    """Escape a partition's value as Hive does in a path."""
    return _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", value)


def _upload(session: Session, target: Target, files: Iterable[tuple[Path, _Place]]) -> tuple[str, ...]:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d_%H%M%S")
    suffix = ".gz" if target.format in {"JSON", "TEXTFILE"} and target.compression == "GZIP" else ""
    done: list[str] = []
    try:
        for number, (path, place) in enumerate(files):
            session.check()
            start = f"{stamp}_{number:05d}_{session.submission.execution_id[:5]}"
            name = f"{start}{place.ending or f'_{_unique()}'}{suffix}"
            uri = directory(target.location) + (f"{place.directory}/" if place.directory else "") + name
            session.storage.upload(path, uri)
            done.append(uri)
    except AthenaFailure:
        for uri in done:
            session.storage.delete(uri)
        raise
    return tuple(done)


def _unique() -> str:
    from uuid import UUID

    return str(UUID(bytes=os.urandom(16), version=4))
