"""The Spark starter's image: Java, the jars and a notebook's Spark session, from `build` to `down`.

What both starters have in common is tested with the other one, in test_compose.py.
"""

import json
import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from built import OWNER, Up, bring_up, build_project, predict
from engine import Engine, Project
from jupyter import start_kernel

NAME = f"Spark {uuid4().hex[:6]}"
SPECIES = {"setosa", "versicolor", "virginica"}

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def project(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with build_project(engine, "aws-pyspark-iris", NAME, tmp_path_factory.mktemp("spark")) as made:
        yield made


@pytest.fixture(scope="module")
def up(project: Project) -> Iterator[Up]:
    with bring_up(project, project.folder.with_name("up.log")) as it:
        yield it


def test_a_cell_of_the_notebook_shows_a_spark_frame(up: Up) -> None:
    """The first session downloads the jars."""
    notebook = json.loads((up.project.folder / "notebooks/explore.ipynb").read_text())
    first = next("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    with start_kernel(up.lab, up.token, notebook["metadata"]["kernelspec"]["name"]) as kernel:
        shown = kernel.run(first)
    assert "|sepal_length|sepal_width|" in shown.stdout
    assert "only showing top 5 rows" in shown.stdout


def test_a_second_terminal_goes_from_the_run_to_a_prediction(up: Up) -> None:
    assert "Pipeline execution completed" in up.project.exec("kedro", "run", timeout=400)
    up.project.exec("kedro", "aws", "register-model", "--approve")
    assert "-species is in service" in up.project.exec("kedro", "aws", "deploy")
    assert set(predict(up.project)) <= SPECIES


def test_the_jars_are_in_the_volume_and_belong_to_the_owner(up: Up) -> None:
    listed = up.project.exec("find", "/jars/jars", "-name", "*.jar", "-printf", "%U %f\\n")
    assert re.search(rf"^{OWNER} .*hadoop-aws-[\d.]+\.jar$", listed, re.MULTILINE)


def test_down_keeps_both_volumes(project: Project) -> None:
    assert project.compose("down", timeout=60).code == 0
    label = f"label=com.docker.compose.project={project.folder.name}"
    volumes = project.engine.docker("volume", "ls", "-q", "--filter", label).split()
    assert sorted(volumes) == [f"{project.folder.name}_jars", f"{project.folder.name}_state"]
