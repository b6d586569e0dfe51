"""A table's columns and its definition in Glue: what a save makes of them."""

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
    """What is in a table's files, and what is in the names of its folders.

    Attributes:
        columns: Of the files.
        keys: The partition keys.
    """

    columns: Columns
    keys: Columns

    def everything(self) -> dict[str, str]:
        """Columns and partition keys, in Athena's order."""
        return {**self.columns, **self.keys}


@dataclass(frozen=True)
class Wanted:
    """What the catalog entry says about a table.

    Attributes:
        name: The table, with its database.
        partition_by: Its partition keys, in order.
        types: Hive types of columns whose type the frame does not tell, or tells wrongly.
    """

    name: str
    partition_by: tuple[str, ...]
    types: Columns


def layout_of(schema: pa.Schema, wanted: Wanted, existing: Layout | None) -> Layout:
    """Decide the type of each column of a frame.

    Args:
        schema: The frame's.
        wanted: The catalog entry.
        existing: The table in Glue, if its columns are to be kept.

    Raises:
        DatasetError: If a column cannot be saved as it is, or does not fit the table.
    """
    _check_names(schema.names)
    _check_partitioning(schema.names, wanted)
    known = existing.everything() if existing else {}
    unknown = [name for name in wanted.types if name not in schema.names and name not in known]
    if unknown:
        raise DatasetError(
            f"The frame has no column `{unknown[0]}`, which `schema` names. "
            f"Its columns: {', '.join(schema.names)}."
        )
    found = {field.name: _type_of(field, wanted, known.get(field.name)) for field in schema}
    keys = {name: found[name] for name in wanted.partition_by}
    for name, text in keys.items():
        if text not in _PARTITION_TYPES:
            raise DatasetError(
                f"The partition column `{name}` is `{text}`, which makes no good folder name. "
                f"Cast it to one of {', '.join(sorted(_PARTITION_TYPES))}."
            )
    return Layout({name: text for name, text in found.items() if name not in keys}, keys)


def evolved(existing: Layout, saved: Layout) -> Layout:
    """The table's columns, and after them what is new in a save."""
    return Layout({**existing.columns, **saved.columns}, existing.keys)


def cast(table: pa.Table, layout: Layout) -> pa.Table:
    """Give every column the type of its files; partition columns too, at the end.

    Raises:
        DatasetError: If a value would change.
    """
    everything = layout.everything()
    columns = [_cast(name, table.column(name), from_glue(text)) for name, text in everything.items()]
    return pa.table(columns, names=list(everything))


def listed(names: Iterable[str]) -> str:
    """Names for a sentence."""
    return ", ".join(f"`{name}`" for name in names) or "nothing"


def _check_names(names: Sequence[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DatasetError(f"The column `{twice[0]}` is there {Counter(names)[twice[0]]} times. Rename one.")
    for name in names:
        if not is_column_name(name):
            raise DatasetError(
                f"The column `{name}` would not keep its name in Athena. "
                "Rename it to lower-case letters, digits and underscores before saving."
            )


def _check_partitioning(names: Sequence[str], wanted: Wanted) -> None:
    absent = [name for name in wanted.partition_by if name not in names]
    if absent:
        raise DatasetError(
            f"The frame has no column `{absent[0]}`, which `partition_by` names. "
            f"Its columns: {', '.join(names) or 'none'}."
        )
    if len(wanted.partition_by) == len(names):
        raise DatasetError(
            "The frame has no column besides the partition columns. A table needs at least one: "
            "add it, or shorten `partition_by`."
            if names
            else "The frame has no columns. A table needs at least one."
        )


def _type_of(field: pa.Field, wanted: Wanted, known: str | None) -> str:
    declared = wanted.types.get(field.name)
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
        raise _changed(field.name, wanted.name, known, f"`{declared}` in `schema`")
    if not declared and not fits(field.type, known):
        raise _changed(field.name, wanted.name, known, f"`{_shown(field.type)}` in the frame")
    return known


def fits(type_: pa.DataType, known: str) -> bool:
    """Whether every value of a type has its like in a column of a table's."""
    if types.is_null(type_):
        return True
    if types.is_list(type_) or types.is_large_list(type_):
        found = from_glue(known)
        return bool(types.is_list(found)) and fits(type_.value_type, to_glue(found.value_type))
    text = _shown(type_)
    if text == known or _grows(text, known, _INTEGERS) or _grows(text, known, _FLOATS):
        return True
    if text.startswith("decimal(") and known.startswith("decimal("):
        new, old = from_glue(text), from_glue(known)
        return bool(new.scale <= old.scale and new.precision - new.scale <= old.precision - old.scale)
    return False


def _grows(small: str, large: str, order: Sequence[str]) -> bool:
    return small in order and large in order and order.index(small) <= order.index(large)


def _shown(type_: pa.DataType) -> str:
    try:
        return to_glue(type_)
    except UnknownType:
        return str(type_)


def _changed(column: str, table: str, known: str, new: str) -> DatasetError:
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
            f"The column `{name}` ({column.type}) does not go into Athena's type `{to_glue(target)}`: "
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
    """One save.

    Attributes:
        wanted: What the catalog entry says about the table.
        mode: What becomes of the rows that are there.
        location: Below which the files of every save are, ending in ``/``.
        save_id: The save's own folder there.
        about: Description and Parameters for Glue.
    """

    wanted: Wanted
    mode: Mode
    location: str
    save_id: str
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The table, with its database."""
        return self.wanted.name

    @property
    def folder(self) -> str:
        """Where this save writes."""
        return f"{self.location}{self.save_id}/"

    def replaces(self, table: TableVersion) -> bool:
        """Whether one change of the table makes it another."""
        return self.mode == "overwrite" and not table.partition_keys()


@dataclass(frozen=True)
class Stores:
    """What a save works on.

    Attributes:
        glue: The table.
        files: S3, for what is done to whole files.
        filesystem: S3, for pyarrow; made when it is needed.
    """

    glue: Glue
    files: TableFiles
    filesystem: Callable[[], FileSystem]


def columns_to_keep(save: Save, table: TableVersion | None) -> Layout | None:
    """The columns that a save has to fit; None where it decides itself.

    Raises:
        DatasetError: If a dataset may not write to the table.
    """
    if table is None:
        return None
    check_readable(save.name, table)
    if tuple(table.partition_keys()) != save.wanted.partition_by:
        raise DatasetError(
            f"{save.name} is partitioned by {listed(table.partition_keys())}, and `partition_by` is "
            f"{listed(save.wanted.partition_by)}. Make them the same, or save to another `table`."
        )
    if table.definition.get("Parameters", {}).get("projection.enabled", "").lower() == "true":
        raise DatasetError(
            f"{save.name} finds its partitions by projection, so that those of a save would not be seen. "
            "Save to another `table`."
        )
    if not table.partition_keys() and save.folder.startswith(table.location):
        raise DatasetError(
            f"{save.name} reads everything below {table.location}, where this save would write. "
            "Set `location` to a folder beside it."
        )
    return None if save.replaces(table) else Layout(table.columns(), table.partition_keys())


def check_readable(name: str, table: TableVersion) -> None:
    """Make sure that a table's files are all there is to it.

    Raises:
        DatasetError: If it is a view, an Iceberg table or of another format than Parquet.
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
        f"{name} is {kind}; AthenaTableDataset knows Parquet tables only. "
        "Read it with AthenaQueryDataset; to save, choose another `table`."
    )


def definition_of(save: Save, table: TableVersion | None, layout: Layout) -> dict[str, Any]:
    """The table's definition after a save, as CreateTable and UpdateTable take it.

    Args:
        save: The save.
        table: The table as it is.
        layout: Columns and partition keys of the files, which are written.

    Raises:
        DatasetError: If somebody else has changed the table so that the files do not fit any more.
    """
    if table is None:
        return _new(save, layout)
    existing = columns_to_keep(save, table)
    if existing is not None:
        _check_fits(save.name, existing, layout)
        layout = evolved(existing, layout)
    parameters = {**table.definition.get("Parameters", {}), **save.about.get("Parameters", {})}
    storage = {**table.storage, "Columns": _columns(table, layout)}
    if save.replaces(table):
        storage["Location"] = save.folder
    return {**table.definition, **save.about, "Parameters": parameters, "StorageDescriptor": storage}


def _new(save: Save, layout: Layout) -> dict[str, Any]:
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


def _columns(table: TableVersion, layout: Layout) -> list[dict[str, Any]]:
    """The columns, with the comments and parameters that they have in Glue."""
    known = {column["Name"]: column for column in table.storage.get("Columns", [])}
    return [{**known.get(name, {}), "Name": name, "Type": text} for name, text in layout.columns.items()]


def _check_fits(name: str, existing: Layout, layout: Layout) -> None:
    known = existing.everything()
    if any(known.get(column, text) != text for column, text in layout.everything().items()):
        raise DatasetError(f"{name} was changed by somebody else during the save. Save again.")
