"""Run what S3A does with the jars that `kedro aws spark-jars` names, for one or more lines of pyspark.

    python scripts/spark_jars_matrix.py                      # the installed pyspark
    python scripts/spark_jars_matrix.py --only 4.2.1 4.3.0   # fetches another (450 MB) into .cache/pyspark

Prints the table that docs/guides/spark-on-s3.md reports. Each row is a fresh process with that pyspark, whose
jars Spark fetches by `spark.jars.packages` into a cache of its own. S3 is the local AWS, and a moto with TLS:
the SDK's two HTTP clients run on Spark's own netty and httpclient, not on the versions they were built with.
"""

import argparse
import datetime
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.spark.java import find_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    import local_aws

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache"
LINES = (version("pyspark"),)
BUCKET, BUCKET_TLS = "jars", "jars-tls"
PASSWORD = "changeit"
"""Of the truststore that Java brings."""
ROWS_OF_200_MB = 25_000_000
CATALOG = "spark.sql.catalog.glue"
NO_RUNTIME = "no runtime"
"""What the table says of a Spark for which Iceberg has none."""


@dataclass(frozen=True)
class Services:
    """What the checks reach: the local AWS, a moto with TLS, and a profile of AWS's configuration file."""

    aws: "local_aws.LocalAws"
    tls: str
    truststore: Path
    config: Path


Check = Callable[["SparkSession", Services], None]


def main() -> int:
    """Run all rows and print them, or, with --check, one row in this process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", default=LINES, metavar="PYSPARK")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.check:
        print(json.dumps(_check_all()))
        return 0
    rows = [_run_row(pyspark) for pyspark in options.only]
    names = list(rows[0]["checks"])
    print(f"Run on {datetime.date.today()}.\n")
    print("| pyspark | Hadoop | AWS SDK | jars |" + "".join(f" {name} |" for name in names))
    print("|---" * (4 + len(names)) + "|")
    for row in rows:
        cells = [row["pyspark"], row["hadoop"], row["sdk"], f"{row['jars']}, {row['megabytes']} MB"]
        print(f"| {' | '.join([*cells, *(row['checks'][name] for name in names)])} |")
    return any(result not in {"yes", NO_RUNTIME} for row in rows for result in row["checks"].values())


def _run_row(pyspark: str) -> dict[str, Any]:
    folder = CACHE / "pyspark" / pyspark
    paths = [str(ROOT)]
    if pyspark != version("pyspark"):
        if not folder.is_dir():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            subprocess.run([*command, "--target", str(folder), f"pyspark=={pyspark}"], check=True)
        paths.insert(0, str(folder))
    hostile = {name for name in os.environ if name.startswith("AWS_")} | {"SPARK_HOME"}
    environ = {name: value for name, value in os.environ.items() if name not in hostile}
    ran = subprocess.run(
        [sys.executable, __file__, "--check"],
        env={**environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    row: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return row


def _check_all() -> dict[str, Any]:
    import pyspark

    from kedro_aws_plugin.spark.jars import find_jars_folder, find_s3a_settings, read_hadoop_version
    from kedro_aws_plugin.spark.session import start_session

    named = find_s3a_settings({})
    sdk = "bundle" if len(named) == 1 else named["spark.jars.packages"][-1].rpartition(":")[2]
    for key, values in _find_iceberg().items():
        named[key] = [*named.get(key, []), *values]
    ivy = CACHE / "ivy-matrix" / pyspark.__version__
    shutil.rmtree(ivy, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder, _services(Path(folder)) as services:
        wanted = {key: ",".join(values) for key, values in named.items()}
        session = start_session({**wanted, **_settings(ivy, services, folder)})
        checks = {name: _try(check, session, services) for name, check in CHECKS.items()}
        session.stop()
    jars = list((ivy / "jars").glob("*.jar"))
    return {
        "pyspark": pyspark.__version__,
        "hadoop": read_hadoop_version(find_jars_folder({})),
        "sdk": sdk,
        "jars": len(jars),
        "megabytes": round(sum(jar.stat().st_size for jar in jars) / 1e6),
        "checks": checks,
    }


def _find_iceberg() -> dict[str, list[str]]:
    from kedro_aws_plugin.errors import SparkError
    from kedro_aws_plugin.spark.iceberg import find_iceberg_settings

    try:
        return find_iceberg_settings({})
    except SparkError as error:
        print(error.message, file=sys.stderr)
        return {}


def _settings(ivy: Path, services: Services, folder: str) -> dict[str, str]:
    return {
        "spark.master": "local[2]",
        "spark.jars.ivy": str(ivy),
        "spark.local.dir": folder,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Djavax.net.ssl.trustStore={services.truststore} "
        f"-Djavax.net.ssl.trustStorePassword={PASSWORD}",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


@contextmanager
def _services(folder: Path) -> Iterator[Services]:
    """The local AWS, in force in this process, and a moto with TLS; a bucket in each."""
    import local_aws
    from kedro_aws_plugin.aws.environment import use_local

    config = folder / "config"
    config.write_text(
        "[profile sso]\nsso_session = work\nsso_account_id = 123456789012\nsso_role_name = reader\n"
        "[sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://127.0.0.1:9/start\n",
        encoding="utf-8",
    )
    aws, _ = local_aws.start(folder / "aws", region="eu-west-1", exit_with_parent=True)
    try:
        use_local(aws.environment())
        place = {"LocationConstraint": aws.region}
        aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
        certificate, truststore = _make_certificate(folder)
        with _moto_with_tls(certificate) as tls:
            yield Services(aws, tls, truststore, config)
    finally:
        local_aws.stop(folder / "aws")


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate with its key, and Java's truststore with that certificate."""
    certificate, key, truststore = (folder / name for name in ("certificate", "key", "truststore"))
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *named]
    _run_quietly(*request, "-keyout", str(key), "-out", str(certificate))
    java = find_java().path.resolve()
    shutil.copyfile(java.parents[1] / "lib" / "security" / "cacerts", truststore)
    store = ["-keystore", str(truststore), "-storepass", PASSWORD, "-file", str(certificate)]
    _run_quietly(str(java.with_name("keytool")), "-importcert", "-noprompt", "-alias", "tls", *store)
    return certificate, truststore


def _run_quietly(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def _moto_with_tls(certificate: Path) -> Iterator[str]:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = DomainDispatcherApplication(create_backend_app)
    tls = (str(certificate), str(certificate.with_name("key")))
    server = make_server("127.0.0.1", 0, application, threaded=True, ssl_context=tls)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bucket = f"https://localhost:{server.server_port}/{BUCKET_TLS}"
    context = ssl.create_default_context(cafile=str(certificate))
    with urllib.request.urlopen(urllib.request.Request(bucket, method="PUT"), context=context):
        pass
    yield f"localhost:{server.server_port}"
    server.shutdown()


def _try(check: Check, session: "SparkSession", services: Services) -> str:
    if check is _read_and_write_iceberg and not session.conf.get(CATALOG, ""):
        return NO_RUNTIME
    try:
        check(session, services)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is the result
        traceback.print_exc()
        return f"{type(error).__name__}: {error}".splitlines()[0][:80]
    return "yes"


def _write_and_read(session: "SparkSession", _: Services) -> None:
    """Parquet in partitions, appended to and overwritten; CSV."""
    frame = session.range(12).selectExpr("id", "id % 3 AS kind", "id / 2 AS size")
    place = f"s3a://{BUCKET}/flowers"
    frame.write.partitionBy("kind").parquet(place)
    frame.write.mode("append").partitionBy("kind").parquet(place)
    read = session.read.parquet(place).filter("kind = 1 AND id < 5").select("id", "size")
    assert sorted(read.collect()) == [(1, 0.5), (1, 0.5), (4, 2.0), (4, 2.0)]
    frame.write.mode("overwrite").partitionBy("kind").parquet(place)
    assert session.read.parquet(place).agg({"size": "sum"}).collect() == [(33.0,)]
    frame.write.csv(f"s3a://{BUCKET}/csv", header=True)
    read = session.read.csv(f"s3a://{BUCKET}/csv", header=True, inferSchema=True)
    assert sorted(read.collect()) == sorted(frame.collect())


def _upload_in_parts(session: "SparkSession", services: Services) -> None:
    """A file of 200 MB goes up in parts of 64 MB, and the commit's rename copies it."""
    from pyspark.sql import functions as F

    place = f"s3a://{BUCKET}/large"
    frame = session.range(0, ROWS_OF_200_MB, 1, 1).select(F.xxhash64("id").alias("hash"))
    frame.write.option("compression", "none").parquet(place)
    listed = services.aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="large/part-")["Contents"]
    assert [each["Size"] > ROWS_OF_200_MB * 7 for each in listed] == [True]
    total = F.bit_xor("hash")
    assert session.read.parquet(place).agg(total).collect() == frame.agg(total).collect()


def _keep_settings_of_a_bucket(session: "SparkSession", services: Services) -> None:
    """A bucket with an endpoint of its own is read while the settings for all name another."""
    from kedro_aws_plugin.spark.buckets import bind_buckets
    from kedro_aws_plugin.spark.s3a import apply_s3a

    bind_buckets(session, [BUCKET], services.aws.environment(), "matrix (local)")
    session._jsc.hadoopConfiguration().set("fs.s3a.endpoint", "http://127.0.0.1:9")
    try:
        assert session.read.parquet(f"s3a://{BUCKET}/flowers").agg({"id": "max"}).collect() == [(11,)]
    finally:
        apply_s3a(session, services.aws.environment())


def _go_through_tls(session: "SparkSession", services: Services) -> None:
    """Both HTTP clients: reads and uploads (httpclient), and the rename's copy (netty)."""
    configuration = session._jsc.hadoopConfiguration()
    frame = session.range(1000)
    configuration.set(f"fs.s3a.bucket.{BUCKET_TLS}.endpoint", f"https://{services.tls}")
    configuration.set(f"fs.s3a.bucket.{BUCKET_TLS}.endpoint.region", "us-east-1")
    frame.write.parquet(f"s3a://{BUCKET_TLS}/numbers")
    assert sorted(session.read.parquet(f"s3a://{BUCKET_TLS}/numbers").collect()) == frame.collect()


def _assume_a_role(session: "SparkSession", services: Services) -> None:
    """S3A's provider sends its question to STS, where nobody listens."""
    configuration = session._jsc.hadoopConfiguration()
    settings = {
        "fs.s3a.assumed.role.arn": "arn:aws:iam::123456789012:role/reader",
        "fs.s3a.assumed.role.sts.endpoint": "localhost",
        "fs.s3a.assumed.role.sts.endpoint.region": services.aws.region,
        "fs.s3a.assumed.role.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "fs.s3a.retry.limit": "1",
    }
    for key, value in settings.items():
        configuration.set(key, value)
    java: Any = session._jvm
    uri = java.java.net.URI(f"s3a://{BUCKET}")
    try:
        java.org.apache.hadoop.fs.s3a.auth.AssumedRoleCredentialProvider(uri, configuration)
    except Exception as error:
        if "Connect to localhost:443" not in str(error):
            raise
        return
    raise AssertionError("it found credentials")


def _log_in_by_single_sign_on(session: "SparkSession", services: Services) -> None:
    """The SDK finds the classes for such a profile, and that nobody has logged in."""
    java: Any = session._jvm
    sdk = java.software.amazon.awssdk
    kind = sdk.profiles.ProfileFile.Type.CONFIGURATION
    path = java.java.io.File(str(services.config)).toPath()
    file = sdk.profiles.ProfileFile.builder().content(path).type(kind).build()
    builder = sdk.auth.credentials.ProfileCredentialsProvider.builder()
    provider = builder.profileFile(file).profileName("sso").build()
    try:
        provider.resolveCredentials()
    except Exception as error:
        if "Unable to load SSO token" not in str(error):
            raise
        return
    raise AssertionError("it found credentials")


def _read_and_write_iceberg(session: "SparkSession", services: Services) -> None:
    """Tables of Athena and AthenaTableDataset: read at two versions, changed, and read by Athena again."""
    import pandas as pd

    from kedro_aws_plugin.datasets import AthenaTableDataset

    where: dict[str, Any] = {"database": "jars", "output_location": f"s3://{BUCKET}/results/"}
    services.aws.client("glue").create_database(DatabaseInput={"Name": "jars"})
    for sql in ICEBERG:
        _ask(sql, where)
    table = "glue.jars.animals"
    rows = [
        (1, "ant", Decimal("1.50"), AT, ["x"]),
        (2, "BEE", None, None, None),
        (4, "doe", None, None, None),
    ]
    read = session.sql(f"SELECT id, name, price, at, tags FROM {table} ORDER BY id").collect()
    assert [tuple(row) for row in read] == rows, read
    first = session.sql(f"SELECT snapshot_id FROM {table}.snapshots ORDER BY committed_at").collect()[0][0]
    assert session.sql(f"SELECT count(*) FROM {table} VERSION AS OF {first}").collect() == [(3,)]
    saved = AthenaTableDataset(
        table="plants", table_format="iceberg", mode="merge", merge_on=["id"], location=f"s3://{BUCKET}/plants/",
        **where,
    )  # fmt: skip
    for frame in ({"id": [1, 2], "name": ["elm", "fir"]}, {"id": [2, 3], "name": ["fig", "gum"]}):
        saved.save(pd.DataFrame(frame))
    read = session.sql("SELECT id, name FROM glue.jars.plants ORDER BY id").collect()
    assert read == [(1, "elm"), (2, "fig"), (3, "gum")], read
    session.sql("INSERT INTO glue.jars.plants VALUES (9, 'yew')")
    session.sql("DELETE FROM glue.jars.plants WHERE id = 1")
    assert sorted(saved.load()["name"]) == ["fig", "gum", "yew"]


def _ask(sql: str, where: dict[str, Any]) -> None:
    from kedro_aws_plugin.datasets import AthenaQueryDataset

    AthenaQueryDataset(query=sql, mode="select", allow_ddl=True, engine="pyarrow", **where).load()


AT = datetime.datetime(2026, 1, 30, 10, 0, 0, 123456)
ICEBERG = (
    "CREATE TABLE animals (id bigint, name string, price decimal(8,2), at timestamp, tags array<string>) "
    f"PARTITIONED BY (bucket(4, id), month(at)) LOCATION 's3://{BUCKET}/animals/' "
    "TBLPROPERTIES ('table_type'='ICEBERG')",
    "INSERT INTO animals VALUES "
    "(1, 'ant', DECIMAL '1.50', TIMESTAMP '2026-01-30 10:00:00.123456', ARRAY['x']), "
    "(2, 'bee', NULL, NULL, NULL), (3, 'cat', NULL, NULL, NULL)",
    "MERGE INTO animals t USING (VALUES (2, 'BEE'), (4, 'doe')) s (id, name) ON t.id = s.id "
    "WHEN MATCHED THEN UPDATE SET name = s.name "
    "WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)",
    "DELETE FROM animals WHERE id = 3",
)
CHECKS: dict[str, Check] = {
    "Parquet in partitions, append, CSV": _write_and_read,
    "a file in parts": _upload_in_parts,
    "settings of one bucket": _keep_settings_of_a_bucket,
    "TLS": _go_through_tls,
    "an assumed role": _assume_a_role,
    "single sign-on": _log_in_by_single_sign_on,
    "Iceberg tables": _read_and_write_iceberg,
}


if __name__ == "__main__":
    sys.exit(main())
