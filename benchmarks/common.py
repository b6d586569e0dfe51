"""What the benchmarks share: two sides measured in turn, a ratio with its noise, projects that go away.

A claim is a ratio of two sides. Both are measured in the same run, first one then the other, so that whatever
else slows the machine slows both; the ratio is the median of the pairs' own ratios.
"""

import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import local_aws

_LEFT_OUT = ("AWS_", "KEDRO_", "COVERAGE_", "PYTHON")
_RESAMPLES = 2000
_FAILED_SHOWN = 4000
_STARTING_SECONDS = 2.0  # until a server that was being started when Ctrl-C came can be found and stopped
_First = TypeVar("_First")
_Second = TypeVar("_Second")


@dataclass(frozen=True)
class Done:
    """A command that has ended well.

    Attributes:
        seconds: From its start to its end.
        cpu_seconds: Of its own and its children's work: what other programs do changes it less.
        stdout: What it printed.
    """

    seconds: float
    cpu_seconds: float
    stdout: str


@dataclass(frozen=True)
class Ratio:
    """The median of many ratios, and the 95 % interval that bootstrapping gives it."""

    median: float
    low: float
    high: float
    pairs: int

    def __str__(self) -> str:
        return f"{self.median:.3f}x  (95 %: {self.low:.3f} to {self.high:.3f}; {self.pairs} pairs)"


def ratio_of(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Each pair's first number by its second."""
    ratios = [first / second for first, second in pairs]
    chance = random.Random(0)
    medians = sorted(
        statistics.median(chance.choices(ratios, k=len(ratios))) for _resample in range(_RESAMPLES)
    )
    low, high = medians[int(_RESAMPLES * 0.025)], medians[int(_RESAMPLES * 0.975)]
    return Ratio(statistics.median(ratios), low, high, len(ratios))


def in_turn(
    first: Callable[[], _First], second: Callable[[], _Second], pairs: int, *, warm_up: bool = True
) -> list[tuple[_First, _Second]]:
    """Measure two sides in turn; each goes first in every other pair.

    Args:
        first: Measures one side once.
        second: Measures the other once.
        pairs: How often.
        warm_up: Whether a pair that does not count comes first.
    """
    measured = []
    for index in range(-int(warm_up), pairs):
        if index % 2:
            b, a = second(), first()
        else:
            a, b = first(), second()
        if index >= 0:
            measured.append((a, b))
        progress(f"{index + 1} of {pairs} pairs")
    return measured


def by_turns(sides: Mapping[str, Callable[[], _First]], rounds: int) -> list[dict[str, _First]]:
    """Measure several sides by turns, after a round that does not count; each round begins with the next one.

    Args:
        sides: Measures each side once, by its name.
        rounds: How often.

    Returns:
        What each side has measured, round by round.
    """
    names = list(sides)
    measured = []
    for index in range(rounds + 1):
        first = index % len(names)
        found = {name: sides[name]() for name in names[first:] + names[:first]}
        if index:
            measured.append(found)
        progress(f"{index} of {rounds} rounds")
    return measured


def cpu_of(pid: int) -> float | None:
    """Processor time of a process and its living children, in seconds; None where there is no /proc."""
    parents = {}
    seconds = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = stat.read_text().rpartition(")")[2].split()
            process = int(stat.parent.name)
            parents[process] = int(fields[1])
            seconds[process] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    if pid not in seconds:
        return None
    return seconds[pid] + sum(seconds[each] for each, parent in parents.items() if parent == pid)


def progress(text: str) -> None:
    """Say on standard error how far it is; only to somebody who watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}\r")


def row(name: str, value: str) -> None:
    """Print one line of the result."""
    print(f"  {name:<34} {value}", flush=True)


def spread(seconds: Sequence[float]) -> str:
    """Median and range, in the unit that suits."""
    scale, unit = (1, "s") if statistics.median(seconds) >= 1 else (1000, "ms")
    low, middle, high = (scale * f(seconds) for f in (min, statistics.median, max))
    return f"{middle:.2f} {unit}  ({low:.2f} to {high:.2f})"


def judge_commands(measured: Sequence[tuple[Done, Done]], names: tuple[str, str], goal: float) -> None:
    """Print how long two commands took, by the clock and in work, and whether their ratio meets its goal."""
    for index, name in enumerate(names):
        row(name, spread([pair[index].seconds for pair in measured]))
    gap = statistics.median(a.seconds - b.seconds for a, b in measured)
    row("median of the differences", f"{1000 * gap:.1f} ms")
    fastest = min(a.seconds for a, _ in measured) / min(b.seconds for _, b in measured)
    row("ratio of the fastest", f"{fastest:.3f}x")
    if measured[0][0].cpu_seconds:
        row("ratio of processor time", str(ratio_of([(a.cpu_seconds, b.cpu_seconds) for a, b in measured])))
    judge(ratio_of([(a.seconds, b.seconds) for a, b in measured]), goal)


def judge(ratio: Ratio, goal: float) -> None:
    """Print a ratio and whether it meets its goal."""
    row("ratio", str(ratio))
    noise = " (the goal lies within the noise)" if ratio.low <= goal < ratio.high else ""
    verdict(ratio.median, goal, note=noise)


def verdict(value: float, goal: float, unit: str = "x", *, note: str = "") -> None:
    """Print whether a goal is met."""
    row("machine", _machine())
    shown = f"{goal:.2f}x" if unit == "x" else f"{goal:g} {unit}"
    print(f"goal <= {shown}: {'met' if value <= goal else 'missed'}{note}\n", flush=True)


def _machine() -> str:
    load = f"load {os.getloadavg()[0]:.1f} on " if hasattr(os, "getloadavg") else ""
    return f"{load}{os.cpu_count()} cores, Python {sys.version.split()[0]}, {sys.platform}"


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder for one benchmark; interrupted or not, its local AWSs are stopped and it is removed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="kedro-aws-bench-")).resolve()
    ended = False
    try:
        yield folder
        ended = True
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave a server behind
        for state in folder.glob("**/.kedro-aws"):
            if not local_aws.stop(state) and not ended:
                time.sleep(_STARTING_SECONDS)
                local_aws.stop(state)
        shutil.rmtree(folder, ignore_errors=True)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would make one machine measure something else than another."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    return {**kept, "KEDRO_DISABLE_TELEMETRY": "1", "PYTHONUTF8": "1", **(extra or {})}


def python(*arguments: str | Path, cwd: Path, extra: Mapping[str, str] | None = None) -> Done:
    """Run this interpreter.

    Raises:
        SystemExit: If it fails, with what it printed.
    """
    command = [sys.executable, *map(str, arguments)]
    began, worked = time.perf_counter(), _children_cpu()
    done = subprocess.run(
        command, cwd=cwd, env=environment(extra), capture_output=True, text=True, check=False
    )
    took, work = time.perf_counter() - began, _children_cpu() - worked
    if done.returncode:
        sys.exit(f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-_FAILED_SHOWN:]}")
    return Done(took, work, done.stdout)


def _children_cpu() -> float:
    if sys.platform == "win32":
        return 0.0  # Windows does not add up what children did
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def kedro(*arguments: str, cwd: Path, extra: Mapping[str, str] | None = None) -> Done:
    """Run a `kedro` command."""
    return python("-m", "kedro", *arguments, cwd=cwd, extra=extra)


def new_project(folder: Path) -> Path:
    """Make a project of the starter aws-spaceflights."""
    kedro("new", "--starter=aws-spaceflights", "--name", "My Flights", cwd=folder)
    return folder / "my-flights"


def running_local_aws(project: Path) -> local_aws.LocalAws:
    """The local AWS that a project's command has started."""
    aws = local_aws.find(local_aws.default_state_dir(project))
    if aws is None:
        sys.exit(f"No local AWS runs for {project}.")
    return aws


def site_packages(folder: Path, *, with_plugin: bool) -> dict[str, str]:
    """The installed packages by links, with or without the plugin's entry points.

    The plugin's modules are there either way. No `.pth` file plays a part, so that an editable install costs
    what a plain one does.

    Returns:
        The variables for a `python -S` that uses them.
    """
    folder.mkdir()
    for source in _folder_of("click").parent.iterdir():
        ours = source.name.startswith(("kedro_aws_plugin", "local_aws", "__editable__"))
        wanted = with_plugin and source.suffix == ".dist-info" if ours else source.suffix != ".pth"
        if wanted:
            (folder / source.name).symlink_to(source)
    for package in ("kedro_aws_plugin", "local_aws"):
        (folder / package).symlink_to(_folder_of(package))
    return {"PYTHONPATH": str(folder)}


def _folder_of(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        sys.exit(f"{package} is not installed; run `make benchmarks`.")
    return Path(spec.origin).parent
