"""Build a wheel of a model's code folder with nothing but Python, so that pip installs it offline.

SageMaker's scikit-learn containers run `pip install .` in that folder when they start. pip downloads
setuptools for that, unless a pyproject.toml names another build backend (PEP 517): this file. Runs on
Python 3.9.
"""

import base64
import csv
import hashlib
import io
import zipfile
from pathlib import Path

_NAME = "model_code-1.0"
_FOR_INSTALLING = {
    "MANIFEST.in",
    "build_backend",
    "pyproject.toml",
    "requirements.txt",
    "setup.cfg",
    "setup.py",
}
_METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: model-code\nVersion: 1.0\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: model-code\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):  # noqa: ARG001
    """Write a wheel of all files of the current folder, and return its name."""
    wheel = f"{_NAME}-py3-none-any.whl"
    members = {f"{_NAME}.dist-info/{name}": text.encode() for name, text in _METADATA.items()}
    for path in sorted(Path().rglob("*")):
        if path.is_file() and path.parts[0] not in _FOR_INSTALLING and "__pycache__" not in path.parts:
            members[path.as_posix()] = path.read_bytes()
    record = io.StringIO()
    rows = csv.writer(record)
    for name, content in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
        rows.writerow([name, f"sha256={digest.decode()}", len(content)])
    rows.writerow([f"{_NAME}.dist-info/RECORD", "", ""])
    members[f"{_NAME}.dist-info/RECORD"] = record.getvalue().encode()
    with zipfile.ZipFile(Path(wheel_directory, wheel), "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return wheel
