"""What the plugin adds to every `kedro` command: `kedro --version` inside a project, with it and without.

Both sides have the same interpreter, packages and project; only the plugin's entry points differ.
On a busy machine the ratio's noise exceeds what is looked for: then the import alone says more.
"""

import argparse
import sys
from pathlib import Path

from common import in_turn, judge_commands, new_project, python, row, site_packages, spread, workshop

GOAL = 1.02
_HEAVY = ("boto3", "botocore", "pydantic", "moto", "s3fs", "pandas", "flask", "sagemaker")
_VERSION = ("-S", "-m", "kedro", "--version")
_MODULES = """
import sys, time
from kedro.framework.cli.cli import main
if len(sys.argv) > 1:
    began = time.perf_counter()
    import kedro_aws_plugin.cli
    print("import:", time.perf_counter() - began)
sys.argv = ["kedro", "--version"]
try:
    main()
except SystemExit:
    pass
print("modules:", *sorted(sys.modules))
"""


def modules_of(packages: dict[str, str], project: Path) -> set[str]:
    """What `kedro --version` imports."""
    lines = python("-S", "-c", _MODULES, cwd=project, extra=packages).stdout.splitlines()
    return set(next(line for line in reversed(lines) if line.startswith("modules:")).split()[1:])


def own_import(packages: dict[str, str], project: Path) -> float:
    """Seconds that the plugin's modules take to import once Kedro's are there."""
    lines = python("-S", "-c", _MODULES, "timed", cwd=project, extra=packages).stdout.splitlines()
    return float(next(line for line in lines if line.startswith("import:")).split()[1])


def show_imports(with_plugin: set[str], without: set[str]) -> None:
    """Name what the plugin imports, and fail if something heavy is among it."""
    added = with_plugin - without
    heavy = sorted(name for name in _HEAVY if name in added)
    if "kedro_aws_plugin.cli" not in added or any("kedro_aws_plugin" in name for name in without):
        sys.exit("The two sides do not differ by the plugin; nothing was measured.")
    row("heavy modules that Kedro imports", ", ".join(n for n in _HEAVY if n in without) or "none")
    row("heavy modules that the plugin adds", ", ".join(heavy) or "none")
    row("modules that the plugin adds", f"{len(added)}: {', '.join(sorted(added))}")
    if heavy:
        sys.exit("The plugin must not import them before one of its commands is called.")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=40)
    pairs = options.parse_args().pairs
    print("kedro --version in a project: with the plugin by without it")
    with workshop() as folder:
        project = new_project(folder)
        plugin = site_packages(folder / "with", with_plugin=True)
        bare = site_packages(folder / "without", with_plugin=False)
        show_imports(modules_of(plugin, project), modules_of(bare, project))
        row("their import alone", spread([own_import(plugin, project) for _ in range(9)]))
        measured = in_turn(
            lambda: python(*_VERSION, cwd=project, extra=plugin),
            lambda: python(*_VERSION, cwd=project, extra=bare),
            pairs,
        )
    judge_commands(measured, ("with the plugin", "without"), GOAL)


if __name__ == "__main__":
    main()
