"""Avro files, read by the columns of a table and written from Parquet."""

from collections.abc import Iterator, Sequence
from datetime import timezone
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from local_aws.athena.catalog import Table
from local_aws.athena.failures import AthenaFailure, query_failure, unsupported
from local_aws.athena.json_values import arrow_type
from local_aws.athena.storage import S3Object
from local_aws.trino import Column, TrinoError
from local_aws.trino.types import Type, name_fields, read_type

if TYPE_CHECKING:
    import pyarrow as pa

_CODECS = {"GZIP": "deflate", "DEFLATE": "deflate", "SNAPPY": "snappy", "ZSTD": "zstandard", "NONE": "null"}
_PRIMITIVE = {
    "boolean": "boolean",
    "integer": "int",
    "bigint": "long",
    "real": "float",
    "double": "double",
    "varchar": "string",
    "char": "string",
    "varbinary": "bytes",
}
_READ_FROM = {
    "boolean": {"boolean"},
    "integer": {"int"},
    "bigint": {"int", "long"},
    "real": {"int", "long", "float"},
    "double": {"int", "long", "float", "double"},
    "varchar": {"string", "bytes", "enum"},
    "char": {"string", "bytes", "enum"},
    "varbinary": {"bytes", "string", "fixed"},
    "date": {"date"},
    "timestamp": {"timestamp-millis", "timestamp-micros"},
    "decimal": {"decimal"},
    "array": {"array"},
    "map": {"map"},
    "row": {"record"},
}


def read_batches(
    table: Table, path: Path, source: S3Object, size: int
) -> "tuple[pa.Schema, Iterator[pa.Table]]":
    """Read the columns of a table from a file by their names, some rows at a time.

    Raises:
        AthenaFailure: If it is no Avro file, or a column in it has a type that the table's is not read from.
    """
    import fastavro
    import pyarrow as pa

    _refuse_schema_elsewhere(table)
    kinds = {column.name: read_type(column.type) for column in table.columns}
    schema = pa.schema([(name, arrow_type(kind)) for name, kind in kinds.items()])
    try:
        with path.open("rb") as file:
            written = fastavro.reader(file).writer_schema
    except (ValueError, EOFError) as error:
        raise _bad(f"Not a data file: {source.uri}") from error
    fields = {str(field["name"]).lower(): field for field in _record_fields(written, source)}
    for name, kind in kinds.items():
        if name in fields:
            _check(name, fields[name]["type"], kind)

    def batches() -> Iterator[pa.Table]:
        with path.open("rb") as file:
            records = cast("Iterator[dict[str, Any]]", iter(fastavro.reader(file)))
            while batch := list(islice(records, size)):
                yield pa.table(
                    [
                        pa.array([_read(row.get(fields[name]["name"]) if name in fields else None, kind)
                                  for row in batch], schema.field(name).type)
                        for name, kind in kinds.items()
                    ],
                    schema=schema,
                )  # fmt: skip

    return schema, batches()


def _refuse_schema_elsewhere(table: Table) -> None:
    if table.serde_parameters.get("avro.schema.url"):
        raise unsupported("the property avro.schema.url: write the schema into avro.schema.literal")


def _record_fields(schema: Any, source: S3Object) -> Sequence[dict[str, Any]]:
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise _bad(f"Avro schema is not a record: {source.uri}")
    return list(schema["fields"])


def _bad(message: str) -> AthenaFailure:
    return AthenaFailure(f"HIVE_BAD_DATA: {message}", error_type=1001)


def _check(name: str, avro: Any, kind: Type) -> None:
    """Refuse a column whose type in the file is not one that the table's type is read from."""
    found = _without_null(avro)
    given = found if isinstance(found, str) else found.get("logicalType") or found["type"]
    if given not in _READ_FROM.get(kind.name, ()):
        raise unsupported(f"reading the type {given} of an Avro file as {kind.name} (column {name})")
    if kind.name == "decimal" and (found["precision"], found.get("scale", 0)) != kind.numbers:
        raise unsupported(f"reading a decimal of an Avro file as {kind} (column {name})")
    if kind.name == "array":
        _check(name, found["items"], kind.inner[0])
    elif kind.name == "map":
        _check(name, found["values"], kind.inner[1])
    elif kind.name == "row":
        fields = {str(field["name"]).lower(): field["type"] for field in found["fields"]}
        for part, inner in zip(name_fields(kind), kind.inner, strict=True):
            if part.lower() in fields:
                _check(f"{name}.{part}", fields[part.lower()], inner)


def _without_null(avro: Any) -> Any:
    if not isinstance(avro, list):
        return avro
    others = [each for each in avro if each != "null"]
    if len(others) != 1:
        raise unsupported("unions of several types in Avro files")
    return others[0]


def _read(value: Any, kind: Type) -> Any:  # noqa: PLR0911 - a kind of type each
    if value is None:
        return None
    match kind.name:
        case "varchar" | "char":
            text = value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
            return text[: kind.numbers[0]] if kind.numbers else text
        case "varbinary":
            return value.encode() if isinstance(value, str) else value
        case "timestamp":
            return value.replace(tzinfo=None, microsecond=value.microsecond // 1000 * 1000)
        case "array":
            return [_read(item, kind.inner[0]) for item in value]
        case "map":
            return [(key, _read(item, kind.inner[1])) for key, item in value.items()]
        case "row":
            fields = {str(name).lower(): inner for name, inner in value.items()}
            return {
                name: _read(fields.get(name.lower()), inner)
                for name, inner in zip(name_fields(kind), kind.inner, strict=True)
            }
    return value


def write(path: Path, columns: Sequence[Column], compression: str) -> None:
    """Convert a Parquet file to Avro.

    Raises:
        AthenaFailure: If Avro has no such type.
    """
    import fastavro
    import pyarrow.parquet as pq

    read = pq.ParquetFile(path)
    kinds = {column.name.lower(): read_type(column.type) for column in columns}
    kinds = {name: kinds[name] for name in read.schema_arrow.names}
    schema = {"type": "record", "name": "row", "fields": list(_describe_fields(kinds))}
    target = path.with_suffix(".avro")
    rows = (
        {name: _to_avro(value, kinds[name]) for name, value in row.items()}
        for batch in read.iter_batches()
        for row in batch.to_pylist()
    )
    with target.open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(schema), rows, codec=_CODECS[compression])
    target.replace(path)


def _describe_fields(kinds: dict[str, Type]) -> Iterator[dict[str, Any]]:
    for name, kind in kinds.items():
        yield {"name": name, "type": ["null", _describe(name, kind)], "default": None}


def _describe(name: str, kind: Type) -> Any:  # noqa: PLR0911 - a kind of type each
    match kind.name:
        case "decimal":
            precision, scale = kind.numbers
            return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
        case "date":
            return {"type": "int", "logicalType": "date"}
        case "timestamp":
            return {"type": "long", "logicalType": "timestamp-millis"}
        case "array":
            return {"type": "array", "items": ["null", _describe(name, kind.inner[0])]}
        case "map" if kind.inner[0].name == "varchar":
            return {"type": "map", "values": ["null", _describe(name, kind.inner[1])]}
        case "row":
            inner = dict(zip(name_fields(kind), kind.inner, strict=True))
            return {"type": "record", "name": f"{name}_row", "fields": [
                {"name": part, "type": ["null", _describe(f"{name}_{part}", one)], "default": None}
                for part, one in inner.items()
            ]}  # fmt: skip
    if kind.name not in _PRIMITIVE:
        raise query_failure(TrinoError("NOT_SUPPORTED", _explain(name, kind)))
    return _PRIMITIVE[kind.name]


def _explain(name: str, kind: Type) -> str:
    if kind.name == "map":
        return f"Column '{name}' has a non-varchar map key, which is not supported by Avro"
    use = " Use integer instead." if kind.name in {"tinyint", "smallint"} else ""
    return f"Column '{name}' is {kind.name}, which is not supported by Avro.{use}"


def _to_avro(value: Any, kind: Type) -> Any:
    if value is None:
        return None
    match kind.name:
        case "timestamp":
            return value.replace(tzinfo=timezone.utc)
        case "array":
            return [_to_avro(item, kind.inner[0]) for item in value]
        case "map":
            return {key: _to_avro(item, kind.inner[1]) for key, item in value}
        case "row":
            return {
                name: _to_avro(item, inner)
                for (name, item), inner in zip(value.items(), kind.inner, strict=True)
            }
    return value
