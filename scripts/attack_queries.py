"""Run hostile queries against a local AWS, and show what they do to everything else.

For each attack, a fresh local AWS is started. While the attack runs, other clients read an object, ask for
the state of a query and invoke an endpoint. Then the queries are stopped, and at last, with the attack
running once more, the local AWS. Linux only: times and memory of processes are read from /proc.
"""

import argparse
import io
import os
import signal
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # noqa: TID251 - clients that try once
from botocore.config import Config  # noqa: TID251
from botocore.exceptions import BotoCoreError  # noqa: TID251

import local_aws

REGION, BUCKET, ENDPOINT = "eu-west-1", "lake", "echo"
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py312"
SCRIPT = """
def model_fn(model_dir):
    return "model"

def transform_fn(model, data, content_type, accept):
    return data, accept
"""
REGEX = f"SELECT regexp_like('{'a' * 60}b', '(a+)+$')"
THOUSANDS = " CROSS JOIN ".join(f"unnest(sequence(1, 10000)) AS t{n} (c{n})" for n in range(4))
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
GOAL_P99, GOAL_STOP, GOAL_FOLLOWING = 0.5, 5.0, 5.0
GOAL_MEGABYTES, GOAL_KEPT_MEGABYTES = 4 * 3_700, 150
"""What four processes may use at most, and what may stay of it when all have ended."""
PATIENCE = 60
SETTLING = 12


@dataclass(frozen=True)
class Attack:
    """Queries that are started at once.

    Attributes:
        queries: Their SQL.
        ends: Whether they end or fail by themselves.
    """

    name: str
    queries: tuple[str, ...]
    ends: bool = False


CROSS_JOIN = f"SELECT count(*) FROM {THOUSANDS} WHERE c0 + c1 + c2 + c3 = 7"
ALL_ROWS = f"SELECT cardinality(array_agg(cast(c0 AS varchar) || 'x{'y' * 20}')) FROM {THOUSANDS}"
LONG_TEXTS = f"SELECT max(reverse(lpad('x', 2000000000, cast(c0 AS varchar)))) FROM {THOUSANDS}"
DISTANCE = f"levenshtein_distance('{'x' * 99}', '{'y' * 99}' || cast(c0 AS varchar))"
PYTHON = f"SELECT sum({DISTANCE}) FROM {THOUSANDS}"
UNLOAD = f"UNLOAD (SELECT * FROM {THOUSANDS}) TO 's3://{BUCKET}/out/' WITH (format = 'PARQUET')"
SHOW_TABLES = f"SHOW TABLES IN db '{'(a+)+' * 3}(a|aa)+$'"
ATTACKS = (
    Attack("nothing", ()),
    Attack("a regular expression", (REGEX,)),
    Attack("four regular expressions", (REGEX,) * 4),
    Attack("SHOW TABLES with a regular expression", (SHOW_TABLES,)),
    Attack("LIKE with an escape", (f"SELECT '{'a' * 400}' LIKE '{'%a' * 12}%b' ESCAPE '!'",)),
    Attack("Python for each row", (PYTHON,)),
    Attack("a projection without an end", ("SELECT count(*) FROM db.endless",)),
    Attack("huge sequences", ("SELECT sequence(1, 1000000000)",) * 4, ends=True),
    Attack("cross joins", (CROSS_JOIN,) * 4),
    Attack("results without an end", (f"SELECT * FROM {THOUSANDS}",) * 2),
    Attack("UNLOAD without an end", (UNLOAD,)),
    Attack("an array of all rows", (ALL_ROWS,)),
    Attack("long texts", (LONG_TEXTS,)),
    Attack("statements of 256 KB", (f"SELECT 1 IN ({'1,' * 130_000}1)",) * 2),
    Attack("200 small queries at once", tuple(f"SELECT {n}" for n in range(200)), ends=True),
    Attack("200 cross joins at once", (CROSS_JOIN,) * 200),
)  # fmt: skip


class Tree:
    """The processes of a local AWS, except for the workers of its models."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def pids(self) -> list[int]:
        """List the server and the processes that it started."""
        children: dict[int, list[int]] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            if (stat := _read_stat(folder)) is not None:
                children.setdefault(int(stat[1]), []).append(int(folder.name))
        found = [self._pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def cpu_seconds(self) -> float:
        """Sum what its processes have used."""
        stats = (_read_stat(Path(f"/proc/{pid}")) for pid in self.pids())
        return sum(int(stat[11]) + int(stat[12]) for stat in stats if stat is not None) / TICKS

    def megabytes(self) -> float:
        """Sum the resident memory of its processes."""
        stats = (_read_stat(Path(f"/proc/{pid}")) for pid in self.pids())
        return sum(int(stat[21]) for stat in stats if stat is not None) * PAGE / 1e6

    def idle(self, seconds: float = 0.3) -> bool:
        """Tell whether its processes leave nine tenths of a processor free."""
        before, began = self.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        return self.cpu_seconds() - before < 0.1 * (time.monotonic() - began)


def _read_stat(folder: Path) -> list[str] | None:
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


class Cloud:
    """A local AWS with an object, a table, an endpoint and a query that has ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.aws, _ = local_aws.start(folder, region=REGION)
        self.tree = Tree(self.aws.pid)
        self.s3, self.athena = self.client("s3"), self.client("athena")
        self.runtime = self.client("sagemaker-runtime")
        place: Any = {"LocationConstraint": REGION}
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
        self.s3.put_object(Bucket=BUCKET, Key="object", Body=b"x" * 10_000)
        self._make_tables()
        self._deploy()
        self.ended = self.start("SELECT 1")
        self.wait(self.ended)

    def client(self, service: str) -> Any:
        """Make a client that tries once, and not for long."""
        given = self.aws.environment()
        patience = Config(
            proxies={}, read_timeout=PATIENCE, connect_timeout=PATIENCE, retries={"total_max_attempts": 1}
        )
        make: Any = boto3.client
        return make(
            service,
            endpoint_url=self.aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            config=patience,
        )

    def _make_tables(self) -> None:
        glue = self.client("glue")
        glue.create_database(DatabaseInput={"Name": "db"})
        table = {
            "Name": "endless",
            "PartitionKeys": [{"Name": "p", "Type": "bigint"}],
            "Parameters": {
                "projection.enabled": "true",
                "projection.p.type": "integer",
                "projection.p.range": "0,1000000000000",
            },
            "StorageDescriptor": {
                "Columns": [{"Name": "x", "Type": "int"}],
                "Location": f"s3://{BUCKET}/endless/",
                "SerdeInfo": {
                    "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                },
            },
        }
        glue.create_table(DatabaseName="db", TableInput=table)
        glue.create_table(DatabaseName="db", TableInput={**table, "Name": "a" * 60 + "b"})

    def _deploy(self) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            info = tarfile.TarInfo("code/inference.py")
            info.size = len(SCRIPT)
            tar.addfile(info, io.BytesIO(SCRIPT.encode()))
        self.s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=buffer.getvalue())
        sagemaker = self.client("sagemaker")
        container = {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
            },
        }
        role = "arn:aws:iam::123456789012:role/kedro-aws"
        sagemaker.create_model(ModelName=ENDPOINT, ExecutionRoleArn=role, PrimaryContainer=container)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": ENDPOINT,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        sagemaker.create_endpoint_config(EndpointConfigName=ENDPOINT, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
        waiter = sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=ENDPOINT, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def start(self, sql: str) -> str:
        """Start a query and return its id."""
        output = {"OutputLocation": f"s3://{BUCKET}/results/"}
        return str(
            self.athena.start_query_execution(QueryString=sql, ResultConfiguration=output)["QueryExecutionId"]
        )

    def status(self, query: str) -> dict[str, Any]:
        """Get the status of a query."""
        execution: dict[str, Any] = self.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        return dict(execution["Status"])

    def wait(self, query: str, seconds: float = 60.0) -> dict[str, Any]:
        """Wait until a query has ended, and return its status."""
        deadline = time.monotonic() + seconds
        while (status := self.status(query))["State"] in {"QUEUED", "RUNNING"}:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        return status

    def probes(self) -> dict[str, Callable[[], object]]:
        """Return requests of others."""
        return {
            "GetObject": self._get_object,
            "GetQueryExecution": lambda: self.status(self.ended),
            "InvokeEndpoint": self._invoke_endpoint,
        }

    def _get_object(self) -> None:
        self.s3.get_object(Bucket=BUCKET, Key="object")["Body"].read()

    def _invoke_endpoint(self) -> None:
        invoked = self.runtime.invoke_endpoint(EndpointName=ENDPOINT, ContentType="text/csv", Body=b"1")
        invoked["Body"].read()


@contextmanager
def probing(cloud: Cloud, pause: float) -> Iterator[dict[str, list[float]]]:
    """Send the requests of others, and collect how long each takes."""
    ended = threading.Event()
    taken: dict[str, list[float]] = {}

    def send(probe: Callable[[], object], seconds: list[float]) -> None:
        while not ended.is_set():
            began = time.monotonic()
            try:
                probe()
            except Exception as error:  # noqa: BLE001 - a refused request counts as one that never ends
                if not ended.is_set():
                    print("   ", type(error).__name__, error, file=sys.stderr)
                seconds.append(float("inf"))
            seconds.append(time.monotonic() - began)
            ended.wait(pause)

    threads = []
    for name, probe in cloud.probes().items():
        taken[name] = []
        threads.append(threading.Thread(target=send, args=(probe, taken[name]), daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield taken
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)


def p99(seconds: list[float]) -> float:
    """Return the 99th percentile."""
    return sorted(seconds)[max(0, round(0.99 * len(seconds)) - 1)] if seconds else float("inf")


def wait_until(condition: Callable[[], bool], seconds: float) -> float:
    """Return how long it takes until a condition holds; infinity if it does not in time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        time.sleep(0.02)
    return float("inf")


def start_all(cloud: Cloud, attack: Attack) -> list[str]:
    """Start the queries of an attack from eight clients, whose start may be refused."""
    ids: list[str] = []
    waiting = list(attack.queries)

    def work() -> None:
        while waiting:
            try:
                sql = waiting.pop()
            except IndexError:
                return
            try:
                ids.append(cloud.start(sql))
            except BotoCoreError as error:
                print("   ", type(error).__name__, error, file=sys.stderr)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(8, len(waiting)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return ids


@dataclass
class Measured:
    """What an attack did.

    Attributes:
        taken: How long the requests of others took, by operation.
        states: The states of the attack's queries after they were stopped.
        reason: Why the last one had ended, before it was stopped.
        stopping: How long it took to ask for the end of all of them.
        idle: How long it took until the processors were free again.
        memory: Megabytes before, at most, and after.
        following: How long the next query took.
    """

    taken: dict[str, list[float]]
    states: list[str]
    reason: str
    stopping: float
    idle: float
    memory: tuple[float, float, float]
    following: float


def measure(cloud: Cloud, attack: Attack, seconds: float, pause: float, settling: float) -> Measured:
    """Attack a local AWS for a while, and stop the queries."""
    before = cloud.tree.megabytes()
    highest = [before]
    with probing(cloud, pause) as taken:
        ids = start_all(cloud, attack)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            highest.append(cloud.tree.megabytes())
            time.sleep(0.2)
        last = cloud.wait(ids[-1], 0) if ids else {}
        began = time.monotonic()
        for query in ids:
            cloud.athena.stop_query_execution(QueryExecutionId=query)
        stopping = time.monotonic() - began
    states = [cloud.wait(query, 1)["State"] for query in ids]
    idle = wait_until(cloud.tree.idle, 60)
    if ids:
        time.sleep(settling)  # processes that nobody needs end after a while
    after = cloud.tree.megabytes()
    began = time.monotonic()
    answered = cloud.wait(cloud.start("SELECT 1"), PATIENCE)["State"] == "SUCCEEDED"
    following = time.monotonic() - began if answered else float("inf")
    reason = str(last.get("StateChangeReason", ""))
    return Measured(taken, states, reason, stopping, idle, (before, max(highest), after), following)


def stop(cloud: Cloud) -> float:
    """Stop a local AWS and return how long that takes; infinity, and a kill, if it does not stop."""
    began = time.monotonic()
    try:
        local_aws.stop(cloud.folder)
    except local_aws.LocalAwsError:
        with suppress(ProcessLookupError):
            os.kill(cloud.aws.pid, signal.SIGKILL)
        return float("inf")
    return time.monotonic() - began


def run(attack: Attack, seconds: float, pause: float) -> list[str]:
    """Run one attack on a local AWS of its own, stop that under the same attack, and return a row."""
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(Path(folder) / "state")
        try:
            measured = measure(cloud, attack, seconds, pause, SETTLING)
            start_all(cloud, attack)
            time.sleep(0.5)
        except BotoCoreError as error:
            stop(cloud)
            return [attack.name, f"no answer: {type(error).__name__}", *[""] * (len(HEAD) - 3), "NO"]
        return make_row(attack, measured, stop(cloud))


def is_good(attack: Attack, measured: Measured, stop_seconds: float) -> bool:
    """Tell whether others were answered, the queries ended, and all that they took came back."""
    before, most, after = measured.memory
    ended = {"SUCCEEDED", "FAILED", "CANCELLED"}
    return (
        max(map(p99, measured.taken.values())) <= GOAL_P99
        and stop_seconds < GOAL_STOP
        and (attack.ends or measured.idle < GOAL_STOP)
        and set(measured.states) <= (ended if attack.ends else {"CANCELLED", "FAILED"})
        and len(measured.states) == len(attack.queries)
        and most - before <= GOAL_MEGABYTES
        and after - before <= GOAL_KEPT_MEGABYTES
        and measured.following < GOAL_FOLLOWING
    )


def make_row(attack: Attack, measured: Measured, stop_seconds: float) -> list[str]:
    """Write what was measured as a row of the table."""
    worst = {name: p99(each) for name, each in measured.taken.items()}
    good = is_good(attack, measured, stop_seconds)
    states = measured.states
    shown = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states))) or "-"
    print(f"    {attack.name}: {shown} {measured.reason[:150]}", file=sys.stderr)
    return [
        attack.name,
        *(f"{1000 * worst[name]:.0f}" for name in ("GetObject", "GetQueryExecution", "InvokeEndpoint")),
        f"{measured.stopping:.2f}",
        f"{measured.idle:.1f}",
        " / ".join(f"{each:.0f}" for each in measured.memory),
        f"{measured.following:.1f}",
        f"{stop_seconds:.1f}",
        "yes" if good else "NO",
    ]


HEAD = (
    "attack", "p99 GetObject, ms", "p99 GetQueryExecution, ms", "p99 InvokeEndpoint, ms", "stopping all, s",
    "idle after, s", "MB before / most / after", "next SELECT 1, s", "`stop`, s", "good",
)  # fmt: skip


def main() -> int:
    """Run the attacks and print a table in Markdown."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=6.0, help="how long each attack runs")
    options.add_argument("--pause", type=float, default=0.02, help="between two requests of one client")
    options.add_argument("--only", default="", help="a part of the names of the attacks to run")
    chosen = options.parse_args()
    print("| " + " | ".join(HEAD) + " |")
    print("|" + "---|" * len(HEAD), flush=True)
    rows = []
    for attack in ATTACKS:
        if chosen.only in attack.name:
            rows.append(run(attack, chosen.seconds, chosen.pause))
            print("| " + " | ".join(rows[-1]) + " |", flush=True)
    return int(any(row[-1] != "yes" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
