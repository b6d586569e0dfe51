"""A table of the Glue catalog and its partitions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError
from typing_extensions import Self

from kedro_aws_plugin.aws.credentials import make_dataset_config
from kedro_aws_plugin.aws.errors import get_error_code, translate_errors
from kedro_aws_plugin.errors import AwsError

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_glue.client import GlueClient

_FOUND_AT_ONCE = 1000
_WRITTEN_AT_ONCE = 100
_DELETED_AT_ONCE = 25
"""The most partitions of one request: BatchGet; BatchCreate and BatchUpdate; BatchDelete."""
_ABSENT = "EntityNotFoundException"
_TAKEN = "AlreadyExistsException"
_CHANGED = frozenset({"ConcurrentModificationException", "VersionMismatchException"})

Definition = Mapping[str, Any]
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Partition:
    """A partition in Glue.

    Attributes:
        values: One text for each partition key; NULL is ``__HIVE_DEFAULT_PARTITION__``.
        location: The S3 URI of its folder, ending in ``/``.
    """

    values: tuple[str, ...]
    location: str


@dataclass(frozen=True)
class TableVersion:
    """A table in Glue at one moment.

    Attributes:
        definition: The TableInput of CreateTable and UpdateTable.
        version: Lets UpdateTable refuse a change if somebody else changed the table meanwhile; None if Glue
            gave none.
    """

    definition: Definition
    version: str | None

    @property
    def storage(self) -> Mapping[str, Any]:
        """The StorageDescriptor; empty for a view."""
        return self.definition.get("StorageDescriptor") or {}

    @property
    def location(self) -> str:
        """The S3 URI of the table's folder, ending in ``/``."""
        return _read_location(self.storage)

    @property
    def columns(self) -> dict[str, str]:
        """Names and Hive types of the columns in the files, without the partition keys."""
        return _read_columns(self.storage.get("Columns", []))

    @property
    def partition_keys(self) -> dict[str, str]:
        """Names and Hive types of the partition keys."""
        return _read_columns(self.definition.get("PartitionKeys", []))


class Glue:
    """A table in Glue, which may not exist yet.

    Args:
        client: boto3's Glue client.
        database: The Glue database.
        table: The table's name.
    """

    def __init__(self, client: "GlueClient", database: str, table: str) -> None:
        self._client = client
        self._name = {"DatabaseName": database, "TableName": table}
        self._shown = f"{database}.{table}"

    @classmethod
    def open(cls, session: "Session", database: str, table: str) -> Self:
        """Open a table with a session's credentials and region."""
        with translate_errors("reach Glue"):
            return cls(session.client("glue", config=make_dataset_config()), database, table)

    def beside(self, table: str) -> "Glue":
        """Return another table of the same database."""
        return Glue(self._client, self._name["DatabaseName"], table)

    def get_table(self) -> TableVersion | None:
        """Look up the table; None if the table or its database does not exist."""
        with translate_errors(f"look up the table {self._shown}"):
            try:
                found = self._client.get_table(
                    DatabaseName=self._name["DatabaseName"], Name=self._name["TableName"]
                )["Table"]
            except ClientError as error:
                if get_error_code(error) == _ABSENT:
                    return None
                raise
        table_input: Any = self._client.meta.service_model.shape_for("TableInput")
        definition = {key: value for key, value in found.items() if key in table_input.members}
        return TableVersion(definition, found.get("VersionId"))

    def create_table(self, definition: Definition) -> bool:
        """Create the table.

        Returns:
            Whether it was created; False if it exists already.

        Raises:
            AwsError: If the database does not exist, or Glue refuses.
        """
        database = self._name["DatabaseName"]
        with translate_errors(f"create the table {self._shown}"):
            try:
                self._client.create_table(DatabaseName=database, TableInput=definition)  # type: ignore[arg-type]
            except ClientError as error:
                if get_error_code(error) == _TAKEN:
                    return False
                if get_error_code(error) == _ABSENT:
                    raise AwsError(
                        f"Could not create the table {self._shown}: the Glue database `{database}` does not "
                        "exist. Create it with `kedro aws bootstrap --env ENV`, or correct `database` in the "
                        "catalog entry or `athena.database` in aws.yml."
                    ) from error
                raise
        return True

    def update_table(self, definition: Definition, version: str | None) -> bool:
        """Change the table, unless somebody else has changed it since it was read.

        Glue archives no former version, since the files of that version are about to be deleted.

        Args:
            definition: The new definition.
            version: The version that was read; None to change any.

        Returns:
            Whether it was changed; False if somebody else changed it first.
        """
        request: Any = {"DatabaseName": self._name["DatabaseName"], "TableInput": definition}
        if version:
            request["VersionId"] = version
        with translate_errors(f"change the table {self._shown}"):
            try:
                self._client.update_table(**request, SkipArchive=True)
            except ClientError as error:
                if get_error_code(error) in _CHANGED:
                    return False
                raise
        return True

    def list_partitions(self, expression: str | None = None) -> list[Partition]:
        """List the partitions.

        Args:
            expression: A filter in Glue's language, e.g. ``year >= 2024 AND month = 1``; None for all.
        """
        request: Any = {**self._name, "ExcludeColumnSchema": True}
        if expression:
            request["Expression"] = expression
        shown = f"{self._shown} where {expression}" if expression else self._shown
        with translate_errors(f"list the partitions of {shown}"):
            pages = self._client.get_paginator("get_partitions").paginate(**request)
            try:
                return [_read_partition(found) for page in pages for found in page["Partitions"]]
            except ClientError as error:
                if expression and get_error_code(error) == "InvalidInputException":
                    raise AwsError(
                        f"`partition_filter: {expression}` is not a filter that Glue understands for "
                        f"{self._shown}: {error.response['Error'].get('Message', '').rstrip('.!')}. "
                        "Compare partition columns with values, e.g. day >= '2026-01-01'."
                    ) from error
                raise

    def find_partitions(self, values: Iterable[tuple[str, ...]]) -> list[Partition]:
        """Look up which of the given partitions exist.

        Args:
            values: Of each partition.
        """
        found: list[Partition] = []
        for batch in _split(values, _FOUND_AT_ONCE):
            wanted = [{"Values": list(one)} for one in batch]
            while wanted:
                with translate_errors(f"look up partitions of {self._shown}"):
                    answer = self._client.batch_get_partition(**self._name, PartitionsToGet=wanted)  # type: ignore[arg-type]
                found += [_read_partition(one) for one in answer.get("Partitions", [])]
                left: list[Any] = answer.get("UnprocessedKeys", [])
                if len(left) == len(wanted):
                    raise AwsError(
                        f"Could not look up partitions of {self._shown}: Glue left all {len(left)} of a "
                        "request unanswered. Run this again in a minute."
                    )
                wanted = left
        return found

    def create_partitions(
        self, partitions: Iterable[Partition], storage: Mapping[str, Any]
    ) -> set[tuple[str, ...]]:
        """Register partitions.

        Args:
            partitions: The new partitions.
            storage: The table's StorageDescriptor; a partition's differs in the location only.

        Returns:
            The values of those that exist already; these are not changed.
        """
        taken: set[tuple[str, ...]] = set()

        def send(batch: list[Partition]) -> Sequence[Any]:
            inputs: list[Any] = [_partition_input(one, storage) for one in batch]
            return self._client.batch_create_partition(**self._name, PartitionInputList=inputs).get(
                "Errors", []
            )

        for refused in self._send_batches("register", partitions, send, _WRITTEN_AT_ONCE):
            if _error_code(refused) != _TAKEN:
                raise self._make_error("register", refused)
            taken.add(tuple(refused["PartitionValues"]))
        return taken

    def update_partitions(self, partitions: Iterable[Partition], storage: Mapping[str, Any]) -> None:
        """Change the locations of existing partitions."""

        def send(batch: list[Partition]) -> Sequence[Any]:
            entries: list[Any] = [
                {"PartitionValueList": list(one.values), "PartitionInput": _partition_input(one, storage)}
                for one in batch
            ]
            return self._client.batch_update_partition(**self._name, Entries=entries).get("Errors", [])

        for refused in self._send_batches("change", partitions, send, _WRITTEN_AT_ONCE):
            raise self._make_error("change", refused)

    def delete_partitions(self, partitions: Iterable[Partition]) -> None:
        """Unregister partitions, but keep their files."""

        def send(batch: list[Partition]) -> Sequence[Any]:
            values: list[Any] = [{"Values": list(one.values)} for one in batch]
            return self._client.batch_delete_partition(**self._name, PartitionsToDelete=values).get(
                "Errors", []
            )

        for refused in self._send_batches("unregister", partitions, send, _DELETED_AT_ONCE):
            if _error_code(refused) != _ABSENT:
                raise self._make_error("unregister", refused)

    def _send_batches(
        self,
        verb: str,
        partitions: Iterable[Partition],
        send: Callable[[list[Partition]], Sequence[Any]],
        size: int,
    ) -> Iterator[Any]:
        for batch in _split(partitions, size):
            with translate_errors(f"{verb} partitions of {self._shown}"):
                refused = send(batch)
            yield from refused

    def _make_error(self, verb: str, refused: Any) -> AwsError:
        values = "/".join(refused.get("PartitionValues") or refused.get("PartitionValueList", []))
        detail = refused.get("ErrorDetail", {})
        return AwsError(
            f"Could not {verb} the partition {values} of {self._shown}: Glue answered "
            f"{detail.get('ErrorCode')}: {detail.get('ErrorMessage')}. Correct that and save again."
        )


def _error_code(refused: Any) -> str:
    return str(refused.get("ErrorDetail", {}).get("ErrorCode"))


def _read_partition(found: Mapping[str, Any]) -> Partition:
    return Partition(tuple(found["Values"]), _read_location(found.get("StorageDescriptor", {})))


def _partition_input(partition: Partition, storage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Values": list(partition.values),
        "StorageDescriptor": {**storage, "Location": partition.location},
    }


def _read_location(storage: Mapping[str, Any]) -> str:
    location = str(storage.get("Location") or "")
    return f"{location.rstrip('/')}/" if location else ""


def _read_columns(columns: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    # Glue keeps the columns that an Iceberg table has had, marked as such.
    return {
        str(column["Name"]): str(column.get("Type", ""))
        for column in columns
        if column.get("Parameters", {}).get("iceberg.field.current") != "false"
    }


def _split(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
