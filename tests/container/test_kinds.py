"""Ten kinds of model answer in AWS's container and on the local AWS what they answer themselves."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from botocore.exceptions import ClientError
from container import Container
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from kedro_aws_plugin.model_artifact.archive import Member, build_archive
from kedro_aws_plugin.model_artifact.handlers import PROGRAM, SUBMIT_DIRECTORY, list_model_members
from kedro_aws_plugin.model_artifact.parity import build_requests
from kedro_aws_plugin.model_artifact.signature import describe_input, describe_output, write_signature
from local_aws import LocalAws

pytestmark = [pytest.mark.slow, pytest.mark.container]

PACKAGE = {"SAGEMAKER_PROGRAM": PROGRAM, "SAGEMAKER_SUBMIT_DIRECTORY": SUBMIT_DIRECTORY}
ONE_WORKER = {**PACKAGE, "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
Y = [1.0, 2.0, 3.0, 5.0, 8.0, 13.0]
LABELS = ["a", "b", "b", "a", "c", "c"]
Kind = tuple[Any, pd.DataFrame, str]


def encode(*columns: str) -> Any:
    encoder = OneHotEncoder(handle_unknown="ignore")
    return make_column_transformer((encoder, list(columns)), remainder="passthrough")


def numbers() -> Kind:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)})
    return LinearRegression().fit(frame, Y), frame, "predict"


def na_words() -> Kind:
    frame = pd.DataFrame({"country": ["NA", "null", "None", "nan", "DE", "FR"]})
    return make_pipeline(encode("country"), LinearRegression()).fit(frame, Y), frame, "predict"


def zip_codes() -> Kind:
    frame = pd.DataFrame({"zip": ["01234", "1234", "0", "00", "1e5", "100000"], "n": range(6)})
    return make_pipeline(encode("zip"), LinearRegression()).fit(frame, Y), frame, "predict"


def booleans() -> Kind:
    frame = pd.DataFrame({"flag": [True, None, False, None, True, False], "n": range(6)}, dtype=object)
    frame["n"] = frame["n"].astype(int)
    return make_pipeline(encode("flag"), LinearRegression()).fit(frame, Y), frame, "predict"


def dates() -> Kind:
    frame = pd.DataFrame({"day": pd.date_range("2026-01-30", periods=6), "n": range(6)})
    return make_pipeline(encode("day"), LinearRegression()).fit(frame, Y), frame, "predict"


def categories() -> Kind:
    frame = pd.DataFrame({"kind": pd.Categorical(LABELS), "n": range(6)})
    return make_pipeline(encode("kind"), LinearRegression()).fit(frame, Y), frame, "predict"


def texts() -> Kind:
    frame = pd.DataFrame({"review": ["good flight", "bad food", "good", "bad", "flight", "food, good"]})
    return make_pipeline(TfidfVectorizer(), LinearRegression()).fit(frame["review"], Y), frame, "predict"


def array_of_texts() -> Kind:
    frame = pd.DataFrame({"a": LABELS, "b": LABELS[::-1]})
    model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(frame.to_numpy(), Y)
    return model, frame, "predict"


def several_outputs() -> Kind:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6)})
    return LinearRegression().fit(frame, np.column_stack([Y, Y[::-1]])), frame, "predict"


def text_labels() -> Kind:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)})
    return DecisionTreeClassifier(random_state=0).fit(frame, LABELS), frame, "predict"


def probabilities() -> Kind:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 6), "n": range(6)})
    return LogisticRegression().fit(frame, LABELS), frame, "predict_proba"


KINDS: list[Callable[[], Kind]] = [
    numbers,
    na_words,
    zip_codes,
    booleans,
    dates,
    categories,
    texts,
    array_of_texts,
    several_outputs,
    text_labels,
    probabilities,
]


FITTED_ON: dict[Callable[[], Kind], Callable[[pd.DataFrame], Any]] = {
    texts: lambda frame: frame["review"],
    array_of_texts: lambda frame: frame.to_numpy(),
}
"""What of the table the model was fitted on, where it was not the table itself."""


def pack(kind: Kind, folder: Path) -> Path:
    model, frame, method = kind
    file = folder / "model.pickle"
    joblib.dump(model, file)
    signature = write_signature(describe_input(model, frame, method), describe_output(model, method))
    members = [*list_model_members(file), Member("code/signature.json", json.dumps(signature).encode())]
    return build_archive(members, folder / "model.tar.gz").path


def is_close(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(is_close, one, other))
    if isinstance(one, str):
        return bool(one == other)
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)


REFUSED = ((b"{}", "text/odd"), (b"", "text/csv"), (b"[[1, 2, 3, 4, 5]]", "application/json"))
Answer = tuple[int, Any]
Invoke = Callable[[bytes, str], Answer]


@pytest.fixture
def deploy(local_aws: LocalAws) -> Callable[[Path], Invoke]:
    """Serve an archive on the local AWS."""
    s3, sagemaker = local_aws.client("s3"), local_aws.client("sagemaker")
    runtime = local_aws.client("sagemaker-runtime")

    def serve(archive: Path) -> Invoke:
        s3.create_bucket(Bucket="kinds", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.upload_file(str(archive), "kinds", "model.tar.gz")
        container = {"Image": "image", "ModelDataUrl": "s3://kinds/model.tar.gz", "Environment": ONE_WORKER}
        role = "arn:aws:iam::123456789012:role/lane"
        sagemaker.create_model(ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)
        variant = {
            "VariantName": "v",
            "ModelName": "m",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
        deadline = time.monotonic() + 120
        while (state := sagemaker.describe_endpoint(EndpointName="e"))["EndpointStatus"] == "Creating":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert state["EndpointStatus"] == "InService", state

        def invoke(body: bytes, content_type: str) -> Answer:
            try:
                got = runtime.invoke_endpoint(EndpointName="e", Body=body, ContentType=content_type)
            except ClientError as error:
                return error.response["OriginalStatusCode"], error.response["OriginalMessage"]
            return 200, json.loads(got["Body"].read())["predictions"]

        return invoke

    return serve


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_both_servers_answer_what_the_model_answers(
    make: Callable[[], Kind], deploy: Callable[[Path], Invoke], tmp_path: Path
) -> None:
    model, frame, method = kind = make()
    archive = pack(kind, tmp_path)
    known = describe_input(model, frame, method)
    expected = getattr(model, method)(FITTED_ON.get(make, lambda rows: rows)(frame)).tolist()
    local = deploy(archive)
    with Container(archive, ONE_WORKER, seconds=180) as container:
        forms = 0
        for form, body, content_type in build_requests(frame, known):
            answer = container.invoke(body, content_type)
            assert answer.status == 200, (form, answer.body)
            there = json.loads(answer.body)["predictions"]
            status, here = local(body, content_type)
            assert (status, len(there)) == (200, len(expected)), form
            assert is_close(expected, there), (form, expected, there)
            assert is_close(expected, here), (form, expected, here)
            forms += 1
        assert forms >= 11
        for body, content_type in (
            (b"{}", "text/odd"),
            (b"", "text/csv"),
            (b"[[1, 2, 3, 4, 5]]", "application/json"),
        ):
            refused = container.invoke(body, content_type)
            status, sentence = local(body, content_type)
            assert (refused.status, refused.body.decode()) == (status, sentence)
            assert refused.status in (400, 415)
