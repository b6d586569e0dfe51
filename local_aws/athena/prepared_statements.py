"""Prepared statements, made by the API or by PREPARE."""

from collections.abc import Mapping

from local_aws.athena.account import Account, Region
from local_aws.athena.executions import Execution
from local_aws.athena.faults import invalid_request
from local_aws.athena.paging import page
from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.clock import now
from local_aws.protocol.messages import AwsFault

_SHOWN = ("StatementName", "QueryStatement", "WorkGroupName", "Description", "LastModifiedTime")


class PreparedStatements:
    """Operations on prepared statements; each belongs to a workgroup."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def operations(self) -> dict[str, Operation]:
        """Return the operations by AWS's names."""
        return {
            "CreatePreparedStatement": self.create,
            "GetPreparedStatement": self.get,
            "BatchGetPreparedStatement": self.get_batch,
            "ListPreparedStatements": self.list,
            "UpdatePreparedStatement": self.update,
            "DeletePreparedStatement": self.delete,
        }

    def create(self, region: str, params: Params) -> Params:
        """Answer CreatePreparedStatement."""
        with self._account.lock:
            here = self._account[region]
            key = (params["WorkGroup"], params["StatementName"])
            here.workgroup(key[0])
            if key in here.prepared:
                raise invalid_request(f"Prepared Statement {key[1]} already exists")
            here.prepared[key] = _statement(params)
            return {}

    def get(self, region: str, params: Params) -> Params:
        """Answer GetPreparedStatement."""
        with self._account.lock:
            return {"PreparedStatement": _find(self._account[region], params)}

    def get_batch(self, region: str, params: Params) -> Params:
        """Answer BatchGetPreparedStatement."""
        found, missing = [], []
        with self._account.lock:
            here = self._account[region]
            here.workgroup(params["WorkGroup"])
            for name in params["PreparedStatementNames"]:
                try:
                    found.append(_find(here, {"WorkGroup": params["WorkGroup"], "StatementName": name}))
                except AwsFault as fault:
                    missing.append(
                        {"StatementName": name, "ErrorCode": "NOT_FOUND", "ErrorMessage": fault.message}
                    )
        return {"PreparedStatements": found, "UnprocessedPreparedStatementNames": missing}

    def list(self, region: str, params: Params) -> Params:
        """Answer ListPreparedStatements."""
        with self._account.lock:
            here = self._account[region]
            here.workgroup(params["WorkGroup"])
            mine = [each for (group, _), each in here.prepared.items() if group == params["WorkGroup"]]
            shown, token = page(mine, lambda each: str(each["StatementName"]), params)
        names = ("StatementName", "LastModifiedTime")
        return {
            "PreparedStatements": [{name: each[name] for name in names} for each in shown],
            "NextToken": token,
        }

    def update(self, region: str, params: Params) -> Params:
        """Answer UpdatePreparedStatement."""
        with self._account.lock:
            _find(self._account[region], params).update(_statement(params))
            return {}

    def delete(self, region: str, params: Params) -> Params:
        """Answer DeletePreparedStatement."""
        with self._account.lock:
            here = self._account[region]
            _find(here, params)
            del here.prepared[params["WorkGroup"], params["StatementName"]]
            return {}

    def of_workgroup(self, region: str, workgroup: str) -> Mapping[str, str]:
        """Return the statements of a workgroup, for EXECUTE."""
        with self._account.lock:
            prepared = self._account[region].prepared.items()
            return {name: each["QueryStatement"] for (group, name), each in prepared if group == workgroup}

    def keep(self, execution: Execution, name: str, sql: str | None) -> None:
        """Store the statement of PREPARE, or delete that of DEALLOCATE PREPARE, which has no SQL."""
        params = {"WorkGroup": execution.workgroup, "StatementName": name, "QueryStatement": sql}
        with self._account.lock:
            if sql is None:
                self.delete(execution.region, params)
            else:
                self._account[execution.region].prepared[execution.workgroup, name] = _statement(params)


def _statement(params: Params) -> Params:
    statement = {**params, "WorkGroupName": params["WorkGroup"], "LastModifiedTime": now()}
    return {name: statement[name] for name in _SHOWN if name in statement}


def _find(here: Region, params: Params) -> Params:
    here.workgroup(params["WorkGroup"])
    key = (params["WorkGroup"], params["StatementName"])
    if key not in here.prepared:
        raise AwsFault(
            "ResourceNotFoundException",
            f"PreparedStatement {key[1]} was not found",
            details={"ResourceName": key[1]},
        )
    return here.prepared[key]
