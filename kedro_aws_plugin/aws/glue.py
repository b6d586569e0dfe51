"""Glue's catalog: a table and its partitions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError
from typing_extensions import Self

from kedro_aws_plugin.aws.credentials import dataset_config
from kedro_aws_plugin.aws.errors import error_code, translated
from kedro_aws_plugin.errors import AwsError

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_glue.client import GlueClient

_FOUND_AT_ONCE = 1000
_WRITTEN_AT_ONCE = 100
_DELETED_AT_ONCE = 25
"""Partitions that Glue takes in one BatchGet, BatchCreate or BatchUpdate, and BatchDelete."""
_ABSENT = "EntityNotFoundException"
_TAKEN = "AlreadyExistsException"
_CHANGED = frozenset({"ConcurrentModificationException", "VersionMismatchException"})

Definition = Mapping[str, Any]
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Partition:
    """A partition as Glue has it.

    Attributes:
        values: One text for each partition key, NULL as ``__HIVE_DEFAULT_PARTITION__``.
        location: Where its files are, ending in ``/``.
    """

    values: tuple[str, ...]
    location: str


@dataclass(frozen=True)
class TableVersion:
    """A table as Glue has it.

    Attributes:
        definition: What CreateTable and UpdateTable take as TableInput.
        version: Tells UpdateTable that nobody has changed the table since; None where Glue gives none.
    """

    definition: Definition
    version: str | None

    @property
    def storage(self) -> Mapping[str, Any]:
        """The StorageDescriptor; a view has none to speak of."""
        return self.definition.get("StorageDescriptor") or {}

    @property
    def location(self) -> str:
        """Where the files of a table without partitions are, ending in ``/``."""
        return _folder(self.storage)

    def columns(self) -> dict[str, str]:
        """Names and Hive types, partition keys left out."""
        return _typed(self.storage.get("Columns", []))

    def partition_keys(self) -> dict[str, str]:
        """Names and Hive types of the partition keys."""
        return _typed(self.definition.get("PartitionKeys", []))


class Glue:
    """One table of one database.

    Args:
        client: boto3's.
        database: Glue database.
        table: Its name.
    """

    def __init__(self, client: "GlueClient", database: str, table: str) -> None:
        self._client = client
        self._name = {"DatabaseName": database, "TableName": table}
        self._shown = f"{database}.{table}"

    @classmethod
    def open(cls, session: "Session", database: str, table: str) -> Self:
        """The table that this session sees."""
        with translated("reach Glue"):
            return cls(session.client("glue", config=dataset_config()), database, table)

    def table(self) -> TableVersion | None:
        """The table, or None where there is no such table or no such database."""
        with translated(f"look up the table {self._shown}"):
            try:
                found = self._client.get_table(
                    DatabaseName=self._name["DatabaseName"], Name=self._name["TableName"]
                )["Table"]
            except ClientError as error:
                if error_code(error) == _ABSENT:
                    return None
                raise
        table_input: Any = self._client.meta.service_model.shape_for("TableInput")
        definition = {key: value for key, value in found.items() if key in table_input.members}
        return TableVersion(definition, found.get("VersionId"))

    def create_table(self, definition: Definition) -> bool:
        """Create the table; False if somebody else was faster.

        Raises:
            AwsError: If the database does not exist, among others.
        """
        database = self._name["DatabaseName"]
        with translated(f"create the table {self._shown}"):
            try:
                self._client.create_table(DatabaseName=database, TableInput=definition)  # type: ignore[arg-type]
            except ClientError as error:
                if error_code(error) == _TAKEN:
                    return False
                if error_code(error) == _ABSENT:
                    raise AwsError(
                        f"Could not create the table {self._shown}: the Glue database `{database}` does not "
                        "exist. Create it with `kedro aws bootstrap`, or correct `database` in the catalog "
                        "entry or `athena.database` in aws.yml."
                    ) from error
                raise
        return True

    def update_table(self, definition: Definition, version: str | None) -> bool:
        """Change the table unless somebody else has changed it since `version`; False if so.

        The former version is not archived: the files that it reads are about to go.
        """
        request: Any = {"DatabaseName": self._name["DatabaseName"], "TableInput": definition}
        if version:
            request["VersionId"] = version
        with translated(f"change the table {self._shown}"):
            try:
                self._client.update_table(**request, SkipArchive=True)
            except ClientError as error:
                if error_code(error) in _CHANGED:
                    return False
                raise
        return True

    def partitions(self, expression: str | None = None) -> list[Partition]:
        """List the partitions.

        Args:
            expression: Glue's own filter, e.g. ``year >= 2024 AND month = 1``.
        """
        request: Any = {**self._name, "ExcludeColumnSchema": True}
        if expression:
            request["Expression"] = expression
        shown = f"{self._shown} where {expression}" if expression else self._shown
        with translated(f"list the partitions of {shown}"):
            pages = self._client.get_paginator("get_partitions").paginate(**request)
            try:
                return [_partition(found) for page in pages for found in page["Partitions"]]
            except ClientError as error:
                if expression and error_code(error) == "InvalidInputException":
                    raise AwsError(
                        f"`partition_filter: {expression}` is nothing that Glue understands for "
                        f"{self._shown}: {error.response['Error'].get('Message', '').rstrip('.!')}. "
                        "It compares partition columns with values, e.g. day >= '2026-01-01'."
                    ) from error
                raise

    def find_partitions(self, values: Iterable[tuple[str, ...]]) -> list[Partition]:
        """Those partitions among the given ones that exist."""
        found: list[Partition] = []
        for batch in _batches(values, _FOUND_AT_ONCE):
            wanted = [{"Values": list(one)} for one in batch]
            while wanted:
                with translated(f"look up partitions of {self._shown}"):
                    answer = self._client.batch_get_partition(**self._name, PartitionsToGet=wanted)  # type: ignore[arg-type]
                found += [_partition(one) for one in answer.get("Partitions", [])]
                left: list[Any] = answer.get("UnprocessedKeys", [])
                if len(left) == len(wanted):
                    raise AwsError(
                        f"Could not look up partitions of {self._shown}: Glue left all {len(left)} of a "
                        "request unanswered. Run it again in a minute."
                    )
                wanted = left
        return found

    def create_partitions(
        self, partitions: Iterable[Partition], storage: Mapping[str, Any]
    ) -> set[tuple[str, ...]]:
        """Register partitions.

        Args:
            partitions: New ones.
            storage: The table's StorageDescriptor, which theirs differ from in the location.

        Returns:
            The values of those that somebody else had registered before; they are as they were.
        """
        taken: set[tuple[str, ...]] = set()

        def send(batch: list[Partition]) -> Sequence[Any]:
            inputs: list[Any] = [_partition_input(one, storage) for one in batch]
            return self._client.batch_create_partition(**self._name, PartitionInputList=inputs).get(
                "Errors", []
            )

        for refused in self._sent("register", partitions, send, _WRITTEN_AT_ONCE):
            if _code(refused) != _TAKEN:
                raise self._refused("register", refused)
            taken.add(tuple(refused["PartitionValues"]))
        return taken

    def update_partitions(self, partitions: Iterable[Partition], storage: Mapping[str, Any]) -> None:
        """Let existing partitions read other files."""

        def send(batch: list[Partition]) -> Sequence[Any]:
            entries: list[Any] = [
                {"PartitionValueList": list(one.values), "PartitionInput": _partition_input(one, storage)}
                for one in batch
            ]
            return self._client.batch_update_partition(**self._name, Entries=entries).get("Errors", [])

        for refused in self._sent("change", partitions, send, _WRITTEN_AT_ONCE):
            raise self._refused("change", refused)

    def delete_partitions(self, partitions: Iterable[Partition]) -> None:
        """Unregister partitions; their files stay."""

        def send(batch: list[Partition]) -> Sequence[Any]:
            values: list[Any] = [{"Values": list(one.values)} for one in batch]
            return self._client.batch_delete_partition(**self._name, PartitionsToDelete=values).get(
                "Errors", []
            )

        for refused in self._sent("unregister", partitions, send, _DELETED_AT_ONCE):
            if _code(refused) != _ABSENT:
                raise self._refused("unregister", refused)

    def _sent(
        self,
        verb: str,
        partitions: Iterable[Partition],
        send: Callable[[list[Partition]], Sequence[Any]],
        size: int,
    ) -> Iterator[Any]:
        for batch in _batches(partitions, size):
            with translated(f"{verb} partitions of {self._shown}"):
                refused = send(batch)
            yield from refused

    def _refused(self, verb: str, refused: Any) -> AwsError:
        values = "/".join(refused.get("PartitionValues") or refused.get("PartitionValueList", []))
        detail = refused.get("ErrorDetail", {})
        return AwsError(
            f"Could not {verb} the partition {values} of {self._shown}: Glue answered "
            f"{detail.get('ErrorCode')}: {detail.get('ErrorMessage')}. Correct that and save again."
        )


def _code(refused: Any) -> str:
    return str(refused.get("ErrorDetail", {}).get("ErrorCode"))


def _partition(found: Mapping[str, Any]) -> Partition:
    return Partition(tuple(found["Values"]), _folder(found.get("StorageDescriptor", {})))


def _partition_input(partition: Partition, storage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Values": list(partition.values),
        "StorageDescriptor": {**storage, "Location": partition.location},
    }


def _folder(storage: Mapping[str, Any]) -> str:
    location = str(storage.get("Location") or "")
    return f"{location.rstrip('/')}/" if location else ""


def _typed(columns: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {str(column["Name"]): str(column.get("Type", "")) for column in columns}


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
