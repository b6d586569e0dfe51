"""What a running step works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro_aws_plugin.bundle.job_files import JobDescription
from kedro_aws_plugin.job.place import RunPlace


@dataclass(frozen=True)
class Submission:
    """What a submission adds to the files of the job: `<prefix>/requests/<digest>.json`.

    Attributes:
        params: The runtime parameters.
        load_versions: The versions of datasets that the execution loads and does not make.
        parameters_hash: The keyed digest of the parameters, for the lineage.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    load_versions: Mapping[str, str] = field(default_factory=dict)
    parameters_hash: str | None = None


@dataclass(frozen=True)
class RunningStep:
    """A step that runs.

    Attributes:
        folder: The folder that holds the project's configuration.
        job: The job.
        place: What the run has on S3.
        submission: What was submitted.
    """

    folder: Path
    job: JobDescription
    place: RunPlace
    submission: Submission

    @property
    def pins(self) -> dict[str, str]:
        """The version to load of each versioned dataset that the workflow makes, or that was asked for."""
        return {**self.submission.load_versions, **dict.fromkeys(self.job.pinned, self.place.run_id)}
