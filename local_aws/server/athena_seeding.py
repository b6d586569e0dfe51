"""What `athena:` in aws.yml describes, made in the local Glue and the local Athena."""

from typing import Any

from local_aws.athena.service import Athena
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto

Values = dict[str, Any]
_ALREADY = frozenset({"AlreadyExistsException", "EntityNotFoundException"})


class AthenaSeeding:
    """The database, the tables and the workgroup of a project; whatever else is there is left alone.

    What was made last is remembered, so that the commands of a project that stays as it is cost nothing.
    """

    def __init__(self, moto: Moto, athena: Athena) -> None:
        self._moto = moto
        self._athena = athena
        self._made: dict[tuple[str, str], Values] = {}

    def seed(self, wanted: Values, region: str) -> None:
        """Make what is wanted, and drop the tables that were wanted before and are no more.

        Args:
            wanted: Glue's ``database`` and ``tables``, Athena's ``workgroup`` or None, in the form of their
                requests.
            region: where.
        """
        database = wanted["database"]["Name"]
        before = self._made.get((region, database))
        if wanted == before:
            return
        if before is None:
            self._glue(region, "CreateDatabase", {"DatabaseInput": wanted["database"]})
        self._make_tables(database, wanted["tables"], before["tables"] if before else [], region)
        if wanted["workgroup"]:
            self._make_workgroup(wanted["workgroup"], region)
        self._made[region, database] = wanted

    def reset(self) -> None:
        """Everything is to be made again."""
        self._made.clear()

    def _make_tables(self, database: str, wanted: list[Values], before: list[Values], region: str) -> None:
        for table in wanted:
            request = {"DatabaseName": database, "TableInput": table}
            if table not in before and not self._glue(region, "CreateTable", request):
                self._moto.call("glue", "UpdateTable", request, region)
        for name in {table["Name"] for table in before} - {table["Name"] for table in wanted}:
            self._glue(region, "DeleteTable", {"DatabaseName": database, "Name": name})

    def _make_workgroup(self, wanted: Values, region: str) -> None:
        workgroups = self._athena.workgroups
        try:
            workgroups.create(region, wanted)
        except AwsFault:  # it is there already, by an earlier aws.yml or by hand
            workgroups.update(region, _as_update(wanted))

    def _glue(self, region: str, operation: str, request: Values) -> bool:
        """Call an operation, and say whether things were not already as it would make them."""
        try:
            self._moto.call("glue", operation, request, region)
        except AwsFault as fault:
            if fault.code in _ALREADY:
                return False
            raise
        return True


def _as_update(workgroup: Values) -> Values:
    """CreateWorkGroup's request in the form of UpdateWorkGroup's."""
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
