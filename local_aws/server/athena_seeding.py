"""The database, tables and workgroup of a project, made in the local Glue and the local Athena."""

from typing import Any

from local_aws.athena.service import Athena
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto
from local_aws.server.memory import Memory

Values = dict[str, Any]
_ALREADY = frozenset({"AlreadyExistsException", "EntityNotFoundException"})


class AthenaSeeding:
    """Makes the database, the tables and the workgroup of a project, and changes nothing else.

    It keeps what it made last, so that a call with the same definitions does nothing as long as the database
    is there.

    Args:
        moto: The Glue.
        athena: The workgroups.
        made: What was made last, by region and database.
    """

    def __init__(self, moto: Moto, athena: Athena, made: Memory) -> None:
        self._moto = moto
        self._athena = athena
        self._made = made

    def seed(self, wanted: Values, region: str) -> None:
        """Make or change what is wanted, and drop the tables that were wanted at the last call only.

        Args:
            wanted: ``database`` and ``tables`` in the form of Glue's DatabaseInput and TableInput, and
                ``workgroup``, a CreateWorkGroup request or None.
            region: The region.
        """
        database = wanted["database"]["Name"]
        before = self._made.get((region, database))
        if before is not None and not self._has_database(database, region):  # moto was reset
            before = None
        if wanted == before:
            return
        if before is None:
            self._call_glue(region, "CreateDatabase", {"DatabaseInput": wanted["database"]})
        self._make_tables(database, wanted["tables"], before["tables"] if before else [], region)
        if wanted["workgroup"]:
            self._make_workgroup(wanted["workgroup"], region)
        self._made.put((region, database), wanted)

    def reset(self) -> None:
        """Forget what was made, so that the next call makes it again."""
        self._made.clear()

    def _make_tables(self, database: str, wanted: list[Values], before: list[Values], region: str) -> None:
        for table in wanted:
            request = {"DatabaseName": database, "TableInput": table}
            if table not in before and not self._call_glue(region, "CreateTable", request):
                self._moto.call("glue", "UpdateTable", request, region)
        for name in {table["Name"] for table in before} - {table["Name"] for table in wanted}:
            self._call_glue(region, "DeleteTable", {"DatabaseName": database, "Name": name})

    def _has_database(self, name: str, region: str) -> bool:
        try:
            self._moto.call("glue", "GetDatabase", {"Name": name}, region)
        except AwsFault:
            return False
        return True

    def _make_workgroup(self, wanted: Values, region: str) -> None:
        workgroups = self._athena.workgroups
        try:
            workgroups.create(region, wanted)
        except AwsFault:  # it exists, from an earlier aws.yml or made by hand
            workgroups.update(region, _to_update(wanted))

    def _call_glue(self, region: str, operation: str, request: Values) -> bool:
        """Call an operation, and tell whether it changed anything."""
        try:
            self._moto.call("glue", operation, request, region)
        except AwsFault as fault:
            if fault.code in _ALREADY:
                return False
            raise
        return True


def _to_update(workgroup: Values) -> Values:
    """Turn a CreateWorkGroup request into an UpdateWorkGroup request."""
    changes = dict(workgroup["Configuration"])
    results = changes.pop("ResultConfiguration")
    unlimited = "BytesScannedCutoffPerQuery" not in changes
    return {
        "WorkGroup": workgroup["Name"],
        "Description": workgroup["Description"],
        "ConfigurationUpdates": {
            **changes,
            "RemoveBytesScannedCutoffPerQuery": unlimited,
            "ResultConfigurationUpdates": results,
        },
    }
