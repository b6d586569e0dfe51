"""SageMaker's pipelines and their executions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import BaseStep, PlainStep, Request, Result
from kedro_aws_plugin.plan.steps.ref import Ref
from kedro_aws_plugin.plan.tags import Tags, format_tags


def _limit_parallel(most: int | None) -> Request:
    return {} if most is None else {"ParallelismConfiguration": {"MaxParallelExecutionSteps": most}}


@dataclass(frozen=True)
class CreatePipeline(PlainStep):
    """Create a pipeline, with its first version.

    Attributes:
        name: Its name.
        definition: Its definition, as JSON.
        role_arn: The role that it assumes.
        max_parallel_steps: How many steps run at once; None for as many as can.
        description: What it is.
        tags: Its tags.
        token: A second request with the same token makes no second pipeline.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "CreatePipeline"
    results: ClassVar = {"arn": "PipelineArn"}
    name: str
    definition: str
    role_arn: str
    max_parallel_steps: int | None
    description: str
    tags: Tags
    token: str

    @override
    def request(self) -> Request:
        return {
            "PipelineName": self.name,
            "PipelineDefinition": self.definition,
            "PipelineDescription": self.description,
            "ClientRequestToken": self.token,
            "RoleArn": self.role_arn,
            **_limit_parallel(self.max_parallel_steps),
            "Tags": format_tags(self.tags),
        }

    def __str__(self) -> str:
        return f"create pipeline {self.name}"


@dataclass(frozen=True)
class ListPipelineVersions(PlainStep):
    """Find the version that CreatePipeline has made, since its answer does not tell."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "ListPipelineVersions"
    results: ClassVar = {"version": "PipelineVersionSummaries"}
    retry_while_absent: ClassVar = True
    name: str

    @override
    def request(self) -> Request:
        return {"PipelineName": self.name, "SortOrder": "Ascending", "MaxResults": 1}

    @override
    def result(self, answer: Mapping[str, Any]) -> Result:
        found = answer["PipelineVersionSummaries"]
        return {"version": found[0]["PipelineVersionId"] if found else 1}

    def __str__(self) -> str:
        return f"look up the first version of pipeline {self.name}"


@dataclass(frozen=True)
class UpdatePipeline(PlainStep):
    """Make another version of a pipeline.

    Attributes:
        name: Its name.
        definition: The definition of the new version, as JSON.
        role_arn: The role that it assumes.
        max_parallel_steps: How many steps run at once; None leaves that as it is.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "UpdatePipeline"
    results: ClassVar = {"arn": "PipelineArn", "version": "PipelineVersionId"}
    name: str
    definition: str
    role_arn: str
    max_parallel_steps: int | None

    @override
    def request(self) -> Request:
        return {
            "PipelineName": self.name,
            "PipelineDefinition": self.definition,
            "RoleArn": self.role_arn,
            **_limit_parallel(self.max_parallel_steps),
        }

    def __str__(self) -> str:
        return f"update pipeline {self.name}"


@dataclass(frozen=True)
class StartPipelineExecution(PlainStep):
    """Start an execution of one version of a pipeline.

    Attributes:
        name: The pipeline.
        version: Its version: whoever updates the pipeline in the meantime does not change what runs.
        run_id: The id of the run.
        display_name: How the console shows it.
        parameters: The parameters by name.
        token: A second request with the same token starts no second execution.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "StartPipelineExecution"
    results: ClassVar = {"arn": "PipelineExecutionArn"}
    retry_while_absent: ClassVar = True
    name: str
    version: int | Ref
    run_id: str
    display_name: str
    parameters: Mapping[str, str]
    token: str

    @override
    def request(self) -> Request:
        return {
            "PipelineName": self.name,
            "PipelineVersionId": self.version,
            "PipelineExecutionDisplayName": self.display_name,
            "PipelineExecutionDescription": f"{RUN}{self.run_id}",
            "PipelineParameters": [
                {"Name": name, "Value": value} for name, value in self.parameters.items() if value
            ],
            "ClientRequestToken": self.token,
        }

    def __str__(self) -> str:
        return f"start run {self.run_id} of pipeline {self.name}"


RUN = "Kedro run "
"""How the description of an execution begins; the run id follows."""

SCHEDULED = "Scheduled Kedro run "
"""How that of an execution begins which a schedule starts; the time follows for which it was due."""


@dataclass(frozen=True)
class StopPipelineExecution(PlainStep):
    """Stop an execution: its steps end."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "StopPipelineExecution"
    results: ClassVar = {"arn": "PipelineExecutionArn"}
    arn: str
    run_id: str
    token: str

    @override
    def request(self) -> Request:
        return {"PipelineExecutionArn": self.arn, "ClientRequestToken": self.token}

    def __str__(self) -> str:
        return f"stop run {self.run_id}"


@dataclass(frozen=True)
class RetryPipelineExecution(PlainStep):
    """Go on with an execution where it failed or was stopped, with the version that it ran."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "RetryPipelineExecution"
    results: ClassVar = {"arn": "PipelineExecutionArn"}
    arn: str
    run_id: str
    token: str

    @override
    def request(self) -> Request:
        return {"PipelineExecutionArn": self.arn, "ClientRequestToken": self.token}

    def __str__(self) -> str:
        return f"go on with run {self.run_id}"


@dataclass(frozen=True)
class WaitForExecution(BaseStep):
    """Wait until an execution has ended; one that failed or was stopped is an error.

    Attributes:
        arn: The execution.
        run_id: The id of the run.
    """

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DescribePipelineExecution"
    results: ClassVar = ("arn", "status", "steps")
    arn: str | Ref
    run_id: str

    @override
    def request(self) -> Request:
        return {"PipelineExecutionArn": self.arn}

    def requests(self) -> list[tuple[str, Request]]:
        """List the requests: the execution, then its steps."""
        steps = {**self.request(), "SortOrder": "Ascending"}
        return [(self.operation, self.request()), ("ListPipelineExecutionSteps", steps)]

    def __str__(self) -> str:
        return f"wait until run {self.run_id} has ended"


@dataclass(frozen=True)
class DeletePipeline(PlainStep):
    """Delete a pipeline, with its versions and executions."""

    service: ClassVar = "sagemaker"
    operation: ClassVar = "DeletePipeline"
    absent_is_done: ClassVar = True
    name: str
    token: str

    @override
    def request(self) -> Request:
        return {"PipelineName": self.name, "ClientRequestToken": self.token}

    def __str__(self) -> str:
        return f"delete pipeline {self.name}"
