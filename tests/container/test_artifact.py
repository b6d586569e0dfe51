"""What `register-model` packs, in AWS's container without a network."""

import os
import pickle
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from container import Container

from kedro_aws_plugin.model_artifact.archive import build_archive
from kedro_aws_plugin.model_artifact.handlers import PROGRAM, SUBMIT_DIRECTORY, list_model_members
from kedro_aws_plugin.model_artifact.images import Image
from kedro_aws_plugin.model_artifact.project_package import list_package_members
from kedro_aws_plugin.model_artifact.wheels import bundle_requirements

pytestmark = [pytest.mark.slow, pytest.mark.container]

PACKAGE = {"SAGEMAKER_PROGRAM": PROGRAM, "SAGEMAKER_SUBMIT_DIRECTORY": SUBMIT_DIRECTORY}
IMAGE = Image("uri", "1.9-0", {"python": "3.12"}, "")
MODULE = """
from pathlib import Path

OWN = int((Path(__file__).parent / "data" / "factor.txt").read_text())


class Multiplier:
    def predict(self, rows):
        from required_words import REQUIRED

        return [float(row[0]) * OWN * REQUIRED for row in rows]
"""
WHEEL = {
    "required_words.py": "REQUIRED = 10\n",
    "required_words-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: required-words\nVersion: 1.0\n",
    "required_words-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "required_words-1.0.dist-info/RECORD": "",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project's package with a model class, which reads a file of the package and needs a requirement."""
    folder = tmp_path / "src" / "lane_flights"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "models.py").write_text(MODULE)
    (folder / "data" / "factor.txt").write_text("3")
    monkeypatch.syspath_prepend(str(folder.parent))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "lane_flights"]:
        del sys.modules[name]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is the whole index of this machine's pip."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "required_words-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in WHEEL.items():
            wheel.writestr(name, text)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


@pytest.mark.usefixtures("index")
def test_a_projects_package_and_bundled_requirements_serve_without_a_network(
    package: Path, tmp_path: Path
) -> None:
    from lane_flights.models import Multiplier

    model = tmp_path / "model.pickle"
    model.write_bytes(pickle.dumps(Multiplier()))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    members = [
        *list_model_members(model),
        *list_package_members(package),
        *bundle_requirements(["required-words"], IMAGE, wheels),
    ]
    archive = build_archive(members, tmp_path / "model.tar.gz")
    with Container(archive.path, PACKAGE, seconds=180) as container:
        answer = container.invoke(b"[[1.0], [2.0]]", "application/json")
        assert (answer.status, answer.body) == (200, b'{"predictions": [30.0, 60.0]}')
        refused = container.invoke(b"1", "text/odd")
        assert (refused.status, refused.headers.get_content_type()) == (415, "text/plain")
        assert refused.body.startswith(b"Content type text/odd is not supported; send one of ")
