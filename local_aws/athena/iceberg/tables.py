"""Iceberg tables of the Glue catalog: found, created and committed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyiceberg.table
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.io import FileIO
from pyiceberg.schema import Schema
from pyiceberg.typedef import EMPTY_DICT, Properties

from local_aws.athena.catalog import Catalog, Table
from local_aws.athena.failures import AthenaFailure
from local_aws.athena.iceberg.files import ObjectIO
from local_aws.athena.iceberg.properties import pass_on
from local_aws.athena.iceberg.types import athena_type
from local_aws.athena.statement import Name
from local_aws.athena.storage import Storage
from local_aws.protocol.messages import AwsFault
from local_aws.trino import Column

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient

_OF_ATHENA = ("table_type", "metadata_location", "previous_metadata_location")


@dataclass(frozen=True)
class IcebergTable(Table):
    """An Iceberg table: Glue's entry, and what its metadata says."""

    iceberg: pyiceberg.table.Table

    @property
    def full_name(self) -> str:
        """The name with the database."""
        return f"{self.database}.{self.name}"

    @property
    def schema(self) -> Schema:
        """The current schema."""
        return self.iceberg.schema()

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, in Athena's types."""
        return columns_of(self.schema)

    @property
    def partition_keys(self) -> tuple[Column, ...]:
        """Nothing: an Iceberg table's partitions are no columns of their own."""
        return ()


def columns_of(schema: Schema) -> tuple[Column, ...]:
    """Return the columns of a schema in Athena's types."""
    return tuple(Column(field.name.lower(), athena_type(field.field_type)) for field in schema.fields)


class IcebergTables:
    """The Iceberg tables of one query, each read once: the query sees one state, and commits upon it.

    Args:
        catalog: The Glue catalog.
        storage: The objects.
        folder: A folder for temporary files.
    """

    def __init__(self, catalog: Catalog, storage: Storage, folder: Path) -> None:
        self._catalog = catalog
        self.files = ObjectIO(storage, folder)
        self._known: dict[Name, IcebergTable] = {}

    @cached_property
    def glue(self) -> "AthenaGlueCatalog":
        """The catalog for pyiceberg."""
        return AthenaGlueCatalog(self._catalog, self.files)

    def read(self, table: Table) -> IcebergTable:
        """Read the metadata of a table.

        Raises:
            AthenaFailure: If it is not there, or cannot be read.
        """
        name = Name(table.database, table.name)
        if name not in self._known:
            location = table.parameters.get("metadata_location", "")
            try:
                read = self.glue.load(dict(table.glue))
            except AthenaFailure as error:
                raise AthenaFailure(
                    f"ICEBERG_MISSING_METADATA: Metadata not found in metadata location for table "
                    f"{table.database}.{table.name}: {location}"
                ) from error
            except Exception as error:
                raise AthenaFailure(
                    f"ICEBERG_INVALID_METADATA: Error reading metadata of {table.database}.{table.name} "
                    f"at {location}: {error}"
                ) from error
            self._known[name] = IcebergTable(table.database, table.glue, read)
        return self._known[name]

    @contextmanager
    def commit(self, name: str) -> Iterator[None]:
        """Write files and commit in this block; if that fails, none of them is left.

        A commit can fail after Glue has taken it. Its files stay then: the table needs them.

        Args:
            name: The table with its database.

        Raises:
            AthenaFailure: ICEBERG_COMMIT_ERROR if another writer was faster.
        """
        self.files.written.clear()
        try:
            yield
        except (CommitFailedException, ValidationException) as error:
            self.files.discard()
            raise AthenaFailure(
                f"ICEBERG_COMMIT_ERROR: Failed to commit Iceberg update to table: {name}. {error}"
            ) from error
        except BaseException:
            if not self._may_be_committed(name):
                self.files.discard()
            raise

    def _may_be_committed(self, name: str) -> bool:
        """Tell whether Glue points to metadata that was just written, or cannot say where it points."""
        database, _, table = name.partition(".")
        try:
            found = self._catalog.table(Name(database, table))
        except Exception:  # noqa: BLE001 - whatever it is, we do not know
            return True
        roots = ("metadata_location", "previous_metadata_location")
        return found is not None and any(found.parameters.get(root) in self.files.written for root in roots)


class AthenaGlueCatalog(GlueCatalog):
    """Glue as pyiceberg uses it, over the local Glue and S3, with entries as Athena writes them.

    Args:
        catalog: The local Glue.
        files: The local S3.
    """

    def __init__(self, catalog: Catalog, files: ObjectIO) -> None:
        super().__init__("glue", client=cast("GlueClient", _Client(catalog)))
        self._files = files
        self._kept: Mapping[str, str] = {}

    def load(self, glue: dict[str, Any]) -> pyiceberg.table.Table:
        """Load a table from its entry."""
        return self._convert_glue_to_iceberg(cast("Any", glue))

    def _convert_glue_to_iceberg(self, glue_table: Any) -> pyiceberg.table.Table:
        table = super()._convert_glue_to_iceberg(glue_table)
        properties = pass_on(table.metadata.properties)
        table.metadata = table.metadata.model_copy(update={"properties": properties})
        return table

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:  # noqa: ARG002
        return self._files

    def _get_glue_table(self, database_name: str, table_name: str) -> Any:
        found = super()._get_glue_table(database_name, table_name)
        self._kept = dict(found.get("Parameters") or {})
        return found

    def _create_glue_table(self, database_name: str, table_name: str, table_input: Any) -> None:
        super()._create_glue_table(database_name, table_name, self._as_athena(table_input, {}))

    def _update_glue_table(
        self, database_name: str, table_name: str, table_input: Any, version_id: str
    ) -> None:
        entry = self._as_athena(table_input, self._kept)
        super()._update_glue_table(database_name, table_name, entry, version_id)

    @staticmethod
    def _as_athena(table_input: Any, kept: Mapping[str, str]) -> Any:
        """Leave the table's properties out of the entry: Athena keeps them in the metadata alone."""
        parameters = {
            key: value for key, value in table_input["Parameters"].items() if key in kept or key in _OF_ATHENA
        }
        return {**table_input, "Parameters": parameters}


class _Client:
    """The operations of boto3's Glue client that pyiceberg calls."""

    class exceptions:
        """Glue's errors."""

        class EntityNotFoundException(Exception):
            """It does not exist."""

        class AlreadyExistsException(Exception):
            """It exists."""

        class ConcurrentModificationException(Exception):
            """Another writer was faster."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def _call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._catalog.call(operation, **params)
        except AwsFault as fault:
            known = getattr(self.exceptions, fault.code, None)
            if known is None:
                raise
            raise known(fault.message) from fault

    def get_database(self, **params: Any) -> dict[str, Any]:
        return self._call("GetDatabase", params)

    def get_table(self, **params: Any) -> dict[str, Any]:
        return self._call("GetTable", params)

    def create_table(self, **params: Any) -> dict[str, Any]:
        return self._call("CreateTable", params)

    def update_table(self, **params: Any) -> dict[str, Any]:
        return self._call("UpdateTable", params)
