"""A table's columns and its definition in Glue, before and after a save."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa
from kedro.io import DatasetError
from pyarrow import types
from pyarrow.fs import FileSystem

from kedro_aws_plugin.aws.glue import Glue, TableVersion
from kedro_aws_plugin.aws.table_files import TableFiles
from kedro_aws_plugin.datasets._glue_types import UnknownType, from_glue, is_column_name, to_glue

_PARTITION_TYPES = frozenset({"string", "tinyint", "smallint", "int", "bigint", "boolean", "date"})
_INTEGERS = ("tinyint", "smallint", "int", "bigint")
_FLOATS = ("float", "double")

Columns = Mapping[str, str]
"""Names and Hive types, in order."""


@dataclass(frozen=True)
class Layout:
    """The columns of a table.

    Attributes:
        columns: The columns in the files.
        keys: The partition keys, which are in the names of folders.
    """

    columns: Columns
    keys: Columns

    @property
    def all_columns(self) -> dict[str, str]:
        """Columns, then partition keys, as Athena orders them."""
        return {**self.columns, **self.keys}


@dataclass(frozen=True)
class TableEntry:
    """The table that a catalog entry describes.

    Attributes:
        name: The table, with its database.
        partition_by: Its partition keys, in order.
        types: Hive types to use instead of those of the frame's columns.
    """

    name: str
    partition_by: tuple[str, ...]
    types: Columns


def choose_layout(schema: pa.Schema, entry: TableEntry, existing: Layout | None) -> Layout:
    """Choose the Hive type of each column of a frame.

    Args:
        schema: The frame's schema.
        entry: The catalog entry.
        existing: The columns of the table in Glue, if they are to be kept.

    Raises:
        DatasetError: If a column cannot be saved as it is, or does not fit the table.
    """
    _check_names(schema.names)
    _check_partitioning(schema.names, entry)
    known = existing.all_columns if existing else {}
    unknown = [name for name in entry.types if name not in schema.names and name not in known]
    if unknown:
        raise DatasetError(
            f"The frame has no column `{unknown[0]}`, which `schema` names. "
            f"Its columns: {', '.join(schema.names)}."
        )
    found = {field.name: _choose_type(field, entry, known.get(field.name)) for field in schema}
    keys = {name: found[name] for name in entry.partition_by}
    for name, text in keys.items():
        if text not in _PARTITION_TYPES:
            raise DatasetError(
                f"The partition column `{name}` is `{text}`, which cannot be the name of a folder. "
                f"Cast it to one of {', '.join(sorted(_PARTITION_TYPES))}."
            )
    return Layout({name: text for name, text in found.items() if name not in keys}, keys)


def add_columns(existing: Layout, saved: Layout) -> Layout:
    """Add the columns that are new in a save after those of the table."""
    return Layout({**existing.columns, **saved.columns}, existing.keys)


def cast(table: pa.Table, layout: Layout) -> pa.Table:
    """Cast a frame to the types of a table, with the partition columns last.

    Raises:
        DatasetError: If a value would change.
    """
    everything = layout.all_columns
    columns = [_cast(name, table.column(name), from_glue(text)) for name, text in everything.items()]
    return pa.table(columns, names=list(everything))


def quote_names(names: Iterable[str]) -> str:
    """Quote and join names for a message."""
    return ", ".join(f"`{name}`" for name in names) or "no column"


def _check_names(names: Sequence[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DatasetError(
            f"The frame has {Counter(names)[twice[0]]} columns `{twice[0]}`. Rename all but one."
        )
    for name in names:
        if not is_column_name(name):
            raise DatasetError(
                f"The column `{name}` would not keep its name in Athena. "
                "Rename it to lower-case letters, digits and underscores before saving."
            )


def _check_partitioning(names: Sequence[str], entry: TableEntry) -> None:
    absent = [name for name in entry.partition_by if name not in names]
    if absent:
        raise DatasetError(
            f"The frame has no column `{absent[0]}`, which `partition_by` names. "
            f"Its columns: {', '.join(names) or 'none'}."
        )
    if len(entry.partition_by) == len(names):
        raise DatasetError(
            "The frame has no column besides the partition columns. A table needs at least one: "
            "add it, or shorten `partition_by`."
            if names
            else "The frame has no columns. A table needs at least one."
        )


def _choose_type(field: pa.Field, entry: TableEntry, known: str | None) -> str:
    declared = entry.types.get(field.name)
    if known is None:
        if declared:
            return declared
        try:
            return to_glue(field.type)
        except UnknownType as error:
            raise DatasetError(
                f"The column `{field.name}` cannot be saved: {error}".rstrip(".") + "."
            ) from error
    if declared and declared != known:
        raise _make_error(field.name, entry.name, known, f"`{declared}` in `schema`")
    if not declared and not fits(field.type, known):
        raise _make_error(field.name, entry.name, known, f"`{_name_type(field.type)}` in the frame")
    return known


def fits(type_: pa.DataType, known: str) -> bool:
    """Tell whether a column of a table can hold every value of a type."""
    if types.is_null(type_):
        return True
    if types.is_list(type_) or types.is_large_list(type_):
        found = from_glue(known)
        return bool(types.is_list(found)) and fits(type_.value_type, to_glue(found.value_type))
    text = _name_type(type_)
    if text == known or _is_wider(text, known, _INTEGERS) or _is_wider(text, known, _FLOATS):
        return True
    if text.startswith("decimal(") and known.startswith("decimal("):
        new, old = from_glue(text), from_glue(known)
        return bool(new.scale <= old.scale and new.precision - new.scale <= old.precision - old.scale)
    return False


def _is_wider(small: str, large: str, order: Sequence[str]) -> bool:
    return small in order and large in order and order.index(small) <= order.index(large)


def _name_type(type_: pa.DataType) -> str:
    try:
        return to_glue(type_)
    except UnknownType:
        return str(type_)


def _make_error(column: str, table: str, known: str, new: str) -> DatasetError:
    return DatasetError(
        f"The column `{column}` is `{known}` in {table}, but {new}. "
        "Cast it to the table's type, or save it under another name."
    )


def _cast(name: str, column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    if column.type == target:
        return column
    try:
        return column.cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        advice = (
            "Round it with dt.floor('us') first." if types.is_timestamp(target) else "Cast it yourself first."
        )
        raise DatasetError(
            f"The column `{name}` ({column.type}) does not fit into Athena's type `{to_glue(target)}`: "
            f"{str(error).rstrip('.')}. {advice}"
        ) from error


Mode = Literal["overwrite", "overwrite_partitions", "append"]

_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
_SERDE = f"{_PARQUET}.serde.ParquetHiveSerDe"
_STORAGE: Mapping[str, Any] = {
    "InputFormat": f"{_PARQUET}.MapredParquetInputFormat",
    "OutputFormat": f"{_PARQUET}.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": _SERDE, "Parameters": {"serialization.format": "1"}},
}


@dataclass(frozen=True)
class Save:
    """A save of a frame to a table.

    Attributes:
        entry: The catalog entry.
        mode: What happens to the rows that the table has.
        location: The S3 URI below which every save has its folder, ending in ``/``.
        save_id: The name of this save's folder.
        about: Description and Parameters of the table in Glue.
    """

    entry: TableEntry
    mode: Mode
    location: str
    save_id: str
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The table, with its database."""
        return self.entry.name

    @property
    def folder(self) -> str:
        """The S3 URI of this save's folder, ending in ``/``."""
        return f"{self.location}{self.save_id}/"

    def replaces_table(self, table: TableVersion) -> bool:
        """Tell whether the save replaces all rows by one change of the table."""
        return self.mode == "overwrite" and not table.partition_keys


@dataclass(frozen=True)
class Stores:
    """The services that hold a table.

    Attributes:
        glue: The table in Glue.
        files: S3, for listing, copying and deleting files.
        filesystem: Opens S3 for pyarrow, when it is needed.
    """

    glue: Glue
    files: TableFiles
    filesystem: Callable[[], FileSystem]


def columns_to_keep(save: Save, table: TableVersion | None) -> Layout | None:
    """Return the columns that a save must keep; None if the frame decides.

    Raises:
        DatasetError: If the dataset cannot save to the table.
    """
    if table is None:
        return None
    check_readable(save.name, table)
    if tuple(table.partition_keys) != save.entry.partition_by:
        raise DatasetError(
            f"{save.name} is partitioned by {quote_names(table.partition_keys)}, but `partition_by` names "
            f"{quote_names(save.entry.partition_by)}. Make them equal, or save to another `table`."
        )
    if table.definition.get("Parameters", {}).get("projection.enabled", "").lower() == "true":
        raise DatasetError(
            f"{save.name} uses partition projection, so Athena would not find the partitions of a save. "
            "Save to another `table`."
        )
    if not table.partition_keys and save.folder.startswith(table.location):
        raise DatasetError(
            f"{save.name} reads all files below {table.location}, where this save would write. "
            "Set `location` to a folder beside it."
        )
    return None if save.replaces_table(table) else Layout(table.columns, table.partition_keys)


def check_readable(name: str, table: TableVersion) -> None:
    """Check that a table consists of Parquet files.

    Raises:
        DatasetError: If it is a view, an Iceberg table or a table of another format.
    """
    serde = table.storage.get("SerdeInfo", {}).get("SerializationLibrary", "unknown")
    if table.definition.get("TableType") == "VIRTUAL_VIEW":
        kind = "a view"
    elif "table_type" in table.definition.get("Parameters", {}):
        kind = f"a table of type {table.definition['Parameters']['table_type']}"
    elif serde != _SERDE:
        kind = f"a table of format {serde.rpartition('.')[2]}"
    else:
        return
    raise DatasetError(
        f"{name} is {kind}; AthenaTableDataset reads and writes Parquet tables only, and Iceberg tables with "
        "`table_format: iceberg`. Read it with AthenaQueryDataset; to save, choose another `table`."
    )


def build_definition(save: Save, table: TableVersion | None, layout: Layout) -> dict[str, Any]:
    """Build the table's definition after a save, as TableInput of CreateTable and UpdateTable.

    Args:
        save: The save.
        table: The table before the save; None if it does not exist.
        layout: Columns and partition keys of the files, which are written already.

    Raises:
        DatasetError: If somebody else has changed the table so that the files no longer fit.
    """
    if table is None:
        return _define_table(save, layout)
    existing = columns_to_keep(save, table)
    if existing is not None:
        _check_fits(save.name, existing, layout)
        layout = add_columns(existing, layout)
    parameters = {**table.definition.get("Parameters", {}), **save.about.get("Parameters", {})}
    storage = {**table.storage, "Columns": _define_columns(table, layout)}
    if save.replaces_table(table):
        storage["Location"] = save.folder
    return {**table.definition, **save.about, "Parameters": parameters, "StorageDescriptor": storage}


def _define_table(save: Save, layout: Layout) -> dict[str, Any]:
    location = save.location if layout.keys else save.folder
    columns = [{"Name": name, "Type": text} for name, text in layout.columns.items()]
    return {
        "Name": save.name.rpartition(".")[2],
        "TableType": "EXTERNAL_TABLE",
        **save.about,
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet", **save.about.get("Parameters", {})},
        "StorageDescriptor": {**_STORAGE, "Columns": columns, "Location": location},
        "PartitionKeys": [{"Name": name, "Type": text} for name, text in layout.keys.items()],
    }


def _define_columns(table: TableVersion, layout: Layout) -> list[dict[str, Any]]:
    """Define the columns, keeping their comments and parameters in Glue."""
    known = {column["Name"]: column for column in table.storage.get("Columns", [])}
    return [{**known.get(name, {}), "Name": name, "Type": text} for name, text in layout.columns.items()]


def _check_fits(name: str, existing: Layout, layout: Layout) -> None:
    known = existing.all_columns
    if any(known.get(column, text) != text for column, text in layout.all_columns.items()):
        raise DatasetError(f"Somebody else changed {name} during the save. Save again.")
