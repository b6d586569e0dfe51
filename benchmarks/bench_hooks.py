"""What the plugin's hooks add to `kedro run`: with them, and without them by `kedro aws local env`.

Both sides run the same pipeline on the same local AWS, which runs already. Without the hooks, the AWS_*
variables that point boto3 and s3fs at it come from the shell, as a user without the plugin would set them.
A run takes seconds and the hooks a tenth of one, so on a busy machine look at the hooks' own share as well:
it is measured inside one process, by the rest of that very run.
"""

import argparse
import re
import shlex
from pathlib import Path

import yaml
from common import (
    in_turn,
    judge_commands,
    kedro,
    new_project,
    python,
    ratio_of,
    row,
    site_packages,
    spread,
    workshop,
)

GOAL = 1.03
RUN = ("-S", "-m", "kedro", "run")
CALM = {"OMP_NUM_THREADS": "1"}  # idle threads of scikit-learn would spin while another program works
_STOPWATCH = """
import atexit, functools, sys, time
started = time.perf_counter()
import s3fs  # the datasets need it, whoever asks for them first
import kedro.framework.context, kedro.framework.session  # and every run makes both
from kedro.framework.cli.cli import main
began = time.perf_counter()
from kedro_aws_plugin.hooks import AwsHooks

took = [time.perf_counter() - began]

def timed(hook):
    @functools.wraps(hook)
    def call(*arguments, **named):
        began = time.perf_counter()
        hook(*arguments, **named)
        took.append(time.perf_counter() - began)
    return call

for name, hook in list(vars(AwsHooks).items()):
    if hasattr(hook, "kedro_impl"):
        setattr(AwsHooks, name, timed(hook))

def report():
    hooks = sum(took)
    print(f"hooks {len(took) - 1}: {hooks} {time.perf_counter() - started - hooks}")

atexit.register(report)
sys.argv = ["kedro", "run"]
main()
"""


def exported(project: Path) -> dict[str, str]:
    """The variables that `kedro aws local env` exports."""
    lines = kedro("aws", "local", "env", cwd=project).stdout
    pairs = re.findall(r"^export (\w+)=(.*)$", lines, re.MULTILINE)
    return {name: "".join(shlex.split(value)) for name, value in pairs}


def state_defaults(project: Path) -> None:
    """Write what aws.yml has of Athena into the catalog too: without the hooks nobody tells the datasets."""
    athena = yaml.safe_load((project / "conf/base/aws.yml").read_text(encoding="utf-8"))["athena"]
    file = project / "conf/base/catalog.yml"
    entry = (
        f"reviews:\n  database: {athena['database']}\n  workgroup: {athena['workgroup']}\n"
        f"  max_scan_gb: {athena['max_scan_gb']}\n  output_location: s3://${{globals:bucket}}/athena/\n"
    )
    file.write_text(file.read_text(encoding="utf-8").replace("reviews:\n", entry, 1), encoding="utf-8")


def hooks_and_rest(project: Path, packages: dict[str, str]) -> tuple[float, float]:
    """Seconds in the plugin's hooks and in the rest of one run, the import of Kedro's CLI included."""
    lines = python("-S", "-c", _STOPWATCH, cwd=project, extra=packages).stdout
    hook, rest = re.findall(r"^hooks [1-9]\d*: (\S+) (\S+)$", lines, re.MULTILINE)[0]
    return float(hook), float(rest)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=15)
    pairs = options.parse_args().pairs
    print("kedro run on a running local AWS: with the plugin's hooks by without them")
    with workshop() as folder:
        project = new_project(folder)
        state_defaults(project)
        kedro("run", cwd=project)
        plugin = {**CALM, **site_packages(folder / "with", with_plugin=True)}
        bare = {**CALM, **exported(project), **site_packages(folder / "without", with_plugin=False)}
        alone = [hooks_and_rest(project, plugin) for _ in range(5)]
        measured = in_turn(
            lambda: python(*RUN, cwd=project, extra=plugin),
            lambda: python(*RUN, cwd=project, extra=bare),
            pairs,
        )
    row("the hooks themselves", spread([hook for hook, _ in alone]))
    row("the run by the run less the hooks", str(ratio_of([(hook + rest, rest) for hook, rest in alone])))
    judge_commands(measured, ("with the hooks", "without"), GOAL)


if __name__ == "__main__":
    main()
