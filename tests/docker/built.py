"""A project of a starter with its image, and what a user sees of it once it is up."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cookiecutter.main import cookiecutter
from engine import Engine, Project
from jupyter import ask

ROOT = Path(__file__).parents[2]
OWNER = 1000
"""The uid of the image, if nothing else is asked for."""
SIZES = {"aws-spaceflights": 1.4, "aws-pyspark-iris": 2.1}
"""How large the images may be, in GB.

A build is to take 90 s and `up` 15 s; they are printed, since a busy machine takes longer.
"""


@contextmanager
def build_project(
    engine: Engine, starter: str, name: str, folder: Path, planted: Mapping[str, str] | None = None
) -> Iterator[Project]:
    """Make a project that belongs to the uid of its image, with the wheel of this checkout; build the image.

    Args:
        engine: The daemon.
        starter: The folder of the starter.
        name: The project's name. It is its own: a daemon that answers may have the tutorial's project.
        folder: An empty folder.
        planted: Files to add before the image is built, with their content.
    """
    template = str(ROOT / "starters" / starter)
    made = Path(
        cookiecutter(template, no_input=True, extra_context={"project_name": name}, output_dir=str(folder))
    )
    make_wheel(made / "image", folder)
    (made / ".env").unlink(missing_ok=True)  # of the user of this test
    for path, text in (planted or {}).items():
        (made / path).write_text(text)
    give_to(made, OWNER)
    project = Project(engine, made, {"LAB_PORT": str(find_free_port()), "VIZ_PORT": str(find_free_port())})
    began = time.monotonic()
    built = project.compose("build", timeout=900)
    assert built.code == 0, built.printed
    size = int(engine.docker("image", "inspect", made.name, "--format", "{{.Size}}")) / 1e9
    print(f"{starter}: build {time.monotonic() - began:.0f} s, image {size:.2f} GB")
    try:
        assert size <= SIZES[starter]
        yield project
    finally:
        project.compose("down", "--volumes", timeout=60)
        engine.docker("image", "rm", made.name, timeout=180)


@contextmanager
def bring_up(project: Project, log: Path) -> Iterator["Up"]:
    """Bring a project up; stop it at the end."""
    began = time.monotonic()
    with project.up(log) as lines:
        print(f"{project.folder.name}: up {time.monotonic() - began:.0f} s")
        yield read_addresses(project, lines)


@dataclass(frozen=True)
class Up:
    """A project that is up.

    Attributes:
        project: The project.
        lab: The address of JupyterLab.
        token: The token in that address.
        viz: The address of Kedro-Viz.
        lines: What `up` printed until then.
    """

    project: Project
    lab: str
    token: str
    viz: str
    lines: list[str]

    def find_in_viz(self, name: str) -> dict[str, Any] | None:
        """Ask Kedro-Viz for what it knows of a node or a dataset."""
        shown = ask(self.viz, "", "GET", "/api/main")["nodes"]
        ids = [node["id"] for node in shown if node["name"] == name]
        return ask(self.viz, "", "GET", f"/api/nodes/{ids[0]}") if ids else None


def read_addresses(project: Project, lines: list[str]) -> Up:
    lab = re.search(r"\| JupyterLab +(http://127\.0\.0\.1:\d+)/lab/tree/notebooks\?token=(\w+)$", lines[-2])
    viz = re.search(r"\| Kedro-Viz +(http://127\.0\.0\.1:\d+)$", lines[-1])
    assert lab is not None, lines
    assert viz is not None, lines
    return Up(project, lab[1], lab[2], viz[1], lines)


def make_wheel(into: Path, folder: Path) -> None:
    """Build the wheel of this checkout, from a copy: a build leaves its own files."""
    source = folder / "source"
    kept = ("kedro_aws_plugin", "local_aws", "starters")
    for name in kept:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    # Of the same code the same wheel, so that a daemon that has built the image before need not do it again.
    subprocess.run(
        [*pip, "--wheel-dir", str(into), str(source)],
        env={**os.environ, "SOURCE_DATE_EPOCH": "1735689600"},
        check=True,
        timeout=180,
    )


def give_to(folder: Path, uid: int) -> None:
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.lchown(path, uid, uid)


def find_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def predict(project: Project) -> list[Any]:
    printed = project.exec("kedro", "aws", "predict", "-o", "json")
    answered, _ = json.JSONDecoder().raw_decode(printed[printed.index("{") :])
    return answered["predictions"]
