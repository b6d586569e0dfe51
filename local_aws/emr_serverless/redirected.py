"""Run a command with its output in two files: `python redirected.py STDOUT STDERR COMMAND ...`.

The local AWS runs this file as a script, isolated from all packages, so that it starts in milliseconds.
"""

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    _, stdout, stderr, *command = sys.argv
    with Path(stdout).open("wb") as out, Path(stderr).open("wb") as err:
        sys.exit(subprocess.call(command, stdout=out, stderr=err))  # noqa: S603 - the job's command, no shell
