"""What a dataset takes from aws.yml where its catalog entry is silent."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AthenaDefaults:
    """The project's Athena.

    Attributes:
        database: Glue database.
        workgroup: Athena workgroup.
        output_location: Where query results and UNLOADs go, e.g. s3://my-bucket/athena/.
        max_scan_gb: The most that one query may scan.
        region: AWS region.
        local: Whether the AWS in force is the local one; None outside of a Kedro project with aws.yml.
    """

    database: str | None = None
    workgroup: str | None = None
    output_location: str | None = None
    max_scan_gb: float | None = None
    region: str | None = None
    local: bool | None = None


_in_force = AthenaDefaults()


def use(defaults: AthenaDefaults) -> None:
    """Let every dataset made from here on take these."""
    global _in_force  # noqa: PLW0603 - the hook that knows aws.yml cannot reach the datasets that Kedro makes
    _in_force = defaults


def in_force() -> AthenaDefaults:
    """The defaults of this moment.

    A dataset reads them when it is made and keeps them, so that they travel with it into ParallelRunner's
    processes, where no hook runs.
    """
    return _in_force
