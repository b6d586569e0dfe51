"""The operations on job runs, each of which runs in a thread: callers poll GetJobRun."""

import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.emr_serverless.applications import ACTIVE, Applications
from local_aws.emr_serverless.driver_logs import DriverLogs
from local_aws.emr_serverless.paging import make_page
from local_aws.emr_serverless.spark_submit import choose_variables, make_command, parse_parameters
from local_aws.emr_serverless.store import Resource, Store, make_arn, make_id
from local_aws.kept.database import NotKept
from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import invalid, unsupported
from local_aws.protocol.resources import ACCOUNT_ID, pick
from local_aws.sagemaker.container import Container
from local_aws.sagemaker.job_failures import JobFailed
from local_aws.sagemaker.job_process import Command, JobProcess
from local_aws.sagemaker.logs import Logs
from local_aws.sagemaker.model_worker import Host, make_environment
from local_aws.sagemaker.objects import Objects

_DEFAULT_MINUTES = 720
"""What a job that says nothing has: "Other considerations" in EMR Serverless's user guide."""

_FOREVER = 365 * 24 * 3600
_GRACE = 30.0
_END_SECONDS = 10
_MOST_DETAILS = 256
_INTERRUPTED = "The local AWS ended while the job ran. Start another job run."
_REDIRECTED = Path(__file__).with_name("redirected.py")
_SUMMARY = (
    "applicationId",
    "name",
    "mode",
    "arn",
    "createdBy",
    "createdAt",
    "updatedAt",
    "executionRole",
    "state",
    "releaseLabel",
    "type",
    "attempt",
    "attemptCreatedAt",
    "attemptUpdatedAt",
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Machine:
    """What the job runs work with.

    Attributes:
        host: The settings of processes.
        logs: Opens log streams.
        objects: The S3.
    """

    host: Host
    logs: Logs
    objects: Objects


class JobRuns:
    """The operations on job runs.

    Args:
        store: The job runs.
        applications: The applications.
        machine: What they work with.
    """

    def __init__(self, store: Store, applications: Applications, machine: Machine) -> None:
        self._store = store
        self._applications = applications
        self._machine = machine
        self._running: dict[str, tuple[_Driver, threading.Thread]] = {}

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "StartJobRun": self.start,
            "GetJobRun": self.get,
            "ListJobRuns": self.list,
            "CancelJobRun": self.cancel,
        }

    def take_over(self) -> None:
        """Settle the job runs of an earlier server. They have ended with it."""
        with self._store.lock:
            for key, run in list(self._store.job_runs.items()):
                if run["state"] in ACTIVE:
                    found = self._store.job_runs[key]
                    is_cancelling = run["state"] == "CANCELLING"
                    self._settle(found, "CANCELLED" if is_cancelling else "FAILED", _INTERRUPTED)

    def start(self, region: str, params: Params) -> Params:
        """StartJobRun: it is SUBMITTED, then RUNNING, then SUCCESS, FAILED or CANCELLED."""
        _check(params)
        application_id = params["applicationId"]
        with self._store.lock:
            application = self._applications.use(region, application_id)
            token = (region, "job run", application_id, params.get("clientToken", ""))
            known = self._store.repeat(token, params) if token[-1] else None
            job_run = known or make_id()
            arn = make_arn(region, "applications", application_id, "jobruns", job_run)
            if known is None:
                now = self._store.now()
                run = _describe(params, application, now)
                run.update({"jobRunId": job_run, "arn": arn})
                self._store.job_runs[region, application_id, job_run] = run
                if token[-1]:
                    self._store.tokens[token] = [job_run, params]
                self._launch(region, run, application)
            return {"applicationId": application_id, "jobRunId": job_run, "arn": arn}

    def get(self, region: str, params: Params) -> Params:
        """GetJobRun."""
        with self._store.lock:
            run = self._store.find_job_run(region, params["applicationId"], params["jobRunId"])
            return {"jobRun": dict(run)}

    def list(self, region: str, params: Params) -> Params:
        """ListJobRuns: the newest first."""
        with self._store.lock:
            self._store.find_application(region, params["applicationId"])
            found = self._store.list_job_runs(region, params["applicationId"])
        states, mode = params.get("states"), params.get("mode")
        found = [
            each
            for each in found
            if (not states or each["state"] in states)
            and mode in (None, each["mode"])
            and params.get("createdAtAfter", 0) < each["createdAt"]
            and each["createdAt"] < params.get("createdAtBefore", float("inf"))
        ]
        page, token = make_page(found, "jobRunId", params)
        summaries = [
            {"id": each["jobRunId"], "stateDetails": each["stateDetails"], **pick(each, _SUMMARY)}
            for each in page
        ]
        return {"jobRuns": summaries, "nextToken": token}

    def cancel(self, region: str, params: Params) -> Params:
        """CancelJobRun: it is CANCELLING, then CANCELLED."""
        with self._store.lock:
            run = self._store.find_job_run(region, params["applicationId"], params["jobRunId"])
            if run["state"] not in ACTIVE:
                raise invalid(f"Job run {run['jobRunId']} has ended: it is {run['state']}.")
            if run["state"] != "CANCELLING":
                run.update({"state": "CANCELLING", "updatedAt": self._store.now()})
                self._running[run["arn"]][0].stop()
            return {"applicationId": run["applicationId"], "jobRunId": run["jobRunId"]}

    def stop_all(self) -> None:
        """Kill all drivers, and wait until they have ended."""
        with self._store.lock:
            running = list(self._running.values())
            self._running.clear()
        for driver, _ in running:
            driver.kill()
        for _, thread in running:
            thread.join(_END_SECONDS)

    def _launch(self, region: str, run: Resource, application: Resource) -> None:
        monitoring = {
            **application.get("monitoringConfiguration", {}),
            **run.get("configurationOverrides", {}).get("monitoringConfiguration", {}),
        }
        driver = _Driver(region, run, monitoring, self._machine)
        thread = threading.Thread(
            target=self._run, args=(region, run, driver), name=f"job-run-{run['jobRunId']}", daemon=True
        )
        self._running[run["arn"]] = (driver, thread)
        thread.start()

    def _run(self, region: str, run: Resource, driver: "_Driver") -> None:
        state, details = "FAILED", ""
        try:
            code = driver.execute(lambda: self._note(region, run, "RUNNING"))
            if driver.timed_out:
                state, details = "CANCELLED", "The job run was cancelled: it has run for too long."
            elif driver.is_stopping:
                state, details = "CANCELLED", "The job run was cancelled."
            elif code:
                details = _explain(code, driver.last_exceptions)
            else:
                state = "SUCCESS"
        except JobFailed as error:
            details = str(error)
        except Exception as error:  # noqa: BLE001 - the job must not stay RUNNING, whatever the error
            _log.exception("job run %s", run["jobRunId"])
            details = f"The local AWS failed: {type(error).__name__}: {error}"
        self._machine.logs.deliver()
        driver.clean_up()
        with self._store.lock:
            if self._find(region, run) is run:
                self._settle(run, state, details)

    def _note(self, region: str, run: Resource, state: str) -> None:
        with self._store.lock:
            if self._find(region, run) is run and run["state"] != "CANCELLING":
                now = self._store.now()
                run.update({"state": state, "updatedAt": now, "startedAt": now})

    def _find(self, region: str, run: Resource) -> Any:
        return self._store.job_runs.get((region, run["applicationId"], run["jobRunId"]))

    def _settle(self, run: Resource, state: str, details: str) -> None:
        self._running.pop(run["arn"], None)
        now = self._store.now()
        began = run.get("startedAt", now)
        run.update(
            {
                "state": state,
                "stateDetails": details[:_MOST_DETAILS],
                "updatedAt": now,
                "endedAt": now,
                "totalExecutionDurationSeconds": int(now - began),
            }
        )
        try:
            self._store.flush()
        except NotKept as error:
            _log.error("%s", error)


class _Driver:
    """The driver of a job run: `spark-submit` in a folder of its own."""

    def __init__(self, region: str, run: Resource, monitoring: dict[str, Any], machine: Machine) -> None:
        self._region = region
        self._run = run
        self._machine = machine
        self._folder = machine.host.workdir / f"job-run-{region}-{run['jobRunId']}"
        self._process = JobProcess(lambda line: _log.warning("job run %s: %s", run["jobRunId"], line))
        self._stopping = threading.Event()
        place = f"applications/{run['applicationId']}/jobs/{run['jobRunId']}"
        self._logs = DriverLogs(
            self._folder,
            place,
            monitoring,
            machine.objects,
            lambda group: machine.logs.open_group(region, group),
        )
        self.last_exceptions = ""

    @property
    def timed_out(self) -> bool:
        """Whether it was stopped since it ran for too long."""
        return self._process.timed_out

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping.is_set()

    def execute(self, begin: Callable[[], None]) -> int:
        """Run it, and return its exit code.

        Raises:
            JobFailed: If it cannot be started.
        """
        work = self._folder / "hadoop"
        work.mkdir(parents=True)
        words, parsed = make_command(self._run["jobDriver"]["sparkSubmit"], work, self._machine.objects)
        if self.is_stopping:
            return 0
        host = self._machine.host
        environment = make_environment(Container(self._region, environment=choose_variables(parsed)), host)
        for name in ("KEDRO_AWS_MODEL_DATA", "KEDRO_AWS_MODEL_SHA256", "PYTHONPATH"):
            environment.pop(name, None)
        if path := os.environ.get("PYTHONPATH"):
            environment["PYTHONPATH"] = path
        if host.state_dir is not None:
            environment["KEDRO_AWS_STATE_DIR"] = str(host.state_dir)
        files = [str(self._folder / "stdout"), str(self._folder / "stderr")]
        command = [sys.executable, "-I", "-S", str(_REDIRECTED), *files, *words]
        self._logs.begin()
        begin()
        try:
            minutes = self._run.get("executionTimeoutMinutes", _DEFAULT_MINUTES)
            return self._process.run(Command(command, environment, work, _GRACE), minutes * 60 or _FOREVER)
        finally:
            self._logs.finish()
            self.last_exceptions = self._logs.find_last_exceptions()

    def stop(self) -> None:
        """Send SIGTERM to it, and later SIGKILL."""
        self._stopping.set()
        self._process.stop()

    def kill(self) -> None:
        """Kill it."""
        self._stopping.set()
        self._process.kill()

    def clean_up(self) -> None:
        """Delete its files."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _check(params: Params) -> None:
    """Refuse what this machine cannot run.

    Raises:
        AwsFault: If it cannot.
    """
    if params.get("mode", "BATCH") != "BATCH":
        raise unsupported("mode STREAMING of StartJobRun")
    driver = params.get("jobDriver", {}).get("sparkSubmit")
    if driver is None:
        raise invalid("jobDriver.sparkSubmit must not be null")
    parse_parameters(driver.get("sparkSubmitParameters", ""))


def _describe(params: Params, application: Resource, now: float) -> Resource:
    given = ("applicationId", "name", "jobDriver", "configurationOverrides", "executionTimeoutMinutes")
    return {
        "executionTimeoutMinutes": _DEFAULT_MINUTES,
        **pick(params, given),
        "tags": dict(params.get("tags", {})),
        "executionRole": params["executionRoleArn"],
        "createdBy": f"arn:aws:iam::{ACCOUNT_ID}:user/local",
        "createdAt": now,
        "updatedAt": now,
        "state": "SUBMITTED",
        "stateDetails": "",
        "releaseLabel": application["releaseLabel"],
        "type": "SPARK",
        "mode": "BATCH",
        "attempt": 1,
        "attemptCreatedAt": now,
        "attemptUpdatedAt": now,
    }


def _explain(code: int, exceptions: str) -> str:
    """Say in AWS's words that a job has failed."""
    said = f" Last few exceptions: {exceptions}" if exceptions else ""
    return (
        f"Job failed, please check complete logs in configured logging destination. ExitCode: {code}.{said}"
    )
