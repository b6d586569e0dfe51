"""Glue: moto answers what the table of operations has, and everything else is refused."""

import json
import logging
import threading
from http import HTTPStatus
from zlib import crc32

from local_aws.protocol.aws_json import Params, TabledService, make_fault_response, parse_parameters
from local_aws.protocol.messages import AwsFault, Request, Response
from local_aws.protocol.moto_app import Moto

_PREFIX = "AWSGlue"
_CONTENT_TYPE = "application/x-amz-json-1.1"
_MOST_FOUND = 1000
_log = logging.getLogger(__name__)


class Glue(TabledService):
    """The service of Glue.

    Args:
        moto: Answers the operations that are not refused.
        region: The region of requests that are not signed.
    """

    def __init__(self, moto: Moto, region: str) -> None:
        super().__init__("glue", _PREFIX, {}, region)
        self._moto = moto
        self._updates = threading.Lock()

    def answer(self, operation: str, request: Request) -> Response:
        """Let moto answer a request that the service model allows."""
        try:
            params = parse_parameters(request)
            self._validate(operation, params)
            if operation == "UpdateTable":
                return self._update_table(request, params)
            if operation == "SearchTables":
                return self._search_tables(request, params)
        except AwsFault as fault:
            return make_fault_response(fault)
        response = self._hand_on(operation, request)
        if operation == "GetPartitions" and "Segment" in params and response.status == HTTPStatus.OK:
            return _choose_segment(response, params["Segment"])
        return response

    def _update_table(self, request: Request, params: Params) -> Response:
        """Update a table if its version is the one that the request names. moto updates any."""
        if "TableInput" not in params:
            raise AwsFault("InvalidInputException", "TableInput is required.")
        table = {"DatabaseName": params["DatabaseName"], "Name": params["TableInput"]["Name"]}
        with self._updates:
            current = self._moto.call("glue", "GetTable", table, request.region)["Table"]["VersionId"]
            if params.get("VersionId", current) != current:
                raise AwsFault(
                    "ConcurrentModificationException", "Update table failed due to concurrent modifications."
                )
            response = self._hand_on("UpdateTable", request)
            if params.get("SkipArchive") and response.status == HTTPStatus.OK:
                version = {
                    "DatabaseName": table["DatabaseName"],
                    "TableName": table["Name"],
                    "VersionId": current,
                }
                self._moto.call("glue", "DeleteTableVersion", version, request.region)
            return response

    def _search_tables(self, request: Request, params: Params) -> Response:
        """List the tables whose description has a text. moto does not know the operation."""
        wanted = params.get("SearchText", "").strip('"').lower()
        databases = self._moto.call("glue", "GetDatabases", {}, request.region)["DatabaseList"]
        tables = [
            table
            for database in databases
            for table in self._moto.call(
                "glue", "GetTables", {"DatabaseName": database["Name"]}, request.region
            )["TableList"]
        ]
        found = sorted(
            (table for table in tables if wanted in json.dumps(table, default=str).lower()),
            key=lambda table: (table["DatabaseName"], table["Name"]),
        )
        start = int(params.get("NextToken", 0))
        end = start + params.get("MaxResults", _MOST_FOUND)
        token = {"NextToken": str(end)} if end < len(found) else {}
        return Response.of_json(200, {"TableList": found[start:end], **token}, _CONTENT_TYPE)

    def _hand_on(self, operation: str, request: Request) -> Response:
        headers = {name: request.headers.get(name, "") for name in ("content-type", "x-amz-target")}
        try:
            answer = self._moto.request(
                request.method,
                request.path,
                service=self.name,
                region=request.region,
                headers=headers,
                body=request.body,
            )
        except Exception:  # noqa: BLE001 - moto has not all of what Glue can do
            _log.exception("moto failed: %s", operation)
            return make_fault_response(self.refuse(f"{operation} with these parameters"))
        return Response(answer.status, answer.headers, answer.body)


def _choose_segment(response: Response, segment: Params) -> Response:
    """Keep the partitions of one segment, where moto lists those of all."""
    answer = json.loads(response.body)
    answer["Partitions"] = [
        partition
        for partition in answer["Partitions"]
        if crc32("/".join(partition["Values"]).encode()) % segment["TotalSegments"]
        == segment["SegmentNumber"]
    ]
    return Response.of_json(response.status, answer, _CONTENT_TYPE)
