"""Values of aws.yml that datasets use where their catalog entry gives none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    """

    database: str | None = None
    workgroup: str | None = None
    output_location: str | None = None
    max_scan_gb: float | None = None
    region: str | None = None
    local: bool | None = None


_current = AthenaDefaults()


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
        return _current
    local = False if bound["target"] == "aws" else None
    return AthenaDefaults(**bound["project"], region=bound.get("region_name"), local=local)


def get_current() -> AthenaDefaults:
    """Return the current defaults.

    A dataset copies them when it is created, so that they travel with it into ParallelRunner's processes,
    where no hook runs.
    """
    return _current
