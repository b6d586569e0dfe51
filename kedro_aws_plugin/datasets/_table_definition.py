"""A save, and the definition that it gives a table in Glue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kedro.io import DatasetError

from kedro_aws_plugin.aws.glue import TableVersion
from kedro_aws_plugin.datasets._table_columns import Layout, Wanted, evolved, listed

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
