"""What InvokeEndpoint through the local AWS takes, by the same handlers called over bare HTTP.

One model, one payload and one client code (http.client, kept alive) for both sides, asked in turn. Then eight
clients at once, of an endpoint with a worker for each processor and of one with a single worker.
"""

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from common import environment, in_turn, judge, kedro, new_project, ratio_of, row, running_local_aws, workshop

from local_aws import LocalAws
from local_aws.sagemaker.unpack import unpack

GOAL = 1.2
THROUGHPUT_GOAL = 1 / 1.5
_CLIENTS = 8
_ENDPOINT = "my-flights-price"
_ONE_WORKER = "one-worker"
_ROLE = "arn:aws:iam::123456789012:role/benchmark"
_HEADERS = {"Content-Type": "text/csv", "Accept": "application/json"}


@dataclass(frozen=True)
class Target:
    """Where a client sends its requests; both sides get the same headers."""

    address: str
    path: str
    headers: dict[str, str]


def ask(target: Target, body: bytes, requests: int) -> list[float]:
    """Seconds of each request of one client."""
    connection = http.client.HTTPConnection(target.address, timeout=60)
    connection.connect()
    took = []
    for _ in range(requests):
        began = time.perf_counter()
        connection.request("POST", target.path, body, target.headers)
        response = connection.getresponse()
        answer = response.read()
        took.append(time.perf_counter() - began)
        if response.status != http.HTTPStatus.OK or not answer.startswith(b'{"predictions"'):
            sys.exit(f"{target.path} answered {response.status}: {answer.decode()}")
    connection.close()
    return took


def ask_at_once(target: Target, body: bytes, requests: int, clients: int) -> list[float]:
    """Seconds of each request of several clients, each in a thread of its own."""
    with ThreadPoolExecutor(clients) as pool:
        each = [pool.submit(ask, target, body, requests // clients) for _ in range(clients)]
        return list(chain.from_iterable(client.result() for client in each))


def compare(local: Target, bare: Target, body: bytes, requests: int, rounds: int) -> None:
    """Print p50, p99 and ratio for one client."""
    both = in_turn(lambda: ask(local, body, requests), lambda: ask(bare, body, requests), rounds)
    print(f" 1 client, {requests} requests a round")
    for index, name in enumerate(("through the local AWS", "bare HTTP")):
        show(name, list(chain.from_iterable(pair[index] for pair in both)))
    judge(ratio_of([(statistics.median(a), statistics.median(b)) for a, b in both]), GOAL)


def compare_workers(all_workers: Target, one_worker: Target, body: bytes, requests: int, rounds: int) -> None:
    """Print how long a worker for each processor takes for as many requests as a single worker."""

    def take(target: Target) -> float:
        began = time.perf_counter()
        ask_at_once(target, body, requests, _CLIENTS)
        return time.perf_counter() - began

    both = in_turn(lambda: take(all_workers), lambda: take(one_worker), rounds)
    print(f" {_CLIENTS} clients, {requests} requests a round")
    for index, name in enumerate(("a worker for each processor", "one worker")):
        row(name, f"{requests / statistics.median(pair[index] for pair in both):.0f} requests a second")
    judge(ratio_of(both), THROUGHPUT_GOAL)


def deploy_one_worker(aws: LocalAws, archive: str) -> None:
    """Deploy the same archive behind a single worker."""
    sagemaker: Any = boto3.client("sagemaker", **client_options(aws))
    variables = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
    }
    container = {"Image": "benchmark", "ModelDataUrl": archive, "Environment": variables}
    sagemaker.create_model(ModelName=_ONE_WORKER, ExecutionRoleArn=_ROLE, PrimaryContainer=container)
    variant = {"VariantName": "v", "ModelName": _ONE_WORKER, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=_ONE_WORKER, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=_ONE_WORKER, EndpointConfigName=_ONE_WORKER)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=_ONE_WORKER, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def show(name: str, seconds: Sequence[float]) -> None:
    """Print the percentiles of one side."""
    p50, p99 = statistics.median(seconds), statistics.quantiles(seconds, n=100)[98]
    row(name, f"p50 {1000 * p50:.2f} ms, p99 {1000 * p99:.2f} ms")


def by_boto3(aws: LocalAws, body: bytes, requests: int) -> None:
    """Print what the same request takes through boto3, which signs it."""
    client: Any = boto3.client("sagemaker-runtime", **client_options(aws))
    took = []
    for _ in range(requests + 1):
        began = time.perf_counter()
        client.invoke_endpoint(EndpointName=_ENDPOINT, Body=body, ContentType="text/csv")["Body"].read()
        took.append(time.perf_counter() - began)
    del took[0]  # it connects first
    show("through the local AWS by boto3", took)


def client_options(aws: LocalAws) -> dict[str, Any]:
    """What makes a boto3 client speak to the local AWS."""
    variables = aws.environment()
    return {
        "endpoint_url": aws.endpoint_url,
        "region_name": aws.region,
        "aws_access_key_id": variables["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": variables["AWS_SECRET_ACCESS_KEY"],
    }


def sign(aws: LocalAws, endpoint: str, body: bytes) -> Target:
    """Make the target of an endpoint. Its headers have a signature, which is good for 15 minutes."""
    path = f"/endpoints/{endpoint}/invocations"
    request = AWSRequest("POST", f"{aws.endpoint_url}{path}", headers=_HEADERS, data=body)
    keys = Credentials(aws.access_key_id, aws.secret_access_key)
    SigV4Auth(keys, "sagemaker", aws.region).add_auth(request)
    return Target(urlsplit(aws.endpoint_url).netloc, path, dict(request.headers.items()))


def fetch(aws: LocalAws, folder: Path) -> tuple[str, bytes]:
    """Unpack the registered model, and return its archive's URI and its sample payload."""
    s3: Any = boto3.client("s3", **client_options(aws))
    found = s3.list_objects_v2(Bucket="my-flights-data", Prefix="sagemaker/")["Contents"]
    keys = {Path(item["Key"]).name: item["Key"] for item in found}
    s3.download_file("my-flights-data", keys["model.tar.gz"], str(folder / "model.tar.gz"))
    unpack(folder / "model.tar.gz", folder / "model")
    sample: bytes = s3.get_object(Bucket="my-flights-data", Key=keys["sample.csv"])["Body"].read()
    return f"s3://my-flights-data/{keys['model.tar.gz']}", sample


@contextmanager
def bare_server(model: Path) -> Iterator[str]:
    """The peer in a process of its own; its address."""
    command = [sys.executable, str(Path(__file__).with_name("bare_server.py")), str(model)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=100, help="a round")
    options.add_argument("--rounds", type=int, default=10)
    chosen = options.parse_args()
    os.environ.update(environment())
    print("InvokeEndpoint through the local AWS by the same handlers over bare HTTP")
    with workshop() as folder:
        project = new_project(folder)
        for command in ("run", "aws register-model --approve", "aws deploy"):
            kedro(*command.split(), cwd=project)
        aws = running_local_aws(project)
        archive, body = fetch(aws, folder)
        deploy_one_worker(aws, archive)
        local, one_worker = (sign(aws, endpoint, body) for endpoint in (_ENDPOINT, _ONE_WORKER))
        with bare_server(folder / "model") as address:
            by_boto3(aws, body, chosen.requests)
            compare(
                local, Target(address, "/invocations", local.headers), body, chosen.requests, chosen.rounds
            )
        compare_workers(local, one_worker, body, chosen.requests, chosen.rounds)


if __name__ == "__main__":
    main()
