"""`overrides:` of aws.yml: members of requests that the user sets, whatever the planner wrote there."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from kedro_aws_plugin.plan import steps
from kedro_aws_plugin.plan.steps.base import READING, BaseStep, Request, Service

Overrides = Mapping[str, Mapping[str, Any]]
"""Members of requests, by the operation's name."""

_NAME = "the plan finds it again by this name"
_READ = "the command reads the predictions as it asked for them"
_SENT = "it is what the command is to send"
_TAGS = "by its tags the plugin finds what it made; add tags with `deploy.tags` or `transform.tags`"
_ROLE = "`role_arn` of aws.yml says it"
_SCALING = "`deploy.autoscaling` of aws.yml says it"

_PROTECTED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "EndpointName",
            "EndpointConfigName",
            "ModelName",
            "TransformJobName",
            "ModelPackageGroupName",
            "ModelPackageName",
            "ModelPackageArn",
            "ResourceArn",
            "StackName",
            "Bucket",
            "Key",
            "VariantName",
            "ServiceNamespace",
            "ResourceId",
            "ScalableDimension",
            "PolicyName",
            "AlarmNames",
        ),
        _NAME,
    ),
    **dict.fromkeys(
        (
            "MinCapacity",
            "MaxCapacity",
            "PolicyType",
            "TargetTrackingScalingPolicyConfiguration",
            "StepScalingPolicyConfiguration",
        ),
        _SCALING,
    ),
    **dict.fromkeys(("Tags", "TagKeys"), _TAGS),
    **dict.fromkeys(("ExecutionRoleArn",), _ROLE),
    **dict.fromkeys(
        (
            "Body",
            "Delete",
            "UploadId",
            "PartNumber",
            "MultipartUpload",
            "IfNoneMatch",
            "ChecksumAlgorithm",
            "TemplateBody",
            "TemplateURL",
            "InferenceSpecification",
            "ModelApprovalStatus",
            "ModelPackageDescription",
            "ClientToken",
        ),
        _SENT,
    ),
    **dict.fromkeys(("TransformInput", "S3OutputPath", "AssembleWith", "Accept", "DataProcessing"), _READ),
}
"""Why a member cannot be overridden, wherever in a request it stands."""


_JOBS: Mapping[str, str] = {
    **dict.fromkeys(("ProcessingJobName", "TrainingJobName", "InputName", "ChannelName"), _NAME),
    **dict.fromkeys(("ImageUri", "TrainingImage", "AlgorithmName"), "`pipelines.image` of aws.yml says it"),
    **dict.fromkeys(
        ("ContainerEntrypoint", "ContainerArguments", "LocalPath", "S3Uri", "S3OutputPath"), _SENT
    ),
    "RoleArn": "`pipelines.role_arn` of aws.yml says it",
    "InstanceCount": "several instances would run the same nodes, and write the same files",
    "InstanceGroups": "several instances would run the same nodes, and write the same files",
    "EnableNetworkIsolation": "the job reads and writes S3",
}
_PIPELINES: Mapping[str, str] = {
    **dict.fromkeys(("PipelineName", "PipelineVersionId"), _NAME),
    **dict.fromkeys(
        (
            "PipelineDefinition",
            "PipelineDefinitionS3Location",
            "PipelineParameters",
            "PipelineExecutionDisplayName",
            "ClientRequestToken",
        ),
        _SENT,
    ),
    "RoleArn": "`pipelines.role_arn` of aws.yml says it",
    "ParallelismConfiguration": "`pipelines.max_parallel_steps` of aws.yml says it",
}
_PROTECTED_IN: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("CreateProcessingJob", "CreateTrainingJob"), _JOBS),
    **dict.fromkeys(("CreatePipeline", "UpdatePipeline", "StartPipelineExecution"), _PIPELINES),
}
"""The same, in the requests of one operation."""


class Each(dict[str, Any]):
    """Members for each of the structures in a list: what stands in aws.yml where AWS has a list of them."""


def list_operations() -> dict[str, Service]:
    """List the operations that change something, of steps and in definitions, with their services."""
    # The jobs of a pipeline are made by SageMaker, from requests in its definition.
    found: dict[str, Service] = {"CreateProcessingJob": "sagemaker", "CreateTrainingJob": "sagemaker"}
    for module in pkgutil.iter_modules(steps.__path__, f"{steps.__name__}."):
        importlib.import_module(module.name)
    for step in _find_kinds(BaseStep):  # type: ignore[type-abstract] # its subclasses are looked for
        for operation in (*([step.operation] if hasattr(step, "operation") else []), *step.also_sends):
            if not operation.startswith(READING) or operation.startswith("Invoke"):
                found[operation] = step.service
    return found


def _find_kinds(kind: type[BaseStep]) -> Iterator[type[BaseStep]]:
    for each in kind.__subclasses__():
        yield each
        yield from _find_kinds(each)


def find_protection(operation: str, member: str) -> str | None:
    """Find why a member of an operation's request cannot be overridden; None if it can."""
    return _PROTECTED_IN.get(operation, {}).get(member) or _PROTECTED.get(member)


def override(operation: str, request: Request, overrides: Overrides) -> Request:
    """Put what the user has set into a request: mappings are merged, everything else is replaced.

    Args:
        operation: The operation.
        request: Its request, or a part of it.
        overrides: What the user has set, from `check_overrides`.
    """
    wanted = overrides.get(operation)
    return _merge(request, wanted) if wanted else request


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(value, Each):
            if isinstance(under, list | tuple):  # without a list there is nothing to change
                merged[key] = [_merge(item, value) for item in under]
        elif isinstance(under, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(under, value)
        else:
            merged[key] = value
    return merged
