"""Statements of Athena, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from local_aws.trino import Delete, Merge, Update
from local_aws.trino import Query as TrinoQuery


@dataclass(frozen=True)
class Name:
    """A table or view, in a database that is empty for the query's own; both lower case."""

    database: str
    table: str


@dataclass(frozen=True)
class HiveColumn:
    """A column as Hive's DDL declares it."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True)
class QueryText:
    """A query inside a statement: its text and what Trino's grammar makes of it."""

    sql: str
    tree: TrinoQuery


@dataclass(frozen=True)
class Select:
    """SELECT, WITH, VALUES or TABLE."""

    query: QueryText


@dataclass(frozen=True)
class Explain:
    """EXPLAIN; the options are upper case, such as ``{"TYPE": "IO", "FORMAT": "JSON"}``."""

    statement: "Statement"
    options: Mapping[str, str]


@dataclass(frozen=True)
class Unload:
    """UNLOAD (query) TO 'location' WITH (...)."""

    query: QueryText
    location: str
    properties: Mapping[str, object]


@dataclass(frozen=True)
class CreateTableAs:
    """CREATE TABLE ... AS query."""

    name: Name
    query: QueryText
    properties: Mapping[str, object]
    if_not_exists: bool = False
    with_data: bool = True


@dataclass(frozen=True)
class Insert:
    """INSERT INTO table [(columns)] query."""

    name: Name
    columns: tuple[str, ...]
    query: QueryText


@dataclass(frozen=True)
class CreateView:
    """CREATE [OR REPLACE] VIEW name AS query."""

    name: Name
    query: QueryText
    or_replace: bool = False


@dataclass(frozen=True)
class Prepare:
    """PREPARE name FROM statement, or DEALLOCATE PREPARE name, which has no statement."""

    name: str
    sql: str | None


@dataclass(frozen=True)
class Execute:
    """EXECUTE name USING parameters; those are texts of SQL literals."""

    name: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class TableFormat:
    """How a table's files are read: Hive's classes and their properties."""

    serde: str
    input_format: str
    output_format: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Buckets:
    """CLUSTERED BY (columns) INTO number BUCKETS."""

    columns: tuple[str, ...]
    number: int


@dataclass(frozen=True)
class CreateTable:
    """CREATE EXTERNAL TABLE."""

    name: Name
    columns: tuple[HiveColumn, ...]
    partitions: tuple[HiveColumn, ...]
    format: TableFormat
    location: str
    properties: Mapping[str, str]
    comment: str = ""
    if_not_exists: bool = False
    buckets: Buckets | None = None


@dataclass(frozen=True)
class CreateIcebergTable:
    """CREATE TABLE ... TBLPROPERTIES ('table_type'='ICEBERG').

    Attributes:
        partitions: The transforms of PARTITIONED BY, such as ``bucket(16,id)``.
    """

    name: Name
    columns: tuple[HiveColumn, ...]
    partitions: tuple[str, ...]
    location: str
    properties: Mapping[str, str]
    comment: str = ""
    if_not_exists: bool = False


@dataclass(frozen=True)
class ChangeRows:
    """DELETE, UPDATE or MERGE."""

    name: Name
    change: Delete | Update | Merge


@dataclass(frozen=True)
class Optimize:
    """OPTIMIZE table REWRITE DATA USING BIN_PACK [WHERE condition]: the query has the condition."""

    name: Name
    query: QueryText | None


@dataclass(frozen=True)
class Vacuum:
    """VACUUM table."""

    name: Name


@dataclass(frozen=True)
class CreateDatabase:
    """CREATE DATABASE."""

    name: str
    comment: str = ""
    location: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    if_not_exists: bool = False


@dataclass(frozen=True)
class DropDatabase:
    """DROP DATABASE."""

    name: str
    if_exists: bool
    cascade: bool


@dataclass(frozen=True)
class DropTable:
    """DROP TABLE or DROP VIEW."""

    name: Name
    if_exists: bool
    view: bool = False


@dataclass(frozen=True)
class PartitionSpec:
    """PARTITION (key='value', ...) LOCATION '...'."""

    values: Mapping[str, str]
    location: str = ""


@dataclass(frozen=True)
class AddPartitions:
    """ALTER TABLE ... ADD PARTITION."""

    name: Name
    partitions: tuple[PartitionSpec, ...]
    if_not_exists: bool


@dataclass(frozen=True)
class DropPartitions:
    """ALTER TABLE ... DROP PARTITION."""

    name: Name
    partitions: tuple[PartitionSpec, ...]
    if_exists: bool


@dataclass(frozen=True)
class AddColumns:
    """ALTER TABLE ... ADD COLUMNS or REPLACE COLUMNS."""

    name: Name
    columns: tuple[HiveColumn, ...]
    replace: bool = False


@dataclass(frozen=True)
class ChangeColumn:
    """ALTER TABLE ... CHANGE [COLUMN] old new type [COMMENT text] [FIRST | AFTER column].

    Attributes:
        after: The column that it comes after; empty for the first place, None for the one it has.
    """

    name: Name
    old: str
    column: HiveColumn
    after: str | None = None


@dataclass(frozen=True)
class DropColumn:
    """ALTER TABLE ... DROP COLUMN."""

    name: Name
    column: str


@dataclass(frozen=True)
class RenameTable:
    """ALTER TABLE ... RENAME TO."""

    name: Name
    new: Name


@dataclass(frozen=True)
class SetTableProperties:
    """ALTER TABLE ... SET TBLPROPERTIES."""

    name: Name
    properties: Mapping[str, str]


@dataclass(frozen=True)
class UnsetTableProperties:
    """ALTER TABLE ... UNSET TBLPROPERTIES."""

    name: Name
    properties: tuple[str, ...]


@dataclass(frozen=True)
class SetLocation:
    """ALTER TABLE ... SET LOCATION."""

    name: Name
    location: str


@dataclass(frozen=True)
class RepairTable:
    """MSCK REPAIR TABLE."""

    name: Name


@dataclass(frozen=True)
class ShowDatabases:
    """SHOW DATABASES ['pattern']."""

    pattern: str = ""


@dataclass(frozen=True)
class ShowTables:
    """SHOW TABLES or SHOW VIEWS [IN database] ['pattern']."""

    database: str
    pattern: str = ""
    views: bool = False


@dataclass(frozen=True)
class ShowTable:
    """SHOW COLUMNS, PARTITIONS, CREATE TABLE, CREATE VIEW or TBLPROPERTIES of a table."""

    what: str
    name: Name
    property: str = ""


@dataclass(frozen=True)
class Describe:
    """DESCRIBE [EXTENDED | FORMATTED] table."""

    name: Name
    detail: str = ""


Query: TypeAlias = Select | Explain | Unload | CreateTableAs | Insert
IcebergChange: TypeAlias = ChangeRows | Optimize | Vacuum
Definition: TypeAlias = (
    CreateTable
    | CreateIcebergTable
    | CreateView
    | CreateDatabase
    | DropDatabase
    | DropTable
    | AddPartitions
    | DropPartitions
    | AddColumns
    | ChangeColumn
    | DropColumn
    | RenameTable
    | SetTableProperties
    | UnsetTableProperties
    | SetLocation
    | RepairTable
)
Show: TypeAlias = ShowDatabases | ShowTables | ShowTable | Describe
Statement: TypeAlias = Query | IcebergChange | Definition | Show | Prepare | Execute
