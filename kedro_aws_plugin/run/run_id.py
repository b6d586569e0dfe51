"""Find the id of the current run, which is also the version of what it saves, and when it started."""

from dataclasses import dataclass
from datetime import datetime, timezone

from kedro.io.core import VERSION_FORMAT, generate_timestamp

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.kedro_internals import find_run_id
from kedro_aws_plugin.run.state import find_run


@dataclass(frozen=True)
class Run:
    """A run.

    Attributes:
        run_id: Kedro's id of the run.
        started: When it started; all dates of the run follow from it.
    """

    run_id: str
    started: datetime


def find_current_run() -> Run:
    """Find the run that is being prepared, or that this node belongs to; make one if there is no session."""
    state = find_run()
    under_way = state.run_id if state is not None and not state.ended else None
    run_id = find_run_id() or under_way or generate_timestamp()
    return Run(run_id=run_id, started=_parse_start(run_id))


def format_run_id(started: datetime) -> str:
    """Write a time as Kedro writes the id of a run, to the millisecond.

    Args:
        started: A time of UTC.
    """
    text = started.strftime(VERSION_FORMAT)
    return text[:-4] + text[-1:]


def make_run_id(started: str) -> str:
    """Make the run id of an execution that was started without one, from a time.

    Args:
        started: When it started, or was due: ISO 8601, or seconds since 1970.

    Raises:
        ProjectError: If it is neither.
    """
    try:
        seconds = float(started)
    except ValueError:
        try:
            moment = datetime.fromisoformat(started.replace("Z", "+00:00"))
        except ValueError:
            raise ProjectError(
                f"The time of the execution, `{started}`, is none. Start it with the parameter RunId."
            ) from None
        moment = moment.replace(tzinfo=moment.tzinfo or timezone.utc)
    else:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
    return format_run_id(moment.astimezone(timezone.utc))


def _parse_start(run_id: str) -> datetime:
    """Parse the time in a run's id. Kedro's ids are timestamps; for any other id, it is the current time."""
    try:
        return datetime.strptime(run_id, VERSION_FORMAT).replace(tzinfo=timezone.utc)
    except ValueError:
        return datetime.now(timezone.utc)
