"""List the project's raw data on this machine, which is uploaded to S3 before the first run."""

import hashlib
from pathlib import Path

from kedro_aws_plugin.plan.bootstrap import RawFile
from kedro_aws_plugin.session.connection import RAW_DATA


def list_raw_files(project_path: Path) -> tuple[RawFile, ...]:
    """List the files below ``data/raw`` with their keys on S3. Hidden files are left out."""
    folder = project_path / RAW_DATA
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return tuple(
        RawFile(
            path=path,
            key=f"{RAW_DATA.as_posix()}/{path.relative_to(folder).as_posix()}",
            size=path.stat().st_size,
            sha256=compute_digest(path),
        )
        for path in files
    )


def compute_digest(path: Path) -> str:
    """Compute the SHA-256 digest of a file of any size, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            digest.update(chunk)
    return digest.hexdigest()
