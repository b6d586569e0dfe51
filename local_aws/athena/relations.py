"""The tables of a query, made readable for DuckDB."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

import duckdb

from local_aws.athena import metadata_tables, scan
from local_aws.athena.buckets import bucket_columns, keep_buckets
from local_aws.athena.catalog import Catalog, Table
from local_aws.athena.failures import AthenaFailure, query_failure, unsupported
from local_aws.athena.partitions import find_sources
from local_aws.athena.pruning import Filter, find_conditions
from local_aws.athena.statement import Name
from local_aws.athena.storage import Storage
from local_aws.trino import (
    Column,
    Query,
    Relation,
    TableName,
    Translated,
    TrinoError,
    nodes,
    parse,
    translate,
)
from local_aws.trino.names import NOT_VERSIONED
from local_aws.trino.types import quote_name, read_type

if TYPE_CHECKING:
    from local_aws.athena.iceberg.tables import IcebergTables

_CATALOG = "awsdatacatalog"
_DEEPEST = 32


@dataclass(frozen=True)
class _Context:
    """The database of tables without one, the literals for the question marks of a query, and its names."""

    database: str
    parameters: tuple[str, ...]
    names: frozenset[str]


@dataclass(frozen=True)
class _Use:
    """Where a table is used."""

    query: Query
    context: _Context


def _list_names(query: Query) -> frozenset[str]:
    """List the names that a query mentions, of whatever."""
    mentions = (node for node in nodes.walk(query.tree) if isinstance(node, nodes.Name))
    return frozenset(part for node in mentions for part in node.parts)


class Relations:
    """The tables and views of one query, as temporary views of its own connection.

    Args:
        connection: The query's.
        catalog: The catalog that describes the tables.
        storage: The objects of the tables.
        iceberg: Gives the Iceberg tables; their library is imported only then.

    Attributes:
        tables: The tables that the query reads, without views.
        scanned: The sizes of the objects that each of them reads, by URI.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        catalog: Catalog,
        storage: Storage,
        iceberg: "Callable[[], IcebergTables]",
    ) -> None:
        self._iceberg = iceberg
        self._connection = connection
        self._catalog = catalog
        self._storage = storage
        self._depth = 0
        self._views = count()
        self.tables: dict[Name, Relation] = {}
        self.scanned: dict[Name, dict[str, int]] = {}

    @property
    def scanned_bytes(self) -> int:
        """The sizes of all objects that the query reads."""
        sizes = {uri: size for objects in self.scanned.values() for uri, size in objects.items()}
        return sum(sizes.values())

    def translate(self, query: Query, parameters: tuple[str, ...] = (), database: str = "") -> Translated:
        """Create the tables of a query in DuckDB and translate it into DuckDB's SQL.

        Args:
            query: The query to translate.
            parameters: Literals for its question marks.
            database: The database of tables that are named without one; empty for the one of the request.

        Raises:
            AthenaFailure: If Athena, or the local Athena, would not run it.
        """
        try:
            relations = self._resolve(query, _Context(database, parameters, _list_names(query)))
            return translate(query, relations, parameters, database or self._catalog.database)
        except TrinoError as error:
            raise query_failure(error) from error

    def _resolve(self, query: Query, context: _Context) -> Mapping[TableName, Relation]:
        return {name: self._relation(name, query, context) for name in query.tables}

    def _relation(self, name: TableName, query: Query, context: _Context) -> Relation:
        if name.catalog not in {None, _CATALOG}:
            raise unsupported(f"the data catalog {name.catalog}")
        found = Name(name.schema or context.database or self._catalog.database, name.table)
        if found.database == "information_schema":
            _refuse_version(name)
            made = metadata_tables.information_schema(
                self._catalog, found.table, lambda table: self._iceberg().read(table).columns
            )
            return self._create(found, made)
        table = self._catalog.table(found)
        base = (
            self._catalog.table(Name(found.database, found.table.partition("$")[0]))
            if table is None
            else table
        )
        if base is not None and base.is_iceberg:
            return self._of_iceberg(found, name, base, _Use(query, context))
        if found.table.endswith("$partitions"):
            _refuse_version(name)
            return self._partitions(found)
        if table is None:
            raise self._missing(name, found, query)
        _refuse_version(name)
        if table.is_view:
            return self._view(found, table)
        alternatives = find_conditions(query, name, table.partition_keys)
        hidden = tuple(column for column in scan.HIDDEN if column.name in context.names)
        return self._table(
            name, table, Filter(self._connection, query, context.parameters, alternatives), hidden
        )

    def _of_iceberg(self, found: Name, mention: TableName, table: Table, use: "_Use") -> Relation:
        from local_aws.athena.iceberg.relation import Wanted, relate

        wanted = Wanted(mention, use.query, use.context.parameters, found.table.partition("$")[2])
        read = self._iceberg().read(table)
        relation, sizes = relate(read, wanted, self._connection)
        self.scanned.setdefault(found, {}).update(sizes)
        self.tables[found] = self._create(found, relation)
        return self.tables[found]

    def _missing(self, name: TableName, found: Name, query: Query) -> AthenaFailure:
        parts = tuple(part for part in (name.catalog, name.schema, name.table) if part)
        mentions = (node for node in nodes.walk(query.tree) if isinstance(node, nodes.TableReference))
        line, column = next((node.at for node in mentions if node.parts == parts), (1, 1))
        where = f"line {line}:{column}"
        if not self._catalog.has_database(found.database):
            return query_failure(
                TrinoError("SCHEMA_NOT_FOUND", f"{where}: Schema '{found.database}' does not exist")
            )
        return query_failure(
            TrinoError(
                "TABLE_NOT_FOUND",
                f"{where}: Table '{_CATALOG}.{found.database}.{found.table}' does not exist",
            )
        )

    def _table(
        self, mention: TableName, table: Table, wanted: Filter, hidden: tuple[Column, ...]
    ) -> Relation:
        name = Name(table.database, table.name)
        read = find_sources(table, self._catalog, self._storage, wanted)
        if table.buckets:
            conditions = find_conditions(wanted.query, mention, bucket_columns(table))
            read = keep_buckets(table, read, replace(wanted, alternatives=conditions))
        self.scanned.setdefault(name, {}).update((found.object.uri, found.object.size) for found in read)
        columns = (*table.columns, *table.partition_keys, *hidden)
        sql = scan.select(table, read, self._storage, hidden)
        self.tables[name] = Relation(f"({sql})", columns)  # no view: DuckDB would read the files' heads twice
        return self.tables[name]

    def _view(self, name: Name, table: Table) -> Relation:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise AthenaFailure(f"VIEW_IS_RECURSIVE: Statement would create a recursive view: {name.table}")
        view = table.view
        try:
            query = parse(str(view["originalSql"]))
        except TrinoError as error:
            raise query_failure(error) from error
        translated = self.translate(query, database=str(view.get("schema") or name.database))
        self._depth -= 1
        self._check_view(name, view["columns"], translated.columns)
        return self._create(name, Relation(translated.sql, translated.columns))

    @staticmethod
    def _check_view(name: Name, stored: Sequence[Mapping[str, str]], found: Sequence[Column]) -> None:
        """Raise VIEW_IS_STALE if a view would not return the columns that it was defined with."""
        was = [(column["name"].lower(), read_type(column["type"])) for column in stored]
        now = [(column.name.lower(), read_type(column.type)) for column in found]
        if was != now:
            shown = f"'awsdatacatalog.{name.database}.{name.table}'"
            raise AthenaFailure(
                f"VIEW_IS_STALE: View {shown} is stale or in invalid state: its columns changed"
            )

    def _partitions(self, name: Name) -> Relation:
        table = self._catalog.table(Name(name.database, name.table.removesuffix("$partitions")))
        if table is None or not table.partition_keys:
            raise AthenaFailure(
                f"TABLE_NOT_FOUND: Table '{_CATALOG}.{name.database}.{name.table}' does not exist"
            )
        return self._create(name, metadata_tables.partitions(self._catalog, table))

    def _create(self, name: Name, relation: Relation) -> Relation:
        view = quote_name(f"{name.database}.{name.table}#{next(self._views)}")
        names = ", ".join(quote_name(column.name) for column in relation.columns)
        self._connection.execute(f"CREATE TEMP VIEW {view} ({names}) AS {relation.sql}")
        return Relation(view, relation.columns)


def _refuse_version(name: TableName) -> None:
    if name.version is not None:
        raise query_failure(TrinoError("NOT_SUPPORTED", f"line 1:1: {NOT_VERSIONED}"))
