"""Operations on query executions: start, get, list and stop."""

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from local_aws.athena.account import DEFAULT_WORKGROUP, Account, Region
from local_aws.athena.executions import Execution
from local_aws.athena.faults import invalid_request
from local_aws.athena.paging import page
from local_aws.athena.running import Runner
from local_aws.athena.s3 import Objects, bucket_of
from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault

if TYPE_CHECKING:
    from local_aws.athena.submission import Parsed

_NO_OUTPUT = (
    "No output location provided. An output location is required either through the Workgroup result "
    "configuration setting or as an API input."
)
_OWN_LOCATION = (
    "The Create Table As Select query failed because it was submitted with an 'external_location' property "
    "to an Athena Workgroup that enforces a centralized output location for all queries. Please remove the "
    "'external_location' property and resubmit the query."
)
_DEFAULT_REUSE_MINUTES = 60
_MOMENT = 0.1


class Queries:
    """Operations on query executions."""

    def __init__(
        self, account: Account, objects: Objects, runner: Runner, make_default: Callable[[str], None]
    ) -> None:
        self._account = account
        self._make_default = make_default
        self._objects = objects
        self._runner = runner

    def operations(self) -> dict[str, Operation]:
        """Return the operations by AWS's names."""
        return {
            "StartQueryExecution": self.start,
            "GetQueryExecution": self.get,
            "BatchGetQueryExecution": self.get_batch,
            "GetQueryRuntimeStatistics": self.get_statistics,
            "ListQueryExecutions": self.list,
            "StopQueryExecution": self.stop,
        }

    def start(self, region: str, params: Params) -> Params:
        """Answer StartQueryExecution."""
        token = params.get("ClientRequestToken")
        if not token:
            raise invalid_request("clientRequestToken is null or empty")
        with self._account.lock:
            if (known := self._same_token(self._account[region], params)) is not None:
                return {"QueryExecutionId": known.id}
            workgroup = self._account[region].workgroup(params.get("WorkGroup", DEFAULT_WORKGROUP))
        if "default" not in self._account[region].made:
            self._make_default(region)
            self._account[region].made["default"] = region
        execution = self._execution(region, params, workgroup)
        with self._account.lock:
            here = self._account[region]
            if (known := self._same_token(here, params)) is not None:
                return {"QueryExecutionId": known.id}
            here.executions[execution.id] = execution
            here.tokens[token] = execution.id
            reused = self._reuse(here, execution)
            here.forget_oldest()
        if not reused:
            self._runner.submit(execution)
        return {"QueryExecutionId": execution.id}

    def _execution(self, region: str, params: Params, workgroup: Params) -> Execution:
        if workgroup["State"] != "ENABLED":
            raise invalid_request(f"WorkGroup {workgroup['Name']} is disabled.")
        configuration = workgroup["Configuration"]
        chosen = _result_configuration(params, configuration)
        managed = bool(configuration.get("ManagedQueryResultsConfiguration", {}).get("Enabled"))
        base = self._objects.make_managed_folder() if managed else self._output_location(chosen)
        parsed = self._parse(params["QueryString"])
        if configuration.get("EnforceWorkGroupConfiguration") and self._names_location(
            region, workgroup["Name"], parsed
        ):
            raise invalid_request(_OWN_LOCATION)
        return Execution(
            id=str(uuid.uuid4()),
            region=region,
            request={**params, "ResultConfiguration": chosen},
            workgroup=workgroup["Name"],
            base=base,
            statement_type=parsed.statement_type,
            substatement=parsed.substatement,
            statement=parsed.statement,
            bytes_limit=configuration.get("BytesScannedCutoffPerQuery"),
            token=params["ClientRequestToken"],
            asked_location=params.get("ResultConfiguration", {}).get("OutputLocation"),
            managed=managed,
        )

    def _output_location(self, configuration: Params) -> str:
        location = str(configuration.get("OutputLocation", ""))
        if not location:
            raise invalid_request(_NO_OUTPUT)
        if not location.startswith("s3://") or not bucket_of(location):
            raise invalid_request("outputLocation is not a valid S3 path.")
        if not self._objects.has_bucket(location):
            raise invalid_request(f"Unable to verify/create output bucket {bucket_of(location)}")
        return location.rstrip("/") + "/"

    def _names_location(self, region: str, workgroup: str, parsed: "Parsed") -> bool:
        """Tell whether a statement names the folder of its table, also if it is a prepared one."""
        if not parsed.executes:
            return parsed.names_location
        with self._account.lock:
            prepared = self._account[region].prepared.get((workgroup, parsed.executes))
        return prepared is not None and self._parse(prepared["QueryStatement"]).names_location

    def _parse(self, sql: str) -> "Parsed":
        engine = self._runner.engine
        from local_aws.athena.failures import AthenaFailure

        try:
            return engine.parse(sql)
        except AthenaFailure as failure:
            message = failure.message.removeprefix("SYNTAX_ERROR: ")
            raise invalid_request(message, "MALFORMED_QUERY") from failure

    def _same_token(self, here: Region, params: Params) -> Execution | None:
        """Return the execution that an earlier copy of the same request started."""
        known = here.executions.get(here.tokens.get(params["ClientRequestToken"], ""))
        if known is None:
            return None
        asked = params.get("ResultConfiguration", {}).get("OutputLocation")
        contexts = [each.get("QueryExecutionContext", {}) for each in (known.request, params)]
        databases = [each.get("Database") for each in contexts]
        same = known.sql == params["QueryString"] and known.asked_location == asked
        if not same or databases[0] != databases[1]:
            raise invalid_request("Idempotent parameters do not match", "IDEMPOTENT_PARAMETER_MISMATCH")
        return known

    def _reuse(self, here: Region, execution: Execution) -> bool:
        """End an execution with the result of an earlier one, if that is allowed and there is one."""
        wanted = execution.request.get("ResultReuseConfiguration", {}).get(
            "ResultReuseByAgeConfiguration", {}
        )
        if not wanted.get("Enabled") or execution.substatement != "SELECT":
            return False
        oldest = time.time() - 60 * wanted.get("MaxAgeInMinutes", _DEFAULT_REUSE_MINUTES)
        for earlier in reversed(list(here.executions.values())):
            if (
                earlier.can_answer(execution, oldest)
                and self._objects.etag(earlier.output_location) is not None
            ):
                execution.take_result_of(earlier)
                return True
        return False

    def get(self, region: str, params: Params) -> Params:
        """Answer GetQueryExecution, as soon as the query has ended, but after a moment at the latest.

        Most clients ask at once, and then wait for long before they ask again.
        """
        with self._account.lock:
            execution = self._account[region].execution(params["QueryExecutionId"])
            runs = not execution.is_final
        if runs:
            execution.finished.wait(_MOMENT)
        with self._account.lock:
            return {"QueryExecution": execution.describe()}

    def get_batch(self, region: str, params: Params) -> Params:
        """Answer BatchGetQueryExecution."""
        found, missing = [], []
        with self._account.lock:
            here = self._account[region]
            for execution_id in params["QueryExecutionIds"]:
                try:
                    found.append(here.execution(execution_id).describe())
                except AwsFault as fault:
                    missing.append(
                        {
                            "QueryExecutionId": execution_id,
                            "ErrorCode": fault.details["AthenaErrorCode"],
                            "ErrorMessage": fault.message,
                        }
                    )
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}

    def get_statistics(self, region: str, params: Params) -> Params:
        """Answer GetQueryRuntimeStatistics. There are no stages: DuckDB runs a query as a whole."""
        with self._account.lock:
            execution = self._account[region].execution(params["QueryExecutionId"])
            rows = {
                "InputBytes": execution.scanned_bytes,
                "OutputRows": execution.output_rows,
                "OutputBytes": execution.output_bytes,
            }
            return {"QueryRuntimeStatistics": {"Timeline": execution.timeline(), "Rows": rows}}

    def list(self, region: str, params: Params) -> Params:
        """Answer ListQueryExecutions, the newest execution first."""
        with self._account.lock:
            here = self._account[region]
            name = here.workgroup(params.get("WorkGroup", DEFAULT_WORKGROUP))["Name"]
            mine = [each for each in here.executions.values() if each.workgroup == name]
            shown, token = page(mine, lambda each: each.newest_first, params)
        return {"QueryExecutionIds": [each.id for each in shown], "NextToken": token}

    def stop(self, region: str, params: Params) -> Params:
        """Answer StopQueryExecution. An execution that has ended stays as it is."""
        with self._account.lock:
            execution = self._account[region].execution(params["QueryExecutionId"])
        self._runner.stop(execution)
        return {}


def _result_configuration(params: Params, workgroup: Params) -> Params:
    """Complete the client's settings by the workgroup's; only the latter count if they are enforced."""
    theirs = workgroup.get("ResultConfiguration", {})
    if workgroup.get("EnforceWorkGroupConfiguration"):
        return dict(theirs)
    return {**theirs, **params.get("ResultConfiguration", {})}
