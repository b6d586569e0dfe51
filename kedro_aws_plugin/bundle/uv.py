"""uv, with the package indexes that the user has set for pip."""

import ast
import importlib
import shutil
import subprocess
import sys
from collections.abc import Mapping

from kedro_aws_plugin.errors import ProjectError


def find_uv() -> str:
    """Find uv's program.

    Raises:
        ProjectError: If it is not installed.
    """
    try:
        return str(importlib.import_module("uv").find_uv_bin())
    except (ImportError, FileNotFoundError):
        if found := shutil.which("uv"):
            return found
    raise ProjectError(
        "`pipelines.install: wheelhouse` needs uv, which is not installed. Install it: "
        'pip install "kedro-aws-plugin[submit]"'
    )


def take_over_pip_settings() -> tuple[list[str], dict[str, str]]:
    """Give uv pip's settings as options and variables; what is set for uv itself comes before them."""
    settings = _read_pip_settings()
    names = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}
    variables = {names[name]: " ".join(value.split()) for name, value in settings.items() if name in names}
    if links := settings.get("find-links"):
        variables["UV_FIND_LINKS"] = ",".join(links.split())
    no_index = settings.get("no-index", "").lower() in {"1", "true", "yes", "on"}
    return (["--no-index"] if no_index else []), variables


def _read_pip_settings() -> Mapping[str, str]:
    """Read what the user has set for pip: where packages are, above all."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    settings = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if key.startswith(("global.", "install.", ":env:.")) and value[:1] in ("'", '"'):
            settings[name] = str(ast.literal_eval(value))
    return settings
