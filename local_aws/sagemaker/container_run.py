"""One run of a job's container: its folder is filled, its command runs, and what it has made is stored."""

import shutil
import threading
from abc import ABC, abstractmethod

from local_aws.protocol.resources import Resource
from local_aws.sagemaker.job_failures import JobFailed, JobStopped
from local_aws.sagemaker.job_folder import JobFolder
from local_aws.sagemaker.job_process import Command, JobProcess
from local_aws.sagemaker.job_runs import Place

_KILLED = 137
_NO_MEMORY = (
    "ClientError: Please use an instance type with more memory, or reduce the size of job data processed on "
    f"an instance., exit code: {_KILLED}"
)
_LONGEST = 900


class ContainerRun(ABC):
    """One run of a job.

    Args:
        job: The job, as Describe shows it.
        place: What it works with.
    """

    def __init__(self, job: Resource, place: Place) -> None:
        self.job = job
        self.place = place
        self.folder = JobFolder(place.folder / "ml", place.objects)
        self._process = JobProcess(place.log)
        self._stopping = threading.Event()
        self._ended = threading.Event()

    @abstractmethod
    def prepare(self) -> None:
        """Fill the folder.

        Raises:
            JobFailed: If an input is missing.
        """

    @abstractmethod
    def list_words(self) -> list[str]:
        """List the program and its arguments, with the container's paths."""

    @abstractmethod
    def list_variables(self) -> dict[str, str]:
        """List the variables that only this job has."""

    @abstractmethod
    def note_start(self) -> None:
        """Note that the command begins."""

    @abstractmethod
    def store(self, code: int) -> None:
        """Store what the command has made.

        Raises:
            JobFailed: If S3 refuses it.
        """

    def watch(self, ended: threading.Event) -> None:
        """Do what is to be done while the command runs, until it has ended."""
        ended.wait()

    def read_failure(self) -> str:
        """Read what the container has written about its failure for FailureReason."""
        return ""

    def execute(self) -> None:
        """Run the job.

        Raises:
            JobFailed: If it fails.
            JobStopped: If it was stopped, or has run for too long.
            OSError: If the disk is full, for instance.
        """
        self.folder.path.mkdir(parents=True)
        home = self.place.folder / "home"
        home.mkdir()
        self.prepare()
        if self._stopping.is_set():
            raise JobStopped
        environment = self.place.make_environment(
            {name: self.folder.map(value) for name, value in self.list_variables().items()}
        )
        command = Command(self.folder.map_command(self.list_words()), environment, home)
        self.note_start()
        code = self._run(command)
        if self._process.timed_out or self._stopping.is_set():
            self.store(code)
            raise JobStopped
        if code:
            self.store(code)
            raise JobFailed(describe_exit(code, self.read_failure()))
        self.store(code)

    def _run(self, command: Command) -> int:
        watching = threading.Thread(target=self.watch, args=(self._ended,), daemon=True)
        watching.start()
        try:
            return self._process.run(command, self.job["StoppingCondition"]["MaxRuntimeInSeconds"])
        finally:
            self._ended.set()
            watching.join()

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping.is_set()

    @property
    def has_timed_out(self) -> bool:
        """Whether it has run for too long."""
        return self._process.timed_out

    def finish(self) -> None:
        """Delete its files."""
        shutil.rmtree(self.place.folder, ignore_errors=True)

    def stop(self) -> None:
        """Send SIGTERM to it, and later SIGKILL."""
        self._stopping.set()
        self._process.stop()

    def abandon(self) -> None:
        """Kill it."""
        self._stopping.set()
        self._process.kill()


def describe_exit(code: int, said: str = "") -> str:
    """Describe in AWS's words that a container has failed.

    Args:
        code: Its exit code.
        said: What it has written about that itself.
    """
    if code == _KILLED and not said:
        return _NO_MEMORY
    return f"AlgorithmError: {said[:_LONGEST]}, exit code: {code}"
