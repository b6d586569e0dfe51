"""Data catalogs, databases and tables in Athena's API: the Glue Data Catalog."""

import re
from collections.abc import Iterator

from local_aws.athena.faults import invalid_request
from local_aws.athena.paging import page
from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.resources import ACCOUNT_ID, pick

_CATALOG = "AwsDataCatalog"
_COLUMN = ("Name", "Type", "Comment")


class DataCatalogs:
    """Operations on AwsDataCatalog, the only catalog."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def operations(self) -> dict[str, Operation]:
        """Return the operations by AWS's names."""
        return {
            "ListDataCatalogs": self.list_catalogs,
            "GetDataCatalog": self.get_catalog,
            "ListDatabases": self.list_databases,
            "GetDatabase": self.get_database,
            "ListTableMetadata": self.list_tables,
            "GetTableMetadata": self.get_table,
        }

    def list_catalogs(self, _region: str, _params: Params) -> Params:
        """Answer ListDataCatalogs."""
        summary = {"CatalogName": _CATALOG, "Type": "GLUE", "Status": "CREATE_COMPLETE"}
        return {"DataCatalogsSummary": [summary]}

    def get_catalog(self, _region: str, params: Params) -> Params:
        """Answer GetDataCatalog."""
        _check_catalog(params["Name"])
        parameters = {"catalog-id": ACCOUNT_ID}
        return {"DataCatalog": {"Name": _CATALOG, "Type": "GLUE", "Parameters": parameters}}

    def list_databases(self, region: str, params: Params) -> Params:
        """Answer ListDatabases."""
        _check_catalog(params["CatalogName"])
        make_default(self._moto, region)
        databases = map(_database, self._all("GetDatabases", "DatabaseList", {}, region))
        shown, token = page(databases, lambda each: str(each["Name"]), params)
        return {"DatabaseList": shown, "NextToken": token}

    def get_database(self, region: str, params: Params) -> Params:
        """Answer GetDatabase."""
        _check_catalog(params["CatalogName"])
        make_default(self._moto, region)
        found = self._glue("GetDatabase", {"Name": params["DatabaseName"].lower()}, region)
        return {"Database": _database(found["Database"])}

    def list_tables(self, region: str, params: Params) -> Params:
        """Answer ListTableMetadata; Expression is a regular expression that the whole name matches."""
        _check_catalog(params["CatalogName"])
        asked = {"DatabaseName": params["DatabaseName"].lower()}
        tables = list(self._all("GetTables", "TableList", asked, region))
        if expression := params.get("Expression"):
            tables = [each for each in tables if _matches(expression, each["Name"])]
        shown, token = page(map(_table, tables), lambda each: str(each["Name"]), params)
        return {"TableMetadataList": shown, "NextToken": token}

    def get_table(self, region: str, params: Params) -> Params:
        """Answer GetTableMetadata."""
        _check_catalog(params["CatalogName"])
        asked = {"DatabaseName": params["DatabaseName"].lower(), "Name": params["TableName"].lower()}
        return {"TableMetadata": _table(self._glue("GetTable", asked, region)["Table"])}

    def _all(self, operation: str, member: str, params: Params, region: str) -> Iterator[Params]:
        answer = self._glue(operation, params, region)
        yield from answer[member]
        while token := answer.get("NextToken"):
            answer = self._glue(operation, {**params, "NextToken": token}, region)
            yield from answer[member]

    def _glue(self, operation: str, params: Params, region: str) -> Params:
        try:
            return self._moto.call("glue", operation, params, region)
        except AwsFault as fault:
            raise AwsFault("MetadataException", fault.message) from fault


def make_default(moto: Moto, region: str) -> None:
    """Create the database `default`, which every account that uses Athena has."""
    try:
        moto.call("glue", "CreateDatabase", {"DatabaseInput": {"Name": "default"}}, region)
    except AwsFault as fault:
        if fault.code != "AlreadyExistsException":
            raise


def _check_catalog(name: str) -> None:
    if name.lower() != _CATALOG.lower():
        message = f"Catalog '{name}' does not exist; the local Athena knows {_CATALOG} alone"
        raise invalid_request(message, "DATACATALOG_NOT_FOUND")


def _matches(expression: str, name: str) -> bool:
    try:
        return re.fullmatch(expression, name, re.IGNORECASE) is not None
    except re.error as error:
        raise invalid_request(f"Expression {expression!r} is not a regular expression: {error}") from error


def _database(database: Params) -> Params:
    return pick(database, ("Name", "Description", "Parameters"))


def _table(table: Params) -> Params:
    columns = table.get("StorageDescriptor", {}).get("Columns", [])
    times = {"CreateTime": table.get("CreateTime"), "LastAccessTime": table.get("LastAccessTime")}
    storage = _storage(table.get("StorageDescriptor", {}))
    return {
        "Name": table["Name"],
        **{name: value for name, value in times.items() if value is not None},
        "TableType": table.get("TableType", ""),
        "Columns": [pick(each, _COLUMN) for each in columns],
        "PartitionKeys": [pick(each, _COLUMN) for each in table.get("PartitionKeys", [])],
        "Parameters": {**table.get("Parameters", {}), **storage},
    }


def _storage(descriptor: Params) -> dict[str, str]:
    """Return where and how a table is stored, which Athena shows among the table's parameters."""
    serde = descriptor.get("SerdeInfo", {})
    shown = {
        "location": descriptor.get("Location"),
        "inputformat": descriptor.get("InputFormat"),
        "outputformat": descriptor.get("OutputFormat"),
        "serde.serialization.lib": serde.get("SerializationLibrary"),
    }
    parameters = {f"serde.param.{key}": value for key, value in serde.get("Parameters", {}).items()}
    return {**{key: value for key, value in shown.items() if value}, **parameters}
