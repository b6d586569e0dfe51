"""Starting, finding and stopping the server, and what can go wrong with it."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from local_cloud import ECHO, Cloud

import local_aws
from local_aws.control import client as control
from local_aws.control import launch
from local_aws.errors import LocalAwsError

REGION = "eu-west-1"

pytestmark = pytest.mark.slow


@pytest.fixture
def state_dir(tmp_path):
    path = tmp_path / "state dir"
    yield path
    if path.exists():
        control.stop(path)


def is_open(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) == 0


def wait_gone(pids: list[int]) -> None:
    processes = [each for each in psutil.process_iter() if each.pid in pids]
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert alive == []


def test_start_find_and_stop(state_dir: Path):
    began = time.monotonic()
    aws, started = control.start(state_dir, region=REGION)
    took = time.monotonic() - began
    assert started
    assert took < 20, "6 s on a machine that does nothing else"
    assert control.start(state_dir, region="us-east-1") == (replace(aws, region="us-east-1"), False)
    found = control.find(state_dir)
    assert found is not None
    assert (found.pid, found.endpoint_url, found.account_id) == (aws.pid, aws.endpoint_url, "123456789012")
    assert (state_dir / ".gitignore").read_text() == "*\n"
    if os.name == "posix":
        assert stat.S_IMODE((state_dir / "local.json").stat().st_mode) == 0o600
    listening = [
        each.laddr.ip for each in psutil.Process(aws.pid).net_connections() if each.status == "LISTEN"
    ]
    assert listening == ["127.0.0.1"]
    assert control.stop(state_dir)
    wait_gone([aws.pid])
    assert not is_open(aws.endpoint_url)
    assert control.find(state_dir) is None
    assert not control.stop(state_dir)
    assert control.reset(state_dir), "it had kept something"
    assert not control.reset(state_dir)


def test_finding_it_is_quick_and_light(state_dir: Path):
    control.start(state_dir, region=REGION)
    control.find(state_dir)
    began = time.perf_counter()
    for _ in range(20):
        assert control.find(state_dir)
    assert (time.perf_counter() - began) / 20 < 0.05
    heavy = {"boto3", "botocore", "moto", "flask", "werkzeug", "pydantic", "filelock", "kedro"}
    code = (
        "import sys; import local_aws.control.client, local_aws.pytest_plugin;"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_two_that_start_at_once_get_the_same_one(state_dir: Path):
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: control.start(state_dir, region=REGION), range(2))
    assert one[0] == other[0]
    assert sorted([one[1], other[1]]) == [False, True]


def test_a_server_that_was_killed_is_noticed_and_replaced(state_dir: Path):
    aws, _ = control.start(state_dir, region=REGION)
    psutil.Process(aws.pid).kill()
    wait_gone([aws.pid])
    assert control.find(state_dir) is None
    with pytest.raises(LocalAwsError, match="stopped answering"):
        control.status(aws)
    assert not control.stop(state_dir)
    again, started = control.start(state_dir, region=REGION)
    assert started
    assert again.pid != aws.pid


def test_a_server_whose_project_was_deleted_ends(state_dir: Path):
    aws, _ = control.start(state_dir, region=REGION)
    shutil.rmtree(state_dir)
    wait_gone([aws.pid])
    assert not is_open(aws.endpoint_url)


def test_a_server_of_another_version_is_refused(state_dir: Path):
    control.start(state_dir, region=REGION)
    file = state_dir / "local.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": "0.0.1"}))
    with pytest.raises(LocalAwsError, match=r"0\.0\.1, and this is .* local-aws stop --state-dir .*dir'$"):
        control.start(state_dir, region=REGION)


def test_another_server_on_the_same_port_is_not_taken_for_ours(state_dir: Path):
    aws, _ = control.start(state_dir, region=REGION)
    file = state_dir / "local.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "instance": "another"}))
    assert control.find(state_dir) is None
    file.write_text("{not json")
    assert control.find(state_dir) is None
    psutil.Process(aws.pid).kill()


def test_a_port_that_is_taken_is_one_sentence(state_dir: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalAwsError) as caught:
            control.start(state_dir, region=REGION, port=port)
    assert caught.value.message == (
        f"The local AWS cannot use port {port} of 127.0.0.1: it is in use. Choose another one: `local-aws "
        "start --port`, or `local.port` in conf/base/aws.yml of a Kedro project; 0 takes a free one."
    )
    aws, _ = control.start(state_dir, region=REGION, port=port)
    assert aws.endpoint_url == f"http://127.0.0.1:{port}"


def test_a_server_that_does_not_come_up_says_why(state_dir: Path, monkeypatch):
    state_dir.mkdir(mode=0o700)
    (state_dir / "moto.py").write_text("raise RuntimeError('this is not the moto you look for')")
    monkeypatch.setenv("PYTHONPATH", str(state_dir))
    with pytest.raises(LocalAwsError, match="this is not the moto you look for") as caught:
        control.start(state_dir, region=REGION)
    assert "local.log" in caught.value.message


def test_without_the_extra_it_says_how_to_install_it(state_dir: Path, monkeypatch):
    monkeypatch.setattr(launch, "_NEEDED", ("moto", "surely_not_installed"))
    with pytest.raises(
        LocalAwsError, match=r"needs surely_not_installed. Run `pip install 'kedro-aws-plugin\[local\]'`"
    ):
        control.start(state_dir, region=REGION)


def test_a_server_that_hangs_is_killed(state_dir: Path, monkeypatch):
    if os.name != "posix":
        pytest.skip("stopping a process without ending it needs a signal")
    aws, _ = control.start(state_dir, region=REGION)
    monkeypatch.setattr(control, "_STOP_SECONDS", 1.0)
    monkeypatch.setattr(control, "_HEALTH_SECONDS", 0.5)
    monkeypatch.setattr(control, "_START_SECONDS", 2.0)
    psutil.Process(aws.pid).suspend()
    with pytest.raises(LocalAwsError, match=r"did not answer within 2 s.* local-aws stop --state-dir"):
        control.start(state_dir, region=REGION)
    assert control.stop(state_dir)
    wait_gone([aws.pid])


def test_models_end_with_a_server_that_is_killed(cloud: Cloud):
    described = cloud.deploy("e", "m", ECHO)
    assert described["EndpointStatus"] == "InService"
    pids = control.status(cloud.aws)["endpoints"][0]["Pids"]
    psutil.Process(cloud.aws.pid).kill()
    wait_gone(pids)


def test_a_server_ends_with_its_parent(state_dir: Path):
    code = (
        "import sys, os; from pathlib import Path; from local_aws.control import client as control;"
        f"aws, _ = control.start(Path({str(state_dir)!r}), region='eu-west-1', exit_with_parent=True);"
        "print(aws.pid, flush=True); os.kill(os.getpid(), 9) if os.name == 'posix' else os._exit(1)"
    )
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    wait_gone([int(parent.stdout)])
    assert control.find(state_dir) is None


def test_a_server_that_has_queried_is_gone_when_stop_returns(state_dir: Path):
    # Started by another process, since a child of this one would stay as a zombie.
    code = (
        "from pathlib import Path; from local_aws.control import client as control;"
        f"aws, _ = control.start(Path({str(state_dir)!r}), region='eu-west-1'); print(aws.pid)"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    aws = control.find(state_dir)
    assert aws is not None
    control.seed(aws, bucket="of-results", folder=state_dir / "none")
    athena = aws.client("athena")
    where = {"OutputLocation": "s3://of-results/"}
    query = athena.start_query_execution(QueryString="SELECT 1", ResultConfiguration=where)
    for _ in range(600):
        state = athena.get_query_execution(QueryExecutionId=query["QueryExecutionId"])
        if state["QueryExecution"]["Status"]["State"] not in {"QUEUED", "RUNNING"}:
            break
        time.sleep(0.1)
    assert state["QueryExecution"]["Status"]["State"] == "SUCCEEDED"

    assert control.stop(state_dir)

    left = [each for each in psutil.process_iter(["pid", "status"]) if each.info["pid"] == aws.pid]
    assert [each for each in left if each.info["status"] != psutil.STATUS_ZOMBIE] == []
    assert aws.log_file.read_text().rstrip().endswith("stopped")


def test_it_can_be_asked_to_stop_while_the_interpreter_ends(tmp_path: Path):
    # The thread that finds the state file deleted does so; no new thread can start by then.
    code = f"""
import threading
from pathlib import Path
from local_aws.control.credentials import make_credentials
from local_aws.server.http_server import LocalServer, Place

server = LocalServer(Place(Path({str(tmp_path)!r})), {REGION!r}, 0, "this", make_credentials())
serving = threading.Thread(target=server.serve, daemon=True)
serving.start()

def start(_thread):
    raise RuntimeError("can't create new thread at interpreter shutdown")

threading.Thread.start = start
server.shut_down()
serving.join(60)
assert not serving.is_alive()
server.shut_down()
server.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="Windows ends a process without asking it")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_end_it_in_order(state_dir: Path, name):
    import signal

    aws, _ = control.start(state_dir, region=REGION)
    os.kill(aws.pid, getattr(signal, name))
    deadline = time.monotonic() + 60
    while control.is_alive(state_dir) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not (state_dir / "local.json").exists()
    assert aws.log_file.read_text().rstrip().endswith("stopped")


def test_a_directory_that_cannot_be_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LocalAwsError, match=r"cannot keep its files in .* KEDRO_AWS_STATE_DIR"):
        control.start(tmp_path / "file" / "inside", region=REGION)


def test_a_proxy_is_told_to_leave_this_machine_alone(local_aws, monkeypatch):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "internal.example")
    assert local_aws.environment()["NO_PROXY"] == "internal.example,127.0.0.1,localhost"
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert control.find(local_aws.log_file.parent) is not None
    assert local_aws.client("s3").list_buckets()["Buckets"] == []


def test_the_project_s_state_dir(monkeypatch, tmp_path):
    monkeypatch.delenv("KEDRO_AWS_STATE_DIR", raising=False)
    assert local_aws.default_state_dir(tmp_path) == tmp_path / ".kedro-aws"
    monkeypatch.setenv("KEDRO_AWS_STATE_DIR", str(tmp_path / "other"))
    assert local_aws.default_state_dir(tmp_path) == tmp_path / "other"


def test_an_impostor_at_its_port_is_not_found_and_learns_no_secret(state_dir: Path):
    class Impostor(BaseHTTPRequestHandler):
        heard = b""

        def do_POST(self) -> None:
            Impostor.heard += str(self.headers).encode() + self.rfile.read(
                int(self.headers["Content-Length"])
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"proof": "0"}')

        def log_message(self, *_: object) -> None:
            pass

    aws, _ = control.start(state_dir, region=REGION)
    state = (state_dir / "local.json").read_text()
    psutil.Process(aws.pid).kill()
    wait_gone([aws.pid])
    with HTTPServer(("127.0.0.1", int(aws.endpoint_url.rpartition(":")[2])), Impostor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (state_dir / "local.json").write_text(state)
        assert control.find(state_dir) is None
        server.shutdown()
    assert b"challenge" in Impostor.heard
    assert aws.secret_access_key.encode() not in Impostor.heard
