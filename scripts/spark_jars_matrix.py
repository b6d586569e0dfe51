"""Run what S3A does with the jars that `kedro aws spark-jars` names, for each supported line of pyspark.

    python scripts/spark_jars_matrix.py                 # fetches each pyspark (450 MB) into .cache/pyspark
    python scripts/spark_jars_matrix.py --only 4.3.0

Prints the table of docs/guides/spark-on-s3.md. Each row is a fresh process with that pyspark, whose jars Spark
fetches by `spark.jars.packages` into a cache of its own. S3 and STS are the local AWS, also behind TLS, since
the SDK's two HTTP clients run on Spark's own netty and httpclient, which are not the versions it was built with.
"""

import argparse
import datetime
import json
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from kedro_aws_plugin.spark.java import find_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    import local_aws

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache"
LINES = ("4.0.1", "4.1.0", version("pyspark"))
BUCKET = "jars"
PASSWORD = "changeit"  # noqa: S105 - of a truststore that holds one public certificate
ROWS_OF_200_MB = 25_000_000
Check = Callable[["SparkSession", "local_aws.LocalAws"], None]


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
    return any(result != "yes" for row in rows for result in row["checks"].values())


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

    import local_aws
    from kedro_aws_plugin.aws.environment import use_local
    from kedro_aws_plugin.spark.jars import find_jars_folder, find_s3a_settings, read_hadoop_version
    from kedro_aws_plugin.spark.session import start_session

    named = find_s3a_settings({})
    ivy = CACHE / "ivy-matrix" / pyspark.__version__
    shutil.rmtree(ivy, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        aws, _ = local_aws.start(Path(folder, "aws"), region="eu-west-1", exit_with_parent=True)
        try:
            place = {"LocationConstraint": aws.region}
            aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
            with _tls_in_front_of(aws.endpoint_url, Path(folder)) as (endpoint, truststore):
                os.environ["AWS_CONFIG_FILE"] = str(_write_profile(Path(folder)))
                use_local(aws.environment())
                session = start_session(
                    {
                        **{key: ",".join(values) for key, values in named.items()},
                        **_settings(ivy, truststore, endpoint, folder),
                    }
                )
                began = time.perf_counter()
                checks = {name: _try(check, session, aws) for name, check in CHECKS.items()}
                print(f"{pyspark.__version__}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
                session.stop()
        finally:
            local_aws.stop(Path(folder, "aws"))
    jars = list((ivy / "jars").glob("*.jar"))
    return {
        "pyspark": pyspark.__version__,
        "hadoop": read_hadoop_version(find_jars_folder({})),
        "sdk": named["spark.jars.packages"][-1].rpartition(":")[2],
        "jars": len(jars),
        "megabytes": round(sum(jar.stat().st_size for jar in jars) / 1e6),
        "checks": checks,
    }


def _settings(ivy: Path, truststore: Path, endpoint: str, folder: str) -> dict[str, str]:
    return {
        "spark.master": "local[2]",
        "spark.jars.ivy": str(ivy),
        "spark.local.dir": folder,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Djavax.net.ssl.trustStore={truststore} "
        f"-Djavax.net.ssl.trustStorePassword={PASSWORD}",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.hadoop.kedro.tls": endpoint,
    }


def _try(check: Check, session: "SparkSession", aws: "local_aws.LocalAws") -> str:
    try:
        check(session, aws)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is the result
        traceback.print_exc()
        return str(error).strip().splitlines()[0][:80] or type(error).__name__
    return "yes"


def _write_and_read(session: "SparkSession", aws: "local_aws.LocalAws") -> None:
    """Parquet in partitions, appended to and overwritten; CSV."""
    frame = session.range(12).selectExpr("id", "id % 3 AS kind", "id / 2 AS size")
    place = f"s3a://{BUCKET}/flowers"
    frame.write.partitionBy("kind").parquet(place)
    frame.write.mode("append").partitionBy("kind").parquet(place)
    assert session.read.parquet(place).filter("kind = 1").count() == 8
    frame.write.mode("overwrite").partitionBy("kind").parquet(place)
    assert session.read.parquet(place).agg({"size": "sum"}).collect()[0][0] == 33.0
    frame.write.csv(f"s3a://{BUCKET}/csv", header=True)
    assert session.read.csv(f"s3a://{BUCKET}/csv", header=True, inferSchema=True).count() == 12


def _upload_in_parts(session: "SparkSession", aws: "local_aws.LocalAws") -> None:
    """A file of 200 MB goes up in parts of 64 MB, and the commit's rename copies it."""
    from pyspark.sql import functions as F

    place = f"s3a://{BUCKET}/large"
    frame = session.range(0, ROWS_OF_200_MB, 1, 1).select(F.xxhash64("id").alias("hash"))
    frame.write.option("compression", "none").parquet(place)
    listed = aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="large/part-")["Contents"]
    assert [each["Size"] > 190_000_000 for each in listed] == [True]
    total = F.bit_xor("hash")
    assert session.read.parquet(place).agg(total).collect() == frame.agg(total).collect()


def _keep_settings_of_a_bucket(session: "SparkSession", aws: "local_aws.LocalAws") -> None:
    """A bucket with an endpoint of its own is read while the settings for all name another."""
    from kedro_aws_plugin.spark.buckets import bind_buckets
    from kedro_aws_plugin.spark.s3a import apply_s3a

    bind_buckets(session, [BUCKET], aws.environment(), "matrix (local)")
    apply_s3a(session, {**aws.environment(), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    try:
        assert session.read.parquet(f"s3a://{BUCKET}/flowers").count() == 12
    finally:
        apply_s3a(session, aws.environment())


def _go_through_tls(session: "SparkSession", aws: "local_aws.LocalAws") -> None:
    """Both HTTP clients: reads and uploads (httpclient), and the rename's copy (netty)."""
    configuration = session._jsc.hadoopConfiguration()
    prefix = f"fs.s3a.bucket.{BUCKET}-tls"
    configuration.set(f"{prefix}.endpoint", configuration.get("kedro.tls"))
    configuration.set(f"{prefix}.connection.ssl.enabled", "true")
    place = {"LocationConstraint": aws.region}
    aws.client("s3").create_bucket(Bucket=f"{BUCKET}-tls", CreateBucketConfiguration=place)
    session.range(1000).write.parquet(f"s3a://{BUCKET}-tls/numbers")
    assert session.read.parquet(f"s3a://{BUCKET}-tls/numbers").count() == 1000
    assert Forwarding.copies == 1, Forwarding.copies


def _assume_a_role(session: "SparkSession", aws: "local_aws.LocalAws") -> None:
    """S3A's provider asks STS for the role's credentials."""
    configuration = session._jsc.hadoopConfiguration()
    settings = {
        "fs.s3a.assumed.role.arn": "arn:aws:iam::123456789012:role/reader",
        "fs.s3a.assumed.role.sts.endpoint": configuration.get("kedro.tls"),
        "fs.s3a.assumed.role.sts.endpoint.region": aws.region,
        "fs.s3a.assumed.role.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
    }
    for key, value in settings.items():
        configuration.set(key, value)
    java: Any = session._jvm
    uri = java.java.net.URI(f"s3a://{BUCKET}")
    provider = java.org.apache.hadoop.fs.s3a.auth.AssumedRoleCredentialProvider(uri, configuration)
    assert provider.resolveCredentials().accessKeyId().startswith("ASIA")


def _log_in_by_single_sign_on(session: "SparkSession", aws: "local_aws.LocalAws") -> None:
    """The SDK finds the classes for such a profile, and that nobody has logged in."""
    java: Any = session._jvm
    provider = java.software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider.create("sso")
    try:
        provider.resolveCredentials()
    except Exception as error:
        if "login" not in str(error):
            raise
        return
    raise AssertionError("it found credentials")


class Forwarding(socketserver.BaseRequestHandler):
    """Passes on what it reads, to the local AWS and back, and counts the copies that are asked for."""

    target: ClassVar[tuple[str, int]]
    copies: ClassVar[int] = 0

    def handle(self) -> None:
        with socket.create_connection(self.target) as upstream, suppress(OSError):
            back = threading.Thread(target=self._pass_on, args=(upstream, self.request), daemon=True)
            back.start()
            self._pass_on(self.request, upstream)
            back.join()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                Forwarding.copies += data.lower().count(b"x-amz-copy-source: ")
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def _tls_in_front_of(url: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a listener with TLS, and the truststore that has its certificate."""
    certificate, key, truststore = (folder / name for name in ("certificate", "key", "truststore"))
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *named, *files]
    subprocess.run(request, check=True, capture_output=True)
    keytool = [str(find_java().program.with_name("keytool")), "-importcert", "-noprompt", "-storepass", PASSWORD]
    put = [*keytool, "-keystore", str(truststore), "-file", str(certificate)]
    subprocess.run(put, check=True, capture_output=True)

    parts = urlsplit(url)
    Forwarding.target = (parts.hostname or "", parts.port or 0)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with _Listener(("127.0.0.1", 0), Forwarding) as listener:
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield f"https://localhost:{listener.server_address[1]}", truststore
        listener.shutdown()


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True


def _write_profile(folder: Path) -> Path:
    """A profile with single sign-on, of somebody who has not logged in."""
    config = folder / "config"
    config.write_text(
        "[profile sso]\nsso_session = work\nsso_account_id = 123456789012\nsso_role_name = reader\n"
        "[sso-session work]\nsso_region = eu-west-1\nsso_start_url = https://127.0.0.1:9/start\n",
        encoding="utf-8",
    )
    return config


CHECKS: dict[str, Check] = {
    "Parquet in partitions, append, CSV": _write_and_read,
    "a file in parts": _upload_in_parts,
    "settings of one bucket": _keep_settings_of_a_bucket,
    "TLS": _go_through_tls,
    "an assumed role": _assume_a_role,
    "single sign-on": _log_in_by_single_sign_on,
}


if __name__ == "__main__":
    sys.exit(main())
