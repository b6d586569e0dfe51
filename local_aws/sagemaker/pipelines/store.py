"""The pipelines and executions that the local SageMaker holds, and how the latter change."""

import logging
import secrets
import string
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from local_aws.kept.database import NotKept
from local_aws.protocol.aws_json import Params
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.resources import Region, Resource, Resources
from local_aws.sagemaker.objects import Objects
from local_aws.sagemaker.pipelines.definition import Definition, parse

Invoke = Callable[[str, str, Params], Params]
"""Calls an operation of SageMaker: (region, AWS's name of it, parameters) -> members of its answer."""

STEP_FAILURE = "Step failure: One or multiple steps failed."
INTERRUPTED = "InternalServerError: The local AWS ended while the step ran. Retry the execution."
ENDED = frozenset({"Succeeded", "Failed", "Stopped"})
_LETTERS = string.ascii_lowercase + string.digits
_ID_LENGTH = 12
_REASON_LENGTH = 1024

_log = logging.getLogger(__name__)


def make_id(length: int = _ID_LENGTH) -> str:
    """Make a random id, as AWS's ids of executions are."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def format_time(seconds: float) -> str:
    """Write a time as the execution variables do."""
    written = datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z")


@lru_cache(maxsize=64)
def parse_known(text: str) -> Definition:
    """Parse a definition that has been checked."""
    return parse(text)


class Store:
    """The pipelines and executions.

    Args:
        resources: SageMaker's resources.
        objects: The S3.
        invoke: Calls an operation of SageMaker.
    """

    def __init__(self, resources: Resources, objects: Objects, invoke: Invoke) -> None:
        self.resources = resources
        self.objects = objects
        self.invoke = invoke

    def find_pipeline(self, region: str, name_or_arn: str) -> Resource:
        """Find a pipeline by its name or ARN. Hold the resources' lock.

        Raises:
            AwsFault: If there is none.
        """
        here = self.resources[region]
        arn = (
            name_or_arn if name_or_arn.startswith("arn:") else here.make_arn("pipeline", name_or_arn.lower())
        )
        found = next((each for each in here.pipelines.values() if each["PipelineArn"] == arn), None)
        is_other = found is not None and name_or_arn not in {found["PipelineName"], found["PipelineArn"]}
        if found is None or is_other:
            raise AwsFault("ResourceNotFound", f"Pipeline '{arn}' does not exist.")
        pipeline: Resource = here.pipelines[found["PipelineName"]]  # looked up, so that changes are written
        return pipeline

    def find_execution(self, region: str, arn: str) -> Resource:
        """Find an execution. Hold the resources' lock.

        Raises:
            AwsFault: If there is none.
        """
        here = self.resources[region]
        if arn not in here.executions:
            raise AwsFault("ResourceNotFound", f"Pipeline execution with ARN '{arn}' does not exist.")
        return here.executions[arn]

    def list_executions(self, here: Region, pipeline_arn: str) -> list[Resource]:
        """List the executions of a pipeline, in their order. Hold the resources' lock."""
        return [each for each in here.executions.values() if each["PipelineArn"] == pipeline_arn]

    def find_version(self, here: Region, pipeline_arn: str, version: int) -> Resource:
        """Find a version of a pipeline. Hold the resources' lock.

        Raises:
            AwsFault: If there is none.
        """
        key = f"{pipeline_arn}/{version}"
        if key not in here.pipeline_versions:
            raise AwsFault(
                "ResourceNotFound", f"Pipeline '{pipeline_arn}' with version id {version} does not exist."
            )
        return here.pipeline_versions[key]

    def find_definition(self, here: Region, execution: Resource) -> Definition:
        """Find the definition that an execution runs. Hold the resources' lock."""
        version = self.find_version(here, execution["PipelineArn"], execution["PipelineVersionId"])
        return parse_known(version["PipelineDefinition"])

    def change(self, here: Region, execution: Resource, members: dict[str, Any]) -> bool:
        """Change an execution, and write it.

        Returns:
            False if the execution is no longer there.
        """
        with self.resources.lock:
            if here.executions.get(execution["PipelineExecutionArn"]) is not execution:
                return False
            execution.update({**members, "LastModifiedTime": self.resources.now()})
            self._flush()
            return True

    def change_step(self, here: Region, execution: Resource, name: str, members: dict[str, Any]) -> bool:
        """Change the record of a step of an execution, and write it.

        Returns:
            False if the execution is no longer there.
        """
        with self.resources.lock:
            if here.executions.get(execution["PipelineExecutionArn"]) is not execution:
                return False
            record = execution["Steps"].setdefault(name, {"StepName": name})
            if "FailureReason" in members:
                members = {**members, "FailureReason": members["FailureReason"][:_REASON_LENGTH]}
            record.update(members)
            execution["LastModifiedTime"] = self.resources.now()
            self._flush()
            return True

    def _flush(self) -> None:
        try:
            self.resources.flush()
        except NotKept as error:
            _log.error("%s", error)
