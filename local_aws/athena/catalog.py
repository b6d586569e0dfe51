"""Databases, tables and partitions of the local Glue catalog."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from local_aws.athena.failures import query_failure, unsupported
from local_aws.athena.statement import Buckets, Name
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto
from local_aws.trino import Column, TrinoError, from_glue_type

_VIEW_START, _VIEW_END = "/* Presto View: ", " */"
_DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_PARTITIONS_A_CALL = 100
_TABLE_INPUT = (
    "Description",
    "Name",
    "Owner",
    "Parameters",
    "PartitionKeys",
    "Retention",
    "StorageDescriptor",
    "TableType",
    "ViewExpandedText",
    "ViewOriginalText",
)


@dataclass(frozen=True)
class Partition:
    """A partition: its values as texts (None for Hive's default partition), and where its files are."""

    values: tuple[str | None, ...]
    location: str


@dataclass(frozen=True)
class Table:
    """A table or view as Glue describes it."""

    database: str
    glue: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name without the database."""
        return str(self.glue["Name"])

    @property
    def storage(self) -> Mapping[str, Any]:
        """The StorageDescriptor."""
        return self.glue.get("StorageDescriptor") or {}

    @property
    def location(self) -> str:
        """Where the files are."""
        return str(self.storage.get("Location") or "")

    @property
    def serde(self) -> str:
        """The class that reads the files."""
        return str((self.storage.get("SerdeInfo") or {}).get("SerializationLibrary") or "")

    @property
    def serde_parameters(self) -> Mapping[str, str]:
        """The SerDe's properties, which win over the table's."""
        return {**self.parameters, **((self.storage.get("SerdeInfo") or {}).get("Parameters") or {})}

    @property
    def parameters(self) -> Mapping[str, str]:
        """TBLPROPERTIES."""
        return self.glue.get("Parameters") or {}

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are in the files."""
        return self._read_columns(self.storage.get("Columns"))

    @property
    def partition_keys(self) -> tuple[Column, ...]:
        """The columns whose values are in the paths."""
        return self._read_columns(self.glue.get("PartitionKeys"))

    @property
    def buckets(self) -> Buckets | None:
        """The columns by which its rows are in buckets; None if they are not."""
        columns, number = self.storage.get("BucketColumns"), int(self.storage.get("NumberOfBuckets") or 0)
        return Buckets(tuple(map(str.lower, columns)), number) if columns and number > 0 else None

    def _read_columns(self, described: Sequence[Mapping[str, Any]] | None) -> tuple[Column, ...]:
        return tuple(
            Column(each["Name"].lower(), self._read_type(each["Name"], each.get("Type") or "string"))
            for each in described or ()
            if (each.get("Parameters") or {}).get("iceberg.field.current") != "false"
        )

    def _read_type(self, column: str, kind: str) -> str:
        try:
            return from_glue_type(kind)
        except TrinoError as error:
            shown = f"Glue table '{self.database}.{self.name}' column '{column}'"
            message = f"{shown} has invalid data type: {kind}"
            raise query_failure(TrinoError("HIVE_INVALID_METADATA", message)) from error

    @property
    def is_view(self) -> bool:
        """Whether it is a view."""
        return self.glue.get("TableType") == "VIRTUAL_VIEW"

    @property
    def is_iceberg(self) -> bool:
        """Whether it is an Iceberg table."""
        return self.parameters.get("table_type", "").lower() == "iceberg"

    @property
    def view(self) -> Mapping[str, Any]:
        """A view's definition, as Athena stores it: ``originalSql``, ``catalog``, ``schema``, ``columns``.

        Raises:
            AthenaFailure: If something else made the view.
        """
        text = str(self.glue.get("ViewOriginalText") or "")
        if not text.startswith(_VIEW_START):
            raise unsupported(f"the view {self.database}.{self.name}, which is not one of Athena's")
        definition: dict[str, Any] = json.loads(
            base64.b64decode(text.removeprefix(_VIEW_START).removesuffix(_VIEW_END))
        )
        return definition


def encode_view(definition: Mapping[str, Any]) -> str:
    """Encode a view's definition as Glue stores it."""
    return f"{_VIEW_START}{base64.b64encode(json.dumps(definition).encode()).decode()}{_VIEW_END}"


class Catalog:
    """The Glue catalog of a region.

    Args:
        moto: The Glue to use.
        region: Which catalog.
        database: The one of names that have none.
    """

    def __init__(self, moto: Moto, region: str, database: str) -> None:
        self._moto = moto
        self._region = region
        self.database = database.lower()

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call an operation of Glue.

        Raises:
            AwsFault: If Glue refuses.
        """
        return self._moto.call("glue", operation, params, self._region)

    def database_of(self, name: Name) -> str:
        """Return the database that a name means: its own, or else that of the query."""
        return name.database or self.database

    def databases(self) -> list[dict[str, Any]]:
        """List all databases by name."""
        found = self._pages("GetDatabases", "DatabaseList")
        return sorted(found, key=lambda database: str(database["Name"]))

    def has_database(self, database: str) -> bool:
        """Tell whether a database exists."""
        try:
            self.call("GetDatabase", Name=database)
        except AwsFault:
            return False
        return True

    def tables(self, database: str) -> list[Table]:
        """List all tables and views of a database by name."""
        found = self._pages("GetTables", "TableList", DatabaseName=database)
        return sorted((Table(database, glue) for glue in found), key=lambda table: table.name)

    def table(self, name: Name) -> Table | None:
        """Return a table or view, or None if there is none."""
        database = self.database_of(name)
        found = self._moto.find_table(database, name.table, self._region)
        return None if found is None else Table(database, found)

    def partitions(self, table: Table) -> list[Partition]:
        """List the registered partitions of a table."""
        found = self._pages("GetPartitions", "Partitions", DatabaseName=table.database, TableName=table.name)
        return [
            Partition(
                tuple(None if value == _DEFAULT_PARTITION else value for value in partition["Values"]),
                str((partition.get("StorageDescriptor") or {}).get("Location") or ""),
            )
            for partition in found
        ]

    def _pages(self, operation: str, member: str, **params: Any) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            page = self.call(operation, **params, **({"NextToken": token} if token else {}))
            yield from page.get(member, ())
            token = page.get("NextToken") or ""
            if not token:
                return

    def create_table(self, name: Name, glue: Mapping[str, Any]) -> None:
        """Register a table.

        Raises:
            AwsFault: If it exists.
        """
        self.call("CreateTable", DatabaseName=self.database_of(name), TableInput={"Name": name.table, **glue})

    def update_table(self, table: Table, **changes: Any) -> None:
        """Change parts of a table's description."""
        kept = {key: value for key, value in table.glue.items() if key in _TABLE_INPUT}
        self.call("UpdateTable", DatabaseName=table.database, TableInput={**kept, **changes})

    def add_partitions(self, table: Table, partitions: Sequence[Partition]) -> None:
        """Register partitions of a table; those that exist stay as they are."""
        known = {partition.values for partition in self.partitions(table)} if partitions else set()
        inputs = [
            {
                "Values": [_DEFAULT_PARTITION if value is None else value for value in partition.values],
                "StorageDescriptor": {**table.storage, "Location": partition.location},
            }
            for partition in partitions
            if partition.values not in known
        ]
        for start in range(0, len(inputs), _PARTITIONS_A_CALL):
            self.call(
                "BatchCreatePartition",
                DatabaseName=table.database,
                TableName=table.name,
                PartitionInputList=inputs[start : start + _PARTITIONS_A_CALL],
            )

    def drop_partition(self, table: Table, partition: Partition) -> None:
        """Delete a partition from the catalog; its files stay."""
        values = [_DEFAULT_PARTITION if value is None else value for value in partition.values]
        names = {"DatabaseName": table.database, "TableName": table.name}
        self.call("DeletePartition", **names, PartitionValues=values)


def parse_partition(table: Table, below: str) -> Partition:
    """Parse the partition in a directory such as ``year=2024/month=1`` below a table's location."""
    values = (unquote(part.partition("=")[2]) for part in below.split("/"))
    return Partition(
        tuple(None if value == _DEFAULT_PARTITION else value for value in values),
        f"{table.location.rstrip('/')}/{below}",
    )
