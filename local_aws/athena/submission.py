"""What the engine is asked, and what it answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from typing_extensions import Self

from local_aws.trino import Column


@dataclass(frozen=True)
class Parsed:
    """A statement that has been read.

    Attributes:
        statement_type: DDL, DML or UTILITY.
        substatement: For example SELECT or CREATE_TABLE.
        statement: What the engine made of the text; nobody else looks at it.
    """

    statement_type: str
    substatement: str
    statement: object


@dataclass(frozen=True)
class Submission:
    """A statement to run.

    Attributes:
        sql: One statement.
        statement: What `Engine.parse` made of it; None to read the text when it runs.
        execution_id: Athena's QueryExecutionId.
        database: of tables that are named without one.
        catalog: only ``AwsDataCatalog`` is there.
        parameters: SQL literals for the question marks.
        output_location: where results go, as StartQueryExecution or the workgroup says.
        region: whose Glue catalog; empty for the server's own.
        bytes_limit: the workgroup's limit on what a query scans.
        prepared: the workgroup's prepared statements, by name.
    """

    sql: str
    execution_id: str
    database: str = "default"
    catalog: str = "AwsDataCatalog"
    parameters: tuple[str, ...] = ()
    output_location: str | None = None
    region: str = ""
    bytes_limit: int | None = None
    prepared: Mapping[str, str] = field(default_factory=dict)
    statement: object = None

    def with_parameters(self, parameters: tuple[str, ...]) -> Self:
        """The same with other literals for the question marks."""
        return replace(self, parameters=parameters)


@dataclass(frozen=True)
class Outcome:
    """What a statement gave.

    Attributes:
        statement_type: DDL, DML or UTILITY.
        substatement: such as SELECT or CREATE_TABLE.
        columns: of the result.
        rows: Athena's texts. They are computed while they are read, which may raise `AthenaFailure`; read
            them all or close them, for the query ends with them.
        plain_text: whether the result file is a text without a header, instead of CSV.
        scanned_bytes: the sizes of the objects that were read.
        written: the objects that CTAS, INSERT or UNLOAD wrote; None for other statements.
        update_count: the rows that were written.
        prepared: a prepared statement to keep for the workgroup: its name, and its SQL or None to forget it.
    """

    statement_type: str
    substatement: str
    columns: tuple[Column, ...] = ()
    rows: Iterator[tuple[str | None, ...]] = field(default_factory=lambda: iter(()))
    plain_text: bool = False
    scanned_bytes: int = 0
    written: tuple[str, ...] | None = None
    update_count: int | None = None
    prepared: tuple[str, str | None] | None = None
