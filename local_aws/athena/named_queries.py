"""Named queries: SQL that a workgroup stores."""

import uuid

from local_aws.athena.account import DEFAULT_WORKGROUP, Account, Region
from local_aws.athena.faults import invalid_request
from local_aws.athena.paging import page
from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.resources import pick

_SHOWN = ("NamedQueryId", "Name", "Description", "Database", "QueryString", "WorkGroup")


class NamedQueries:
    """Operations on named queries."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def operations(self) -> dict[str, Operation]:
        """Return the operations by AWS's names."""
        return {
            "CreateNamedQuery": self.create,
            "GetNamedQuery": self.get,
            "BatchGetNamedQuery": self.get_batch,
            "ListNamedQueries": self.list,
            "UpdateNamedQuery": self.update,
            "DeleteNamedQuery": self.delete,
        }

    def create(self, region: str, params: Params) -> Params:
        """Answer CreateNamedQuery."""
        with self._account.lock:
            here = self._account[region]
            here.workgroup(params.get("WorkGroup", DEFAULT_WORKGROUP))
            if (known := _same_token(here, params)) is not None:
                return {"NamedQueryId": known["NamedQueryId"]}
            query = {"WorkGroup": DEFAULT_WORKGROUP, **params, "NamedQueryId": str(uuid.uuid4())}
            here.named_queries[query["NamedQueryId"]] = query
            return {"NamedQueryId": query["NamedQueryId"]}

    def get(self, region: str, params: Params) -> Params:
        """Answer GetNamedQuery."""
        with self._account.lock:
            return {"NamedQuery": pick(_find(self._account[region], params["NamedQueryId"]), _SHOWN)}

    def get_batch(self, region: str, params: Params) -> Params:
        """Answer BatchGetNamedQuery."""
        found, missing = [], []
        with self._account.lock:
            here = self._account[region]
            for query_id in params["NamedQueryIds"]:
                try:
                    found.append(pick(_find(here, query_id), _SHOWN))
                except AwsFault as fault:
                    missing.append(
                        {
                            "NamedQueryId": query_id,
                            "ErrorCode": fault.details["AthenaErrorCode"],
                            "ErrorMessage": fault.message,
                        }
                    )
        return {"NamedQueries": found, "UnprocessedNamedQueryIds": missing}

    def list(self, region: str, params: Params) -> Params:
        """Answer ListNamedQueries."""
        with self._account.lock:
            here = self._account[region]
            name = here.workgroup(params.get("WorkGroup", DEFAULT_WORKGROUP))["Name"]
            mine = [key for key, each in here.named_queries.items() if each["WorkGroup"] == name]
        shown, token = page(mine, str, params)
        return {"NamedQueryIds": shown, "NextToken": token}

    def update(self, region: str, params: Params) -> Params:
        """Answer UpdateNamedQuery."""
        with self._account.lock:
            query = _find(self._account[region], params["NamedQueryId"])
            query.update(pick(params, ("Name", "Description", "QueryString")))
            return {}

    def delete(self, region: str, params: Params) -> Params:
        """Answer DeleteNamedQuery."""
        with self._account.lock:
            here = self._account[region]
            _find(here, params["NamedQueryId"])
            del here.named_queries[params["NamedQueryId"]]
            return {}


def _find(here: Region, query_id: str) -> Params:
    if query_id not in here.named_queries:
        raise invalid_request(f"NamedQuery {query_id} was not found", "NAMED_QUERY_NOT_FOUND")
    return here.named_queries[query_id]


def _same_token(here: Region, params: Params) -> Params | None:
    """Return the query that an earlier copy of the same request created."""
    token = params.get("ClientRequestToken")
    for query in here.named_queries.values():
        if token is not None and query.get("ClientRequestToken") == token:
            if any(query[key] != value for key, value in params.items()):
                raise invalid_request("Idempotent parameters do not match", "IDEMPOTENT_PARAMETER_MISMATCH")
            return query
    return None
