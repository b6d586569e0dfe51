"""What the plugin's hooks add to a run with 200 datasets whose paths hold globals.

The hooks' own time is measured inside one process, by the rest of that very run: the local AWS runs already,
and the datasets are small ones on its S3.
"""

import argparse
import textwrap
from pathlib import Path

from bench_hooks import hooks_and_rest
from common import kedro, ratio_of, row, site_packages, spread, verdict, workshop

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


def make_project(folder: Path) -> Path:
    """A chain of nodes with a dataset between each two."""
    entries = "".join(
        f"dataset_{index}: {{type: pickle.PickleDataset, "
        f'filepath: "${{globals:prefix}}/dataset_{index}.pkl"}}\n'
        for index in range(COUNT)
    )
    for name, text in {**_FILES, "conf/base/catalog.yml": entries}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text).replace("COUNT", str(COUNT)), encoding="utf-8")
    return folder


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=7)
    runs = options.parse_args().runs
    print(f"kedro run with {COUNT} datasets on a running local AWS: the run by the run less the hooks")
    with workshop() as folder:
        project = make_project(folder / "many")
        kedro("run", cwd=project)
        packages = site_packages(folder / "packages", with_plugin=True)
        measured = [hooks_and_rest(project, packages) for _ in range(runs)]
    row("the hooks", spread([hook for hook, _ in measured]))
    row("the rest of the run", spread([rest for _, rest in measured]))
    ratio = ratio_of([(hook + rest, rest) for hook, rest in measured])
    row("ratio", str(ratio))
    verdict(ratio.median, GOAL)


if __name__ == "__main__":
    main()
