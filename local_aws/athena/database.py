"""DuckDB: one database in memory, a connection for each query."""

import threading
from pathlib import Path

import duckdb

from local_aws.athena.limits import DISK_BYTES
from local_aws.trino import prepare


class Database:
    """Opens connections that have Trino's functions.

    The functions belong to the database, for teaching them takes long; a query's views are temporary, and so
    belong to its connection alone.

    Args:
        spill: A folder for what does not fit into DuckDB's memory.
        memory: The bytes of memory that DuckDB may use.
    """

    def __init__(self, spill: Path, memory: int) -> None:
        self._spill = spill
        self.memory = memory
        self._lock = threading.Lock()
        self._root: duckdb.DuckDBPyConnection | None = None

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open a connection for one query, which closes it."""
        with self._lock:
            if self._root is None:
                self._root = duckdb.connect(
                    config={
                        # A query must not fetch code, from DuckDB's servers or the user's folder.
                        "autoinstall_known_extensions": "false",
                        "autoload_known_extensions": "false",
                        "memory_limit": f"{self.memory}B",
                        "max_temp_directory_size": f"{DISK_BYTES}B",
                        "temp_directory": str(self._spill),
                    }
                )
                prepare(self._root)
            return self._root.cursor()
