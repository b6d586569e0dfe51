"""A packaged project in a folder without its data: its local AWS is told about, found and stopped there."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from local_aws import find, stop

FILES = {
    "conf/base/aws.yml": "region: eu-west-1\nbucket: my-shop\n",
    "conf/base/catalog.yml": "",
    "conf/local/.gitkeep": "",
    "conf/logging.yml": "version: 1\ndisable_existing_loggers: false\nroot: {level: WARNING}\n",
    "src/shop/__init__.py": "",
    "src/shop/settings.py": "",
    "src/shop/pipeline_registry.py": """
        from kedro.pipeline import node, pipeline

        def register_pipelines():
            return {"__default__": pipeline([node(lambda: 1, None, "one", name="one")])}
    """,
    "src/shop/__main__.py": """
        from kedro.framework.cli.utils import find_run_command
        from kedro.framework.project import configure_project

        configure_project("shop")
        find_run_command("shop")()
    """,
}

pytestmark = pytest.mark.slow


def run(elsewhere: Path, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "KEDRO_AWS_"))}
    return subprocess.run(
        [sys.executable, *command],
        cwd=elsewhere,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        check=True,
    )


def test_its_local_aws_says_that_there_is_no_data_uploads_it_later_and_is_stopped(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(textwrap.dedent(text), encoding="utf-8")
    elsewhere.mkdir()
    packaged = ("-m", "shop", "--conf-source", str(project / "conf"))
    source = str(project / "src")
    path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    try:
        first = run(elsewhere, *packaged, PYTHONPATH=path)
        raw = elsewhere / "data" / "raw"
        said = f"bucket my-shop created, no raw data in {raw} yet, it is uploaded when it comes\n"
        assert said in first.stderr
        raw.mkdir(parents=True)
        (raw / "orders.csv").write_text("id\n1\n")
        second = run(elsewhere, *packaged, PYTHONPATH=path)
        assert ": 1 file uploaded from data/raw\n" in second.stderr
        third = run(elsewhere, *packaged, PYTHONPATH=path)
        assert "uploaded" not in third.stderr
        aws = find(elsewhere / ".kedro-aws")
        assert aws is not None
        held = aws.client("s3").list_objects_v2(Bucket="my-shop")["Contents"]
        assert [each["Key"] for each in held] == ["data/raw/orders.csv"]
        command = "from local_aws.cli import main; main(['stop'])"
        assert run(elsewhere, "-c", command).stderr == "Local AWS stopped.\n"
        assert find(elsewhere / ".kedro-aws") is None
    finally:
        stop(elsewhere / ".kedro-aws")
