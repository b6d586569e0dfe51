"""Tell Docker Compose whose the new project is, where the user of its image would be another one."""

import os
from pathlib import Path

IMAGE_UID = 1000
"""The default of compose.yaml."""

# Windows has neither these numbers nor the problem.
if hasattr(os, "getuid") and os.getuid() != IMAGE_UID:
    Path(".env").write_text(f"HOST_UID={os.getuid()}\nHOST_GID={os.getgid()}\n", encoding="utf-8")
