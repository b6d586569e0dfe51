"""What pip builds a model's code folder with when a container starts."""

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kedro_aws_plugin.model_artifact import build_backend
from kedro_aws_plugin.model_artifact.archive import lay_out
from kedro_aws_plugin.model_artifact.handlers import list_model_members

INFO = "model_code-1.0.dist-info"


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A code folder as AWS's server leaves it to pip: dated 1970, with a setup.py for setuptools."""
    files = {
        "inference.py": "import flights.nodes\n",
        "flights/__init__.py": "",
        "flights/nodes.py": "LIMIT = 3\n",
        "flights/data/words.txt": "ä, b\n",
        "flights/wheels/kept.py": "",
        "flights/__pycache__/nodes.cpython-39.pyc": "",
        "pyproject.toml": "",
        "_build_backend.py": "",
        "requirements.txt": "numpy\n",
        "wheels/numpy-1-py3-none-any.whl": "",
        "setup.py": "raise SystemExit('setuptools')\n",
        "setup.cfg": "",
        "MANIFEST.in": "",
    }
    folder = tmp_path / "code"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        os.utime(path, (0, 0))
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.usefixtures("code")
def test_a_wheel_has_all_that_can_be_imported_or_read_and_nothing_of_pip(tmp_path: Path) -> None:
    name = build_backend.build_wheel(str(tmp_path))
    assert name == "model_code-1.0-py3-none-any.whl"
    with zipfile.ZipFile(tmp_path / name) as wheel:
        assert set(wheel.namelist()) == {
            "inference.py",
            "flights/__init__.py",
            "flights/nodes.py",
            "flights/data/words.txt",
            "flights/wheels/kept.py",
            f"{INFO}/METADATA",
            f"{INFO}/WHEEL",
            f"{INFO}/RECORD",
        }
        rows = list(csv.reader(io.StringIO(wheel.read(f"{INFO}/RECORD").decode())))
        assert {row[0] for row in rows} == set(wheel.namelist())
        for path, digest, size in rows[:-1]:
            content = wheel.read(path)
            expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={expected}", str(len(content)))


def test_the_same_folder_gives_the_same_wheel(code: Path, tmp_path: Path) -> None:
    wheels = []
    for day in (0, 10**9):
        os.utime(code / "inference.py", (day, day))
        name = build_backend.build_wheel(str(tmp_path))
        wheels.append((tmp_path / name).read_bytes())
    assert wheels[0] == wheels[1]


@pytest.mark.slow
def test_pip_installs_the_code_folder_without_an_index(tmp_path: Path, model_file: Path) -> None:
    lay_out(list_model_members(model_file), tmp_path / "model")
    code = tmp_path / "model" / "code"
    (code / "setup.py").write_text("from setuptools import setup\nsetup(name='theirs')\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-index", "--target", tmp_path / "site", "."],
        cwd=code,
        env={**os.environ, "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    installed = {each.name for each in (tmp_path / "site").iterdir()}
    assert {"inference.py", "default_inference.py", INFO} <= installed
    assert not {"_build_backend.py", "pyproject.toml", "setup.py"} & installed
