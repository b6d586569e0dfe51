"""Runs `kedro aws register-model` in this process and reports where its time and its memory went.

`python register_probe.py REPORT` writes a JSON file. `python register_probe.py REPORT FORMER` instead imports
what a former report says the command had imported, and does nothing: the loaded interpreter.
"""

import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PHASES = {
    "find model": ("project.catalog", "ProjectCatalog.find_saved_model"),
    "load sample": ("project.catalog", "ProjectCatalog.load_rows"),
    "load metrics": ("project.catalog", "ProjectCatalog.load_metrics"),
    "download": ("project.catalog", "SavedModel.download"),
    "check": ("registration.candidate", "check_model"),
    "pack": ("registration.candidate", "build_archive"),
    "upload": ("apply", "upload_file"),
}
_MIB = 1024 * 1024


def time_phases() -> dict[str, float]:
    """Put a stopwatch around the function of each phase; the dictionary fills while the command works."""
    seconds: dict[str, float] = {}
    for phase, (module, path) in PHASES.items():
        owner: Any = importlib.import_module(f"kedro_aws_plugin.{module}")
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        setattr(owner, name, _timed(getattr(owner, name), phase, seconds))
    return seconds


def _timed(function: Callable[..., Any], phase: str, seconds: dict[str, float]) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            seconds[phase] = seconds.get(phase, 0.0) + time.perf_counter() - began

    return timed


def peak_mib() -> float:
    """Most memory that this process has had resident so far."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would count what the parent had when this process was forked
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return _rusage_mib("RUSAGE_SELF")


def children_peak_mib() -> float:
    """Most memory that any one child of this process has had resident."""
    return _rusage_mib("RUSAGE_CHILDREN")


def _rusage_mib(who: str) -> float:
    if sys.platform == "win32":
        sys.exit("Memory is measured on Linux and macOS only.")
    import resource

    peak = resource.getrusage(getattr(resource, who)).ru_maxrss
    return peak / (_MIB if sys.platform == "darwin" else 1024)


def import_all(modules: list[str]) -> None:
    """Import what can be imported by name; what a package makes of itself comes with it."""
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def register() -> dict[str, Any]:
    """Run the command; what it did."""
    from kedro.framework.cli.cli import main

    seconds = time_phases()
    sys.argv = ["kedro", "aws", "register-model", "--yes"]
    with contextlib.suppress(SystemExit):
        main()
    return {"seconds": seconds, "children_mib": children_peak_mib(), "modules": sorted(sys.modules)}


def main() -> None:
    """Do one or the other, and write the report."""
    report = Path(sys.argv[1])
    sys.path[0] = os.getcwd()  # noqa: PTH109 - as `kedro` has it
    if len(sys.argv) > 2:
        import_all(json.loads(Path(sys.argv[2]).read_text())["modules"])
        done: dict[str, Any] = {}
    else:
        done = register()
    report.write_text(json.dumps({**done, "mib": peak_mib()}))


if __name__ == "__main__":
    main()
