"""Start a step of a Kedro pipeline in a SageMaker job; this file is copied beside the files of the job.

It needs Python 3.8 and nothing else. It lays out the configuration, puts the project's wheel where Python
finds it, and becomes `python -m kedro_aws_plugin.job`. Before that, pip installs what the image does not
have: from the wheels in the folder beside this file's, or from an index, in the versions of the machine that
submitted the job, or, where the image's Python has no such version, in any that fit.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from typing import Any, NoReturn

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
"""/opt/ml/processing/input/job in a processing job, /opt/ml/input/data/job in a training job."""

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))  # noqa: PTH120 - /opt/ml
TRAINING = os.path.basename(os.path.dirname(HERE)) == "data"  # noqa: PTH119, PTH120
MESSAGE = os.path.join(ROOT, "output", "failure" if TRAINING else "message")  # noqa: PTH118
"""SageMaker shows it as a processing job's ExitMessage, or in a training job's FailureReason."""

MAX_MESSAGE = 1024
"""Bytes of the message that SageMaker shows."""


class BootstrapError(Exception):
    """The step cannot be started."""


def main(arguments: list[str]) -> NoReturn:
    """Start the step; does not return."""
    with open(os.path.join(HERE, "job.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        job = json.load(file)
    say(f"Python {sys.version.split()[0]} on {sys.platform}")
    work = os.path.join(os.path.dirname(os.path.dirname(HERE)), "work")  # noqa: PTH118, PTH120
    os.makedirs(work, exist_ok=True)  # noqa: PTH103
    unpack_configuration(work)
    environment = {"KEDRO_DISABLE_TELEMETRY": "1", **os.environ}  # the project's answer does not travel
    if job["install"] != "none":
        python = install(job, work)
    else:
        python = sys.executable
        if importlib.util.find_spec("kedro_aws_plugin") is None:
            raise BootstrapError("the image has no kedro-aws-plugin, and `pipelines.install` is none")
        site = os.path.join(work, "site")  # noqa: PTH118
        with zipfile.ZipFile(os.path.join(HERE, job["wheels"][0])) as wheel:  # noqa: PTH118
            wheel.extractall(site)  # noqa: S202 - our own
        environment["PYTHONPATH"] = os.pathsep.join(
            each for each in (site, environment.get("PYTHONPATH")) if each
        )
    os.chdir(work)
    command = [python, "-m", "kedro_aws_plugin.job", "--files", HERE, "--message", MESSAGE]
    sys.stdout.flush()
    os.execve(python, command + arguments, environment)  # noqa: S606


def unpack_configuration(work: str) -> None:
    """Unpack the project's configuration to conf/."""
    with tarfile.open(os.path.join(HERE, "conf.tar.gz")) as archive:  # noqa: PTH118
        if hasattr(tarfile, "data_filter"):
            archive.extractall(work, filter="data")
        else:
            archive.extractall(work)  # noqa: S202 - our own


def install(job: dict[str, Any], work: str) -> str:
    """Install the wheels in a virtual environment, and return its Python."""
    folder = os.path.join(work, "venv")  # noqa: PTH118
    run([sys.executable, "-m", "venv", folder], "make a virtual environment")
    python = os.path.join(folder, "bin", "python")  # noqa: PTH118
    wheels = [os.path.join(HERE, name) for name in job["wheels"]]  # noqa: PTH118
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]
    if job["install"] == "wheelhouse":
        # All versions are chosen, so there is nothing to resolve.
        found = ["--no-index", "--no-deps", "--find-links", os.path.join(os.path.dirname(HERE), "wheels")]  # noqa: PTH118, PTH120
        lock = ["--requirement", os.path.join(HERE, "requirements.lock")]  # noqa: PTH118
        run(pip + found + lock + wheels, "install the wheels")
        return python
    same = ["--constraint", os.path.join(HERE, "constraints.txt")]  # noqa: PTH118
    try:
        run(pip + same + wheels, "install the versions of the submitting machine")
    except BootstrapError as error:
        say(f"{error}. Trying other versions.")
        run(pip + wheels, "install the project")
    return python


def run(command: list[str], what: str) -> None:
    """Run a command; its last line of errors says why it failed."""
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)  # noqa: S603
    errors = done.stderr.decode("utf-8", "replace")
    sys.stderr.write(errors)
    if done.returncode:
        lines = [line for line in errors.splitlines() if line.startswith("ERROR")] or errors.splitlines()
        said = lines[0] if lines else "it said nothing"
        raise BootstrapError(f"Could not {what}: {said}")


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def write_message(text: str, path: str = MESSAGE) -> None:
    """Write why the step failed to where SageMaker reads it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    with open(path, "wb") as file:  # noqa: PTH123
        encoded = text.encode("utf-8", "backslashreplace")  # a file's name may have bytes that are no text
        file.write(encoded[:MAX_MESSAGE].decode("utf-8", "ignore").encode("utf-8"))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - whatever it is, SageMaker shows the message alone
        reason = str(error) or type(error).__name__
        write_message(f"The step did not start: {reason}")
        print(reason, file=sys.stderr)
        sys.exit(1)
