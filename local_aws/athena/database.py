"""DuckDB: one database in memory, a connection for each query."""

import threading
from pathlib import Path

import duckdb

from local_aws.athena.limits import SPILL_BYTES, memory_limit
from local_aws.trino import prepare


class Database:
    """Opens connections that have Trino's functions.

    The functions belong to the database, for teaching them takes long; a query's views are temporary, and so
    belong to its connection alone.

    Args:
        spill: A folder for what does not fit into DuckDB's memory.
    """

    def __init__(self, spill: Path) -> None:
        self._spill = spill
        self._lock = threading.Lock()
        self._root: duckdb.DuckDBPyConnection | None = None

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open a connection for one query, which closes it."""
        with self._lock:
            if self._root is None:
                self._root = duckdb.connect(
                    config={
                        "memory_limit": f"{memory_limit()}B",
                        "max_temp_directory_size": f"{SPILL_BYTES}B",
                        "temp_directory": str(self._spill),
                    }
                )
                prepare(self._root)
            connection = self._root.cursor()
        prepare(connection)
        return connection
