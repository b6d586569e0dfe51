"""The runs of processing and training jobs: a thread each, and what becomes of their descriptions."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from local_aws.kept.database import NotKept
from local_aws.protocol.messages import AwsFault, invalid
from local_aws.protocol.resources import Region, Resource, Resources
from local_aws.sagemaker.container import Container
from local_aws.sagemaker.job_failures import JobFailed, JobStopped
from local_aws.sagemaker.logs import Logs
from local_aws.sagemaker.model_worker import Host, make_environment
from local_aws.sagemaker.objects import NotStored, Objects

HOST_NAME = "algo-1"
_REASON_LENGTH = 1024
_END_SECONDS = 10
_INTERRUPTED = "InternalServerError: The local AWS ended while the job ran. Start another job."
_INTERNAL = "InternalServerError: We encountered an internal error. Please try again."

_log = logging.getLogger(__name__)

Note = Callable[[dict[str, Any]], None]
"""Takes members of a job's description that have changed."""


@dataclass(frozen=True)
class Kind:
    """A kind of jobs, in AWS's words.

    Attributes:
        word: ``Processing`` or ``Training``.
        table: The table of its jobs.
        arn: What their ARNs have before the name.
        group: Their log group.
    """

    word: str
    table: str
    arn: str
    group: str

    @property
    def name_member(self) -> str:
        """The member with a job's name."""
        return f"{self.word}JobName"

    @property
    def arn_member(self) -> str:
        """The member with a job's ARN."""
        return f"{self.word}JobArn"

    @property
    def status_member(self) -> str:
        """The member with a job's status."""
        return f"{self.word}JobStatus"

    @property
    def end_member(self) -> str:
        """The member with the time when a job ended."""
        return f"{self.word}EndTime"

    def list_jobs(self, here: Region) -> dict[str, Resource]:
        """Return the jobs of a region."""
        table: dict[str, Resource] = getattr(here, self.table)
        return table

    def find(self, here: Region, name: str) -> Resource:
        """Find a job.

        Raises:
            AwsFault: If there is none.
        """
        jobs = self.list_jobs(here)
        if name not in jobs:
            raise AwsFault("ResourceNotFound", "Requested resource not found.")
        return jobs[name]


@dataclass(frozen=True)
class Place:
    """What a run works with.

    Attributes:
        objects: The S3.
        host: The settings of the machine.
        region: The job's region.
        folder: A folder of its own, which does not exist yet.
        log: Takes the lines that the job prints.
        note: Takes what changes of its description.
        now: Reads the time in seconds since the epoch.
        lock: Guards the job's description.
    """

    objects: Objects
    host: Host
    region: str
    folder: Path
    log: Callable[[str], None]
    note: Note
    now: Callable[[], float]
    lock: AbstractContextManager[Any]

    def make_environment(self, variables: dict[str, str]) -> dict[str, str]:
        """Make the variables of a job's process: a container's, and where this local AWS is."""
        container = Container(self.region, environment=variables)
        made = make_environment(container, self.host)
        for name in ("KEDRO_AWS_MODEL_DATA", "PYTHONPATH"):
            del made[name]
        if path := os.environ.get("PYTHONPATH"):
            made["PYTHONPATH"] = path
        if self.host.state_dir is not None:
            made["KEDRO_AWS_STATE_DIR"] = str(self.host.state_dir)
        return made


class Run(Protocol):
    """One run of a job."""

    def execute(self) -> None:
        """Run it, and raise JobFailed, JobStopped or NotStored unless it ends well."""

    def finish(self) -> None:
        """Delete its files."""

    def stop(self) -> None:
        """Send SIGTERM to it, and later SIGKILL."""

    def abandon(self) -> None:
        """Kill it."""


@dataclass(frozen=True)
class Machine:
    """What all jobs of a local SageMaker share.

    Attributes:
        resources: SageMaker's resources.
        host: The settings of processes.
        logs: Opens log streams.
        objects: The S3.
    """

    resources: Resources
    host: Host
    logs: Logs
    objects: Objects


class JobRuns:
    """The jobs of a kind that run.

    Args:
        kind: The kind.
        machine: What they share.
        end: Adds to the description of a job, in a status, what its kind alone has; gets the time, too.
    """

    def __init__(
        self,
        kind: Kind,
        machine: Machine,
        end: Callable[[Resource, str, float], None] = lambda _job, _status, _now: None,
    ) -> None:
        self.kind = kind
        self._end = end
        self._machine = machine
        self._resources = machine.resources
        self._logs = machine.logs
        self._running: dict[str, tuple[Run, threading.Thread]] = {}

    def take_over(self) -> None:
        """Settle the jobs that an earlier server was running. They have ended with it."""
        with self._resources.lock:
            for here in self._resources.list_regions():
                for job in list(self.kind.list_jobs(here).values()):
                    status = job[self.kind.status_member]
                    if status == "InProgress":
                        self._settle(here, job, "Failed", _INTERRUPTED)
                    elif status == "Stopping":
                        self._settle(here, job, "Stopped")

    def start(self, here: Region, job: Resource, make_run: Callable[[Place], Run]) -> None:
        """Run a job of a region's table in a thread. Hold the resources' lock."""
        name = job[self.kind.name_member]
        place = Place(
            objects=self._machine.objects,
            host=self._machine.host,
            region=here.name,
            folder=self._machine.host.workdir / f"{self.kind.arn}-{here.name}-{name}",
            log=self._logs.open_group(here.name, self.kind.group)(f"{name}/{HOST_NAME}-{int(time.time())}"),
            note=lambda members: self._note(here, job, members),
            now=self._resources.now,
            lock=self._resources.lock,
        )
        run = make_run(place)
        thread = threading.Thread(
            target=self._run, args=(here, job, run), name=f"{self.kind.arn}-{name}", daemon=True
        )
        self._running[job[self.kind.arn_member]] = (run, thread)
        thread.start()

    def stop(self, job: Resource) -> None:
        """Stop a job that is InProgress, or let one stop that is Stopping. Hold the resources' lock.

        Raises:
            AwsFault: If it has ended.
        """
        status = job[self.kind.status_member]
        if status == "Stopping":
            return
        if status != "InProgress":
            raise invalid(
                f"The request was rejected because the {self.kind.word.lower()} job is in status {status}."
            )
        job.update({self.kind.status_member: "Stopping", "LastModifiedTime": self._resources.now()})
        self._running[job[self.kind.arn_member]][0].stop()

    def stop_all(self) -> None:
        """Kill all jobs and wait until their processes have ended."""
        with self._resources.lock:
            running = list(self._running.values())
            self._running.clear()
        for run, _thread in running:
            run.abandon()
        for _run, thread in running:
            thread.join(_END_SECONDS)

    def _run(self, here: Region, job: Resource, run: Run) -> None:
        status, reason = "Failed", ""
        try:
            run.execute()
            status = "Completed"
        except JobStopped as stopped:
            status, reason = "Stopped", str(stopped)
        except (JobFailed, NotStored) as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - the job must not stay InProgress, whatever the error
            _log.exception("%s job %s", self.kind.word, job[self.kind.name_member])
            reason = f"{_INTERNAL} The local AWS failed: {type(error).__name__}: {error}"
        self._logs.deliver()
        run.finish()
        self._settle(here, job, status, reason)

    def _note(self, here: Region, job: Resource, members: dict[str, Any]) -> None:
        with self._resources.lock:
            # Looked up, so that the change is written.
            if self.kind.list_jobs(here).get(job[self.kind.name_member]) is job:
                job.update({**members, "LastModifiedTime": self._resources.now()})

    def _settle(self, here: Region, job: Resource, status: str, reason: str = "") -> None:
        with self._resources.lock:
            if self.kind.list_jobs(here).get(job[self.kind.name_member]) is not job:  # a reset
                return
            self._running.pop(job[self.kind.arn_member], None)
            now = self._resources.now()
            job.update({self.kind.status_member: status, self.kind.end_member: now})
            job["LastModifiedTime"] = now
            self._end(job, status, now)
            if reason:
                job["FailureReason"] = reason[:_REASON_LENGTH]
            try:
                self._resources.flush()
            except NotKept as error:
                _log.error("%s", error)
