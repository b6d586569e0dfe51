"""Build a wheel of a model's code folder; a copy of this file is in every `model.tar.gz`.

SageMaker's scikit-learn containers run `pip install .` in that folder when they start. pip would download
setuptools for that, if a pyproject.toml did not name another build backend (PEP 517): this file. So a
container starts without a network. This needs Python 3.9 and nothing else. The same folder gives the same
wheel.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

_NAME = "model_code-1.0"
_INFO = f"{_NAME}.dist-info"
_METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: model-code\nVersion: 1.0\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: kedro-aws-plugin\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}

# What is there for pip; the container itself writes the three that setuptools reads.
_FOR_PIP = frozenset(
    {"_build_backend.py", "pyproject.toml", "requirements.txt", "wheels"}
    | {"setup.py", "setup.cfg", "MANIFEST.in"}
)


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Write a wheel of all modules, packages and data files of the current folder, and return its name."""
    del config_settings, metadata_directory
    members = dict(_find_files())
    members.update((f"{_INFO}/{name}", text.encode()) for name, text in _METADATA.items())
    members[f"{_INFO}/RECORD"] = _write_record(members)
    wheel = f"{_NAME}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w") as file:  # noqa: PTH118
        for name, content in members.items():
            # The date is zip's first: members of a model's archive are of 1970, which zip does not have.
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100644 << 16
            file.writestr(entry, content)
    return wheel


def _find_files() -> Iterator[tuple[str, bytes]]:
    for folder, folders, names in os.walk("."):
        at_top = folder == "."
        folders[:] = sorted(
            each for each in folders if each != "__pycache__" and not (at_top and each in _FOR_PIP)
        )
        for name in sorted(names):
            if not (at_top and name in _FOR_PIP):
                path = os.path.join(folder, name)  # noqa: PTH118
                with open(path, "rb") as file:  # noqa: PTH123
                    yield os.path.relpath(path).replace(os.sep, "/"), file.read()


def _write_record(members: Mapping[str, bytes]) -> bytes:
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for name, content in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
        rows.writerow([name, f"sha256={digest.decode()}", len(content)])
    rows.writerow([f"{_INFO}/RECORD", "", ""])
    return record.getvalue().encode()
