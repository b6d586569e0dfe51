"""What jobs install from S3 is chosen for their image: the installed versions wherever it has them."""

import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from kedro_aws_plugin.bundle.lock import Lock, list_differences, lock_distributions
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.pip_download import Container

CONTAINER = Container("3.12", "1.9-0", key="pipelines.install")
COMPILED = "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"
OTHERS = ("cp311-cp311-manylinux2014_x86_64", "cp310-cp310-manylinux2014_x86_64")


def add_wheel(folder: Path, name: str, version: str, tag: str = "py3-none-any", *needs: str) -> Path:
    info = f"{name}-{version}.dist-info"
    more = "".join(f"{line}\n" for line in needs)
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole index, as a user names it for pip."""
    if shutil.which("uv") is None:
        pytest.importorskip("uv", reason="uv is not installed: pip install uv")
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    add_wheel(folder, "boosting", "4.0", COMPILED, "Requires-Dist: helper")
    add_wheel(folder, "boosting", "4.1", COMPILED, "Requires-Dist: helper")
    add_wheel(folder, "helper", "1.0")
    add_wheel(folder, "helper", "2.0")
    add_wheel(folder, "winner", "1.0")
    for tag in OTHERS:
        add_wheel(folder, "older", "1.0", tag)
        add_wheel(folder, "boosting", "3.0", tag)
    return folder


def lock(tmp_path: Path, *needs: str, installed: tuple[str, ...] = ()) -> Lock:
    job = tmp_path / "job"
    job.mkdir(exist_ok=True)
    wheel = add_wheel(job, "shop", "1.0", "py3-none-any", *(f"Requires-Dist: {each}" for each in needs))
    made = lock_distributions([wheel], CONTAINER, installed)
    assert [each.name for each in job.iterdir()] == [wheel.name], "files are left behind"
    return made


@pytest.mark.usefixtures("index")
def test_the_installed_versions_are_kept_one_by_one(tmp_path: Path) -> None:
    """boosting 3.0 has no wheel for the image; that is no reason to take another helper."""
    installed = ("boosting==3.0", "helper==1.0", "unrelated==9")
    made = lock(tmp_path, "boosting", installed=installed)
    assert made.lines == ("boosting==4.1", "helper==1.0")
    assert list_differences(made, installed) == ["boosting 4.1 instead of 3.0"]
    assert lock(tmp_path, "boosting", installed=("boosting==4.0", "helper==2.0")).lines == (
        "boosting==4.0",
        "helper==2.0",
    )


@pytest.mark.usefixtures("index")
def test_markers_are_those_of_the_image(tmp_path: Path) -> None:
    """What is for another machine is left out, and what is for the image is not: wherever this is run."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    made = lock(
        tmp_path,
        "winner; sys_platform == 'win32'",
        "boosting; sys_platform == 'linux' and platform_machine == 'x86_64'",
        f"winner; python_version == '{here}' and python_version != '3.12'",
        "helper; python_version == '3.12'",
    )
    assert made.lines == ("boosting==4.1", "helper==2.0")


@pytest.mark.usefixtures("index")
def test_the_wheels_are_those_of_the_image(tmp_path: Path) -> None:
    made = lock(tmp_path, "boosting")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    assert [each.name for each in made.download(wheels)] == [
        f"boosting-4.1-{COMPILED}.whl",
        "helper-2.0-py3-none-any.whl",
    ]
    other = Lock(made.lines, Container("3.11", "mine"))
    assert made.text.splitlines() == ["# Python 3.12, x86_64-manylinux_2_28", *made.lines]
    assert other.digest != made.digest


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        (
            "older",
            r"there is no wheel of older==1\.0 for Python 3\.12 on Linux x86_64, .*; it has wheels for "
            r"Python 3\.10, 3\.11\. .* `pipelines\.image` and `pipelines\.python`\. .*PIP_FIND_LINKS",
        ),
        ("boosting==3.0", r"there is no wheel of boosting==3\.0 for Python 3\.12"),
        ("absent", r"uv said: .*absent was not found.*Correct the requirements of the project\.$"),
        ("helper>=7", r"uv said: .*helper<=2\.0 is available.*Correct"),
    ],
)
@pytest.mark.usefixtures("index")
def test_what_cannot_be_had_is_one_sentence_that_names_it(tmp_path: Path, needed: str, said: str) -> None:
    with pytest.raises(ProjectError, match=f"^pipelines.install: {said}") as caught:
        lock(tmp_path, needed)
    assert "\n" not in caught.value.message


@pytest.mark.usefixtures("index")
def test_an_index_that_is_not_reached_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(ProjectError, match=r"uv reaches no package index, .* Connect to the network"):
        lock(tmp_path, "absent")


def test_without_uv_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProjectError, match=r'needs uv, .* pip install "kedro-aws-plugin\[submit\]"'):
        lock(tmp_path, "helper")
