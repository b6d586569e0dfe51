"""EMR Serverless's applications and job runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import BaseStep, PlainStep, Request
from kedro_aws_plugin.plan.steps.ref import Ref


@dataclass(frozen=True)
class CreateApplication(PlainStep):
    """Create an application.

    Attributes:
        definition: What CreateApplication takes, without the token.
        token: A second request with the same token makes no second application.
    """

    service: ClassVar = "emr-serverless"
    operation: ClassVar = "CreateApplication"
    results: ClassVar = {"application": "applicationId"}
    definition: Mapping[str, Any]
    token: str

    @override
    def request(self) -> Request:
        return {**self.definition, "clientToken": self.token}

    def __str__(self) -> str:
        return f"create application {self.definition['name']} of {self.definition['releaseLabel']}"


@dataclass(frozen=True)
class WaitForApplication(BaseStep):
    """Wait until an application is ready for what comes next.

    Attributes:
        application: Its id.
        states: The states in which it is ready.
    """

    service: ClassVar = "emr-serverless"
    operation: ClassVar = "GetApplication"
    application: str | Ref
    states: tuple[str, ...]

    @override
    def request(self) -> Request:
        return {"applicationId": self.application}

    def __str__(self) -> str:
        return f"wait until the application is {' or '.join(self.states)}"


@dataclass(frozen=True)
class StartJobRun(PlainStep):
    """Start a job run.

    Attributes:
        application: The id of its application.
        run_id: The id of the Kedro run.
        definition: What StartJobRun takes, without the application and the token.
        token: A second request with the same token starts no second job run.
    """

    service: ClassVar = "emr-serverless"
    operation: ClassVar = "StartJobRun"
    results: ClassVar = {"arn": "arn", "job_run": "jobRunId"}
    application: str | Ref
    run_id: str
    definition: Mapping[str, Any]
    token: str

    @override
    def request(self) -> Request:
        return {"applicationId": self.application, "clientToken": self.token, **self.definition}

    def __str__(self) -> str:
        return f"start run {self.run_id}"


@dataclass(frozen=True)
class CancelJobRun(PlainStep):
    """Cancel a job run.

    Attributes:
        application: The id of its application.
        job_run: Its id.
        run_id: The id of the Kedro run.
    """

    service: ClassVar = "emr-serverless"
    operation: ClassVar = "CancelJobRun"
    results: ClassVar = {"job_run": "jobRunId"}
    application: str
    job_run: str
    run_id: str

    @override
    def request(self) -> Request:
        return {"applicationId": self.application, "jobRunId": self.job_run}

    def __str__(self) -> str:
        return f"stop run {self.run_id}"


@dataclass(frozen=True)
class WaitForJobRun(BaseStep):
    """Wait until a job run has ended; one that failed or was cancelled is an error.

    Attributes:
        application: The id of its application.
        job_run: Its id.
        run_id: The id of the Kedro run.
        folder: The folder on S3 of the Kedro run, where it says why it failed.
    """

    service: ClassVar = "emr-serverless"
    operation: ClassVar = "GetJobRun"
    results: ClassVar = ("arn", "status", "steps")
    application: str | Ref
    job_run: str | Ref
    run_id: str
    folder: str

    @override
    def request(self) -> Request:
        return {"applicationId": self.application, "jobRunId": self.job_run}

    def __str__(self) -> str:
        return f"wait until run {self.run_id} has ended"


@dataclass(frozen=True)
class StopApplication(PlainStep):
    """Stop an application, which can then be deleted."""

    service: ClassVar = "emr-serverless"
    operation: ClassVar = "StopApplication"
    absent_is_done: ClassVar = True
    application: str

    @override
    def request(self) -> Request:
        return {"applicationId": self.application}

    def __str__(self) -> str:
        return f"stop application {self.application}"


@dataclass(frozen=True)
class DeleteApplication(PlainStep):
    """Delete an application."""

    service: ClassVar = "emr-serverless"
    operation: ClassVar = "DeleteApplication"
    absent_is_done: ClassVar = True
    application: str

    @override
    def request(self) -> Request:
        return {"applicationId": self.application}

    def __str__(self) -> str:
        return f"delete application {self.application}"
