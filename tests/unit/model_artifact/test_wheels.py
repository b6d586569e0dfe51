"""What a container installs when it starts, inside the artifact."""

import sys
import venv
import zipfile
from pathlib import Path

import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.archive import Member
from kedro_aws_plugin.model_artifact.images import Image
from kedro_aws_plugin.model_artifact.wheels import bundle_requirements, find_variables

pytestmark = pytest.mark.slow

IMAGE = Image("uri", "1.9-0", {"python": "3.12", "numpy": "2.5.1", "scikit-learn": "1.9.0"}, "")
PURE = "py3-none-any"
COMPILED = "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64"


def add_wheel(index: Path, name: str, version: str, tag: str = PURE, more: str = "") -> Path:
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"{more}\n" if more else ""
    path = index / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole index of pip: a compiled distribution, and what it needs."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    add_wheel(folder, "numpy", "2.5.1", COMPILED)
    add_wheel(folder, "numpy", "2.9.0", COMPILED)
    for tag in (COMPILED, "cp311-cp311-manylinux2014_x86_64", "cp312-cp312-win_amd64"):
        add_wheel(folder, "boosting", "4.0", tag, more="Requires-Dist: plain_helper>=1")
    add_wheel(folder, "plain_helper", "1.5", more="Requires-Dist: numpy>=2")
    return folder


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


def read(members: list[Member]) -> tuple[list[str], str]:
    *wheels, requirements = members
    assert requirements.name == "code/requirements.txt"
    assert isinstance(requirements.source, bytes)
    return [wheel.name for wheel in wheels], requirements.source.decode()


@pytest.mark.usefixtures("index")
def test_what_is_required_goes_along_without_what_the_image_has(wheels: Path) -> None:
    names, requirements = read(bundle_requirements(["boosting==4.0", "numpy>2.5.1"], IMAGE, wheels))
    assert names == [
        f"code/wheels/boosting-4.0-{COMPILED}.whl",
        f"code/wheels/numpy-2.9.0-{COMPILED}.whl",
        f"code/wheels/plain_helper-1.5-{PURE}.whl",
    ]
    assert requirements == "--no-index\n--find-links wheels\nboosting==4.0\nnumpy>2.5.1\n"


@pytest.mark.usefixtures("index")
def test_the_versions_of_the_image_are_kept_where_they_fit(wheels: Path) -> None:
    names, _ = read(bundle_requirements(["plain-helper", "numpy>=2.5"], IMAGE, wheels))
    assert names == [f"code/wheels/plain_helper-1.5-{PURE}.whl"]


@pytest.mark.usefixtures("index")
def test_a_url_becomes_the_version_that_it_gives(tmp_path: Path, wheels: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    file = add_wheel(elsewhere, "private", "7.1")
    names, requirements = read(bundle_requirements([f"private @ {file.as_uri()}"], IMAGE, wheels))
    assert names == [f"code/wheels/private-7.1-{PURE}.whl"]
    assert requirements.splitlines()[-1] == "private==7.1"


@pytest.mark.usefixtures("index")
def test_what_the_image_has_is_not_downloaded_at_all(wheels: Path) -> None:
    image = Image("uri", "1.9-0", {"python": "3.12", "plain-helper": "1.5", "numpy": "2.5.1"}, "")
    names, requirements = read(bundle_requirements(["plain-helper==1.5"], image, wheels))
    assert (names, requirements.splitlines()[-1]) == ([], "plain-helper==1.5")


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        (
            "boosting==5",
            "registry.bundle: there is no wheel of boosting==5 for Python 3.12 on Linux x86_64, as the"
            " container 1.9-0 needs it. Choose a version that has one, or correct registry.requirements in"
            " conf/base/aws.yml.",
        ),
        ("a b", "registry.bundle: pip said: Invalid requirement: 'a b'"),
    ],
)
@pytest.mark.usefixtures("index")
def test_what_cannot_be_bundled_is_one_sentence(wheels: Path, requirement: str, said: str) -> None:
    with pytest.raises(ProjectError) as caught:
        bundle_requirements([requirement], IMAGE, wheels)
    assert caught.value.message.startswith(said)
    assert "\n" not in caught.value.message


def test_a_wheel_for_a_newer_python_than_the_containers_is_said(index: Path, wheels: Path) -> None:
    add_wheel(index, "newer", "1.0", more="Requires-Python: >=3.99")
    with pytest.raises(ProjectError) as caught:
        bundle_requirements(["newer==1.0"], IMAGE, wheels)
    assert caught.value.message.startswith(
        "registry.bundle: newer needs Python >=3.99, and the container 1.9-0 has 3.12. Choose another version"
    )


OLD_PIP = """
print("ERROR: Package 'numpy' requires a different Python: 3.10.4 not in '>=3.11'")
raise SystemExit(1)
"""


def test_a_pip_that_is_too_old_is_said(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old" / "pip").mkdir(parents=True)
    (tmp_path / "old" / "pip" / "__init__.py").touch()
    (tmp_path / "old" / "pip" / "__main__.py").write_text(OLD_PIP)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "old"))
    with pytest.raises(ProjectError, match=r"its own Python 3\.10\.4, not .* --upgrade pip`\."):
        bundle_requirements(["boosting"], IMAGE, wheels)


def test_a_python_without_pip_is_said(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    bare = next(path for path in tmp_path.glob("bare/*/python*") if path.is_file())
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(ProjectError, match=r"has no pip, .* `uv pip install pip`"):
        bundle_requirements(["boosting"], IMAGE, wheels)


def test_an_index_that_is_not_reached_is_said(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(ProjectError, match=r"pip reaches no package index, .* Connect to the network"):
        bundle_requirements(["boosting"], IMAGE, wheels)


def test_an_image_whose_python_is_not_known_is_refused(wheels: Path) -> None:
    with pytest.raises(ProjectError, match=r"the Python of the container 0\.23-1 is not known"):
        bundle_requirements(["boosting"], Image("uri", "0.23-1", {"scikit-learn": "0.23"}, ""), wheels)


def test_openmp_goes_along_with_a_wheel_that_needs_it(index: Path, wheels: Path) -> None:
    """As the image's scikit-learn has it for itself, under the name that the wheel asks for."""
    with zipfile.ZipFile(add_wheel(index, "leafwise", "1.0", COMPILED), "a") as wheel:
        wheel.writestr("leafwise/lib/lib_leafwise.so", b"\x7fELF\0libgomp.so.1\0libc.so.6\0")
    with zipfile.ZipFile(add_wheel(index, "scikit_learn", "1.9.0", COMPILED), "a") as wheel:
        wheel.writestr("scikit_learn.libs/libgomp-e985bcbb.so.1.0.0", b"\x7fELF of libgomp")
    members = bundle_requirements(["leafwise==1.0"], IMAGE, wheels)
    names, _ = read(members)
    assert names == [f"code/wheels/leafwise-1.0-{COMPILED}.whl", "code/lib/libgomp.so.1"]
    assert members[1].source == b"\x7fELF of libgomp"
    assert find_variables(members) == {"LD_LIBRARY_PATH": "/opt/ml/model/code/lib"}
    assert find_variables(members[:1]) == {}
