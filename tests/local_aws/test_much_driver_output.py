"""A driver of EMR Serverless that prints more than a disk should hold."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from local_aws.emr_serverless import redirected
from local_aws.emr_serverless.driver_logs import STREAMS, DriverLogs
from local_aws.sagemaker.objects import S3Object

MEGABYTES = 64
"""What is printed. More is not kept either: 2,000 give the same files, in some seconds."""

PRINT = """
import os, signal, sys
line = b"x" * 99 + b"\\n"
for number in range(int(sys.argv[1])):
    sys.stdout.buffer.write(line * 10_486)
print("ValueError: the last line", flush=True)
print("the only line of stderr", file=sys.stderr, flush=True)
{end}
"""
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"
FORKED = "os.fork() or os.setsid() or signal.pause()"
"""A process that leaves the group and keeps the output open."""

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="a process is ended by a signal")


def print_much(folder: Path, megabytes: int, end: str) -> int:
    """Run a command that prints so much, and return its exit code."""
    command = [sys.executable, "-c", PRINT.format(end=end), str(megabytes)]
    files = [str(folder / name) for name in STREAMS]
    run = [sys.executable, "-I", "-S", redirected.__file__, *files, *command]
    return subprocess.run(run, check=False, timeout=120).returncode


@needs_signals
def test_the_beginning_and_the_end_are_kept_also_of_a_driver_that_is_killed(tmp_path: Path) -> None:
    assert print_much(tmp_path, MEGABYTES, KILLED) == 128 + 9
    lines = (tmp_path / "stdout").read_text().splitlines()
    assert (tmp_path / "stdout").stat().st_size < 17 * 1024**2
    assert lines[0] == "x" * 99
    assert lines[-1] == "ValueError: the last line"
    [note] = [each for each in lines if each.startswith("[The local AWS has left out ")]
    left_out = MEGABYTES * 10_486 * 100 + len("ValueError: the last line\n") - (16 * 1024**2 + 64 * 1024)
    assert f" {left_out} bytes: it keeps the first 16 MB that a driver prints, and the last 64 kB.]" in note
    assert (tmp_path / "stderr").read_text() == "the only line of stderr\n"


@needs_signals
def test_what_is_short_is_kept_as_it_is(tmp_path: Path) -> None:
    assert print_much(tmp_path, 1, "sys.exit(3)") == 3
    written = (tmp_path / "stdout").read_text()
    assert written == ("x" * 99 + "\n") * 10_486 + "ValueError: the last line\n"


@needs_signals
def test_a_process_that_holds_the_output_does_not_hold_the_driver(tmp_path: Path) -> None:
    left = tmp_path / "left"
    end = f"""
child = os.fork()
if not child:
    os.setsid()
    open({str(left)!r}, "w").write(str(os.getpid()))
    signal.pause()
while not os.path.exists({str(left)!r}): pass
"""
    try:
        assert print_much(tmp_path, 20, end) == 0
    finally:
        subprocess.run(["kill", left.read_text()], check=True)
    assert (tmp_path / "stdout").read_text().endswith("ValueError: the last line\n")


DEAF = """
import signal, sys, time
def end(*_):
    time.sleep(0.3)
    print("said at the end", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
print("begun", flush=True)
signal.pause()
"""


@needs_signals
def test_a_driver_that_is_stopped_may_say_something_still(tmp_path: Path) -> None:
    """SIGTERM goes to its whole group, also to what copies its output."""
    files = [str(tmp_path / name) for name in STREAMS]
    run = [sys.executable, "-I", "-S", redirected.__file__, *files, sys.executable, "-c", DEAF]
    process = subprocess.Popen(run, start_new_session=True)
    deadline = time.monotonic() + 60
    while not Path(files[0]).exists() or "begun" not in Path(files[0]).read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(timeout=60) == 7
    assert Path(files[0]).read_text() == "begun\nsaid at the end\n"


class Stored:
    """An S3 that keeps what is written."""

    def __init__(self) -> None:
        self.written: dict[str, bytes] = {}

    def write(self, place: S3Object, content: Any, content_type: str) -> None:
        del content_type
        content.seek(0)
        self.written[str(place)] = content.read()


def test_what_is_kept_is_on_s3_and_cloudwatch_has_its_beginning_and_its_end(tmp_path: Path) -> None:
    written = "\n" + "a line\n" * 150_000 + "ValueError: the last line\n"
    (tmp_path / "stdout").write_text(written)
    monitoring = {
        "s3MonitoringConfiguration": {"logUri": "s3://my-logs/spark/"},
        "cloudWatchLoggingConfiguration": {"enabled": True},
    }
    lines: list[str] = []

    def open_group(_group: str) -> Callable[[str], Callable[[str], None]]:
        return lambda _stream: lines.append

    stored = Stored()
    logs = DriverLogs(tmp_path, "applications/a/jobs/b", monitoring, cast(Any, stored), open_group)
    logs.begin()
    logs.finish()
    assert lines[-1] == "ValueError: the last line"
    assert lines[100_000].startswith("[The local AWS has left out 49801 lines: ")
    assert len(lines) == 100_000 + 1 + 200
    [packed] = [each for key, each in stored.written.items() if key.endswith("/SPARK_DRIVER/stdout.gz")]
    assert gzip.decompress(packed).decode() == written
    assert logs.find_last_exceptions() == "ValueError: the last line"
