"""A run of a transform job with a model server whose answers are given: retries, batching and records."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pytest

from local_aws.sagemaker.container import Container
from local_aws.sagemaker.job_failures import JobFailed
from local_aws.sagemaker.model_server import ModelServer
from local_aws.sagemaker.model_worker import Host, ModelGone, ModelResponse, ModelSlow
from local_aws.sagemaker.objects import S3Object
from local_aws.sagemaker.transform import run as module
from local_aws.sagemaker.transform.definition import Definition, fill_defaults
from local_aws.sagemaker.transform.run import Run, Surroundings

Answer = Callable[[bytes], bytes | Exception]


class Given:
    """A model server: it answers by a function, and counts what it is asked for."""

    def __init__(self, answer: Answer, proposed: dict[str, Any]) -> None:
        self._answer = answer
        self._proposed = proposed
        self.calls: list[str] = []
        self.workers = 1
        self.most: int | None = None

    def __call__(self, container: Container, *_arguments: Any) -> "Given":
        self.most = container.most_workers
        return self

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def read_execution_parameters(self) -> dict[str, Any]:
        return self._proposed

    def grow(self, most: int) -> None:
        self.most = most

    def wait_until_serving(self, _seconds: float) -> None:
        self.calls.append("wait")

    def invoke(self, body: bytes, _headers: dict[str, str]) -> ModelResponse:
        self.calls.append("ask")
        answered = self._answer(body)
        if isinstance(answered, Exception):
            raise answered
        return ModelResponse(200, {}, answered)


class Stored:
    """The objects of an S3, in memory."""

    def __init__(self, **objects: bytes) -> None:
        self.inputs = objects
        self.outputs: dict[str, bytes] = {}

    def has_bucket(self, _bucket: str) -> bool:
        return True

    def list(self, bucket: str, _prefix: str) -> Iterator[S3Object]:
        return iter([S3Object(bucket, name) for name in self.inputs])

    @contextmanager
    def open(self, place: S3Object, _path: Path) -> Iterator[IO[bytes]]:
        yield BytesIO(self.inputs[place.key])

    def write(self, place: S3Object, content: IO[bytes], _content_type: str) -> None:
        self.outputs[place.key] = content.read()


@pytest.fixture
def execute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    def execute(server: Given, objects: Stored, **changes: Any) -> list[str]:
        monkeypatch.setattr(module, "ModelServer", server)
        kind = changes.pop("kind", "application/jsonlines")
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/"}}
        job = fill_defaults(
            {
                "TransformJobName": "job",
                "TransformInput": {"DataSource": source, "ContentType": kind, "SplitType": "Line"},
                "TransformOutput": {"S3OutputPath": "s3://b/out", "Accept": kind, "AssembleWith": "Line"},
                "TransformResources": {"InstanceCount": 1},
                **changes,
            }
        )
        lines: list[str] = []
        around = Surroundings(objects, Host(tmp_path, {}), lines.append, lines.append)  # type: ignore[arg-type]
        try:
            Run(Definition(job), Container("eu-west-1"), around, "run").execute(lambda: None)
        except JobFailed as failed:
            lines.append(str(failed))
        return [line.partition("[sagemaker logs]: ")[2] or line for line in lines]

    return execute


@pytest.mark.parametrize("problem", [ModelSlow(), ModelGone()])
def test_each_attempt_waits_for_a_process_and_nothing_waits_after_the_last(
    execute: Callable[..., list[str]], problem: Exception
) -> None:
    server = Given(lambda _body: problem, {})
    log = execute(server, Stored(a=b"1\n"), ModelClientConfig={"InvocationsMaxRetries": 2})
    assert server.calls == ["wait", "ask"] * 3
    assert log[-1].startswith("AlgorithmError")


@pytest.mark.parametrize(
    ("proposed", "asked", "line", "most"),
    [
        ({"MaxPayloadInMB": 6.0, "MaxConcurrentTransforms": True}, {}, "1, MaxPayloadInMB=6", 1),
        ({"MaxPayloadInMB": 7, "MaxConcurrentTransforms": 14}, {}, "14, MaxPayloadInMB=7", 14),
        ({"MaxPayloadInMB": 6, "MaxConcurrentTransforms": 100}, {}, "1, MaxPayloadInMB=6", 1),
        ({"MaxPayloadInMB": 26}, {"MaxConcurrentTransforms": 4}, "4, MaxPayloadInMB=6", 4),
    ],
)
def test_a_container_proposes_whole_numbers_within_the_limit_of_aws(
    execute: Callable[..., list[str]], proposed: dict[str, Any], asked: dict[str, int], line: str, most: int
) -> None:
    server, objects = Given(lambda body: body, proposed), Stored(a=b"1\n")
    first, second, *_ = execute(server, objects, **asked)
    assert first == f"MaxConcurrentTransforms={line}, BatchStrategy=MULTI_RECORD"
    assert objects.outputs == {"out/a.out": b"1\n"}
    assert server.most == most
    over = proposed["MaxPayloadInMB"] * (most if asked else proposed["MaxConcurrentTransforms"]) > 100
    assert ("/execution-parameters are not used" in second) == over


def test_half_of_a_surrogate_pair_is_written_as_it_came(execute: Callable[..., list[str]]) -> None:
    half, whole, odd = rb'{"t":"\ud83d"}', '{"t":"\U0001f600"}'.encode(), b'{"t":"\xff"}'
    objects = Stored(a=half + b"\n" + whole, b=odd, c=rb'{"t":"\udcff"}', d=b'{"t":"\xff\\ud83d"}')
    server = Given(lambda body: b"1\n" * len(body.splitlines()), {})
    log = execute(server, objects, DataProcessing={"JoinSource": "Input"})
    output = {name: body.splitlines() for name, body in objects.outputs.items()}

    def join(record: bytes) -> bytes:
        return record[:-1] + b',"SageMakerOutput":1}'

    assert output == {
        "out/a.out": [join(half), join(whole)],
        "out/b.out": [join(odd)],
        "out/c.out": [join(rb'{"t":"\udcff"}')],
        "out/d.out": [join(b'{"t":"\xff\\ud83d"}')],
    }, log
    assert json.loads(output["out/a.out"][0])["t"] == "\ud83d"
    filtered: list[bytes] = []

    def note(body: bytes) -> bytes:
        filtered.append(body)
        return body

    server = Given(note, {})
    execute(server, Stored(a=half), DataProcessing={"InputFilter": "$.t"})
    assert filtered == [rb'"\ud83d"']


class Process:
    """A process that runs and does nothing."""

    pid = 1


def test_a_process_that_serves_wakes_all_who_wait_for_one(tmp_path: Path) -> None:
    server = ModelServer(Container("eu-west-1"), Host(tmp_path, {}), "m", print)
    waiting = [threading.Thread(target=server.wait_until_serving, args=(5,), daemon=True) for _ in range(3)]
    for each in waiting:
        each.start()
    while len(server._changed._waiters) < 3:  # type: ignore[attr-defined]
        pass
    server._offer(Process())  # type: ignore[arg-type]
    for each in waiting:
        each.join(1)
    assert not any(each.is_alive() for each in waiting)
