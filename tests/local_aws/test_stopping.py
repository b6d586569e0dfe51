"""What `stop` ends: the local AWS for certain, and nothing else."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from local_aws import Stopped
from local_aws.cli import main
from local_aws.control import client as control
from local_aws.control.lock import make_lock
from local_aws.control.process_identity import ProcessIdentity, find_place, read_process
from local_aws.control.state import LocalAws, make_state_dir, write_state
from local_aws.errors import LocalAwsError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process is known by its pid alone"),
]

IN_A_CONTAINER = """
import fcntl, socket, struct, sys
from pathlib import Path
up = struct.pack("16sh", b"lo", 0x41)
fcntl.ioctl(socket.socket(), 0x8914, up)  # its own 127.0.0.1
from local_aws.control import client as control
aws, started = control.start(Path(sys.argv[1]), region="eu-west-1")
print(started, flush=True)
sys.stdin.readline()
print(control.stop(Path(sys.argv[1])).name, flush=True)
"""


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / ".kedro-aws"
    yield path
    control.stop(path)


@pytest.fixture
def innocent() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has nothing to do with it."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("started", ["1", ""], ids=["another start", "no start"])
def test_a_process_that_has_its_pid_now_is_left_alone(
    tmp_path: Path, innocent: "subprocess.Popen[bytes]", started: str
) -> None:
    state_dir = tmp_path / ".kedro-aws"
    make_state_dir(state_dir)
    url = f"http://127.0.0.1:{closed_port()}"
    write_state(state_dir, LocalAws(url, "eu-west-1", "1", innocent.pid, state_dir / "local.log", "x"))
    identity = {"pid": innocent.pid, "started": started, "place": find_place()}
    (state_dir / "local.pid").write_text(json.dumps(identity))
    with (
        make_lock(state_dir),
        pytest.raises(LocalAwsError, match="which process it is cannot be found out"),
    ):
        control.stop(state_dir)
    assert innocent.poll() is None
    assert control.stop(state_dir) is Stopped.NOT_RUNNING


def test_a_process_is_killed_only_as_the_one_that_was_meant(innocent: "subprocess.Popen[bytes]") -> None:
    stat = Path(f"/proc/{innocent.pid}/stat").read_text().rpartition(")")[2].split()
    meant = ProcessIdentity(innocent.pid, stat[19], find_place())
    for other in (
        ProcessIdentity(innocent.pid, str(int(stat[19]) - 1), find_place()),
        ProcessIdentity(innocent.pid, stat[19], find_place().replace("pid:[", "pid:[1")),
    ):
        assert not other.kill()
    assert innocent.poll() is None
    assert meant.kill()
    assert innocent.wait(10) == -signal.SIGKILL
    assert not meant.kill()


def test_one_that_hangs_is_killed_and_the_user_is_told(state_dir: Path, monkeypatch) -> None:
    aws, _ = control.start(state_dir, region="eu-west-1")
    monkeypatch.setattr(control, "_HEALTH_SECONDS", 0.5)
    process = psutil.Process(aws.pid)
    os.kill(aws.pid, signal.SIGSTOP)
    began = time.monotonic()
    said = CliRunner().invoke(main, ["stop", "--state-dir", str(state_dir)])
    assert (said.exit_code, said.stderr) == (0, "The local AWS did not answer or end, and was killed.\n")
    assert time.monotonic() - began < 5
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    again = CliRunner().invoke(main, ["stop", "--state-dir", str(state_dir)])
    assert again.stderr == "The local AWS is not running.\n"


def test_one_that_cannot_write_where_it_is_yet_can_be_ended(state_dir: Path, monkeypatch) -> None:
    aws, _ = control.start(state_dir, region="eu-west-1")
    os.kill(aws.pid, signal.SIGSTOP)
    (state_dir / "local.json").unlink()
    monkeypatch.setattr(control, "_STOP_SECONDS", 1.0)
    assert control.stop(state_dir) is Stopped.KILLED


@pytest.fixture
def dying(state_dir: Path, innocent: "subprocess.Popen[bytes]", monkeypatch) -> Iterator[None]:
    """A process that holds the lock for two more seconds after it was killed, as on a busy machine."""
    make_state_dir(state_dir)
    stat = Path(f"/proc/{innocent.pid}/stat").read_text().rpartition(")")[2].split()
    identity = {"pid": innocent.pid, "started": stat[19], "place": find_place()}
    (state_dir / "local.pid").write_text(json.dumps(identity))
    monkeypatch.setattr(control, "_STOP_SECONDS", 0.2)
    held = threading.Event()

    def hold() -> None:
        with make_lock(state_dir):
            held.set()
            innocent.wait()
            time.sleep(2)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    yield
    innocent.kill()
    holder.join()


@pytest.mark.usefixtures("dying")
def test_one_that_takes_its_time_to_die_is_waited_for(state_dir: Path) -> None:
    assert control.stop(state_dir) is Stopped.KILLED


@pytest.mark.usefixtures("dying")
def test_one_that_does_not_die_is_told(state_dir: Path, monkeypatch) -> None:
    monkeypatch.setattr(control, "_KILL_SECONDS", 0.2)
    with pytest.raises(LocalAwsError, match=r"was killed, and its process has not ended .* again later"):
        control.stop(state_dir)


def test_one_in_another_container_is_told_at_once(tmp_path: Path) -> None:
    apart = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False).returncode:
        pytest.skip("only root can make namespaces, by util-linux's unshare")
    state_dir = tmp_path / ".kedro-aws"
    with subprocess.Popen(
        [*apart, sys.executable, "-c", IN_A_CONTAINER, str(state_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as container:
        assert container.stdout is not None
        assert container.stdin is not None
        assert container.stdout.readline() == "True\n"
        inside = read_process(state_dir)
        for call in (lambda: control.start(state_dir, region="eu-west-1"), lambda: control.stop(state_dir)):
            began = time.monotonic()
            with pytest.raises(LocalAwsError, match="runs in another container or on the host"):
                call()
            assert time.monotonic() - began < 5
        assert control.find(state_dir) is None
        assert read_process(state_dir) == inside
        container.stdin.write("stop\n")
        container.stdin.flush()
        assert container.stdout.readline() == "IN_ORDER\n"
    _, started = control.start(state_dir, region="eu-west-1")
    assert started
    assert control.stop(state_dir) is Stopped.IN_ORDER
