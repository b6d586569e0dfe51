"""The operations on applications. An application holds no capacity here, so it starts and stops at once."""

import re
from typing import Any

from local_aws.emr_serverless.paging import make_page
from local_aws.emr_serverless.store import Resource, Store, make_arn, make_id
from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import invalid, unsupported
from local_aws.protocol.resources import pick

ACTIVE = frozenset({"SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING", "QUEUED"})
"""The states of a job run that has not ended."""

_RELEASE = re.compile(r"emr-(6\.(?:[6-9]|1[0-5])\.\d|7\.(?:\d|1[0-4])\.\d|spark-8\.(?:0\.0|0-preview|1\.0))")
"""The releases that AWS's user guide lists for EMR Serverless, up to November 2026."""

_IDLE_MINUTES = 15
_SUMMARY = (
    "name",
    "arn",
    "releaseLabel",
    "type",
    "state",
    "stateDetails",
    "createdAt",
    "updatedAt",
    "architecture",
)
_NOT_KEPT = ("clientToken",)


class Applications:
    """The operations on applications."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "CreateApplication": self.create,
            "GetApplication": self.get,
            "ListApplications": self.list,
            "UpdateApplication": self.update,
            "StartApplication": self.start,
            "StopApplication": self.stop,
            "DeleteApplication": self.delete,
        }

    def create(self, region: str, params: Params) -> Params:
        """CreateApplication."""
        if params["type"].upper() != "SPARK":
            raise unsupported(f"applications of the type {params['type']}; it runs SPARK")
        _check_release(params["releaseLabel"])
        with self._store.lock:
            token = (region, "application", params.get("clientToken", ""))
            known = self._store.repeat(token, params) if token[-1] else None
            application = known or make_id()
            arn = make_arn(region, "applications", application)
            if known is None:
                now = self._store.now()
                kept = {name: value for name, value in params.items() if name not in _NOT_KEPT}
                self._store.applications[region, application] = {
                    "autoStartConfiguration": {"enabled": True},
                    "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": _IDLE_MINUTES},
                    "architecture": "X86_64",
                    "tags": {},
                    **kept,
                    "type": "Spark",
                    "applicationId": application,
                    "arn": arn,
                    "state": "CREATED",
                    "stateDetails": "",
                    "createdAt": now,
                    "updatedAt": now,
                }
                if token[-1]:
                    self._store.tokens[token] = [application, params]
            return {"applicationId": application, "name": params.get("name"), "arn": arn}

    def get(self, region: str, params: Params) -> Params:
        """GetApplication."""
        with self._store.lock:
            return {"application": _show(self._find(region, params))}

    def list(self, region: str, params: Params) -> Params:
        """ListApplications: the newest first."""
        with self._store.lock:
            ids = [key[1] for key in self._store.applications if key[0] == region]
            found = [self._find(region, {"applicationId": each}) for each in ids]
        wanted = params.get("states")
        found = [each for each in found if not wanted or each["state"] in wanted]
        found.sort(key=lambda each: each["createdAt"], reverse=True)
        page, token = make_page(found, "applicationId", params)
        summaries = [
            {"id": each["applicationId"], **{k: v for k, v in pick(each, _SUMMARY).items() if v != ""}}
            for each in page
        ]
        return {"applications": summaries, "nextToken": token}

    def update(self, region: str, params: Params) -> Params:
        """UpdateApplication: of one that is CREATED or STOPPED."""
        if "releaseLabel" in params:
            _check_release(params["releaseLabel"])
        with self._store.lock:
            application = self._find(region, params)
            _check_state(application, "updated", "CREATED", "STOPPED")
            changed = {name: each for name, each in params.items() if name not in _NOT_KEPT}
            application.update({**changed, "updatedAt": self._store.now()})
            return {"application": _show(application)}

    def start(self, region: str, params: Params) -> Params:
        """StartApplication."""
        with self._store.lock:
            application = self._find(region, params)
            _check_state(application, "started", "CREATED", "STOPPED", "STARTED")
            self._set_state(application, "STARTED")
            return {}

    def stop(self, region: str, params: Params) -> Params:
        """StopApplication: of one that runs no job."""
        with self._store.lock:
            application = self._find(region, params)
            _check_state(application, "stopped", "STARTED", "STOPPED", "CREATED")
            runs = self._store.list_job_runs(region, params["applicationId"])
            active = [each["jobRunId"] for each in runs if each["state"] in ACTIVE]
            if active:
                raise invalid(
                    f"Application {params['applicationId']} cannot be stopped: job run {active[0]} has not "
                    "ended."
                )
            self._set_state(application, "STOPPED")
            return {}

    def delete(self, region: str, params: Params) -> Params:
        """DeleteApplication: it stays listed, as TERMINATED."""
        with self._store.lock:
            application = self._find(region, params)
            _check_state(application, "deleted", "CREATED", "STOPPED")
            self._set_state(application, "TERMINATED")
            return {}

    def use(self, region: str, application_id: str) -> Resource:
        """Start an application for a job run, as far as it may start by itself. Hold the store's lock.

        Raises:
            AwsFault: If it takes no jobs.
        """
        application = self._find(region, {"applicationId": application_id})
        if application["state"] != "STARTED":
            _check_state(application, "started", "CREATED", "STOPPED")
            if not application["autoStartConfiguration"].get("enabled", True):
                raise invalid(f"Application {application_id} is {application['state']}: start it first.")
            self._set_state(application, "STARTED")
        return application

    def _find(self, region: str, params: Params) -> Resource:
        """Find an application in the state that it has by now: it stops when it has been idle."""
        application = self._store.find_application(region, params["applicationId"])
        settings = application["autoStopConfiguration"]
        if application["state"] == "STARTED" and settings.get("enabled", True):
            runs = self._store.list_job_runs(region, params["applicationId"])
            last = max([application["updatedAt"], *(each["updatedAt"] for each in runs)])
            idle = self._store.now() - last
            is_idle = all(each["state"] not in ACTIVE for each in runs)
            if is_idle and idle > settings.get("idleTimeoutMinutes", _IDLE_MINUTES) * 60:
                self._set_state(application, "STOPPED")
        return application

    def _set_state(self, application: Resource, state: str) -> None:
        application.update({"state": state, "updatedAt": self._store.now()})


def _show(application: Resource) -> dict[str, Any]:
    return {name: value for name, value in application.items() if value != ""}


def _check_state(application: Resource, what: str, *states: str) -> None:
    if application["state"] not in states:
        raise invalid(
            f"Application {application['applicationId']} cannot be {what}: it is {application['state']}."
        )


def _check_release(label: str) -> None:
    if not _RELEASE.fullmatch(label):
        raise invalid(f"Unsupported release label: {label}")
