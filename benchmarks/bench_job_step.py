"""What a step of a pipeline costs: the whole starter in one step, beside `kedro run` of the same nodes.

Both do the same work on the same local AWS. A step is started as SageMaker starts it, from the files of a
job, and writes its own run. Processor time counts: a step waits where `kedro run` waits.

Then what each further step costs: one small node, beside a bare interpreter that imports what the project's
nodes and the datasets of the step import. That is what no step can do without.
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
from kedro_aws_plugin.config.pipelines import GroupBy
from kedro_aws_plugin.project.workflow import Selection
from kedro_aws_plugin.session.session import Session
from local_aws import default_state_dir

GOAL = 1.15
GOAL_FURTHER = 1.2
ALLOWED_SECONDS = 1.0
"""What a further step may take beyond that."""

_SMALL = "preprocess_companies"
_IMPORTS = (
    "import kedro.framework.session, kedro_datasets.pandas, s3fs, pyarrow.parquet, kedro_aws_plugin.hooks\n"
    "kedro_datasets.pandas.CSVDataset, kedro_datasets.pandas.ParquetDataset\n"
    "from {package}.pipelines import data_processing, data_science"
)


def copy_files(project: Path, folder: Path, group_by: GroupBy) -> None:
    """Compile the project, and keep the files of its job."""
    before = Path.cwd()
    os.chdir(project)
    try:
        session = Session.open("local")
        with compile_pipeline(session, Selection(), group_by) as compiled:
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
        numbers = itertools.count()
        copy_files(project, folder / "all", "all")
        copy_files(project, folder / "node", "node")
        state = {"KEDRO_AWS_STATE_DIR": str(default_state_dir(project))}

        def run_step(files: str, step: str) -> Done:
            number = next(numbers)
            job = folder / f"ml{number}" / "processing" / "input" / "job"
            shutil.copytree(folder / files, job)
            asked = ("--step", step, "--run-id", f"bench-{number}", "--execution", str(number))
            return python(job / "bootstrap.py", *asked, cwd=job, extra=state)

        measured = in_turn(lambda: run_step("all", "all"), lambda: kedro("run", cwd=project), pairs)
        row("a step", spread([step.cpu_seconds for step, _ in measured]))
        row("kedro run", spread([run.cpu_seconds for _, run in measured]))
        judge(ratio_of([(step.cpu_seconds, run.cpu_seconds) for step, run in measured]), GOAL)

        [package] = [each.name for each in (project / "src").iterdir() if (each / "settings.py").exists()]
        imports = ("-c", _IMPORTS.format(package=package))
        further = in_turn(
            lambda: run_step("node", _SMALL), lambda: python(*imports, cwd=project / "src"), pairs
        )
        row("a further step", spread([step.cpu_seconds for step, _ in further]))
        row("its imports alone", spread([bare.cpu_seconds for _, bare in further]))
        beyond = [(step.cpu_seconds - ALLOWED_SECONDS, bare.cpu_seconds) for step, bare in further]
        judge(ratio_of(beyond), GOAL_FURTHER)


if __name__ == "__main__":
    main()
