"""`python -m kedro_aws_plugin.job`: run a step, and tell SageMaker in one line why it failed."""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from kedro_aws_plugin.bundle.bootstrap import write_message
from kedro_aws_plugin.errors import KedroAwsError
from kedro_aws_plugin.job.step import StepRequest, run_step
from kedro_aws_plugin.run.job import find_job

_STOPPED = 128 + signal.SIGTERM


def main(arguments: Sequence[str]) -> int:
    """Run a step.

    Returns:
        The exit code: 0, or 1 if the step failed. A step that SageMaker stops ends with 143.
    """
    given = _parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: _stop(given))
    asked = StepRequest(
        given.files,
        given.step,
        given.run_id,
        given.started,
        given.execution,
        given.request,
        given.scheduled,
    )
    try:
        outputs = run_step(asked)
    except KedroAwsError as error:
        reason = error.format_message()
        print(f"Error: {reason}", file=sys.stderr, flush=True)
    # A node that calls sys.exit(0) must not count as a step that has succeeded: others would follow.
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a node may raise anything
        traceback.print_exc()
        said = str(error).strip().splitlines()
        reason = f"{type(error).__name__}: {said[-1]}" if said else type(error).__name__
    else:
        for line in outputs:
            print(line, flush=True)
        return 0
    job = find_job()
    where = f" in node {job.failed_node}" if job is not None and job.failed_node else ""
    write_message(f"Step {given.step} failed{where}: {reason}", str(given.message))
    return 1


def _stop(given: argparse.Namespace) -> None:
    """End at once: the threads of a runner would go on, and SIGKILL follows."""
    text = f"Step {given.step} was stopped"
    write_message(text, str(given.message))
    print(text, file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(_STOPPED)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m kedro_aws_plugin.job", allow_abbrev=False)
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--message", type=Path, required=True)
    parser.add_argument("--step", required=True)
    for name in ("--run-id", "--started", "--execution", "--request", "--scheduled"):
        parser.add_argument(name, default="")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
