"""The Python blocks of a page as the cells of a notebook: read from standard input, one JSON text a line."""

import json
import os
import sys

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output


def main() -> None:
    """Run each cell in one IPython, and print what it printed and how it ended, as JSON."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path[0] = os.getcwd()  # noqa: PTH109
    shell = InteractiveShell.instance(colors="nocolor")
    for line in sys.stdin:
        with capture_output() as captured:
            result = shell.run_cell(json.loads(line))
        raised = result.error_before_exec or result.error_in_exec
        ended = {"error": repr(raised) if raised else "", "output": captured.stdout + captured.stderr}
        print(json.dumps(ended), file=answers, flush=True)


if __name__ == "__main__":
    main()
