"""A small project whose nodes write down what they were given, and what they see however it is run."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECRET = "hunter2-and-more"
FILES = {
    "pyproject.toml": """
        [tool.kedro]
        package_name = "everywhere"
        project_name = "Everywhere"
        kedro_init_version = "1.4.0"
    """,
    "conf/base/aws.yml": """
        region: eu-west-1
        bucket: ${globals:bucket}
        globals:
          nightly: {date: {timezone: Asia/Singapore, offset_days: -1}}
          run: run_id
          account: account_id
          level: {ssm: {name: "/everywhere/${globals:stage}"}}
          password: {secret: {id: everywhere, key: password}}
          unused: {secret: {id: there-is-none}}
          stamp: {function: "everywhere.stamps:stamp"}
          prefix: out/${globals:stage}/${globals:stamp}
    """,
    "conf/base/globals.yml": "bucket: everywhere\nstage: base\n",
    "conf/other/aws.yml": "target: local\n",
    "conf/other/globals.yml": "stage: other\n",
    "conf/base/parameters.yml": """
        depth: 1
        where: base
        stamp: ${globals:stamp}
        run: ${globals:run}
        nightly: ${globals:nightly}
        asked: ${globals:account} ${globals:level}
        database: {password: "${globals:password}"}
        given: ${globals:given,nothing}
    """,
    "conf/other/parameters.yml": "where: other\n",
    "conf/base/catalog.yml": """
        "{name}_seen":
          type: everywhere.seen.SeenDataset
          filepath: ${globals:prefix}/{name}.json
    """,
    "conf/logging.yml": "version: 1\ndisable_existing_loggers: false\nroot: {level: WARNING}\n",
    "conf/local/.gitkeep": "",
    "src/everywhere/__init__.py": "",
    "src/everywhere/settings.py": "",
    "src/everywhere/__main__.py": """
        from kedro.framework.cli.utils import find_run_command
        from kedro.framework.project import configure_project

        def main():
            configure_project("everywhere")
            find_run_command("everywhere")(standalone_mode=False)

        if __name__ == "__main__":
            main()
    """,
    "src/everywhere/stamps.py": """
        import uuid

        def stamp():
            return uuid.uuid4().hex
    """,
    "src/everywhere/seen.py": """
        import json
        from pathlib import Path
        from kedro.io import AbstractDataset

        class SeenDataset(AbstractDataset):
            def __init__(self, filepath):
                self.path = Path(filepath)

            def load(self):
                return json.loads(self.path.read_text())

            def save(self, data):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.path.write_text(json.dumps(data))

            def _describe(self):
                return {"filepath": str(self.path)}
    """,
    "src/everywhere/nodes.py": """
        import os, time
        from kedro_aws_plugin import parameters

        AT_IMPORT = {name: parameters[name] for name in parameters}

        def see(depth, nightly):
            now = {name: parameters[name] for name in parameters}
            seen = {"import": AT_IMPORT, "call": now, "input": {"depth": depth, "nightly": nightly}}
            return {**seen, "password": parameters["database.password"], "pid": os.getpid()}

        def wait(depth, nightly):
            parent = os.getppid()
            open("waiting", "w").close()
            while os.getppid() == parent:
                time.sleep(0.05)

        def also_see(depth, nightly):
            return see(depth, nightly)
    """,
    "src/everywhere/pipeline_registry.py": """
        from kedro.pipeline import node, pipeline
        from everywhere import nodes

        def register_pipelines():
            given = ["params:depth", "params:nightly"]
            see = pipeline([node(nodes.see, given, "one_seen"), node(nodes.also_see, given, "two_seen")])
            return {"__default__": see, "wait": pipeline([node(nodes.wait, given, None)])}
    """,
    "tests/test_nodes.py": """
        from everywhere.nodes import AT_IMPORT, see

        def test_nodes():
            seen = see(1, "")
            assert (AT_IMPORT["where"], seen["call"]["where"]) == ("other", "other")
            assert seen["call"] == AT_IMPORT
            assert seen["password"] == "hunter2-and-more"
    """,
}
GIVEN = ("--env", "other", "--params", "depth=7,globals.given=word")
SESSIONS = """
import json
from kedro.framework.session import KedroSession, KedroServiceSession
from kedro.framework.startup import bootstrap_project
from pathlib import Path

def without_secret(seen):
    return {"call": {**seen["call"], "database": None}, "import": {"depth": seen["import"]["depth"]}}

bootstrap_project(Path.cwd())
seen = []
for depth in (3, 4):
    with KedroSession.create(runtime_params={"depth": depth}) as session:
        seen.append(without_secret(session.run()["one_seen"].load()))
with KedroServiceSession.create(env="other") as service:
    for run_id in ("mine", None):
        output = service.run(run_id=run_id, runtime_params={"depth": 5})
        seen.append(without_secret(output["one_seen"].load()))
print("SEEN", json.dumps(seen))
"""
IPYTHON = """
get_ipython().run_line_magic("reload_kedro", "--env other --params depth=7,globals.given=word")
from kedro_aws_plugin import parameters
assert (parameters["where"], parameters["depth"]) == ("other", 7)
session.run()
"""
SNAPSHOT = """
from pathlib import Path
from kedro.inspection import get_project_snapshot

snapshot = get_project_snapshot(Path.cwd(), env="other")
(path,) = {dataset.filepath for name, dataset in snapshot.datasets.items() if name == "one_seen"}
print("SECRETS", snapshot.datasets["plain"].filepath)
print("SEEN", path)
"""


@dataclass(frozen=True)
class Project:
    """The project, and a shell in it."""

    path: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, cwd: Path | None = None, **variables: str) -> str:
        """Run Python with these arguments, and give what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd or self.path,
            env={**self.environment, **variables},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr
        return done.stdout

    def seen(self, stage: str = "other") -> list[dict[str, Any]]:
        """What the nodes wrote down, in the folders that the catalog's globals name."""
        (folder,) = (self.path / "out" / stage).iterdir()
        found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.iterdir())]
        assert {each["call"]["stamp"] for each in found} == {folder.name}
        return found
