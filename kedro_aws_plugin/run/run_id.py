"""Which run this is.

`after_context_created`, the last hook before the configuration of a run is read, is given neither the session
nor the id of the run. Both are among its callers, though, so that is where they are looked for: the id is
then exactly the one that Kedro gives to the run and to the versions that it saves.
"""

import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from types import FrameType
from typing import Any

from kedro.io.core import VERSION_FORMAT, generate_timestamp

from kedro_aws_plugin.run import state as run_state


@dataclass(frozen=True)
class Run:
    """A run.

    Attributes:
        run_id: Kedro's id of it.
        started: When it began; every date of the run follows from it.
    """

    run_id: str
    started: datetime


def current_run() -> Run:
    """The run that is being prepared, or that this node belongs to; without a session, one of this moment."""
    state = run_state.in_force()
    under_way = state.run_id if state is not None and not state.ended else None
    run_id = session_run_id(sys._getframe()) or under_way or generate_timestamp()
    return Run(run_id=run_id, started=_instant(run_id))


def session_run_id(frame: FrameType | None) -> str | None:
    """The id of the run whose session is among the callers.

    Args:
        frame: Where to begin.
    """
    found: str | None = None
    while frame is not None:
        session = frame.f_locals.get("self")
        if session is not None and _is_session(session):
            # A service session has an id of its own, and gives each run another.
            found = frame.f_locals.get("run_id") or found or session.session_id
        elif found:
            break
        frame = frame.f_back
    return found


def _is_session(value: Any) -> bool:
    """By its name, as importing Kedro's session for a look at its class would cost every command."""
    module = sys.modules.get("kedro.framework.session")
    return module is not None and any(
        isinstance(value, getattr(module, name))
        for name in ("AbstractSession", "KedroSession", "KedroServiceSession")
        if hasattr(module, name)
    )


def _instant(run_id: str) -> datetime:
    """Kedro's ids are timestamps to the millisecond; where one is not, the moment of now."""
    try:
        return datetime.strptime(run_id, VERSION_FORMAT).replace(tzinfo=timezone.utc)
    except ValueError:
        return datetime.now(timezone.utc)
