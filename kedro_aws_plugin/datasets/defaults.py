"""Values of aws.yml that datasets use where their catalog entry gives none."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "KEDRO_AWS_ATHENA"
"""The variable by which `kedro viz` gives the values to the process that loads the catalog."""


@dataclass(frozen=True)
class AthenaDefaults:
    """The project's settings for Athena.

    Attributes:
        database: Glue database.
        workgroup: Athena workgroup.
        output_location: The S3 URI for query results, e.g. s3://my-bucket/athena/.
        max_scan_gb: The most that one query may scan, in units of 10^9 bytes.
        region: AWS region.
        local: Whether the project uses the local AWS; None outside of a Kedro project with aws.yml.
        unchosen: Whether this is a Kedro project with aws.yml, but nothing has chosen its AWS.
    """

    database: str | None = None
    workgroup: str | None = None
    output_location: str | None = None
    max_scan_gb: float | None = None
    region: str | None = None
    local: bool | None = None
    unchosen: bool = False


_current: AthenaDefaults | None = None


def use(defaults: AthenaDefaults) -> None:
    """Set the defaults of all datasets that are created from now on.

    Args:
        defaults: The project's settings.
    """
    global _current  # noqa: PLW0603 - Kedro creates the datasets, so the hook cannot pass them arguments
    _current = defaults


def find_defaults(credentials: Mapping[str, Any] | None) -> AthenaDefaults:
    """Find the defaults of a dataset: those that its catalog was bound with, else the current ones.

    A dataset bound to the local AWS may be used at any time, so `local` is None.

    Args:
        credentials: Of the catalog entry; see `kedro_aws_plugin.aws.binding`.
    """
    bound = credentials or {}
    if "project" not in bound:
        return get_current()
    local = False if bound["target"] == "aws" else None
    return AthenaDefaults(**bound["project"], region=bound.get("region_name"), local=local)


def get_current() -> AthenaDefaults:
    """Return the current defaults.

    A dataset copies them when it is created, so that they travel with it into ParallelRunner's processes,
    where no hook runs.
    """
    if _current is not None:
        return _current
    given = os.environ.get(VARIABLE)
    return AthenaDefaults(**json.loads(given)) if given else AthenaDefaults(unchosen=_is_in_project())


def _is_in_project() -> bool:
    """Tell whether this process has opened a Kedro project that has an aws.yml."""
    project = sys.modules.get("kedro.framework.project")
    if project is None or project.PACKAGE_NAME is None:
        return False
    from kedro.utils import find_kedro_project

    path = find_kedro_project(Path.cwd())
    conf = project.settings.get("CONF_SOURCE", "conf")
    return path is not None and any((Path(path) / str(conf)).glob("*/aws.y*ml"))
