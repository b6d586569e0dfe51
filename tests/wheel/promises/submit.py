"""The extra [submit]: uv chooses what jobs install, and is found where no command `uv` is on the path."""

import os
from pathlib import Path

from kedro_aws_plugin.bundle.lock import lock_distributions
from kedro_aws_plugin.bundle.requirements import ProjectMetadata
from kedro_aws_plugin.bundle.wheel import build_project_wheel
from kedro_aws_plugin.model_artifact.pip_download import Container

os.environ.update(PATH="", PIP_NO_INDEX="1")
Path("src").mkdir()
Path("src", "shop.py").touch()
wheel = build_project_wheel(Path(), ProjectMetadata("shop", "1.0", ()), Path().absolute())
lock = lock_distributions([wheel], Container("3.12", "1.9-0"), [])
assert lock.lines == (), lock
