"""`docker compose up` in a new project, from the build to `down -v`, on a real daemon.

The tests go on with one project, in their order, as a user does.
"""

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen
from uuid import uuid4

import pytest
from browser import BROWSER, open_page
from built import OWNER, ROOT, Up, bring_up, build_project, give_to, predict
from engine import Engine, Project, find_compose
from jupyter import start_kernel

PICTURES = ROOT / "docs" / "pictures"
DEVCONTAINER = ROOT / ".cache/devcontainers/node_modules/.bin/devcontainer"
NOTEBOOK = "notebooks/explore.ipynb"
OTHER = 1234
NAME = "My Flights" if os.environ.get("UPDATE_PICTURES") else f"Compose {uuid4().hex[:6]}"
"""A name of its own: the daemon that answers may have the tutorial's project, with what it holds."""
REPOSITORY, PACKAGE = NAME.lower().replace(" ", "-"), NAME.lower().replace(" ", "_")
CLOSE_HINTS = """
[...document.querySelectorAll("button, .feature-hints__close")]
    .filter(each => each.innerText == "Dismiss" || each.matches(".feature-hints__close"))
    .forEach(each => each.dispatchEvent(new MouseEvent("click", {bubbles: true})))
"""
"""Closes what Kedro-Viz shows a new user in front of the pipelines."""
PLANTED = ("conf/local/credentials.yml", "image/secret.txt", ".env.production")

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def project(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("docker")
    with build_project(engine, "aws-spaceflights", NAME, folder, dict.fromkeys(PLANTED, "planted")) as made:
        yield made


@pytest.fixture(scope="module")
def up(project: Project) -> Iterator[Up]:
    with bring_up(project, project.folder.with_name("up.log")) as it:
        yield it


def wait_until(found: Callable[[], object], seconds: float) -> None:
    """Wait until something is so; a server that is starting again may refuse to answer meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError):
            if found():
                return
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_nothing_but_what_is_to_be_installed_gets_into_the_image(project: Project) -> None:
    listed = project.compose(
        *("run", "--rm", "--no-deps", "--entrypoint", "find", "--volume", "/project", "kedro"),
        *("/build", "/project", "/home/kedro", "-type", "f", "-not", "-name", ".*"),
        timeout=60,
    )
    found = [line for line in listed.printed.splitlines() if line.startswith("/")]
    assert sorted(Path(name).suffix for name in found) == [".toml", ".whl"]
    variables = project.engine.docker("image", "inspect", REPOSITORY, "--format", "{{.Config.Env}}")
    assert not re.search("TOKEN|SECRET|AWS_ACCESS", variables)


def test_up_prints_both_addresses_once_and_last(up: Up) -> None:
    printed = "\n".join(up.lines)
    assert printed.count(up.token) == 1
    assert printed.count(up.viz) == 1
    assert "0.0.0.0" not in printed
    assert "Warning" not in printed


def test_only_this_computer_reaches_it_and_only_with_the_token(up: Up) -> None:
    name = up.project.compose("ps", "-q", "kedro", timeout=30).printed.strip()
    bound = json.loads(
        up.project.engine.docker("inspect", name, "--format", "{{json .HostConfig.PortBindings}}")
    )
    assert {each["HostIp"] for ports in bound.values() for each in ports} == {"127.0.0.1"}
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{up.lab}/api/contents", timeout=10)
    assert refused.value.code == 403


def test_the_notebook_runs_in_the_projects_kernel(up: Up) -> None:
    notebook = json.loads((up.project.folder / NOTEBOOK).read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    with start_kernel(up.lab, up.token, notebook["metadata"]["kernelspec"]["name"]) as kernel:
        shown = [kernel.run(cell) for cell in cells]
    assert "shuttle_id" in shown[0].value
    assert re.search(r"'r2': 0\.[67]", shown[1].value)
    assert not [each.stderr for each in shown if "Warning" in each.stderr]


def test_a_second_terminal_goes_from_the_run_to_a_prediction(up: Up) -> None:
    assert "R2 0." in up.project.exec("kedro", "run")
    # `registry.bundle`, `doctor --fix` and %pip need the environment's own pip.
    assert "from /opt/venv/" in up.project.exec("python", "-m", "pip", "--version")
    up.project.exec("kedro", "aws", "register-model", "--approve")
    assert f"Endpoint {REPOSITORY}-price is in service" in up.project.exec("kedro", "aws", "deploy")
    assert len(predict(up.project)) == 5


def test_kedro_viz_shows_what_is_on_s3_and_in_athena(up: Up) -> None:
    companies, reviews = up.find_in_viz("companies"), up.find_in_viz("reviews")
    assert companies is not None
    assert reviews is not None
    assert "company_rating" in json.dumps(companies["preview"])
    assert "review_scores_rating" in json.dumps(reviews["preview"])


def test_kedro_viz_shows_the_metrics_and_draws_them_over_the_versions(up: Up) -> None:
    """The notebook and the second terminal have made a version each."""
    metrics, history, predictions = (
        up.find_in_viz(name) for name in ("metrics", "metrics_plot", "predictions_plot")
    )
    assert metrics is not None
    assert history is not None
    assert predictions is not None
    assert json.loads(str(metrics["preview"]))["r2"] > 0.6
    (line,) = history["preview"]["data"]
    assert len(set(line["x"])) == 2
    (points,) = predictions["preview"]["data"]
    assert points["type"].startswith("scatter")


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine")
def test_a_browser_opens_both(up: Up, tmp_path: Path) -> None:
    text = "document.body.innerText"
    address = f"{up.lab}/lab/tree/{NOTEBOOK}?token={up.token}"
    with open_page(address, tmp_path / "lab") as page:
        page.wait_for(f"{text}.includes('Explore the project') && {text}.includes('Kedro ({PACKAGE})')")
        page.wait_for("document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]')")
        page.run_selected_cell()
        page.run_selected_cell()
        page.wait_for("document.querySelector('.jp-OutputArea')?.innerText.includes('shuttle_id')")
        assert not page.tell(f"{text}.includes('Jupyter news')")
        keep_picture("jupyterlab.png", page.take_picture())
    with open_page(f"{up.viz}/", tmp_path / "viz") as page:
        page.wait_for("document.querySelectorAll('.pipeline-node').length > 10")
        page.tell(CLOSE_HINTS)
        page.wait_for("!document.querySelector('.feature-hints__reopen-message')")
        keep_picture("kedro-viz.png", page.take_picture())
    with open_page(f"{up.viz}/?pid=__default__&sn=predictions_plot", tmp_path / "plot") as page:
        page.wait_for("document.querySelector('.pipeline-metadata .js-plotly-plot .points')")
        page.tell(CLOSE_HINTS)
        page.wait_for("!document.querySelector('.feature-hints__reopen-message')")
        keep_picture("kedro-viz-plot.png", page.take_picture())


def keep_picture(name: str, picture: bytes) -> None:
    """Check that there is a picture; UPDATE_PICTURES=1 keeps it for the documentation."""
    assert picture.startswith(b"\x89PNG")
    if os.environ.get("UPDATE_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / name).write_bytes(picture)


def test_an_edit_is_seen_at_once(up: Up) -> None:
    (nodes,) = up.project.folder.glob("src/*/pipelines/data_science/__init__.py")
    nodes.write_text(nodes.read_text().replace('name="train_model"', 'name="train_it"'))
    assert "train_it" in up.project.exec("kedro", "registry", "describe", "data_science")
    wait_until(lambda: up.find_in_viz("train_it"), seconds=120)


def test_run_beside_it_names_exec(up: Up) -> None:
    refused = up.project.compose("run", "--rm", "kedro", "kedro", "run", timeout=120)
    assert refused.code == 1
    assert "Use that one: docker compose exec kedro kedro run" in refused.printed


def test_every_file_belongs_to_the_owner_of_the_project(up: Up) -> None:
    files = list(up.project.folder.rglob("*"))
    assert up.project.folder / ".viz" in files
    assert {path.stat().st_uid for path in files} == {OWNER if os.getuid() == 0 else os.getuid()}


def test_stop_and_up_keep_what_the_local_aws_holds(up: Up) -> None:
    before = predict(up.project)
    assert up.project.compose("stop", timeout=60).code == 0
    with up.project.up(up.project.folder.with_name("again.log")):
        assert "Approved" in up.project.exec("kedro", "aws", "models")
        assert predict(up.project) == before


# What goes wrong

root_only = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")


@root_only
def test_another_owner_is_told_what_to_run(project: Project) -> None:
    """First for the project, and once its image is the new owner's, for what the local AWS holds."""
    give_to(project.folder, OTHER)
    told = refuse(
        project, f"The project belongs to {OTHER}:{OTHER}, and the user of the image is {OWNER}:{OWNER}."
    )
    write, _, build = told.partition("; ")
    assert build == "docker compose up --build"
    subprocess.run(["bash", "-c", write], cwd=project.folder, check=True)
    assert project.compose("build", timeout=60).code == 0

    told = refuse(project, f"/state/aws in a volume belongs to {OWNER}:{OWNER}, and the user of the image is")
    fixed = project.compose(*told.removeprefix("docker compose ").split(), timeout=60)
    assert fixed.code == 0, fixed.printed
    assert project.compose("run", "--rm", "kedro", "touch", "made", timeout=60).code == 0
    assert (project.folder / "made").stat().st_uid == OTHER


def refuse(project: Project, sentence: str) -> str:
    """Check that nothing starts, and that the sentence says why; return the line that is to be run."""
    refused = project.compose("run", "--rm", "kedro", "true", timeout=60)
    assert refused.code == 1, refused.printed
    said, advice = refused.printed.strip().splitlines()[-2:]
    assert said.startswith(sentence)
    return advice.strip()


@root_only
def test_a_read_only_project_is_told_of(project: Project) -> None:
    project.folder.chmod(0o555)
    refused = project.compose("run", "--rm", "kedro", "true", timeout=60)
    project.folder.chmod(0o755)
    assert refused.code == 1
    assert refused.printed.strip().splitlines()[-1].startswith("The project is read-only. Run `chmod u+w .`")


def test_a_taken_port_is_named_and_another_one_does(project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = project.compose("up", "--detach", "--no-build", timeout=60, LAB_PORT=port)
        assert refused.code != 0
        assert re.search(rf"127\.0\.0\.1:{port}.*in use", refused.printed)
        assert project.compose("up", "--detach", "--no-build", timeout=60).code == 0


def test_a_daemon_that_is_not_there_is_told_of(project: Project, tmp_path: Path) -> None:
    refused = project.compose("ps", timeout=60, DOCKER_HOST=f"unix://{tmp_path}/no.sock")
    assert refused.code != 0
    assert "Cannot connect to the Docker daemon" in refused.printed


@pytest.mark.skipif(
    not DEVCONTAINER.exists(), reason="`make test` gets the CLI of development containers by npm"
)
def test_an_editor_opens_it_as_a_development_container(project: Project) -> None:
    """By the CLI that editors use: it is this project's container, and its terminal the project's owner."""
    owner = project.folder.stat().st_uid
    opened = json.loads(run_devcontainer(project, "up", "--buildkit=never").splitlines()[-1])
    assert opened["outcome"] == "success"
    assert (opened["remoteUser"], opened["remoteWorkspaceFolder"]) == ("kedro", "/project")
    assert project.compose("ps", "-q", "kedro", timeout=30).printed.strip() == opened["containerId"]
    # By its id: the container was there before, and does not carry the labels of one that the CLI makes.
    it = f"--container-id={opened['containerId']}"
    assert "kedro, version" in run_devcontainer(
        project, "exec", it, "bash", "-c", "touch of-editor; kedro --version"
    )
    assert (project.folder / "of-editor").stat().st_uid == owner


def run_devcontainer(project: Project, verb: str, *arguments: str) -> str:
    where = ("--workspace-folder", str(project.folder), "--docker-compose-path", str(find_compose()))
    options = [each for each in arguments if each.startswith("--")]
    command = [str(DEVCONTAINER), verb, *where, *options, *arguments[len(options) :]]
    environ = {**project.engine.environment(), **project.ports}
    done = subprocess.run(
        command, cwd=project.folder, env=environ, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_down_keeps_the_volume_and_down_v_leaves_nothing(project: Project) -> None:
    def list_what_is_left() -> list[str]:
        label = ("--filter", f"label=com.docker.compose.project={REPOSITORY}")
        kinds = (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q"))
        return [line for kind in kinds for line in project.engine.docker(*kind, *label).split()]

    assert project.compose("down", timeout=60).code == 0
    assert list_what_is_left() == [f"{REPOSITORY}_state"]
    assert project.compose("down", "--volumes", timeout=60).code == 0
    assert list_what_is_left() == []
