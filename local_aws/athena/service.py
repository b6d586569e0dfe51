"""The service of the local Athena. It replaces moto's wholly, so that there is only one state."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from local_aws.athena.account import Account
from local_aws.athena.data_catalogs import DataCatalogs, make_default
from local_aws.athena.faults import invalid_request
from local_aws.athena.named_queries import NamedQueries
from local_aws.athena.old_files import Deleted, delete_old
from local_aws.athena.prepared_statements import PreparedStatements
from local_aws.athena.queries import Queries
from local_aws.athena.results import Results
from local_aws.athena.running import QueryEngine, Runner
from local_aws.athena.s3 import Objects
from local_aws.athena.storage import Storage
from local_aws.athena.workgroups import Workgroups
from local_aws.kept.tables import OpenRoom, open_nothing
from local_aws.protocol.aws_json import TabledService
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.overlay import Service

_PREFIX = "AmazonAthena"


class Athena:
    """The local Athena: its service and its state.

    Args:
        moto: The S3 and Glue to use.
        workdir: A folder for copies of objects and results.
        region: The region of requests that are not signed.
        make_engine: Another engine than DuckDB's, for tests.
        open_room: Makes the tables of a service, with what is kept of them.
    """

    def __init__(
        self,
        moto: Moto,
        workdir: Path,
        region: str,
        make_engine: Callable[[], QueryEngine] | None = None,
        open_room: OpenRoom = open_nothing,
    ) -> None:
        self._moto = moto
        self._workdir = workdir
        objects = Objects(moto)
        self._account = Account(open_room)
        self.workgroups = Workgroups(self._account)
        self._results = Results(self._account, objects, workdir / "results")
        prepared = PreparedStatements(self._account)
        engine = make_engine or (lambda: _duckdb(moto, workdir / "queries"))
        self._runner = Runner(self._account, self._results, prepared, engine)
        operations = {
            **Queries(self._account, objects, self._runner, partial(make_default, moto)).operations(),
            **self._results.operations(),
            **self.workgroups.operations(),
            **NamedQueries(self._account).operations(),
            **prepared.operations(),
            **DataCatalogs(moto).operations(),
        }
        self.services: tuple[Service, ...] = (_AthenaService("athena", _PREFIX, operations, region),)

    def reset(self) -> None:
        """Cancel every query and delete everything."""
        self._runner.reset()
        self._account.clear()
        self._results.reset()

    def count_queries(self) -> int:
        """Count the queries of the history."""
        return len(self._account.executions())

    def delete_old(self, before: float) -> Deleted:
        """Delete the results of queries that ended before a time, and copies of objects from before it."""
        copies = self._workdir / "queries" / "objects"
        return delete_old(self._account, Storage(self._moto, copies), copies, before)

    def close(self) -> None:
        """End every query and delete everything."""
        self._runner.close()
        self.reset()


class _AthenaService(TabledService):
    refusal = staticmethod(invalid_request)


def _duckdb(moto: Moto, workdir: Path) -> QueryEngine:
    """Create the engine when the first query comes: the parser takes a moment to import."""
    from local_aws.athena.processes import QueryProcesses

    return QueryProcesses(moto, workdir)
