"""From the tables that a query names to what DuckDB reads."""

from collections.abc import Mapping

import duckdb

from kedro_aws_plugin.local.athena import metadata_tables, scan
from kedro_aws_plugin.local.athena.catalog import Catalog, Table
from kedro_aws_plugin.local.athena.failures import AthenaFailure, failed, unsupported
from kedro_aws_plugin.local.athena.partitions import sources
from kedro_aws_plugin.local.athena.statement import Name
from kedro_aws_plugin.local.athena.storage import Storage
from kedro_aws_plugin.local.athena.tokens import position, tokenize
from kedro_aws_plugin.local.athena.trino import (
    Query,
    Relation,
    TableName,
    Translated,
    TrinoError,
    parse,
    translate,
)
from kedro_aws_plugin.local.athena.trino.types import quoted

_CATALOG = "awsdatacatalog"
_DEEPEST = 32


class Relations:
    """The tables and views of one query, as temporary views of its own connection.

    Args:
        connection: the query's.
        catalog: where tables are described.
        storage: where files are.

    Attributes:
        objects: what the query reads, by URI, so that nothing is counted twice.
        tables: what each table reads, in bytes.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, catalog: Catalog, storage: Storage) -> None:
        self._connection = connection
        self._catalog = catalog
        self._storage = storage
        self._depth = 0
        self._made: dict[tuple[str, str], Relation] = {}
        self.scanned: dict[Name, dict[str, int]] = {}

    @property
    def scanned_bytes(self) -> int:
        """The sizes of all objects that the query reads."""
        sizes = {uri: size for objects in self.scanned.values() for uri, size in objects.items()}
        return sum(sizes.values())

    def translate(self, sql: str, parameters: tuple[str, ...] = (), database: str = "") -> Translated:
        """DuckDB's SQL for a query, all its tables made.

        Args:
            sql: Athena's SQL.
            parameters: literals for its question marks.
            database: of names that have none; empty for the query's own.

        Raises:
            AthenaFailure: if Athena, or the local Athena, would not run it.
        """
        try:
            query = parse(sql)
            return translate(query, self._resolve(query, sql, database), parameters)
        except TrinoError as error:
            raise failed(error) from error

    def _resolve(self, query: Query, sql: str, database: str) -> Mapping[TableName, Relation]:
        return {name: self._relation(name, query, sql, database) for name in query.tables}

    def _relation(self, name: TableName, query: Query, sql: str, database: str) -> Relation:
        if name.catalog not in {None, _CATALOG}:
            raise unsupported(f"the data catalog {name.catalog}")
        found = Name(name.schema or database or self._catalog.database, name.table)
        if found.database == "information_schema":
            return self._made_of(found, metadata_tables.information_schema(self._catalog, found.table))
        if found.table.endswith("$partitions"):
            return self._partitions(found)
        table = self._catalog.table(found)
        if table is None:
            raise self._missing(name, found, sql)
        if table.is_view:
            return self._view(found, table)
        return self._table(found, table, query, name)

    def _missing(self, name: TableName, found: Name, sql: str) -> AthenaFailure:
        where = position(sql, _place(sql, name))
        if not self._catalog.has_database(found.database):
            return failed(
                TrinoError("SCHEMA_NOT_FOUND", f"{where}: Schema '{found.database}' does not exist")
            )
        return failed(
            TrinoError(
                "TABLE_NOT_FOUND",
                f"{where}: Table '{_CATALOG}.{found.database}.{found.table}' does not exist",
            )
        )

    def _table(self, name: Name, table: Table, query: Query, mention: TableName) -> Relation:
        read = sources(table, self._catalog, self._storage, query, mention)
        self.scanned.setdefault(name, {}).update((found.object.uri, found.object.size) for found in read)
        columns = (*table.columns, *table.partition_keys, *scan.HIDDEN)
        return self._create(name, Relation(scan.select(table, read, self._storage), columns))

    def _view(self, name: Name, table: Table) -> Relation:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise AthenaFailure(f"VIEW_IS_RECURSIVE: Statement would create a recursive view: {name.table}")
        view = table.view
        translated = self.translate(
            str(view["originalSql"]), database=str(view.get("schema") or name.database)
        )
        self._depth -= 1
        return self._create(name, Relation(translated.sql, translated.columns))

    def _partitions(self, name: Name) -> Relation:
        table = self._catalog.table(Name(name.database, name.table.removesuffix("$partitions")))
        if table is None or not table.partition_keys:
            raise AthenaFailure(
                f"TABLE_NOT_FOUND: Table '{_CATALOG}.{name.database}.{name.table}' does not exist"
            )
        return self._made_of(name, metadata_tables.partitions(self._catalog, table))

    def _made_of(self, name: Name, relation: Relation) -> Relation:
        return self._create(name, relation)

    def _create(self, name: Name, relation: Relation) -> Relation:
        view = quoted(f"{name.database}.{name.table}#{len(self._made)}")
        names = ", ".join(quoted(column.name) for column in relation.columns)
        self._connection.execute(f"CREATE TEMP VIEW {view} ({names}) AS {relation.sql}")
        made = Relation(view, relation.columns)
        self._made[name.database, view] = made
        return made


def _place(sql: str, name: TableName) -> int:
    """Where a query names a table."""
    wanted = [part for part in (name.catalog, name.schema, name.table) if part]
    tokens = tokenize(sql)
    for at, token in enumerate(tokens):
        words = [
            tokens[at + 2 * step].text.strip('"').lower()
            for step in range(len(wanted))
            if at + 2 * step < len(tokens)
        ]
        before = tokens[at - 1].text.upper() if at else ""
        if words == wanted and before in {"FROM", "JOIN", ",", "TABLE"}:
            return token.start
    return 0
