"""The job in force: this process runs a step of a pipeline's execution on AWS, not a run of its own.

The job sets it before Kedro's session is made. Hooks and globals look it up: there is no other way to them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Job:
    """What a step of an execution shares with the others.

    Attributes:
        variables: The environment variables that globals read, as they were where the job was submitted.
        git_sha: The commit that was submitted; None if it is not known.
        share: Returns the value that the first step computed for a name, and computes it in that step.
        prepare_catalog: Is given the catalog before the first node runs.
        connection: The connection to AWS, which each session of the job uses.
        failed_node: The name of the node that failed; None as long as none has.
    """

    variables: Mapping[str, str]
    git_sha: str | None
    share: Callable[[str, Callable[[], Any]], Any]
    prepare_catalog: Callable[[Any], None]
    connection: Any = None
    failed_node: str | None = field(default=None)


_current: Job | None = None


def use(job: Job | None) -> None:
    """Make a job the one in force in this process; None for none."""
    global _current  # noqa: PLW0603 - a process runs one step
    _current = job


def find_job() -> Job | None:
    """Find the job in force; None in a run that is no step of an execution."""
    return _current
