"""The modules of the wheel, and the extra of pyproject.toml that each of them needs."""

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
EXTRAS = ("local", "s3", "athena", "spark", "sagemaker", "submit")
PACKAGES = ("kedro_aws_plugin", "local_aws")

NEEDED = {
    "kedro_aws_plugin.aws.arrow_s3": ("athena",),
    "kedro_aws_plugin.aws.athena": ("athena",),
    "kedro_aws_plugin.datasets": ("athena",),
    "kedro_aws_plugin.datasets._spark": ("athena", "spark"),
    "kedro_aws_plugin.spark": ("spark",),
    "local_aws.athena": ("local",),
    "local_aws.kept.cells": ("local",),
    "local_aws.kept.loading": ("local",),
    "local_aws.kept.moto_state": ("local",),
    "local_aws.kept.services": ("local",),
    "local_aws.kept.shape": ("local",),
    "local_aws.protocol": ("local",),
    "local_aws.s3": ("local",),
    "local_aws.sagemaker": ("local",),
    "local_aws.server": ("local",),
    "local_aws.trino": ("local",),
}
"""The longest name that a module's name begins with decides; any other module needs no extra."""

ELSEWHERE = {
    "kedro_aws_plugin.model_artifact.default_inference": "is run in SageMaker's container",
    "kedro_aws_plugin.model_artifact._check_child": "imports the project's own model",
    "kedro_aws_plugin.model_artifact.parity": "runs in the process that tries the project's model",
    "kedro_aws_plugin.model_artifact.signature": "runs in the process that tries the project's model",
    "local_aws.pytest_plugin": "is imported by pytest",
}
"""Modules that are imported where the plugin's extras are not what counts."""


def extras_of(module: str) -> tuple[str, ...]:
    """The extras that a module may import from."""
    names = [name for name in NEEDED if module.startswith(name)]
    return NEEDED[max(names, key=len)] if names else ()


def modules() -> dict[str, Path]:
    """Every module of the wheel by its name; the starters are templates, not modules."""
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    return {_name(file): file for file in files}


def modules_of(extra: str) -> list[str]:
    """What can be imported where just this extra is installed; "" for none."""
    return [module for module in modules() if set(extras_of(module)) <= {extra} and module not in ELSEWHERE]


def declared(extras: tuple[str, ...]) -> set[str]:
    """The distributions that pyproject.toml names for these extras and for all."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    stated = [*project["dependencies"], *(line for extra in extras for line in optional[extra])]
    return {distribution_name(line) for line in stated}


def distribution_name(requirement: str) -> str:
    """The normalized name in a requirement such as `moto[glue,s3]>=5`."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def _name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
