"""Models that bring a package of their project along."""

import io
import pickle
import sys
import types

import pytest
from local_cloud import BUCKET, ENVIRONMENT, IMAGE, ROLE, Cloud, archive

SOURCE = """
class Multiplier:
    def predict(self, value):
        return value * {factor}
"""
HANDLERS = """
import os, pickle

def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.joblib"), "rb") as file:
        return pickle.load(file)

def transform_fn(model, data, content_type, accept):
    return str(model.predict(int(data))), accept
"""


@pytest.fixture
def pickled(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """An object of a class of `flights.models`, which is not importable here."""
    module = types.ModuleType("flights.models")
    exec(SOURCE.format(factor=1), module.__dict__)
    monkeypatch.setitem(sys.modules, "flights", types.ModuleType("flights"))
    monkeypatch.setitem(sys.modules, "flights.models", module)
    buffer = io.BytesIO()
    pickle.dump(module.Multiplier(), buffer)
    return buffer.getvalue()


def deploy(cloud: Cloud, name: str, files: dict[str, bytes | str]) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key=name, Body=archive(files))
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{name}", "Environment": ENVIRONMENT}
    cloud.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    cloud.create_config(name)
    cloud.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def test_two_versions_of_a_package_serve_side_by_side(cloud: Cloud, pickled: bytes) -> None:
    for name, factor in (("former", 2), ("latest", 3)):
        files = {
            "model.joblib": pickled,
            "code/inference.py": HANDLERS,
            "code/flights/__init__.py": "",
            "code/flights/models.py": SOURCE.format(factor=factor),
        }
        deploy(cloud, name, files)
    for name in ("former", "latest"):
        assert cloud.wait_until_settled(name)["EndpointStatus"] == "InService"
    answers = [cloud.invoke(name, "7") for name in ("former", "latest", "former")]
    assert answers == ["14", "21", "14"]
