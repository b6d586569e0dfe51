"""The metadata tables, as Trino has them: `"t$snapshots"`, `"t$history"`, `"t$files"` and others."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile, DataFileContent, ManifestFile
from pyiceberg.table.snapshots import ancestors_of
from pyiceberg.transforms import IdentityTransform, Transform
from pyiceberg.types import DateType, IcebergType, NestedField, PrimitiveType, TimestampType, TimestamptzType

from local_aws.athena.failures import AthenaFailure
from local_aws.athena.iceberg.tables import IcebergTable
from local_aws.athena.iceberg.types import to_athena
from local_aws.trino import Column, Relation
from local_aws.trino.typed import write_literal
from local_aws.trino.types import Type, duckdb_type, name_fields, quote_name, read_type

_IDENTITY: Transform[Any, Any] = IdentityTransform()
Rows = tuple[dict[str, str], Iterable[Sequence[Any]]]
_MOMENT = "timestamp(3) with time zone"
_COUNTS = "map(integer, bigint)"
_BOUNDS = "map(integer, varchar)"
_SUMMARIES = (
    "array(row(contains_null boolean, contains_nan boolean, lower_bound varchar, upper_bound varchar))"
)


def relate(table: IcebergTable, name: str) -> Relation:
    """Return a metadata table of a table.

    Raises:
        AthenaFailure: If there is none of this name.
    """
    readers: dict[str, Callable[[IcebergTable], Rows]] = {
        "files": _files,
        "history": _history,
        "manifests": _manifests,
        "partitions": _partitions,
        "properties": _properties,
        "refs": _refs,
        "snapshots": _snapshots,
    }
    if name not in readers:
        raise AthenaFailure(
            f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{table.full_name}${name}' does not exist",
            error_type=1006,
        )
    kinds, rows = readers[name](table)
    return _relation({column: read_type(kind) for column, kind in kinds.items()}, rows)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).replace(tzinfo=None)


def _snapshots(table: IcebergTable) -> Rows:
    kinds = {
        "committed_at": _MOMENT,
        "snapshot_id": "bigint",
        "parent_id": "bigint",
        "operation": "varchar",
        "manifest_list": "varchar",
        "summary": "map(varchar, varchar)",
    }
    rows = (
        (
            _moment(found.timestamp_ms),
            found.snapshot_id,
            found.parent_snapshot_id,
            found.summary.operation.value if found.summary else None,
            found.manifest_list,
            dict(found.summary.additional_properties) if found.summary else {},
        )
        for found in table.iceberg.metadata.snapshots
    )
    return kinds, rows


def _history(table: IcebergTable) -> Rows:
    kinds = {
        "made_current_at": _MOMENT,
        "snapshot_id": "bigint",
        "parent_id": "bigint",
        "is_current_ancestor": "boolean",
    }
    metadata = table.iceberg.metadata
    ancestors = {found.snapshot_id for found in ancestors_of(metadata.current_snapshot(), metadata)}
    parents = {found.snapshot_id: found.parent_snapshot_id for found in metadata.snapshots}
    rows = (
        (
            _moment(entry.timestamp_ms),
            entry.snapshot_id,
            parents.get(entry.snapshot_id),
            entry.snapshot_id in ancestors,
        )
        for entry in metadata.snapshot_log
    )
    return kinds, rows


def _current_manifests(table: IcebergTable) -> list[ManifestFile]:
    snapshot = table.iceberg.current_snapshot()
    return snapshot.manifests(table.iceberg.io) if snapshot else []


def _current_files(table: IcebergTable) -> list[DataFile]:
    return [
        entry.data_file
        for manifest in _current_manifests(table)
        for entry in manifest.fetch_manifest_entry(table.iceberg.io)
    ]


def _files(table: IcebergTable) -> Rows:
    counts = ("column_sizes", "value_counts", "null_value_counts", "nan_value_counts")
    kinds = {
        "content": "integer",
        "file_path": "varchar",
        "file_format": "varchar",
        "record_count": "bigint",
        "file_size_in_bytes": "bigint",
        **dict.fromkeys(counts, _COUNTS),
        "lower_bounds": _BOUNDS,
        "upper_bounds": _BOUNDS,
        "key_metadata": "varbinary",
        "split_offsets": "array(bigint)",
        "equality_ids": "array(integer)",
    }
    rows = (
        (
            file.content.value,
            file.file_path,
            file.file_format.name,
            file.record_count,
            file.file_size_in_bytes,
            *(getattr(file, name) for name in counts),
            _bounds(table, file.lower_bounds),
            _bounds(table, file.upper_bounds),
            file.key_metadata,
            file.split_offsets,
            file.equality_ids,
        )
        for file in _current_files(table)
    )
    return kinds, rows


def _bounds(table: IcebergTable, bounds: Mapping[int, bytes] | None) -> dict[int, str] | None:
    if bounds is None:
        return None
    shown = {}
    for number, bound in bounds.items():
        name = table.schema.find_column_name(number)
        kind = table.schema.find_type(name) if name else None
        if isinstance(kind, PrimitiveType):
            shown[number] = _IDENTITY.to_human_string(kind, from_bytes(kind, bound))
    return shown


def _manifests(table: IcebergTable) -> Rows:
    kinds = {
        "path": "varchar",
        "length": "bigint",
        "partition_spec_id": "integer",
        "added_snapshot_id": "bigint",
        "added_data_files_count": "integer",
        "added_rows_count": "bigint",
        "existing_data_files_count": "integer",
        "existing_rows_count": "bigint",
        "deleted_data_files_count": "integer",
        "deleted_rows_count": "bigint",
        "partitions": _SUMMARIES,
    }
    return kinds, (_manifest(table, found) for found in _current_manifests(table))


def _manifest(table: IcebergTable, found: ManifestFile) -> Sequence[Any]:
    spec = table.iceberg.specs()[found.partition_spec_id]
    kinds = [field.field_type for field in spec.partition_type(table.schema).fields]
    summaries = [
        (
            summary.contains_null,
            summary.contains_nan,
            *(
                None if bound is None else field.transform.to_human_string(kind, from_bytes(kind, bound))
                for bound in (summary.lower_bound, summary.upper_bound)
            ),
        )
        for summary, field, kind in zip(found.partitions or (), spec.fields, kinds, strict=False)
        if isinstance(kind, PrimitiveType)
    ]
    return (
        found.manifest_path,
        found.manifest_length,
        found.partition_spec_id,
        found.added_snapshot_id,
        found.added_files_count,
        found.added_rows_count,
        found.existing_files_count,
        found.existing_rows_count,
        found.deleted_files_count,
        found.deleted_rows_count,
        summaries,
    )


def _refs(table: IcebergTable) -> Rows:
    kinds = {
        "name": "varchar",
        "type": "varchar",
        "snapshot_id": "bigint",
        "max_reference_age_in_ms": "bigint",
        "min_snapshots_to_keep": "integer",
        "max_snapshot_age_in_ms": "bigint",
    }
    rows = (
        (
            name,
            ref.snapshot_ref_type.value.upper(),
            ref.snapshot_id,
            ref.max_ref_age_ms,
            ref.min_snapshots_to_keep,
            ref.max_snapshot_age_ms,
        )
        for name, ref in table.iceberg.metadata.refs.items()
    )
    return kinds, rows


def _properties(table: IcebergTable) -> Rows:
    return {"key": "varchar", "value": "varchar"}, table.iceberg.properties.items()


def _partitions(table: IcebergTable) -> Rows:
    """List the partitions with their sizes, and the least and greatest values of the other columns."""
    spec = table.iceberg.spec()
    keys = spec.partition_type(table.schema).fields
    identities = {field.source_id for field in spec.fields if isinstance(field.transform, IdentityTransform)}
    columns = [
        field
        for field in table.schema.fields
        if isinstance(field.field_type, PrimitiveType) and field.field_id not in identities
    ]
    groups: dict[Any, list[DataFile]] = defaultdict(list)
    for file in _current_files(table):
        if file.content == DataFileContent.DATA:
            groups[tuple(_python(key.field_type, file.partition[at]) for at, key in enumerate(keys))].append(
                file
            )
    kinds = {"partition": _row_type(keys)} if keys else {}
    kinds |= {"record_count": "bigint", "file_count": "bigint", "total_size": "bigint"}
    kinds |= {"data": _data_type(columns)} if columns else {}
    rows = (
        (
            *([values] if keys else []),
            sum(file.record_count for file in files),
            len(files),
            sum(file.file_size_in_bytes for file in files),
            *([[_summarise(column, files) for column in columns]] if columns else []),
        )
        for values, files in groups.items()
    )
    return kinds, rows


def _row_type(fields: Sequence[NestedField]) -> str:
    return f"row({', '.join(f'{_quote(field.name)} {to_athena(field.field_type)}' for field in fields)})"


def _data_type(columns: Sequence[NestedField]) -> str:
    parts = (
        f"{_quote(column.name)} row(min {kind}, max {kind}, null_count bigint, nan_count bigint)"
        for column, kind in ((column, to_athena(column.field_type)) for column in columns)
    )
    return f"row({', '.join(parts)})"


def _quote(name: str) -> str:
    return name.lower() if name.isidentifier() else quote_name(name.lower())


def _summarise(column: NestedField, files: Sequence[DataFile]) -> Sequence[Any]:
    """Return the least value, the greatest, and the counts of NULL and NaN; None if a file does not say."""

    def read(bounds: Mapping[int, bytes] | None) -> Any:
        found = (bounds or {}).get(column.field_id)
        assert isinstance(column.field_type, PrimitiveType)  # noqa: S101 - `_partitions` chose these
        return None if found is None else _python(column.field_type, from_bytes(column.field_type, found))

    def count(counts: Sequence[Mapping[int, int] | None]) -> int | None:
        found = [(each or {}).get(column.field_id) for each in counts]
        known = [each for each in found if each is not None]
        return sum(known) if known else None

    lows = [read(file.lower_bounds) for file in files]
    highs = [read(file.upper_bounds) for file in files]
    return (
        None if None in lows else min(lows),
        None if None in highs else max(highs),
        count([file.null_value_counts for file in files]),
        count([file.nan_value_counts for file in files]),
    )


def _python(kind: IcebergType, value: Any) -> Any:
    """Return Python's value for one as manifests have it: a date is a number of days there."""
    if not isinstance(value, int):
        return value
    if isinstance(kind, DateType):
        return date(1970, 1, 1) + timedelta(days=value)
    if isinstance(kind, (TimestampType, TimestamptzType)):
        return datetime(1970, 1, 1) + timedelta(microseconds=value)
    return value


def _relation(columns: Mapping[str, Type], rows: Iterable[Sequence[Any]]) -> Relation:
    kinds = list(columns.values())
    values = ", ".join(
        f"({', '.join(_literal(value, kind) for value, kind in zip(row, kinds, strict=True))})"
        for row in rows
    )
    nulls = ", ".join(_literal(None, kind) for kind in kinds)
    source = f"(VALUES {values})" if values else f"(SELECT {nulls} WHERE false)"
    names = ", ".join(map(quote_name, columns))
    found = tuple(Column(name, str(kind)) for name, kind in columns.items())
    return Relation(f"SELECT * FROM {source} AS t({names})", found)  # noqa: S608 - quoted


def _literal(value: Any, kind: Type) -> str:  # noqa: PLR0911 - a kind of type each
    """Write a value as DuckDB's SQL."""
    if value is None:
        return f"CAST(NULL AS {duckdb_type(kind)})"
    match kind.name:
        case "row":
            parts = zip(name_fields(kind), value, kind.inner, strict=True)
            return f"struct_pack({', '.join(f'{quote_name(n)} := {_literal(v, k)}' for n, v, k in parts)})"
        case "array":
            return (
                f"CAST([{', '.join(_literal(item, kind.inner[0]) for item in value)}] AS {duckdb_type(kind)})"
            )
        case "map":
            keys = ", ".join(_literal(key, kind.inner[0]) for key in value)
            items = ", ".join(_literal(item, kind.inner[1]) for item in value.values())
            return f"CAST(map([{keys}], [{items}]) AS {duckdb_type(kind)})"
        case "timestamp with time zone":
            return f"struct_pack(utc := TIMESTAMP '{value}', zone := 'UTC')"
        case "varbinary":
            return f"from_hex('{value.hex()}')"
    return f"CAST({write_literal(str(value))} AS {duckdb_type(kind)})"
