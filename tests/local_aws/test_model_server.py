"""Model servers: their workers and environment, and unusual conditions such as a full disk."""

import json
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from local_cloud import ECHO, ENVIRONMENT, Cloud

from local_aws.cloudwatch.service import CloudWatch
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.resources import Resources
from local_aws.sagemaker.asynchronous.notifications import Topics
from local_aws.sagemaker.asynchronous.processing import Processor
from local_aws.sagemaker.asynchronous.queues import Queues
from local_aws.sagemaker.container import CannotServe, Container
from local_aws.sagemaker.deployment import Deployments
from local_aws.sagemaker.endpoints import Endpoints
from local_aws.sagemaker.model_server import ModelServer
from local_aws.sagemaker.model_worker import Host, ModelGone, ModelSlow
from local_aws.sagemaker.objects import Objects

ODD_LINES = [
    "kedro-aws: hello",
    "kedro-aws: 3",
    'kedro-aws: {"port": "none"}',
    'kedro-aws: {"port": null}',
    'kedro-aws: {"reason": 3}',
    'kedro-aws: {"other": 3}',
    "kedro-aws: " + "[" * 100_000,
]


TALKING = """
import json, os, sys, time

def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    if data == "die":
        os._exit(1)
    if data.startswith("say "):
        import socket, stat, struct
        said = data.removeprefix("say ").encode()
        for fd in range(3, 100):
            try:
                if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                    continue
                with socket.socket(fileno=os.dup(fd)) as connection:
                    connection.getpeername()
                    if said == b"short":
                        connection.sendall(b"123")
                        connection.shutdown(socket.SHUT_RDWR)
                    else:
                        connection.sendall(struct.pack("!II", len(said), 0) + said)
            except OSError:
                continue
    if data == "environment":
        return json.dumps(dict(os.environ)), accept
    if data == "place":
        return json.dumps({"file": __file__, "path": sys.path, "cwd": os.getcwd()}), accept
    began = time.monotonic()
    time.sleep(float(data))
    return json.dumps({"pid": os.getpid(), "began": began, "ended": time.monotonic()}), accept
"""


@contextmanager
def serving(
    cloud: Cloud, folder: Path, workers: str = "1", seconds: float = 60, most: int | None = None
) -> Iterator[ModelServer]:
    """Serve the talking model with as many workers; the local AWS chooses if that is empty."""
    variables = {**ENVIRONMENT, **({"SAGEMAKER_MODEL_SERVER_WORKERS": workers} if workers else {})}
    container = Container("eu-north-1", cloud.put_model("m", TALKING), variables, most_workers=most)
    server = ModelServer(container, Host(folder, cloud.aws.environment(), seconds), "m", lambda _line: None)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def ask(server: ModelServer, body: str) -> Any:
    response = server.invoke(body.encode(), {"Content-Type": "text/csv"})
    assert response.status == 200, response.body
    return json.loads(response.body)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ask_at_once(server: ModelServer, *bodies: str) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda body: ask(server, body), bodies))


def test_workers_answer_side_by_side_and_another_request_waits_its_turn(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path, workers="2") as server:
        wait_until(lambda: len({each["pid"] for each in ask_at_once(server, "0.1", "0.1")}) == 2)
        answers = ask_at_once(server, "0.5", "0.5", "0.5")
    answers.sort(key=lambda answer: answer["began"])
    first, second, third = answers
    assert first["pid"] != second["pid"]
    assert second["began"] < first["ended"]
    earlier = next(each for each in (first, second) if each["pid"] == third["pid"])
    assert third["began"] >= earlier["ended"]


def test_one_client_is_answered_by_one_worker(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path, workers="2") as server:
        wait_until(lambda: len({each["pid"] for each in ask_at_once(server, "0.1", "0.1")}) == 2)
        assert len({ask(server, "0")["pid"] for _ in range(10)}) == 1


def test_a_worker_that_dies_is_replaced_while_the_other_answers(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path, workers="2") as server:
        wait_until(lambda: len({each["pid"] for each in ask_at_once(server, "0.1", "0.1")}) == 2)
        before = set(server.pids)
        with pytest.raises(ModelGone):
            server.invoke(b"die", {"Content-Type": "text/csv"})
        (left,) = before & {ask(server, "0")["pid"]}
        wait_until(lambda: len({each["pid"] for each in ask_at_once(server, "0.1", "0.1")}) == 2)
        assert set(server.pids) & before == {left}


def test_a_worker_that_does_not_answer_in_time_is_replaced(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path, seconds=0.5) as server:
        pid = ask(server, "0")["pid"]
        with pytest.raises(ModelSlow):
            server.invoke(b"60", {"Content-Type": "text/csv"})

        def is_replaced() -> bool:
            try:
                return bool(ask(server, "0")["pid"] != pid)
            except ModelSlow:  # the next process was not there so soon
                return False

        wait_until(is_replaced)


def test_requests_wait_for_the_process_that_replaces_one_that_died(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path) as server, ThreadPoolExecutor(3) as pool:
        [pid] = server.pids
        dead, *later = [pool.submit(ask, server, body) for body in ("die", "0", "0")]
        assert isinstance(dead.exception(), ModelGone)
        assert {each.result()["pid"] for each in later}.isdisjoint({pid})


def test_nobody_waits_for_a_process_of_a_server_that_stops(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path) as server, ThreadPoolExecutor(3) as pool:
        requests = [pool.submit(ask, server, "40") for _ in range(3)]
        time.sleep(0.5)
        server.stop()
        assert [type(each.exception()) for each in requests] == [ModelGone] * 3


def test_a_request_that_waits_too_long_for_its_turn_is_too_slow(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path, seconds=4.0) as server, ThreadPoolExecutor(3) as pool:
        requests = [pool.submit(ask, server, "3") for _ in range(3)]
        slow = [request for request in requests if isinstance(request.exception(), ModelSlow)]
        first, second = sorted(
            (request.result() for request in requests if request not in slow),
            key=lambda answer: answer["began"],
        )
        assert first["ended"] <= second["began"]
        assert len(slow) == 1
        assert ask(server, "0")["pid"] == first["pid"]


def test_stopping_ends_workers_that_have_just_begun(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path, workers="3") as server:
        wait_until(lambda: len(server.pids) == 3)
        pids = server.pids
    assert server.pids == []
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert list(tmp_path.iterdir()) == []


def test_a_process_answers_nobody_else(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path) as server:
        [pid] = server.pids
        [port] = [
            each.laddr.port for each in psutil.Process(pid).net_connections("tcp") if each.status == "LISTEN"
        ]
        ping = struct.pack("!II", 18, 0) + b'["GET","/ping",{}]'
        for password in (b"0" * 32, b"", b"GET /ping HTTP/1.1\r\n\r\n", b"0" * 10_000):
            with socket.create_connection(("127.0.0.1", port), 10) as other:
                answered = b""
                with suppress(OSError):  # the process hangs up as soon as it has seen the password
                    other.sendall(password + ping)
                    other.shutdown(socket.SHUT_WR)
                    answered = other.recv(1)
                assert answered == b""
        assert ask(server, "0")["pid"] == pid


def test_a_process_that_answers_nonsense_is_gone_for_the_request(cloud: Cloud, tmp_path: Path):
    """A model's code could write to the connection itself."""
    with serving(cloud, tmp_path) as server:
        [pid] = server.pids
        for nonsense in ("short", "null", "[200]", '[200, {"a": 1}]', '["200", {}]', "[" * 100_000):
            with pytest.raises(ModelGone):
                server.invoke(f"say {nonsense}".encode(), {"Content-Type": "text/csv"})
            assert ask(server, "0")["pid"] == pid


def test_who_waits_has_the_next_free_worker_in_order(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path) as server, ThreadPoolExecutor(5) as pool:
        waiting = []
        for _ in range(5):
            waiting.append(pool.submit(ask, server, "0.2"))
            time.sleep(0.03)
        began = [each.result()["began"] for each in waiting]
    assert began == sorted(began)


def test_workers_share_the_processors_among_their_threads(cloud: Cloud, tmp_path: Path):
    processors = os.cpu_count() or 1
    for workers in (1, processors):
        with serving(cloud, tmp_path, workers=str(workers)) as server:
            assert ask(server, "environment")["OMP_NUM_THREADS"] == str(processors // workers)


def test_more_workers_are_started_when_they_are_of_use(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path, workers="2", most=1) as server:
        server.grow(1)
        assert len(server.pids) == server.workers == 1
        server.grow(3)
        wait_until(lambda: len({each["pid"] for each in ask_at_once(server, "0.1", "0.1")}) == 2)
        assert len(server.pids) == server.workers == 2


def test_a_worker_is_started_when_a_request_would_wait_as_long_as_a_processor_is_left(
    cloud: Cloud, tmp_path: Path
):
    most = min(os.cpu_count() or 1, 4)
    with serving(cloud, tmp_path, workers="") as server:
        assert [ask(server, "0")["pid"] for _ in range(3)] == [server.pids[0]] * 3
        assert len(server.pids) == 1
        bodies = ["0.1"] * (most + 2)
        wait_until(lambda: len({each["pid"] for each in ask_at_once(server, *bodies)}) == most)
        assert len(server.pids) == server.workers == most


def test_a_request_that_waits_is_answered_by_the_worker_that_it_has_started(cloud: Cloud, tmp_path: Path):
    with serving(cloud, tmp_path, workers="", most=2) as server, ThreadPoolExecutor(1) as pool:
        [first] = server.pids
        endless = pool.submit(ask, server, "50")
        time.sleep(0.5)
        assert ask(server, "0")["pid"] != first
        os.kill(first, signal.SIGKILL)
        assert isinstance(endless.exception(), ModelGone)


def test_a_model_gets_the_container_s_variables_and_not_the_user_s(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "mine.py")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    with serving(cloud, tmp_path) as server:
        variables = ask(server, "environment")
        place = ask(server, "place")
    expected = {
        **ENVIRONMENT,
        "SAGEMAKER_BASE_DIR": str(tmp_path / "m"),
        "SM_MODEL_DIR": str(tmp_path / "m" / "model"),
        "AWS_ENDPOINT_URL": cloud.aws.endpoint_url,
        "AWS_REGION": "eu-north-1",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "TZ": "UTC",
        "PYTHONHASHSEED": "1",
        "PATH": os.environ["PATH"],
    }
    assert {name: variables.get(name) for name in expected} == expected
    known = {"KEDRO_AWS_MODEL_DATA", "HOME", "LANG", "LD_LIBRARY_PATH", "NO_PROXY", "no_proxy", "TMPDIR"}
    known |= {"OMP_NUM_THREADS", "KEDRO_AWS_MODEL_SHA256"}
    others = {name for name in variables if not name.startswith(("AWS_", "LC_", "PYTHON", "SAGEMAKER_"))}
    if sys.platform != "win32":
        assert others - known <= set(expected)
    assert not {"GITHUB_TOKEN", "AWS_PROFILE"} & set(variables)
    assert place["file"] == str(tmp_path / "m" / "code" / "inference.py")
    assert place["path"][0] == str(tmp_path / "m" / "code")
    assert place["cwd"] not in place["path"]


def test_lines_that_begin_like_ours_are_the_models_own(cloud: Cloud):
    misleading = 'kedro-aws: {"port": 1}'
    script = "".join(f"print({line!r})\n" for line in [*ODD_LINES, misleading]) + ECHO
    assert cloud.deploy("e", "m", script)["EndpointStatus"] == "InService"
    assert cloud.invoke("e", "1") == "m:1:text/csv"
    log = (cloud.aws.log_file.parent / "logs" / "e.log").read_text()
    assert [line for line in log.splitlines() if line.startswith("kedro-aws: ")] == ODD_LINES


def test_a_log_that_cannot_be_written_stops_no_model(cloud: Cloud, tmp_path: Path, caplog):
    talkative = f"{ECHO}\nfor _ in range(5_000): print('more than fits into a pipe')\n"
    container = Container("eu-west-1", cloud.put_model("m", talkative), ENVIRONMENT)
    lines = []

    def full(text: str) -> None:
        lines.extend(text.splitlines())
        raise OSError(28, "No space left on device")

    server = ModelServer(container, Host(tmp_path, cloud.aws.environment()), "m", full)
    try:
        server.start()
        assert server.invoke(b"1", {"Content-Type": "text/csv"}).body == b"m:1:text/csv"
    finally:
        server.stop()
    assert len(lines) > 5_000
    (warning,) = [record for record in caplog.records if record.name.endswith("model_server")]
    assert warning.getMessage() == "lines of m are lost: [Errno 28] No space left on device"


def test_a_directory_that_cannot_be_made_is_the_reason(tmp_path: Path):
    (tmp_path / "file").write_text("")
    server = ModelServer(Container("eu-west-1"), Host(tmp_path / "file", {}), "m", [].append)
    with pytest.raises(CannotServe, match="The local AWS could not start the model's process: "):
        server.start()


class TestWhatNobodyExpects:
    """Fail to open log streams, as an example of any bug while an endpoint is deployed."""

    @pytest.fixture
    def resources(self) -> Resources:
        """Create a model and a config of it."""
        resources = Resources()
        here = resources["eu-west-1"]
        here.models["m"] = {"ModelName": "m", "Resolved": [{"Image": "uri"}]}
        variant = {
            "VariantName": "v",
            "ModelName": "m",
            "InitialVariantWeight": 1.0,
            "InitialInstanceCount": 1,
        }
        here.configs["c"] = {"EndpointConfigName": "c", "ProductionVariants": [variant]}
        return resources

    @pytest.fixture
    def endpoints(self, resources: Resources, tmp_path: Path) -> Endpoints:
        def broken(region: str, endpoint: str) -> Any:
            raise KeyError(f"{region} {endpoint}")

        moto = Moto(lambda *_: [], "eu-west-1")
        deployments = Deployments(CloudWatch(moto, "eu-west-1"))
        objects = Objects(moto)
        queues = Queues(resources, Processor(deployments, objects, Topics(moto), tmp_path))
        return Endpoints(resources, queues, Host(tmp_path, {}), broken, objects)

    def wait_until_settled(self, endpoints: Endpoints) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            described = endpoints.describe("eu-west-1", {"EndpointName": "e"})
            if described["EndpointStatus"] not in {"Creating", "Updating"}:
                return described
            time.sleep(0.01)
        pytest.fail(f"it did not settle: {described}")

    def test_an_endpoint_that_is_created_fails(self, endpoints: Endpoints):
        endpoints.create("eu-west-1", {"EndpointName": "e", "EndpointConfigName": "c"})
        described = self.wait_until_settled(endpoints)
        assert described["EndpointStatus"] == "Failed"
        assert described["FailureReason"] == "The local AWS failed: KeyError: 'eu-west-1 e'"

    def test_an_endpoint_that_is_updated_stays_as_it_was(self, endpoints: Endpoints, resources: Resources):
        resources["eu-west-1"].endpoints["e"] = {
            "EndpointName": "e",
            "EndpointArn": "arn",
            "EndpointConfigName": "c",
            "EndpointStatus": "InService",
        }
        endpoints.update("eu-west-1", {"EndpointName": "e", "EndpointConfigName": "c"})
        described = self.wait_until_settled(endpoints)
        assert described["EndpointStatus"] == "InService"
        assert "KeyError" in described["FailureReason"]
        assert "PendingDeploymentSummary" not in described
