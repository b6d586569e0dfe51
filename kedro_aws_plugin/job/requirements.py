"""Check that what a job does not install itself is there."""

from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import Requirement

from kedro_aws_plugin.errors import ProjectError


def check_requirements(requirements: Collection[str]) -> None:
    """Check that requirements are installed, in versions that fit.

    Raises:
        ProjectError: If one is not.
    """
    for line in requirements:
        required = Requirement(line)
        if required.marker is not None and not required.marker.evaluate():
            continue
        try:
            installed = version(required.name)
        except PackageNotFoundError:
            raise ProjectError(_explain(line, "is not installed")) from None
        if not required.specifier.contains(installed, prereleases=True):
            raise ProjectError(_explain(line, f"does not fit {required.name} {installed}"))


def _explain(requirement: str, why: str) -> str:
    return (
        f"`{requirement}` {why} where the step runs, and the job installs nothing. Install it there: on this "
        "machine for the local AWS, in the image for `pipelines.install: none`."
    )
