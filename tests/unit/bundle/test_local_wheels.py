"""What is on no index travels as a wheel that is built here."""

import json
import subprocess
import sys
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from kedro_aws_plugin.bundle.local_wheels import build_local_wheels, name_version
from kedro_aws_plugin.errors import ProjectError

pytestmark = pytest.mark.slow

BACKEND = """
import zipfile
from pathlib import Path

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(folder, config_settings=None, metadata_directory=None):
    tag = Path("tag.txt").read_text()
    name = f"helper-1.5-{tag}.whl"
    info = "helper-1.5.dist-info"
    with zipfile.ZipFile(Path(folder, name), "w") as wheel:
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: helper\\nVersion: 1.5\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: " + tag)
        wheel.write("helper.py")
        wheel.writestr(info + "/RECORD", "")
    return name
"""


@pytest.fixture
def helper(tmp_path: Path) -> Path:
    """A distribution in a folder, which builds itself."""
    folder = tmp_path / "helper"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (folder / "backend.py").write_text(BACKEND)
    (folder / "helper.py").write_text("ANSWER = 42\n")
    (folder / "tag.txt").write_text("py3-none-any")
    return folder


def install(tmp_path: Path, **origin: object) -> dict[str, Distribution]:
    """Write what an installer leaves behind of a distribution from elsewhere than an index."""
    info = tmp_path / "site" / "helper-1.5.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: helper\nVersion: 1.5\n")
    (info / "direct_url.json").write_text(json.dumps(origin))
    return {"helper": PathDistribution(info)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "job"
    made.mkdir()
    return made


def test_a_wheel_is_built_from_a_folder(helper: Path, tmp_path: Path, folder: Path) -> None:
    installed = install(tmp_path, url=helper.as_uri(), dir_info={"editable": True})
    wheels = build_local_wheels(installed, folder)
    assert [each.name for each in folder.iterdir()] == ["helper-1.5-py3-none-any.whl"]
    assert name_version("Helper @ git+https://example.com/helper", wheels) == "Helper==1.5"
    assert name_version("helper>=1", wheels) == "helper>=1"


def test_a_wheel_is_built_from_the_commit_that_is_installed(
    helper: Path, tmp_path: Path, folder: Path
) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        command = ["git", "-C", str(helper), *identity, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    commit = git("rev-parse", "HEAD")
    (helper / "helper.py").write_text("ANSWER = 43\n")
    git("commit", "--quiet", "--all", "--message", "second")
    installed = install(tmp_path, url=helper.as_uri(), vcs_info={"vcs": "git", "commit_id": commit})
    [wheel] = build_local_wheels(installed, folder)
    read = "import helper; print(helper.ANSWER)"
    code = f"import sys; sys.path.insert(0, {str(wheel.path)!r}); {read}"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"42\n"


def test_a_wheel_for_this_machine_alone_is_refused(helper: Path, tmp_path: Path, folder: Path) -> None:
    (helper / "tag.txt").write_text("cp311-cp311-linux_x86_64")
    installed = install(tmp_path, url=helper.as_uri(), dir_info={})
    said = r"`helper` was installed from .*helper, and its wheel .* is for machines like this one only\. Put"
    if sys.version_info[:2] != (3, 11):
        said = "`helper` was installed from"  # pip itself refuses it
    with pytest.raises(ProjectError, match=said):
        build_local_wheels(installed, folder)


def test_what_cannot_be_built_is_named(tmp_path: Path, folder: Path) -> None:
    gone = tmp_path / "gone"
    installed = install(tmp_path, url=gone.as_uri(), dir_info={})
    with pytest.raises(ProjectError, match=r"`helper` was installed from .*gone, and pip cannot build its"):
        build_local_wheels(installed, folder)
    with pytest.raises(ProjectError, match=r"`other @ https://example\.com/x` is not installed here, .*pip"):
        name_version("other @ https://example.com/x", [])
