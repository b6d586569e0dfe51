"""The project's own package in a model's archive."""

from pathlib import Path

import pytest

from kedro_aws_plugin.model_artifact.archive import build_archive
from kedro_aws_plugin.model_artifact.project_package import list_package_members

FILES = {
    "__init__.py": b"",
    "transformers.py": b"LIMIT = 3\n",
    "pipelines/training/nodes.py": b"from ... import transformers\n",
    "data/words.txt": b"a\r\nb\r\n",
}
LEFT_OUT = (
    "__pycache__/transformers.cpython-312.pyc",
    "tests/test_nodes.py",
    "pipelines/tests/test_nodes.py",
    "notebooks/look.py",
    "explore.ipynb",
    ".ipynb_checkpoints/explore-checkpoint.py",
    ".env",
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "src" / "my_flights"
    for name, content in {**FILES, **dict.fromkeys(LEFT_OUT, b"x")}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_modules_and_data_files_are_packed_and_nothing_else(package: Path) -> None:
    assert {member.name for member in list_package_members(package)} == {
        f"code/my_flights/{name}" for name in FILES
    }


def test_the_same_source_gives_the_same_archive(package: Path, tmp_path: Path) -> None:
    first = build_archive(list_package_members(package), tmp_path / "first.tar.gz")
    (package / "transformers.py").write_bytes(b"LIMIT = 3\r\n")  # as git on Windows checks it out
    (package / "__pycache__/other.pyc").write_bytes(b"cache")
    assert build_archive(list_package_members(package), tmp_path / "second.tar.gz").sha256 == first.sha256
    (package / "transformers.py").write_bytes(b"LIMIT = 4\n")
    assert build_archive(list_package_members(package), tmp_path / "third.tar.gz").sha256 != first.sha256
