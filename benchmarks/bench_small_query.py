"""How long the local Athena takes for a small query, next to DuckDB alone.

One side starts the query, waits for it and reads its rows, as a client does but without HTTP. It reads the
SQL, translates it, runs it and writes the result file. The other side is the same query in DuckDB's own SQL
on an open connection.
"""

import argparse
import json
import time
import uuid
from pathlib import Path
from typing import Any

import duckdb
from common import in_turn, judge, ratio_of, row, spread, workshop
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from local_aws.athena.service import Athena
from local_aws.protocol.messages import Request
from local_aws.protocol.moto_app import Moto

GOAL = 15.0
REGION, BUCKET = "eu-west-1", "results"
SQL = """
    WITH t AS (SELECT * FROM (VALUES (1, 'a', 1.5e0), (2, 'b', 2.5e0), (3, 'a', NULL)) AS v (id, name, price))
    SELECT name, count(*) AS n, sum(price) AS total, max(CASE WHEN id > 1 THEN id ELSE 0 END) AS last
    FROM t WHERE id IN (1, 2, 3) AND name LIKE '%' GROUP BY name HAVING count(*) > 0 ORDER BY name LIMIT 10
"""


class Client:
    """Calls operations of a local Athena in this process."""

    def __init__(self, folder: Path) -> None:
        moto = Moto(DomainDispatcherApplication(create_backend_app), REGION)
        place = f"<LocationConstraint>{REGION}</LocationConstraint>"
        body = f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>".encode()
        moto.request("PUT", f"/{BUCKET}", region=REGION, body=body)
        self.athena = Athena(moto, folder, REGION)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Send one request and return the answer."""
        headers = {"x-amz-target": f"AmazonAthena.{operation}"}
        request = Request("POST", "/", headers, json.dumps(params).encode(), "athena", REGION)
        response = self.athena.services[0].handle(request)
        answer: dict[str, Any] = json.loads(response.body)
        if response.status != 200:
            raise RuntimeError(answer)
        return answer

    def query(self, sql: str) -> float:
        """Run a query to its rows and return the seconds that this took."""
        began = time.perf_counter()
        execution = self.call(
            "StartQueryExecution",
            QueryString=sql,
            ClientRequestToken=str(uuid.uuid4()),
            ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/"},
        )["QueryExecutionId"]
        state = "QUEUED"
        while state in {"QUEUED", "RUNNING"}:
            time.sleep(0.0005)
            status = self.call("GetQueryExecution", QueryExecutionId=execution)["QueryExecution"]["Status"]
            state = status["State"]
        if state != "SUCCEEDED":
            raise RuntimeError(status)
        self.call("GetQueryResults", QueryExecutionId=execution)
        return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=60)
    runs = options.parse_args().runs
    with workshop() as folder, duckdb.connect() as connection:
        client = Client(folder)

        def plain() -> float:
            began = time.perf_counter()
            connection.execute(SQL).fetchall()
            return time.perf_counter() - began

        client.query(SQL)
        pairs = in_turn(lambda: client.query(SQL), plain, runs)
        client.athena.close()
    print("A query of a few rows: a WITH, a GROUP BY, a CASE, an ORDER BY")
    row("local Athena", spread([one for one, _ in pairs]))
    row("DuckDB alone", spread([other for _, other in pairs]))
    judge(ratio_of(pairs), GOAL)


if __name__ == "__main__":
    main()
