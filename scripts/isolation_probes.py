"""What the project of isolation_matrix.py does with each library. It is a module of that project."""

import http.client
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3  # noqa: TID251 - what a project's own code does
from botocore.config import Config  # noqa: TID251

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=20)
BUCKET = "matrix-data"
_resolve = socket.getaddrinfo


def early_client() -> Any:
    """A client as settings.py makes it when it is imported: before the AWS is chosen."""
    return boto3.client("s3", config=ONCE, region_name=os.environ.get("AWS_REGION", "eu-west-1"))


def read_counts() -> list[list[str]]:
    """What the counter has counted so far."""
    connection = http.client.HTTPConnection(urlsplit(os.environ["MATRIX_COUNTS"]).netloc, timeout=10)
    connection.request("GET", "/matrix-counts")
    found: list[list[str]] = json.loads(connection.getresponse().read())
    connection.close()
    return found


def count_names(host: Any, *rest: Any, **options: Any) -> Any:
    """Python's resolver, which counts the names of others where there is no name server that does."""
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name.endswith((".com", ".aws", ".cn", ".invalid")) and os.environ.get("MATRIX_RESOLVER") == "python":
        connection = http.client.HTTPConnection(urlsplit(os.environ["MATRIX_COUNTS"]).netloc, timeout=10)
        connection.request("GET", f"/matrix-left/{name}")
        connection.getresponse().read()
    return _resolve(host, *rest, **options)


def open_catalog() -> Any:
    """The catalog of another session of the project, since a node is not given its own."""
    from kedro.framework.session import KedroSession

    return KedroSession.create(Path.cwd(), env=os.environ["MATRIX_ENV"]).load_context().catalog


def ask_boto3(_: Any) -> str:
    """A client made now, and one made earlier that names AWS's own endpoint."""
    said = [attempt(lambda: str(len(boto3.client("s3", config=ONCE).list_buckets()["Buckets"])))]
    named = boto3.client("s3", config=ONCE, endpoint_url="https://s3.eu-west-1.amazonaws.com")
    pointed = boto3.client("s3", config=ONCE, endpoint_url=os.environ["MATRIX_COUNTS"])
    others = [EARLY, named]
    if os.environ["MATRIX_ENV"] == "aws" and os.environ.get("HTTPS_PROXY"):  # the hostile shell's endpoint
        others.append(pointed)
    said += [attempt(lambda each=client: str(each.list_buckets())) for client in others]  # type: ignore[misc]
    return " | ".join(said)


def ask_awswrangler(_: Any) -> str:
    """Read a file with awswrangler."""
    import awswrangler

    return str(len(awswrangler.s3.read_csv(f"s3://{BUCKET}/data/raw/table.csv")))


def ask_pyarrow(_: Any) -> str:
    """Ask for a file with pyarrow's file system, made by hand."""
    from pyarrow import fs

    patient = fs.AwsStandardS3RetryStrategy(max_attempts=1)
    files = fs.S3FileSystem(connect_timeout=3, request_timeout=20, retry_strategy=patient)
    return str(files.get_file_info(f"{BUCKET}/data/raw/table.csv").size)


def ask_spark(_: Any) -> str:
    """Read a file with Spark."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    return str(spark.read.option("header", "true").csv(f"s3a://{BUCKET}/data/raw/table.csv").count())


def ask_sagemaker(_: Any) -> str:
    """Ask for the account as the SDK does, and let it send its telemetry."""
    from sagemaker.core.helper.session_helper import Session  # type: ignore[import-untyped]
    from sagemaker.core.telemetry import telemetry_logging  # type: ignore[import-untyped]

    session = Session()
    sent = telemetry_logging._send_telemetry_request(1, [16], session, None, None, "")
    if sent is not None:
        sent.join()
    return str(session.account_id())


PROBES: dict[str, Callable[[Any], str]] = {
    "catalog": lambda catalog: str(len(catalog.load("table"))),
    "athena": lambda catalog: str(len(catalog.load("query"))),
    "boto3": ask_boto3,
    "awswrangler": ask_awswrangler,
    "pyarrow": ask_pyarrow,
    "spark": ask_spark,
    "sagemaker": ask_sagemaker,
}


def attempt(action: Callable[[], str]) -> str:
    """What an action says, or the first line of its error."""
    try:
        return action()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is what the cell says
        lines = [line for line in str(error).splitlines() if line.strip()]
        return f"{type(error).__name__}: {' '.join(lines)[-200:]}"


def probe(catalog: Any = None) -> dict[str, Any]:
    """Ask with each library, and write down what was counted meanwhile."""
    found: dict[str, Any] = {}
    wanted = os.environ["MATRIX_LIBRARIES"].split(",")
    if catalog is None and os.environ["MATRIX_DRIVER"] == "viz":  # its process loads previews by itself
        wanted = [each for each in wanted if each not in ("catalog", "athena", "spark")]
    elif catalog is None:
        catalog = open_catalog()
    for name in wanted:
        left, reached = read_counts()
        said = attempt(lambda name=name: PROBES[name](catalog))  # type: ignore[misc]
        now = read_counts()
        found[name] = {"said": said, "left": now[0][len(left) :], "reached": now[1][len(reached) :]}
    Path(os.environ["MATRIX_RESULT"]).write_text(json.dumps(found), encoding="utf-8")
    return found


socket.getaddrinfo = count_names
EARLY = early_client()
