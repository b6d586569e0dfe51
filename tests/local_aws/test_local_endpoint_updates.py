"""Updates and deletions of endpoints that answer requests at the same time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
from botocore.exceptions import ClientError
from local_cloud import ARN, ECHO, Cloud, refused, variant

from local_aws.control import client as control
from local_aws.protocol.resources import Resources
from local_aws.sagemaker.endpoints import Endpoints

ONE_WORKER = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
PATIENT = """
import os, pathlib, time
def model_fn(model_dir): return None
def transform_fn(model, data, content_type, accept):
    folder = pathlib.Path(os.fsdecode(data))
    (folder / "asked").touch()
    while not (folder / "answer").exists():
        time.sleep(0.01)
    return "answered", accept
"""


def pids(cloud: Cloud, endpoint: str) -> list[int]:
    found = control.status(cloud.aws)["endpoints"]
    return next(each["Pids"] for each in found if each["EndpointName"] == endpoint)


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, f"there is no {file.name}"
        time.sleep(0.01)


def test_an_update_refuses_not_one_request(cloud: Cloud):
    cloud.deploy("e", "old")
    old_pids = pids(cloud, "e")
    cloud.create_model("new")
    cloud.create_config("new")
    answers: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                answers.append(cloud.invoke("e", "1").split(":")[0])
            except ClientError as error:
                answers.append(str(error))

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(ask)
        cloud.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="new")
        updating = cloud.sagemaker.describe_endpoint(EndpointName="e")
        described = cloud.wait_until_settled("e")
        time.sleep(0.3)
        done.set()
    assert updating["EndpointStatus"] == "Updating"
    assert updating["EndpointConfigName"] == "old"
    assert updating["PendingDeploymentSummary"]["EndpointConfigName"] == "new"
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == "new"
    assert "PendingDeploymentSummary" not in described
    assert set(answers) == {"old", "new"}
    assert answers.index("new") > 0
    assert set(answers[answers.index("new") + 8 :]) == {"new"}
    psutil.wait_procs([psutil.Process(pid) for pid in old_pids if psutil.pid_exists(pid)], timeout=30)
    assert not any(psutil.pid_exists(pid) for pid in old_pids)


def test_a_request_under_way_is_answered_by_the_model_it_was_sent_to(cloud: Cloud, tmp_path: Path):
    cloud.deploy("e", "patient", PATIENT)
    cloud.create_model("new")
    cloud.create_config("new")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(cloud.invoke, "e", str(tmp_path))
        wait_for(tmp_path / "asked")
        cloud.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="new")
        assert cloud.wait_until_settled("e")["EndpointConfigName"] == "new"
        assert cloud.invoke("e", "1") == "new:1:text/csv"
        assert not answer.done()
        (tmp_path / "answer").touch()
        assert answer.result() == "answered"


def test_a_failed_update_leaves_the_old_model_serving(cloud: Cloud):
    cloud.deploy("e", "old")
    cloud.create_model("bad", "import not_a_module")
    cloud.create_config("bad")
    cloud.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="bad")
    described = cloud.wait_until_settled("e")
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == "old"
    assert "No module named 'not_a_module'" in described["FailureReason"]
    assert cloud.invoke("e") == "old:1:text/csv"
    cloud.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="old")
    assert "FailureReason" not in cloud.wait_until_settled("e")


def test_as_on_aws_an_endpoint_whose_config_is_deleted_cannot_be_updated(cloud: Cloud):
    cloud.deploy("e", "old")
    cloud.create_model("new")
    cloud.create_config("new")
    cloud.sagemaker.delete_endpoint_config(EndpointConfigName="old")
    assert refused(cloud.sagemaker.update_endpoint, EndpointName="e", EndpointConfigName="new")[1] == (
        f'Could not find endpoint configuration "{ARN}:endpoint-config/old".'
    )


def test_deleting_waits_for_requests_and_leaves_no_process(cloud: Cloud, tmp_path: Path):
    cloud.deploy("e", "m", PATIENT, **ONE_WORKER)
    (pid,) = pids(cloud, "e")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(cloud.invoke, "e", str(tmp_path))
        wait_for(tmp_path / "asked")
        cloud.sagemaker.delete_endpoint(EndpointName="e")
        assert cloud.sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Deleting"
        assert "not found" in refused(cloud.runtime.invoke_endpoint, EndpointName="e", Body=b"1")[1]
        assert "in-progress" in refused(cloud.sagemaker.delete_endpoint, EndpointName="e")[1]
        (tmp_path / "answer").touch()
        assert answer.result() == "answered"
    cloud.wait_until_deleted("e")
    assert not psutil.pid_exists(pid)


def test_a_request_waits_for_the_process_that_replaces_a_killed_one(cloud: Cloud):
    cloud.deploy("e", "m", **ONE_WORKER)
    (pid,) = pids(cloud, "e")
    process = psutil.Process(pid)
    process.kill()
    process.wait(30)
    assert cloud.invoke("e") == "m:1:text/csv"
    assert pids(cloud, "e") != [pid]


def test_a_request_whose_process_ends_is_a_model_error(cloud: Cloud):
    script = ECHO.replace("text = data", "os._exit(1) if data == 'die' else None\n    text = data")
    cloud.deploy("e", "m", script, **ONE_WORKER)
    code, message, status = refused(
        cloud.runtime.invoke_endpoint, EndpointName="e", Body=b"die", ContentType="text/csv"
    )
    assert (code, status) == ("ModelError", 424)
    assert "Received server error (0) from primary" in message
    assert "the model process exited" in message
    assert cloud.invoke("e") == "m:1:text/csv"


def test_variants_share_the_requests_by_weight(cloud: Cloud):
    for name in ("a", "b"):
        cloud.create_model(name)
    cloud.create_config(
        "c", variant("a", "A", InitialVariantWeight=3.0), variant("b", "B", InitialVariantWeight=0.0)
    )
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    assert [each["VariantName"] for each in cloud.wait_until_settled("e")["ProductionVariants"]] == ["A", "B"]
    assert {cloud.invoke("e").split(":")[0] for _ in range(10)} == {"a"}
    cloud.create_config(
        "even", variant("a", "A", InitialVariantWeight=0.0), variant("b", "B", InitialVariantWeight=0.0)
    )
    cloud.sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="even")
    cloud.wait_until_settled("e")
    assert {cloud.invoke("e").split(":")[0] for _ in range(40)} == {"a", "b"}
    assert cloud.invoke("e", TargetVariant="B") == "b:1:text/csv"
    assert refused(cloud.runtime.invoke_endpoint, EndpointName="e", Body=b"1", TargetVariant="C")[1] == (
        "Variant C not found for Endpoint e of account 123456789012."
    )


def test_weights_that_were_taken_when_the_server_was_killed_are_no_failed_update():
    def do_nothing(*args: object) -> None:
        del args

    queues: Any = SimpleNamespace(deployments=SimpleNamespace(leave_asleep=do_nothing), open=do_nothing)
    anything: Any = None
    resources = Resources()
    here = resources["eu-west-1"]
    for name, more in (
        ("weighed", {}),
        ("updated", {"PendingDeploymentSummary": {"EndpointConfigName": "c"}}),
    ):
        here.endpoints[name] = {"EndpointName": name, "EndpointStatus": "Updating", **more}
    Endpoints(resources, queues, anything, anything, anything).take_over()
    assert {each["EndpointStatus"] for each in here.endpoints.values()} == {"InService"}
    assert "FailureReason" not in here.endpoints["weighed"]
    assert here.endpoints["updated"]["FailureReason"].startswith("Request to service failed: ")
