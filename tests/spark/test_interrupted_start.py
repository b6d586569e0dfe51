"""Ctrl-C while Spark starts."""

import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

pytestmark = [pytest.mark.spark, pytest.mark.slow]
START = """
from kedro_aws_plugin.spark.session import start_session

start_session({"spark.master": "local[1]", "spark.ui.enabled": "false"})
"""


def gateway_below(process: psutil.Process) -> list[psutil.Process]:
    """The Java that stays; another one before it only makes its command line."""
    found = []
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a zombie too
            if any(word.endswith(".SparkSubmit") for word in child.cmdline()):
                found.append(child)
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="a console is needed to send Ctrl-C to one process")
def test_no_java_is_left() -> None:
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", START], stderr=subprocess.PIPE) as starting:
        process = psutil.Process(starting.pid)
        while not (launched := gateway_below(process)):
            assert starting.poll() is None
            time.sleep(0.02)
        starting.send_signal(signal.SIGINT)
        _, said = starting.communicate(timeout=60)
    assert b"KeyboardInterrupt" in said
    _, alive = psutil.wait_procs(launched, timeout=60)
    assert alive == []
