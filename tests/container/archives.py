"""Pack a `model.tar.gz` for a container."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from kedro_aws_plugin.model_artifact.handlers import list_build_members

CODE = Path(__file__).parent / "code"
"""Code folders of models, one for each kind of script."""


def pack(target: Path, code: str, files: Mapping[str, bytes] | None = None, *, offline: bool = True) -> Path:
    """Pack a model.

    Args:
        target: The archive.
        code: Name of the folder in `CODE` that becomes the archive's `code`.
        files: What is in the archive beside it.
        offline: Whether to add what lets a container start without a network.
    """
    folder = CODE / code
    members = {
        f"code/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    if offline:
        members |= {each.name: read_member(each.source) for each in list_build_members()}
    with tarfile.open(target, "w:gz") as archive:
        for name, content in {**members, **(files or {})}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target


def read_member(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()
