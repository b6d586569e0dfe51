"""Spark's own cluster manager on this machine: a master and workers, each a process on 127.0.0.1."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kedro_aws_plugin.spark.jars import find_jars_folder
from kedro_aws_plugin.spark.java import find_java

_SECONDS = 60


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[str]:
    """Start a master and workers with one core each.

    Args:
        folder: Where their logs and the executors' files go.
        workers: How many.

    Yields:
        The master, as `spark.master` has it.
    """
    with ExitStack() as stack:
        log = folder / "master.log"
        stack.enter_context(_process(log, "master.Master", "--port", "0", "--webui-port", "0"))
        master = _said(log, r"Starting Spark master at (spark://\S+)")
        for number in range(workers):
            log = folder / f"worker-{number}.log"
            room = ("--work-dir", str(folder / f"work-{number}"), "--cores", "1", "--memory", "1g")
            stack.enter_context(_process(log, "worker.Worker", "--webui-port", "0", *room, master))
        for number in range(workers):
            _said(folder / f"worker-{number}.log", "(Successfully registered with master)")
        yield master


def _home() -> dict[str, str]:
    """What tells a worker where executors are started from, with the Python that the tests have."""
    jars = find_jars_folder({})
    scala = next(jars.glob("spark-core_*.jar")).name.split("_")[1].split("-")[0]
    return {
        "SPARK_HOME": str(jars.parent),
        "SPARK_SCALA_VERSION": scala,
        "PYSPARK_PYTHON": sys.executable,
    }


@contextmanager
def _process(log: Path, name: str, *arguments: str) -> Iterator[None]:
    jars = find_jars_folder({})
    command = [
        *(
            str(find_java().path),
            "-Xmx256m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            str(jars / "*"),
        ),
        *(f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1", *arguments),
    ]
    environment = {**os.environ, **_home()}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=environment
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=_SECONDS)


def _said(log: Path, pattern: str) -> str:
    """Wait until a process has logged something."""
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        if found := re.search(pattern, log.read_text(encoding="utf-8", errors="replace")):
            return found[1]
        time.sleep(0.1)
    raise TimeoutError(f"{log} has no {pattern}: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
