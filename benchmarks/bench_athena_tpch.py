"""The 22 queries of TPC-H through the local Athena, next to DuckDB alone over the same Parquet files.

One side starts a query with boto3, waits for it and reads the CSV file of its result by HTTP, as PyAthena and
awswrangler do. The other side is the same query, in DuckDB's own SQL, on an open connection of this process.
Tables and queries come from DuckDB's extension for TPC-H; pip puts it, and the DuckDB that it is built for,
into a folder of its own.

With `--cpu` both sides run in this process, and the time is that of its processors: what the translation
costs, on a machine that is busy with other things. S3, HTTP and the CSV file are left out then.
"""

import argparse
import csv
import io
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from common import in_turn, ratio_of, row, spread, verdict, workshop

import local_aws
from local_aws.trino import Column, Relation, TableName, parse, prepare, translate

GOAL = 1.3
REGION, BUCKET, DATABASE = "eu-west-1", "lake", "tpch"
EXTENSION = ("duckdb==1.5.5", "duckdb-extension-tpch==1.5.5")
_POLL_SECONDS = 0.01  # asked more often, the client and the server take the processors from the query
MAKE = """
import json, sys
from pathlib import Path
import duckdb, duckdb_extension_tpch
folder, scale = Path(sys.argv[1]), sys.argv[2]
(extension,) = Path(duckdb_extension_tpch.__file__).parent.rglob("tpch.duckdb_extension")
connection = duckdb.connect()
connection.execute(f"LOAD '{extension}'")
connection.execute(f"CALL dbgen(sf={scale})")
for (table,) in connection.execute("SHOW TABLES").fetchall():
    connection.execute(f"COPY {table} TO '{folder / table}.parquet'")
queries = [sql for _, sql in connection.execute("FROM tpch_queries()").fetchall()]
(folder / "queries.json").write_text(json.dumps(queries))
"""


def make_data(folder: Path, scale: str) -> None:
    """Write the tables and the queries of TPC-H."""
    packages = folder / "packages"
    packages.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(packages), *EXTENSION]
    subprocess.run(pip, check=True)
    subprocess.run(
        [sys.executable, "-c", MAKE, str(folder), scale], check=True, env={"PYTHONPATH": str(packages)}
    )


class Cloud:
    """A local AWS with the tables.

    Args:
        folder: Where its state goes.
        data: The folder of the Parquet files.
    """

    def __init__(self, folder: Path, data: Path) -> None:
        aws, _ = local_aws.start(folder / ".kedro-aws", region=REGION)
        self._athena: Any = aws.client("athena")
        self._s3: Any = aws.client("s3")
        self._s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        aws.client("glue").create_database(DatabaseInput={"Name": DATABASE})
        for path in sorted(data.glob("*.parquet")):
            self._s3.upload_file(str(path), BUCKET, f"{path.stem}/{path.name}")
            self.query(_write_ddl(path))

    def query(self, sql: str) -> list[list[str]]:
        """Run a query and read its rows."""
        started = self._athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": DATABASE},
            ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/results/"},
        )
        query = {"QueryExecutionId": started["QueryExecutionId"]}
        state = "QUEUED"
        while state in {"QUEUED", "RUNNING"}:
            time.sleep(_POLL_SECONDS)
            execution = self._athena.get_query_execution(**query)["QueryExecution"]
            state = execution["Status"]["State"]
        if state != "SUCCEEDED":
            sys.exit(f"{sql}\n{execution['Status']['StateChangeReason']}")
        bucket, _, key = (
            execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
        )
        body = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return list(csv.reader(io.StringIO(body.decode())))[1:]


def _write_ddl(path: Path) -> str:
    kinds = {"varchar": "string", "integer": "int"}
    described = duckdb.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
    columns = (f"{name} {kinds.get(kind.lower(), kind.lower())}" for name, kind, *_ in described)
    location = f"s3://{BUCKET}/{path.stem}/"
    return f"CREATE EXTERNAL TABLE {path.stem} ({', '.join(columns)}) STORED AS PARQUET LOCATION '{location}'"


class Translations:
    """The local Athena's translation on a DuckDB of this process.

    Args:
        data: The folder of the Parquet files.
    """

    def __init__(self, data: Path) -> None:
        self._connection = duckdb.connect()
        prepare(self._connection)
        self._relations = {
            TableName(None, None, path.stem): Relation(f"read_parquet('{path}')", _columns(path))
            for path in sorted(data.glob("*.parquet"))
        }

    def query(self, sql: str) -> list[Any]:
        """Run a query and return its rows."""
        query = parse(sql)
        translated = translate(query, {name: self._relations[name] for name in query.tables})
        return self._connection.execute(translated.sql).fetchall()


def _columns(path: Path) -> tuple[Column, ...]:
    described = duckdb.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
    return tuple(Column(name, kind.lower().replace(" ", "")) for name, kind, *_ in described)


def measure(
    ours: Cloud | Translations, alone: duckdb.DuckDBPyConnection, sql: str, pairs: int
) -> list[tuple[float, float]]:
    """Measure one query on both sides in turn; both must answer as many rows and the same first row."""
    answers = set()
    clock = time.perf_counter if isinstance(ours, Cloud) else time.process_time

    def time_it(run: Callable[[], Sequence[Sequence[object]]]) -> float:
        began = clock()
        rows = run()  # a row of one NULL is an empty line of the CSV file, which is read as no field
        taken = clock() - began
        answers.add((len(rows), tuple(map(_round, rows[0] or [""])) if rows else ()))
        return taken

    def run_alone() -> list[Any]:
        return alone.execute(sql).fetchall()

    measured = in_turn(lambda: time_it(partial(ours.query, sql)), lambda: time_it(partial(run_alone)), pairs)
    if len(answers) != 1:
        sys.exit(f"{sql}\nThe sides answer differently: {answers}")
    return measured


def _round(value: object) -> object:
    # A CSV file has texts. The average of a DECIMAL(15,2) has two digits on Athena and is a DOUBLE in DuckDB.
    try:
        return f"{round(float(str(value)), 2):.9g}"
    except ValueError:
        return "" if value is None else str(value)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scale", default="1", help="TPC-H's scale factor")
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--data", type=Path, help="a folder to keep tables and queries in")
    options.add_argument("--cpu", action="store_true", help="compare processor time, in one process")
    options.add_argument("--only", type=int, nargs="+", help="the numbers of the queries")
    chosen = options.parse_args()
    with workshop() as folder, duckdb.connect() as alone:
        data = chosen.data or folder / "data"
        if not (data / "queries.json").exists():
            make_data(data, chosen.scale)
        ours = Translations(data) if chosen.cpu else Cloud(folder, data)
        for path in data.glob("*.parquet"):
            alone.execute(f"CREATE VIEW {path.stem} AS FROM read_parquet('{path}')")
        ratios = []
        for number, sql in enumerate(json.loads((data / "queries.json").read_text()), 1):
            if chosen.only and number not in chosen.only:
                continue
            plain = re.sub(r"GROUP BY\s+supplier_no", "GROUP BY l_suppkey", sql).strip().removesuffix(";")
            pairs = measure(ours, alone, plain, chosen.pairs)
            ratio = ratio_of(pairs)
            ratios.append(ratio.median)
            row(f"query {number}, local Athena", spread([mine for mine, _ in pairs]))
            row(f"query {number}, DuckDB alone", spread([theirs for _, theirs in pairs]))
            row(f"query {number}, ratio", str(ratio))
    row("geometric mean", f"{statistics.geometric_mean(ratios):.3f}x of {len(ratios)} queries")
    verdict(statistics.geometric_mean(ratios), GOAL)


if __name__ == "__main__":
    main()
