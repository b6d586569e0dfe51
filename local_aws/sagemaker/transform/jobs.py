"""SageMaker's operations on transform jobs."""

import logging
import threading
from dataclasses import dataclass, replace
from uuid import uuid4

from local_aws.kept.database import NotKept
from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault, invalid
from local_aws.protocol.resources import Listing, Region, Resource, Resources, read_tags
from local_aws.sagemaker.container import CannotServe, Container, resolve_container
from local_aws.sagemaker.job_failures import SEE_LOGS, JobFailed, JobStopped
from local_aws.sagemaker.logs import Logs
from local_aws.sagemaker.model_worker import Host
from local_aws.sagemaker.objects import NotStored, Objects
from local_aws.sagemaker.transform.definition import Definition, check, fill_defaults
from local_aws.sagemaker.transform.run import Run, Surroundings

GROUP = "/aws/sagemaker/TransformJobs"
_SUMMARY = (
    "TransformJobName",
    "TransformJobArn",
    "CreationTime",
    "TransformEndTime",
    "LastModifiedTime",
    "TransformJobStatus",
    "FailureReason",
)
_JOBS = Listing(
    "TransformJobSummaries", "TransformJobName", "TransformJobArn", _SUMMARY, status="TransformJobStatus"
)
_HIDDEN = ("LastModifiedTime", "Tags")
_REASON_LENGTH = 1024
_END_SECONDS = 10
_INTERRUPTED = (
    "InternalServerError: The local AWS ended while the job ran, and nothing of its output was stored. Start "
    "another job."
)
_INTERNAL = "InternalServerError: We encountered an internal error. Please try again."

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Running:
    run: Run
    thread: threading.Thread


class TransformJobs:
    """Operations on transform jobs. Each runs in a thread; callers poll DescribeTransformJob."""

    def __init__(self, resources: Resources, host: Host, logs: Logs, objects: Objects) -> None:
        self._resources = resources
        self._host = host
        self._logs = logs
        self._objects = objects
        self._running: dict[str, _Running] = {}

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "CreateTransformJob": self.create,
            "DescribeTransformJob": self.describe,
            "ListTransformJobs": self.list,
            "StopTransformJob": self.stop,
        }

    def take_over(self) -> None:
        """Settle the jobs that an earlier server was running. They have ended with it."""
        with self._resources.lock:
            for here in self._resources.list_regions():
                for job in list(here.transform_jobs.values()):
                    if job["TransformJobStatus"] == "InProgress":
                        self._settle(here, job, "Failed", _INTERRUPTED)
                    elif job["TransformJobStatus"] == "Stopping":
                        self._settle(here, job, "Stopped")

    def create(self, region: str, params: Params) -> Params:
        """CreateTransformJob: the job is InProgress, then Completed, Failed or Stopped."""
        check(params)
        with self._resources.lock:
            here = self._resources[region]
            name = params["TransformJobName"]
            arn = here.make_arn("transform-job", name.lower())
            if here.holds(arn):
                raise AwsFault(
                    "ResourceInUse",
                    "Transform job names must be unique within an AWS account and region, and a transform "
                    f"job with this name already exists ({arn})",
                )
            container = resolve_container(here, params["ModelName"])
            now = self._resources.now()
            job = {
                **fill_defaults(params),
                "TransformJobArn": arn,
                "TransformJobStatus": "InProgress",
                "CreationTime": now,
                "LastModifiedTime": now,
            }
            here.transform_jobs[name] = job
            here.tags[arn] = read_tags(params)
            self._start(here, job, container)
            return {"TransformJobArn": arn}

    def describe(self, region: str, params: Params) -> Params:
        """DescribeTransformJob."""
        with self._resources.lock:
            job = find_job(self._resources[region], params["TransformJobName"])
            return {name: value for name, value in job.items() if name not in _HIDDEN}

    def list(self, region: str, params: Params) -> Params:
        """ListTransformJobs."""
        with self._resources.lock:
            jobs = list(self._resources[region].transform_jobs.values())
            if "StatusEquals" in params:
                jobs = [each for each in jobs if each["TransformJobStatus"] == params["StatusEquals"]]
            return _JOBS.page(jobs, params)

    def stop(self, region: str, params: Params) -> Params:
        """StopTransformJob: the job is Stopping, then Stopped. One that stores its outputs completes."""
        with self._resources.lock:
            job = find_job(self._resources[region], params["TransformJobName"])
            status = job["TransformJobStatus"]
            if status == "Stopping":
                return {}
            if status != "InProgress":
                raise invalid(f"The request was rejected because the transform job is in status {status}.")
            if self._running[job["TransformJobArn"]].run.stop():
                job.update(TransformJobStatus="Stopping", LastModifiedTime=self._resources.now())
            return {}

    def stop_all(self) -> None:
        """Stop all jobs and wait until their processes have ended."""
        with self._resources.lock:
            running = list(self._running.values())
            self._running.clear()
        for each in running:
            each.run.abandon()
        for each in running:
            each.thread.join(_END_SECONDS)

    def _start(self, here: Region, job: Resource, container: Container) -> None:
        definition = Definition(job)
        instance = f"{definition.name}/i-{uuid4().hex[:17]}"
        open_log = self._logs.open_group(here.name, GROUP)
        around = Surroundings(self._objects, self._host, open_log(instance), open_log(f"{instance}/data-log"))
        variables = {**container.environment, **job.get("Environment", {}), **definition.list_variables()}
        run = Run(
            definition,
            replace(container, environment=variables),
            around,
            f"transform-{here.name}-{definition.name}",
        )
        thread = threading.Thread(
            target=self._run, args=(here, job, run), name=f"transform-{definition.name}", daemon=True
        )
        self._running[job["TransformJobArn"]] = _Running(run, thread)
        thread.start()

    def _run(self, here: Region, job: Resource, run: Run) -> None:
        status, reason = "Failed", ""
        try:
            run.execute(lambda: self._note_start(job))
            status = "Completed"
        except JobStopped:
            status = "Stopped"
        except CannotServe as error:
            if run.is_stopping:
                status = "Stopped"
            reason = f"AlgorithmError: {SEE_LOGS}. The container did not pass the ping health check. {error}"
        except (JobFailed, NotStored) as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - the job must not stay InProgress, whatever the error
            _log.exception("transform job %s", job["TransformJobName"])
            reason = f"{_INTERNAL} The local AWS failed: {type(error).__name__}: {error}"
        self._logs.deliver()
        self._settle(here, job, status, reason if status == "Failed" else "")

    def _note_start(self, job: Resource) -> None:
        with self._resources.lock:
            job["TransformStartTime"] = job["LastModifiedTime"] = self._resources.now()

    def _settle(self, here: Region, job: Resource, status: str, reason: str = "") -> None:
        with self._resources.lock:
            if here.transform_jobs.get(job["TransformJobName"]) is not job:  # a reset
                return
            self._running.pop(job["TransformJobArn"], None)
            now = self._resources.now()
            job.update(TransformJobStatus=status, TransformEndTime=now, LastModifiedTime=now)
            if reason:
                job["FailureReason"] = reason[:_REASON_LENGTH]
            try:
                self._resources.flush()
            except NotKept as error:
                _log.error("%s", error)


def find_job(here: Region, name: str) -> Resource:
    """Find a transform job by its name.

    Raises:
        AwsFault: If there is none.
    """
    if name not in here.transform_jobs:
        raise invalid(f"Could not find requested job with name: {name}")
    return here.transform_jobs[name]
