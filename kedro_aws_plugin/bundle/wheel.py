"""Make a wheel of a project, or of this plugin, from their files: the same files give the same wheel.

No build backend runs: it would want an index, and its wheel differs from build to build. So what a backend
would make, such as compiled extensions, is not in it.
"""

import base64
import csv
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.utils import canonicalize_name

from kedro_aws_plugin.bundle.requirements import ProjectMetadata
from kedro_aws_plugin.errors import ProjectError, first_line

PLUGIN = "kedro-aws-plugin"
_PLUGIN_PACKAGES = ("kedro_aws_plugin", "local_aws")
_LEFT_OUT = ("__pycache__",)
_LEFT_OUT_SUFFIXES = (".pyc", ".pyo", ".egg-info", ".dist-info")
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def build_project_wheel(project: Path, metadata: ProjectMetadata, folder: Path) -> Path:
    """Write the wheel of the packages and modules in the project's src/.

    Raises:
        ProjectError: If there is no src/, or a file cannot be read.
    """
    source = project / "src"
    if not source.is_dir():
        raise ProjectError(f"{source} does not exist, so there is nothing to run in a job. Create it.")
    left_out = set(list_left_out(project))
    members = {
        path.relative_to(source).as_posix(): path
        for path in _find_files(source)
        if path.relative_to(source).parts[0] not in left_out
    }
    lines = [f"Requires-Dist: {each}" for each in metadata.requirements]
    text = "\n".join(
        ["Metadata-Version: 2.1", f"Name: {metadata.name}", f"Version: {metadata.version}", *lines, ""]
    )
    return _write_wheel(folder, metadata.name, metadata.version, members, {"METADATA": text})


def list_left_out(project: Path) -> list[str]:
    """List what lies in src/ and is neither a module nor a package, so that it is not in the wheel."""
    tops: dict[str, bool] = {}
    for path in _find_files(project / "src"):
        top = path.relative_to(project / "src").parts[0]
        tops[top] = tops.get(top, False) or path.suffix == ".py"
    return [name for name, has_python in tops.items() if not has_python]


def build_plugin_wheel(folder: Path) -> Path:
    """Write the wheel of this plugin as it is installed, which may be on no index.

    Raises:
        ProjectError: If it was not installed by pip or uv.
    """
    try:
        installed = distribution(PLUGIN)
    except PackageNotFoundError:
        raise ProjectError(
            f"{PLUGIN} is not installed, so its wheel cannot be made. Install it: "
            "python -m pip install FOLDER-OF-ITS-CLONE"
        ) from None
    root = Path(__file__).parents[2]
    members = {
        path.relative_to(root).as_posix(): path
        for package in _PLUGIN_PACKAGES
        for path in _find_files(root / package)
    }
    metadata = installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
    texts = {"METADATA": metadata, "entry_points.txt": installed.read_text("entry_points.txt") or ""}
    return _write_wheel(folder, PLUGIN, installed.version, members, texts)


def _find_files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            each
            for each in folders
            if each not in _LEFT_OUT and each[0] != "." and not each.endswith(_LEFT_OUT_SUFFIXES)
        )
        for name in sorted(names):
            if name[0] != "." and not name.endswith(_LEFT_OUT_SUFFIXES):
                yield Path(folder, name)


def _write_wheel(
    folder: Path, name: str, version: str, members: Mapping[str, Path], texts: Mapping[str, str]
) -> Path:
    stem = f"{canonicalize_name(name).replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    wheel = "Wheel-Version: 1.0\nGenerator: kedro-aws-plugin\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    made = {f"{info}/{each}": text.encode() for each, text in {**texts, "WHEEL": wheel}.items()}
    target = folder / f"{stem}-py3-none-any.whl"
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for member in sorted({*members, *made}):
            try:
                content = made[member] if member in made else members[member].read_bytes()
            except OSError as error:
                raise ProjectError(
                    f"{members[member]} cannot be read: {first_line(error)}. Correct that."
                ) from error
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.writerow([member, f"sha256={digest}", len(content)])
            _add(file, member, content)
        rows.writerow([f"{info}/RECORD", "", ""])
        _add(file, f"{info}/RECORD", record.getvalue().encode())
    return target


def _add(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _FIRST_DAY)
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    file.writestr(entry, content)
