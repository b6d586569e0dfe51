"""What InvokeEndpoint through the local AWS takes, by the same handlers called over bare HTTP.

A model like the starter's, one payload and one client code (http.client, kept alive) for both sides, asked in
turn. Then eight clients at once, of an endpoint with a worker for each processor and of one with a single
worker: the model like the starter's, which needs the processors, and one that only waits, whose ratio other
programs on the machine change little.
"""

import argparse
import http.client
import json
import os
import pickle
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
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
from common import environment, in_turn, judge, ratio_of, row, workshop

import local_aws
from kedro_aws_plugin.model_artifact.archive import Member, build_archive
from kedro_aws_plugin.model_artifact.handlers import PROGRAM, SUBMIT_DIRECTORY, list_model_members
from kedro_aws_plugin.model_artifact.signature import describe_input, describe_output, write_signature
from local_aws.sagemaker.unpack import unpack

GOAL = 1.2
THROUGHPUT_GOAL = 1 / 1.5
_CLIENTS = 8
_COMPUTING = "computing"
_MANY, _ONE = "many-workers", "one-worker"
_WAITING = """
import time

def model_fn(model_dir):
    return None

def transform_fn(model, body, content_type, accept):
    time.sleep(0.05)
    return '{"predictions": []}', accept
"""
_BUCKET = "benchmark"
_REGION = "eu-west-1"
_ROLE = "arn:aws:iam::123456789012:role/benchmark"
_HEADERS = {"Content-Type": "text/csv", "Accept": "application/json"}


@dataclass(frozen=True)
class Target:
    """Where a client sends its requests; both sides get the same headers."""

    address: str
    path: str
    headers: Mapping[str, str]


def ask(target: Target, body: bytes, requests: int, answers: list[bytes] | None = None) -> list[float]:
    """Seconds of each request of one client, which can collect the answers."""
    connection = http.client.HTTPConnection(target.address, timeout=60)
    connection.connect()
    took = []
    for _ in range(requests):
        began = time.perf_counter()
        connection.request("POST", target.path, body, dict(target.headers))
        response = connection.getresponse()
        answer = response.read()
        took.append(time.perf_counter() - began)
        if response.status != http.HTTPStatus.OK or not answer.startswith(b'{"predictions"'):
            sys.exit(f"{target.path} answered {response.status}: {answer.decode()}")
        if answers is not None:
            answers.append(answer)
    connection.close()
    return took


def ask_at_once(
    target: Target, body: bytes, requests: int, clients: int, answers: list[bytes] | None = None
) -> list[float]:
    """Seconds of each request of several clients, each in a thread of its own."""
    with ThreadPoolExecutor(clients) as pool:
        each = [pool.submit(ask, target, body, requests // clients, answers) for _ in range(clients)]
        return list(chain.from_iterable(client.result() for client in each))


def compare(local: Target, bare: Target, body: bytes, requests: int, rounds: int) -> None:
    """Print p50, p99 and ratio for one client."""
    both = in_turn(lambda: ask(local, body, requests), lambda: ask(bare, body, requests), rounds)
    print(f" 1 client, {requests} requests a round")
    for index, name in enumerate(("through the local AWS", "bare HTTP")):
        show(name, list(chain.from_iterable(pair[index] for pair in both)))
    judge(ratio_of([(statistics.median(a), statistics.median(b)) for a, b in both]), GOAL)


def compare_workers(aws: local_aws.LocalAws, model: str, body: bytes, requests: int, rounds: int) -> None:
    """Print how long a worker for each processor takes for as many requests as a single worker."""
    many, one = (find_endpoint(aws, name, model, body) for name in (_MANY, _ONE))

    def take(target: Target) -> float:
        began = time.perf_counter()
        ask_at_once(target, body, requests, _CLIENTS)
        return time.perf_counter() - began

    both = in_turn(lambda: take(many), lambda: take(one), rounds)
    print(f" {_CLIENTS} clients of the {model} model, {requests} requests a round")
    for index, name in enumerate(("a worker for each processor", "one worker")):
        row(name, f"{requests / statistics.median(pair[index] for pair in both):.0f} requests a second")
    judge(ratio_of(both), THROUGHPUT_GOAL)


def find_endpoint(aws: local_aws.LocalAws, name: str, model: str, body: bytes) -> Target:
    """Say where the endpoint of a model is. The headers have a signature, which is good for 15 minutes."""
    path = f"/endpoints/{name}-{model}/invocations"
    request = AWSRequest("POST", f"{aws.endpoint_url}{path}", headers=_HEADERS, data=body)
    keys = Credentials(aws.access_key_id, aws.secret_access_key)
    SigV4Auth(keys, "sagemaker", aws.region).add_auth(request)
    return Target(urlsplit(aws.endpoint_url).netloc, path, dict(request.headers.items()))


def show(name: str, seconds: Sequence[float]) -> None:
    """Print the percentiles of one side."""
    p50, p99 = statistics.median(seconds), statistics.quantiles(seconds, n=100)[98]
    row(name, f"p50 {1000 * p50:.2f} ms, p99 {1000 * p99:.2f} ms")


def by_boto3(aws: local_aws.LocalAws, body: bytes, requests: int) -> None:
    """Print what the same request takes through boto3, which signs it."""
    client: Any = boto3.client("sagemaker-runtime", **client_options(aws))
    took = []
    for _ in range(requests + 1):
        began = time.perf_counter()
        client.invoke_endpoint(EndpointName=f"{_MANY}-{_COMPUTING}", Body=body, ContentType="text/csv")[
            "Body"
        ].read()
        took.append(time.perf_counter() - began)
    del took[0]  # it connects first
    show("through the local AWS by boto3", took)


def client_options(aws: local_aws.LocalAws) -> dict[str, Any]:
    """What makes a boto3 client speak to the local AWS."""
    variables = aws.environment()
    return {
        "endpoint_url": aws.endpoint_url,
        "region_name": aws.region,
        "aws_access_key_id": variables["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": variables["AWS_SECRET_ACCESS_KEY"],
    }


def pack(folder: Path, *more: Member) -> tuple[Path, bytes]:
    """Pack a model of the starter's kind and size; return the archive and five rows as CSV."""
    import numpy as np
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    chance, size = np.random.default_rng(0), 2000
    numbers = {f"number_{each}": chance.normal(size=size).round(3) for each in range(8)}
    texts = {f"text_{each}": chance.choice([f"type {kind}" for kind in range(8)], size) for each in range(3)}
    table = pd.DataFrame({**numbers, **texts})
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("numbers", "passthrough", [*numbers]), ("texts", one_hot, [*texts])])
    trees = HistGradientBoostingRegressor(max_iter=150, max_leaf_nodes=8, random_state=3)
    model = Pipeline([("columns", columns), ("trees", trees)]).fit(table, table["number_0"] * 2)
    file = folder / "model.pickle"
    file.write_bytes(pickle.dumps(model))
    signature = write_signature(describe_input(model, table, "predict"), describe_output(model, "predict"))
    members = [
        *list_model_members(file),
        Member("code/signature.json", json.dumps(signature).encode()),
        *more,
    ]
    archive = build_archive(members, folder / "model.tar.gz").path
    return archive, table.head(5).to_csv(index=False).encode()


def deploy(aws: local_aws.LocalAws, archive: Path, model: str, program: str = PROGRAM) -> None:
    """Deploy an archive to an endpoint with a worker for each processor, and to one with a single worker."""
    s3: Any = boto3.client("s3", **client_options(aws))
    s3.upload_file(str(archive), _BUCKET, f"{model}.tar.gz")
    sagemaker: Any = boto3.client("sagemaker", **client_options(aws))
    for endpoint, workers in ((_MANY, os.cpu_count() or 1), (_ONE, 1)):
        name = f"{endpoint}-{model}"
        variables = {
            "SAGEMAKER_PROGRAM": program,
            "SAGEMAKER_SUBMIT_DIRECTORY": SUBMIT_DIRECTORY,
            "SAGEMAKER_MODEL_SERVER_WORKERS": str(workers),
            "OMP_NUM_THREADS": "1",
        }
        data = f"s3://{_BUCKET}/{model}.tar.gz"
        container = {"Image": "benchmark", "ModelDataUrl": data, "Environment": variables}
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=_ROLE, PrimaryContainer=container)
        variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large"}
        sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
        )
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )


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
    options.add_argument("--requests", type=int, default=80, help="a round")
    options.add_argument("--rounds", type=int, default=10)
    chosen = options.parse_args()
    # Threads of OpenMP that wait for a processor would be measured otherwise, on every side.
    os.environ.update({**environment(), "OMP_NUM_THREADS": "1"})
    print("InvokeEndpoint through the local AWS by the same handlers over bare HTTP")
    with workshop() as folder:
        archive, body = pack(folder)
        unpack(archive, folder / "model")
        aws, _ = local_aws.start(folder / ".kedro-aws", region=_REGION, exit_with_parent=True)
        s3: Any = boto3.client("s3", **client_options(aws))
        s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": _REGION})
        waiting = build_archive([Member("code/inference.py", _WAITING.encode())], folder / "waiting.tar.gz")
        deploy(aws, archive, _COMPUTING)
        deploy(aws, waiting.path, "waiting")
        local = find_endpoint(aws, _MANY, _COMPUTING, body)
        with bare_server(folder / "model") as bare:
            by_boto3(aws, body, chosen.requests)
            compare(local, Target(bare, "/invocations", local.headers), body, chosen.requests, chosen.rounds)
        for model in (_COMPUTING, "waiting"):
            compare_workers(aws, model, body, chosen.requests, chosen.rounds)


if __name__ == "__main__":
    main()
