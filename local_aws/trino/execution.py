"""Running translated SQL: what only seems to fail is run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_aws.trino.macros import DISABLED_OPTIMIZERS

if TYPE_CHECKING:
    import duckdb

_DISABLE = "SET disabled_optimizers = '{}'"
_LEFT_OUT = ("statistics_propagation", "statistics_propagation,filter_pushdown")
"""What DuckDB goes without when planning has failed, and when it has failed again."""


def execute(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyConnection:
    """Run SQL of a translation on a connection that is prepared.

    For its statistics DuckDB computes constants in AND, OR and BETWEEN while it plans, also where they are
    never reached, and where TRY would catch their failure. It computes none if it goes without statistics.
    To push a condition below an outer join, it computes every branch of a constant CASE. Both make queries
    fast, so it goes without only if planning failed.

    Raises:
        duckdb.Error: If it fails.
    """
    import duckdb

    try:
        return connection.execute(sql)
    except duckdb.InterruptException:
        raise
    except duckdb.Error:
        if _can_be_planned(connection, sql):
            raise
    connection.execute(_DISABLE.format(f"{DISABLED_OPTIMIZERS},{_LEFT_OUT[0]}"))
    try:
        if not _can_be_planned(connection, sql):
            connection.execute(_DISABLE.format(f"{DISABLED_OPTIMIZERS},{_LEFT_OUT[1]}"))
        # The setting is read while the statement is planned. Changing it back afterwards on this connection
        # would end the result.
        return connection.execute(sql)
    finally:
        connection.cursor().execute(_DISABLE.format(DISABLED_OPTIMIZERS))


def _can_be_planned(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    import duckdb

    try:
        connection.execute(f"EXPLAIN {sql}")
    except duckdb.InterruptException:
        raise
    except duckdb.Error:
        return False
    return True
