"""What EMR Serverless remembers: applications and job runs, as their Get operations show them."""

import secrets
import threading
from typing import Any

from local_aws.kept.tables import OpenRoom, Table
from local_aws.protocol.clock import now
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.resources import ACCOUNT_ID

Resource = dict[str, Any]

_LETTERS = "0123456789abcdefghijklmnopqrstuv"
_LENGTH = 16


class Store:
    """The applications and job runs. Hold `lock` while you read or change them.

    Args:
        open_room: Makes the tables, with what is kept of them.
    """

    def __init__(self, open_room: OpenRoom) -> None:
        self.lock = threading.RLock()
        self._room = open_room("emr-serverless", self.lock)
        self._last = 0.0
        self.applications: Table[tuple[str, str], Resource] = self._room.open_table("applications")
        self.job_runs: Table[tuple[str, str, str], Resource] = self._room.open_table("job_runs")
        self.tokens: Table[tuple[str, ...], list[Any]] = self._room.open_table("tokens")

    def flush(self) -> None:
        """Write what has changed outside of a request.

        Raises:
            NotKept: If it cannot be written. The next request tries again.
        """
        self._room.flush()

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            for table in (self.applications, self.job_runs, self.tokens):
                table.clear()

    def now(self) -> float:
        """Read the time in seconds. It never returns the same time twice, so times sort."""
        with self.lock:
            self._last = max(now(), round(self._last + 0.001, 3))
            return self._last

    def find_application(self, region: str, application: str) -> Resource:
        """Find an application.

        Raises:
            AwsFault: If there is none.
        """
        found: Resource | None = self.applications.get((region, application))
        if found is None:
            raise AwsFault("ResourceNotFoundException", f"Application {application} does not exist", 404)
        return found

    def find_job_run(self, region: str, application: str, job_run: str) -> Resource:
        """Find a job run.

        Raises:
            AwsFault: If there is none.
        """
        self.find_application(region, application)
        found: Resource | None = self.job_runs.get((region, application, job_run))
        if found is None:
            raise AwsFault("ResourceNotFoundException", f"Job run {job_run} does not exist", 404)
        return found

    def list_job_runs(self, region: str, application: str) -> list[Resource]:
        """List the job runs of an application, the newest first."""
        found = [run for key, run in self.job_runs.items() if key[:2] == (region, application)]
        return sorted(found, key=lambda run: run["createdAt"], reverse=True)

    def find_by_arn(self, region: str, arn: str) -> Resource:
        """Find an application or a job run by its ARN.

        Raises:
            AwsFault: If there is none.
        """
        parts = arn.split(":", 5)[-1].strip("/").split("/")
        if arn.split(":")[3] == region and parts[0] == "applications":
            if parts[2:3] == ["jobruns"]:
                return self.find_job_run(region, parts[1], parts[3])
            return self.find_application(region, parts[1])
        raise AwsFault("ResourceNotFoundException", f"Resource {arn} does not exist", 404)

    def repeat(self, token: tuple[str, ...], asked: Any) -> str | None:
        """Return the id that an earlier request with this token got; None if there was none.

        Raises:
            AwsFault: If it asked for something else.
        """
        known = self.tokens.get(token)
        if known is None:
            return None
        if known[1] != asked:
            raise AwsFault(
                "ConflictException", "A request with this clientToken and other parameters was made.", 409
            )
        return str(known[0])


def make_id() -> str:
    """Make an id in the form of EMR Serverless's."""
    return "00" + "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH - 2))


def make_arn(region: str, *parts: str) -> str:
    """Make the ARN of an application, or of a job run of it."""
    return f"arn:aws:emr-serverless:{region}:{ACCOUNT_ID}:/{'/'.join(parts)}"
