"""What a step of a pipeline costs: the whole starter in one step, beside `kedro run` of the same nodes.

Both do the same work on the same local AWS. A step is started as SageMaker starts it, from the files of a
job, and writes its own run. Processor time counts: a step waits where `kedro run` waits.
"""

import argparse
import itertools
import os
import shutil
from pathlib import Path

from common import (
    Done,
    in_turn,
    judge,
    kedro,
    new_project,
    python,
    ratio_of,
    row,
    running_local_aws,
    spread,
    workshop,
)

from kedro_aws_plugin.actions.compiling import compile_pipeline
from kedro_aws_plugin.project.workflow import Selection
from kedro_aws_plugin.session.session import Session
from local_aws import default_state_dir

GOAL = 1.15


def copy_files(project: Path, folder: Path) -> None:
    """Compile the project to one step, and keep the files of its job."""
    before = Path.cwd()
    os.chdir(project)
    try:
        session = Session.open("local")
        with compile_pipeline(session, Selection(), "all") as compiled:
            folder.mkdir()
            for each in compiled.files.files if compiled.files else ():
                shutil.copy(each.path, folder)
    finally:
        os.chdir(before)


def main() -> None:
    """Measure both in turn, and print the ratio of their processor times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    pairs = parser.parse_args().pairs
    with workshop() as folder:
        project = new_project(folder)
        kedro("run", cwd=project)
        running_local_aws(project)
        files, numbers = folder / "files", itertools.count()
        copy_files(project, files)
        state = {"KEDRO_AWS_STATE_DIR": str(default_state_dir(project))}

        def run_step() -> Done:
            number = next(numbers)
            job = folder / f"ml{number}" / "processing" / "input" / "job"
            shutil.copytree(files, job)
            asked = ("--step", "all", "--run-id", f"bench-{number}", "--execution", str(number))
            return python(job / "bootstrap.py", *asked, cwd=job, extra=state)

        measured = in_turn(run_step, lambda: kedro("run", cwd=project), pairs)
        row("a step", spread([step.cpu_seconds for step, _ in measured]))
        row("kedro run", spread([run.cpu_seconds for _, run in measured]))
        judge(ratio_of([(step.cpu_seconds, run.cpu_seconds) for step, run in measured]), GOAL)


if __name__ == "__main__":
    main()
