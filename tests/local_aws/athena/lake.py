"""A data lake of moto's S3 and Glue, and an engine over it: short ways to what its tests need."""

import io
import threading
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local_aws.athena.engine import AthenaFailure, Engine, Outcome, Submission
from local_aws.protocol.moto_app import Moto

LAKE = "lake"
OUT = f"s3://{LAKE}/results/"
PEOPLE = """(
    select cast(id as integer) as id, name, cast(amount as decimal(8,2)) as amount, day
    from (values (1, 'ann', 1.5, date '2024-01-01'), (2, 'bob', 2.25, date '2024-01-02'),
                 (3, 'cy', null, null)) as t (id, name, amount, day)
)"""


@dataclass
class Result:
    """An outcome whose rows are read."""

    outcome: Outcome
    rows: list[tuple[str | None, ...]]

    @property
    def types(self) -> dict[str, str]:
        return {column.name: column.type for column in self.outcome.columns}

    @property
    def lines(self) -> list[str | None]:
        """The first column."""
        return [row[0] for row in self.rows]

    @property
    def scanned(self) -> int:
        return self.outcome.scanned_bytes

    @property
    def written(self) -> list[str]:
        """Keys of what was written."""
        return [uri.removeprefix(f"s3://{LAKE}/") for uri in self.outcome.written or ()]


@dataclass
class Lake:
    """The bucket `lake`, the database `db`, and an engine."""

    moto: Moto
    engine: Engine

    def put(self, key: str, body: bytes | str) -> None:
        data = body if isinstance(body, bytes) else body.encode()
        assert self.moto.request("PUT", f"/{LAKE}/{quote(key)}", body=data).status == 200

    def get(self, key: str) -> bytes:
        answer = self.moto.request("GET", f"/{LAKE}/{quote(key)}")
        assert answer.status == 200, key
        return answer.body

    def keys(self, prefix: str) -> list[str]:
        return [found.key for found in self.engine._storage.list_objects(f"s3://{LAKE}/{prefix}")]

    def parquet(self, key: str, **columns: Any) -> None:
        """An object with a Parquet table of these columns."""
        self.put(key, parquet(pa.table(columns)))

    def table(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.moto.call("glue", "GetTable", {"DatabaseName": "db", "Name": name})
        return dict(found["Table"])

    def submission(self, sql: str, **others: Any) -> Submission:
        return Submission(
            sql, **{"execution_id": str(uuid.uuid4()), "database": "db", "output_location": OUT, **others}
        )

    def run(self, sql: str, **others: Any) -> Result:
        outcome = self.engine.run(self.submission(sql, **others), threading.Event())
        return Result(outcome, list(outcome.rows))

    def rows(self, sql: str, **others: Any) -> list[tuple[str | None, ...]]:
        return self.run(sql, **others).rows

    def fails(self, sql: str, **others: Any) -> str:
        """The message of the failure that the statement must meet; nothing may be left behind."""
        with pytest.raises(AthenaFailure) as caught:
            self.run(sql, **others)
        assert not list((self.engine._workdir / "queries").glob("*"))
        return caught.value.message


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
