"""The engine's input and output."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from typing_extensions import Self

from local_aws.trino import Column


@dataclass(frozen=True)
class Parsed:
    """A statement that has been read.

    Attributes:
        statement_type: DDL, DML or UTILITY.
        substatement: For example SELECT or CREATE_TABLE.
        statement: The statement as the engine has parsed it; only the engine uses it.
        names_location: Whether it is a CREATE TABLE AS that names the folder of its table.
        executes: The name of the prepared statement that EXECUTE runs; empty for other statements.
    """

    statement_type: str
    substatement: str
    statement: object
    names_location: bool = False
    executes: str = ""


@dataclass(frozen=True)
class Submission:
    """A statement to run.

    Attributes:
        sql: One statement.
        statement: The statement as `parsing.classify` has parsed it; None to parse `sql` when it runs.
        execution_id: Athena's QueryExecutionId.
        statement_type: DDL, DML or UTILITY, as `parsing.classify` has found.
        database: The database of tables that are named without one.
        catalog: The data catalog; only ``AwsDataCatalog`` exists.
        parameters: SQL literals for the question marks.
        output_location: The location for results, from StartQueryExecution or the workgroup.
        region: The region of the Glue catalog; empty for the server's own.
        bytes_limit: The workgroup's limit on what a query scans.
        prepared: The workgroup's prepared statements, by name.
    """

    sql: str
    execution_id: str
    statement_type: str = "DML"
    database: str = "default"
    catalog: str = "AwsDataCatalog"
    parameters: tuple[str, ...] = ()
    output_location: str | None = None
    region: str = ""
    bytes_limit: int | None = None
    prepared: Mapping[str, str] = field(default_factory=dict)
    statement: object = None

    def with_parameters(self, parameters: tuple[str, ...]) -> Self:
        """Return the same submission with other literals for the question marks."""
        return replace(self, parameters=parameters)


@dataclass(frozen=True)
class ResultFile:
    """A local file with the rows of a result.

    Attributes:
        rows: How many there are, without the header.
    """

    path: Path
    rows: int


@dataclass(frozen=True)
class Outcome:
    """The result of a statement.

    Attributes:
        statement_type: DDL, DML or UTILITY.
        substatement: Such as SELECT or CREATE_TABLE.
        columns: The columns of the result.
        rows: Athena's texts. They are computed while they are read, which may raise `AthenaFailure`; read
            them all or close them, for the query ends with them.
        result_file: The file with the rows, once they are written; `rows` is empty then.
        plain_text: Whether the result file is a text without a header, instead of CSV.
        scanned_bytes: The sizes of the objects that were read.
        written: The objects that CTAS, INSERT or UNLOAD wrote; None for other statements.
        update_count: The rows that were written.
        prepared: A prepared statement to keep for the workgroup: its name, and its SQL or None to forget it.
    """

    statement_type: str
    substatement: str
    columns: tuple[Column, ...] = ()
    rows: Iterator[tuple[str | None, ...]] = field(default_factory=lambda: iter(()))
    result_file: ResultFile | None = None
    plain_text: bool = False
    scanned_bytes: int = 0
    written: tuple[str, ...] | None = None
    update_count: int | None = None
    prepared: tuple[str, str | None] | None = None
