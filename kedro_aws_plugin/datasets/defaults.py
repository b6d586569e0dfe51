"""Values of aws.yml that datasets use where their catalog entry gives none."""

from dataclasses import dataclass


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


def get_current() -> AthenaDefaults:
    """Return the current defaults.

    A dataset copies them when it is created, so that they travel with it into ParallelRunner's processes,
    where no hook runs.
    """
    return _current
