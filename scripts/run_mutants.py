"""Change the plugin's code in small ways, one at a time, and print the changes that no test notices.

    python scripts/run_mutants.py                     all rooms
    python scripts/run_mutants.py plan --minutes 20   one room, for longer

A changed copy is called a mutant; mutmut makes them and runs the tests that reach each one. A mutant that
survives is a line whose result no test checks, or a change that changes nothing. The copies are made in
`.cache/mutants/<room>/`, so the working tree is never changed. `cd` there and `mutmut show NAME` prints one
again; `mutmut browse` shows all of them.
"""

import argparse
import collections
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MUTMUT = Path(sys.executable).parent / "mutmut"
COPIED = ("kedro_aws_plugin", "local_aws", "tests", "starters", "scripts", "conftest.py", "setup.cfg")
TESTS = {
    "session": (
        "tests/unit/session",
        "tests/unit/config",
        "tests/unit/test_hooks.py",
        "tests/aws/test_global_resolver.py",
    ),
    "registration": ("tests/unit/registration", "tests/aws/test_register_after_run.py"),
    "model_artifact": ("tests/unit/model_artifact",),
    "datasets": ("tests/unit/datasets", "tests/unit/aws"),
    "plan": ("tests/unit/plan",),
}
"""The tests of each room that reach it in their own process, since no other process has the mutants.

Tests of AWS's clients are left out where others suffice: the clients take seconds, for each mutant.
"""
# These files are copied, or run in processes of their own, where mutmut finds no settings.
ELSEWHERE = [
    "kedro_aws_plugin/model_artifact/" + name for name in ("default_inference.py", "_check_child.py")
]
BATCH = 100  # mutants in one call of mutmut, which first takes some ten seconds to run the tests unchanged
SHOW = """
import sys
from mutmut.__main__ import cli
for name in sys.argv[1:]:
    cli.main(["show", name], standalone_mode=False)
"""  # `mutmut show` for many mutants: its import takes half a second
SETTINGS = """
[tool.mutmut]
source_paths = ["kedro_aws_plugin"]
only_mutate = ["kedro_aws_plugin/{room}/*"]
do_not_mutate = {left_out}
also_copy = ["local_aws", "starters", "scripts", "conftest.py"]
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "no:cacheprovider"]
use_git_change_detection = false
log_to_file = true
process_isolation = "forkserver"  # the tests start threads, which a fork of their own process would lose
"""


def main() -> None:
    """Mutate the rooms that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "rooms", nargs="*", metavar="ROOM", help=f"some of {', '.join(TESTS)}; by default all"
    )
    parser.add_argument(
        "--minutes", type=float, default=8, help="in each room, after the first mutant of each function"
    )
    parser.add_argument("--seed", type=int, default=1, help="chooses the mutants where time does not suffice")
    options = parser.parse_args()
    for room in options.rooms or TESTS:
        if room not in TESTS:
            parser.error(f"there is no room {room}; choose from {', '.join(TESTS)}")
        copy_tree(room)
        mutate(room, 60 * options.minutes, random.Random(options.seed))
        report(room)


def find_folder(room: str) -> Path:
    """Give the folder in which the mutants of a room are made and run."""
    return ROOT / ".cache" / "mutants" / room


def copy_tree(room: str) -> None:
    """Copy the code and its tests, with the settings that mutate one room."""
    folder = find_folder(room)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder)
    settings = SETTINGS.format(room=room, left_out=ELSEWHERE, tests=list(TESTS[room]))
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8") + settings, "utf-8")


def mutate(room: str, seconds: float, order: random.Random) -> None:
    """Run one mutant of each function, then more of them in a random order for some time."""
    run_mutmut(room, "run", "--max-children", "1", "*__mutmut_1")
    results = read_results(room)
    left = sorted(name for name, status in results.items() if status == "not checked")
    order.shuffle(left)
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        print(f"{room}: {len(results) - len(left)} of {len(results)} mutants", file=sys.stderr, flush=True)
        batch, left = left[:BATCH], left[BATCH:]
        run_mutmut(room, "run", "--max-children", "1", *batch)


def report(room: str) -> None:
    """Print the mutants of a room that survived, and how many did not."""
    results = read_results(room)
    survivors = sorted(name for name, status in results.items() if status == "survived")
    subprocess.run([sys.executable, "-c", SHOW, *survivors], cwd=find_folder(room), check=True)
    untested = collections.Counter(
        find_function(name) for name, each in results.items() if each == "no tests"
    )
    for function, count in sorted(untested.items()):
        print(f"no test reaches {function} ({count} mutants)")
    counts = collections.Counter(results.values())
    print(f"{room}: {', '.join(f'{count} {status}' for status, count in sorted(counts.items()))}", flush=True)


def find_function(mutant: str) -> str:
    """Find the function that a mutant is a copy of."""
    module, _, name = mutant.rpartition("__mutmut_")[0].rpartition(".")
    return f"{module}.{name.removeprefix('x_').removeprefix('xǁ').replace('ǁ', '.')}"


def read_results(room: str) -> dict[str, str]:
    """Read the status of each mutant by its name."""
    return dict(_split_lines(run_mutmut(room, "results", "--all", "true")))


def _split_lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, colon, status = line.strip().partition(": ")
        if colon and "__mutmut_" in name:
            yield name, status


def run_mutmut(room: str, *arguments: str) -> str:
    """Run mutmut in a room's folder, and give what it prints."""
    ran = subprocess.run(
        [MUTMUT, *arguments], cwd=find_folder(room), capture_output=True, text=True, check=False
    )
    if ran.returncode:
        log = find_folder(room) / "mutants" / "mutmut-debug.log"
        sys.exit(
            f"mutmut {arguments[0]} failed; see {log}. {ran.stdout.splitlines()[-1:]} {ran.stderr[-2000:]}"
        )
    return ran.stdout


if __name__ == "__main__":
    main()
