"""Run moto's own tests of S3 against the local AWS: it must lose none that moto's server passes.

    python scripts/run_moto_suite.py --checkout /src/moto [--python /envs/moto/bin/python] [--tests PATH ...]

The checkout is of moto, at the installed version or near it; its code is not part of this repository. The
Python needs what its requirements-tests.txt names. The tests run in server mode against moto's server, a
local AWS that keeps nothing, and against one that keeps what it holds. Their requests are signed with
credentials of their own, so the local AWSs run without their gate here.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree as ET

from local_aws.control.state import INSTANCE_VARIABLE, make_state_dir, read_state

REGION = "us-east-1"
SIDES = ("moto's server", "not kept", "kept")
_PASSED = "passed"
_SECONDS = 120
_OPEN = """
import sys
from local_aws.server import gate, process
gate.Gate.admit = lambda *_: None
sys.exit(process.main())
"""
_MOTO = """
from moto.server import ThreadedMotoServer
import sys, time
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(f"http://127.0.0.1:{server.get_host_and_port()[1]}", flush=True)
sys.stdin.read()
"""


@contextmanager
def serve(side: str, folder: Path) -> Iterator[str]:
    """Run a server, and give its URL."""
    environment = {**os.environ, "MOTO_DISABLE_GLOBAL_CORS": "true", INSTANCE_VARIABLE: uuid4().hex}
    if side == SIDES[0]:
        command = [sys.executable, "-c", _MOTO]
    else:
        make_state_dir(folder)
        options = ["--keep-nothing"] if side == SIDES[1] else []
        places = ["--state-dir", str(folder), "--region", REGION]
        command = [sys.executable, "-c", _OPEN, *places, "--exit-with-parent", *options]
    with (folder.parent / f"{folder.name}.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        yield _find_url(process) if side == SIDES[0] else _wait_for_url(process, folder)
    finally:
        process.kill()
        process.wait()


def _find_url(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _wait_for_url(process: "subprocess.Popen[str]", folder: Path) -> str:
    deadline = time.monotonic() + _SECONDS
    while (found := read_state(folder)) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("The local AWS did not start.")
        time.sleep(0.1)
    return found.endpoint_url


def run(url: str, python: str, checkout: Path, tests: Sequence[str]) -> dict[str, str]:
    """Run the tests against a server, and return what became of each."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHONPATH"))
    }
    environment |= {
        "TEST_SERVER_MODE": "true",
        "TEST_SERVER_MODE_ENDPOINT": url,
        "AWS_ACCESS_KEY_ID": "mock_access_key",
        "AWS_SECRET_ACCESS_KEY": "mock_secret_key",
        "AWS_DEFAULT_REGION": REGION,
    }
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *tests]
        subprocess.run(command, cwd=checkout, env=environment, stdout=sys.stderr, check=False)
        return read_report(report)


def read_report(path: Path) -> dict[str, str]:
    """Read what became of each test: passed, failed or skipped."""
    found = {}
    for case in ET.parse(path).iter("testcase"):
        ends = {each.tag for each in case} & {"failure", "error", "skipped"}
        name = f"{case.get('classname')}::{case.get('name')}"
        found[name] = _PASSED if not ends else "skipped" if ends == {"skipped"} else "failed"
    return found


def main() -> int:
    """Run the tests against all three, and print what each passes and what is lost.

    Returns:
        The exit code: 1 if a local AWS loses a test.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkout", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--tests", nargs="+", default=["tests/test_s3"])
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, side in enumerate(SIDES):
            with serve(side, Path(folder) / str(number)) as url:
                results[side] = run(url, options.python, options.checkout, options.tests)
    print("| server | passed | failed | skipped | lost |\n|---|---|---|---|---|")
    passed_by_moto = {name for name, end in results[SIDES[0]].items() if end == _PASSED}
    lost_by_any = set()
    for side, found in results.items():
        ends = Counter(found.values())
        lost = sorted(name for name in passed_by_moto if found.get(name) != _PASSED)
        lost_by_any |= set(lost)
        print(f"| {side} | {ends[_PASSED]} | {ends['failed']} | {ends['skipped']} | {len(lost)} |")
        for name in lost:
            print(f"lost by {side}: {name}", file=sys.stderr)
    return 1 if lost_by_any else 0


if __name__ == "__main__":
    sys.exit(main())
