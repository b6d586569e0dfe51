"""Send every form of request to the local endpoint and to AWS's container, and compare with the model.

`docs/concepts/model-artifact.md` has the result as a table, which `scripts/record_container_lane.py` writes.
"""

import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import joblib
from botocore.exceptions import ClientError
from container import Container
from kinds import Kind

import local_aws
from kedro_aws_plugin.model_artifact.archive import Member, build_archive
from kedro_aws_plugin.model_artifact.handlers import PROGRAM, SUBMIT_DIRECTORY, list_model_members
from kedro_aws_plugin.model_artifact.images import choose_sklearn_image
from kedro_aws_plugin.model_artifact.parity import build_requests
from kedro_aws_plugin.model_artifact.signature import describe_input, describe_output, write_signature
from kedro_aws_plugin.model_artifact.wheels import LIBRARIES, bundle_requirements
from local_aws import LocalAws

REFUSED = {
    "unknown content type": (b"{}", "text/odd"),
    "no body": (b"", "text/csv"),
    "too many columns": (json.dumps([[1] * 30]).encode(), "application/json"),
}
"""Requests that no model of a kind can answer."""

FORMS = ("CSV", "CSV without a header", "JSON", "JSON lines", "Parquet", "NPY", *REFUSED)
"""The table's columns. JSON stands for all of its forms."""

NO_FORM = "-"
"""What the table says where a model's rows cannot have a form: NPY has numbers only."""

_BUCKET = "kinds"
_ONE_WORKER = {
    "SAGEMAKER_PROGRAM": PROGRAM,
    "SAGEMAKER_SUBMIT_DIRECTORY": SUBMIT_DIRECTORY,
    "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
}
_OK = 200
_SECONDS = 180

Answer = tuple[int, Any]
"""A status, and what was answered: predictions, or the sentence of a refusal."""
Invoke = Callable[[bytes, str], Answer]


@dataclass(frozen=True)
class Compared:
    """One request to both servers.

    Attributes:
        form: The form of the request.
        local: What the local endpoint answered.
        container: What AWS's container answered.
        expected: What the model itself answers; None if it cannot.
    """

    form: str
    local: Answer
    container: Answer
    expected: list[Any] | None

    @property
    def equal(self) -> bool:
        """Whether all of them answered the same."""
        if self.expected is None:
            return self.local == self.container
        answers = (_OK, self.expected)
        return _is_close(answers, self.local) and _is_close(answers, self.container)

    def __str__(self) -> str:
        """Write a cell of the table: one status if both gave it, and whether the answers are equal."""
        statuses = dict.fromkeys(str(status) for status, _ in (self.local, self.container))
        return f"{' / '.join(statuses)} {'=' if self.equal else '≠'}"


def compare(kind: Kind, aws: LocalAws) -> list[Compared]:
    """Serve a model in both places, and send every form of request to both.

    Args:
        kind: The model.
        aws: A local AWS. Its endpoint is deleted in the end.
    """
    known = describe_input(kind.model, kind.frame, kind.method)
    rows = kind.frame[[column["name"] for column in known["columns"]]]
    requests = [(*each, kind.answer()) for each in build_requests(rows, known)]
    requests += [(form, *sent, None) for form, sent in REFUSED.items()]
    with tempfile.TemporaryDirectory(prefix="kind-") as folder:
        archive = pack(kind, Path(folder))
        # As `register-model` sets it; the variable of an archive without libraries names no folder.
        variables = {**_ONE_WORKER, "LD_LIBRARY_PATH": LIBRARIES} if kind.requirements else _ONE_WORKER
        with (
            _serve_locally(archive, aws) as local,
            Container(archive, variables, seconds=_SECONDS) as container,
        ):
            return [
                Compared(form, local(body, content_type), _ask(container, body, content_type), expected)
                for form, body, content_type, expected in requests
            ]


def pack(kind: Kind, folder: Path) -> Path:
    """Pack a model as `register-model` does."""
    file = folder / "model.pickle"
    joblib.dump(kind.model, file)
    signature = write_signature(
        describe_input(kind.model, kind.frame, kind.method), describe_output(kind.model, kind.method)
    )
    members = [*list_model_members(file), Member("code/signature.json", json.dumps(signature).encode())]
    if kind.requirements:
        wheels = folder / "wheels"
        wheels.mkdir()
        members += bundle_requirements(kind.requirements, choose_sklearn_image("eu-west-1", "1.9.0"), wheels)
    return build_archive(members, folder / "model.tar.gz").path


def _ask(container: Container, body: bytes, content_type: str) -> Answer:
    answer = container.invoke(body, content_type)
    if answer.status == _OK:
        return _OK, json.loads(answer.body)["predictions"]
    return answer.status, answer.body.decode()


@contextmanager
def _serve_locally(archive: Path, aws: LocalAws) -> Iterator[Invoke]:
    """Serve an archive on the local AWS. The first request waits for it: both servers start at once."""
    name = f"kind-{uuid4().hex[:8]}"
    sagemaker, runtime = aws.client("sagemaker"), aws.client("sagemaker-runtime")
    _create_endpoint(archive, aws, name)
    ready = False

    def invoke(body: bytes, content_type: str) -> Answer:
        nonlocal ready
        if not ready:
            _wait_for_endpoint(sagemaker, name)
            ready = True
        try:
            got = runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=content_type)
        except ClientError as error:
            response: Any = error.response
            return response["OriginalStatusCode"], response["OriginalMessage"]
        return _OK, json.loads(got["Body"].read())["predictions"]

    try:
        yield invoke
    finally:
        sagemaker.delete_endpoint(EndpointName=name)


def _create_endpoint(archive: Path, aws: LocalAws, name: str) -> None:
    s3, sagemaker = aws.client("s3"), aws.client("sagemaker")
    if _BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.upload_file(str(archive), _BUCKET, f"{name}.tar.gz")
    data = f"s3://{_BUCKET}/{name}.tar.gz"
    container = {"Image": "image", "ModelDataUrl": data, "Environment": _ONE_WORKER}
    role = "arn:aws:iam::123456789012:role/lane"
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def _wait_for_endpoint(sagemaker: Any, name: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while (state := sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert state["EndpointStatus"] == "InService", state


def _is_close(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple):
        same = isinstance(other, list | tuple) and len(one) == len(other)
        return same and all(map(_is_close, one, other))
    if isinstance(one, str) or not isinstance(other, int | float):
        return bool(one == other)
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)


@contextmanager
def start_local_aws(folder: Path) -> Iterator[LocalAws]:
    """Start a local AWS for several comparisons, with its state in a folder."""
    aws, _ = local_aws.start(folder, region="eu-west-1", exit_with_parent=True)
    try:
        yield aws
    finally:
        local_aws.stop(folder)


def write_row(name: str, compared: Sequence[Compared]) -> str:
    """Write a kind's row of the table in the documentation."""
    cells = dict.fromkeys(FORMS, NO_FORM)
    for each in compared:
        form = "JSON" if each.form.startswith("JSON ") and each.form != "JSON lines" else each.form
        written = str(each)
        # One that differs hides those that do not.
        cells[form] = written if cells[form] == NO_FORM or not each.equal else cells[form]
    return f"| {name} | {' | '.join(cells.values())} |"
