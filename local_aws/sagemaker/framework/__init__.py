"""The part of AWS's `sagemaker_containers.beta.framework` that scripts for the image import.

It needs nothing but the standard library, and numpy where arrays are encoded or decoded.
"""

import sys
from pathlib import Path

_PACKAGES = Path(__file__).parents[1] / "image_packages"


def make_importable() -> None:
    """Let scripts import `sagemaker_containers`: the installed package, else the one of the local AWS."""
    folder = str(_PACKAGES)
    if folder not in sys.path:
        sys.path.append(folder)
