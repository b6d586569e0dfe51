"""What the plugin adds to a run with 200 datasets whose paths hold globals: with it, and without it.

Both sides run the same pipeline on the same local AWS, which runs already. Without the plugin, the globals
are constants of globals.yml, the nodes take their parameter as an input only, and the AWS_* variables come
from the shell. The datasets are small, so that the plugin's share is as large as it gets.
"""

import argparse
import textwrap
from collections.abc import Mapping
from pathlib import Path

from bench_hooks import CALM, RUN, exported
from common import in_turn, judge_commands, kedro, python, site_packages, workshop

GOAL = 1.03
COUNT = 200
_FILES = {
    "pyproject.toml": """
        [tool.kedro]
        package_name = "many"
        project_name = "Many"
        kedro_init_version = "1.4.0"
    """,
    "conf/base/aws.yml": """
        region: eu-west-1
        bucket: many-datasets
        globals:
          day: {today: {timezone: Asia/Singapore}}
          run: run_id
          account: account_id
          prefix: s3://many-datasets/${globals:day}/${globals:account}
    """,
    "conf/base/globals.yml": "stage: bench\n",
    "conf/base/parameters.yml": "step: 1\nrun: ${globals:run}\n",
    "conf/local/.gitkeep": "",
    "src/many/__init__.py": "",
    "src/many/settings.py": "",
    "src/many/pipeline_registry.py": """
        from functools import partial
        from kedro.pipeline import node, pipeline
        from kedro_aws_plugin import parameters

        STEP = parameters["step"]

        def begin():
            return 0

        def add(number):
            return number + parameters["step"]

        def register_pipelines():
            first = node(begin, None, "dataset_0", name="node_0")
            more = [node(add, f"dataset_{i - 1}", f"dataset_{i}", name=f"node_{i}") for i in range(1, COUNT)]
            return {"__default__": pipeline([first, *more])}
    """,
}


_PLAIN = {
    "conf/base/aws.yml": "",
    "conf/base/globals.yml": "run: plain\nprefix: s3://many-datasets/plain\n",
    "src/many/pipeline_registry.py": _FILES["src/many/pipeline_registry.py"]
    .replace("from kedro_aws_plugin import parameters", "")
    .replace('parameters["step"]', "1"),
}


def make_project(folder: Path, changed: Mapping[str, str]) -> Path:
    """A chain of nodes with a dataset between each two."""
    entries = "".join(
        f"dataset_{index}: {{type: pickle.PickleDataset, "
        f'filepath: "${{globals:prefix}}/dataset_{index}.pkl"}}\n'
        for index in range(COUNT)
    )
    for name, text in {**_FILES, "conf/base/catalog.yml": entries, **changed}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text).replace("COUNT", str(COUNT)), encoding="utf-8")
    return folder


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=10)
    pairs = options.parse_args().pairs
    print(f"kedro run with {COUNT} datasets on a running local AWS: with the plugin by without it")
    with workshop() as folder:
        project, plain = make_project(folder / "many", {}), make_project(folder / "plain", _PLAIN)
        kedro("run", cwd=project)
        plugin = {**CALM, **site_packages(folder / "with", with_plugin=True)}
        bare = {**CALM, **exported(project), **site_packages(folder / "without", with_plugin=False)}
        measured = in_turn(
            lambda: python(*RUN, cwd=project, extra=plugin),
            lambda: python(*RUN, cwd=plain, extra=bare),
            pairs,
        )
    judge_commands(measured, ("with the plugin", "without"), GOAL)


if __name__ == "__main__":
    main()
