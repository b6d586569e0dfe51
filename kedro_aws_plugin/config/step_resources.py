"""`pipelines.resources:` and `pipelines.steps:` in aws.yml: on what the steps of a pipeline run."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from typing_extensions import Self

from kedro_aws_plugin.config.fields import InstanceType, Section
from kedro_aws_plugin.config.serving_settings import KmsKey, explain_local_storage, has_local_storage

JobKind = Literal["processing", "training"]
Runner = Literal["SequentialRunner", "ThreadRunner"]
"""Not ParallelRunner: s3fs's connections, which all files of a job need, cannot be sent to its processes."""

_MAX_TEXT: Mapping[str, int] = {"processing": 256, "training": 512}
"""Characters of a key, and of a value, in the Environment of a job; botocore's model of SageMaker."""

_MAX_VARIABLES = 100
_KEY = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
"""The keys of a job's Environment; botocore's model of SageMaker."""

_LEFT_OUT = {
    "instance_count": "a step runs on one instance, since two would run the same nodes and write the same "
    "files. Choose a larger `instance_type`, or put the nodes into several steps: `pipelines.steps`."
}
_SELECTORS = ("pipelines", "namespaces", "tags", "nodes")

Selection = tuple[Annotated[str, StringConstraints(min_length=1)], ...]


def _check_names(variables: Mapping[str, str]) -> Mapping[str, str]:
    for key in variables:
        if not _KEY.fullmatch(key):
            raise ValueError(
                f"`{key}` is no name of a variable for SageMaker: use letters, digits and underscores, and "
                "no digit at the beginning"
            )
    return variables


Variables = Annotated[Mapping[str, str], AfterValidator(_check_names)]


class Resources(Section):
    """`pipelines.resources:` on what steps run.

    Attributes:
        job: The kind of job that a step is.
        instance_type: The instance type.
        volume_gb: The size of the disk in GB.
        volume_kms_key: The key that encrypts the disk; by default AWS's own.
        timeout_minutes: After how many minutes SageMaker stops a step; five days at most.
        infrastructure_retries: How often SageMaker tries again if the service, not a node, fails.
        spot: Whether a training job runs on spare capacity, which AWS may take back.
        keep_alive_minutes: How long the instance of a training job waits for the next one.
        environment: Environment variables of the steps.
        runner: Kedro's runner.
    """

    left_out: ClassVar = _LEFT_OUT
    job: JobKind = "processing"
    instance_type: InstanceType = "ml.m5.large"
    volume_gb: int = Field(default=30, ge=1, le=16_384)
    volume_kms_key: KmsKey | None = None
    timeout_minutes: int = Field(default=60, ge=1, le=12_960)
    infrastructure_retries: int = Field(default=2, ge=0, le=20)
    spot: bool = False
    keep_alive_minutes: int = Field(default=0, ge=0, le=360)
    environment: Variables = Field(default={})
    runner: Runner = "SequentialRunner"


class NamedStep(Section):
    """`pipelines.steps.<name>:` which nodes a step has, and on what it runs.

    Attributes:
        pipelines: Registered pipelines whose nodes it has.
        namespaces: Namespaces whose nodes it has.
        tags: Tags whose nodes it has.
        nodes: Nodes that it has.
        job: As in `pipelines.resources`, which has the default of this and of the following keys.
        instance_type: As there.
        volume_gb: As there.
        volume_kms_key: As there.
        timeout_minutes: As there.
        infrastructure_retries: As there.
        spot: As there.
        keep_alive_minutes: As there.
        environment: As there; the variables of both are merged.
        runner: As there.
    """

    left_out: ClassVar = _LEFT_OUT
    pipelines: Selection = ()
    namespaces: Selection = ()
    tags: Selection = ()
    nodes: Selection = ()
    job: JobKind | None = None
    instance_type: InstanceType | None = None
    volume_gb: int | None = Field(default=None, ge=1, le=16_384)
    volume_kms_key: KmsKey | None = None
    timeout_minutes: int | None = Field(default=None, ge=1, le=12_960)
    infrastructure_retries: int | None = Field(default=None, ge=0, le=20)
    spot: bool | None = None
    keep_alive_minutes: int | None = Field(default=None, ge=0, le=360)
    environment: Variables = Field(default={})
    runner: Runner | None = None

    @model_validator(mode="after")
    def _check_selector(self) -> Self:
        if not any(getattr(self, name) for name in _SELECTORS):
            raise ValueError(f"a step needs one of {', '.join(_SELECTORS)}, to say which nodes it has")
        return self


def merge_resources(common: Resources, own: NamedStep | None) -> Resources:
    """Put a step's own keys over the common ones."""
    if own is None:
        return common
    stated = {name: getattr(own, name) for name in Resources.model_fields if name != "environment"}
    changed = {name: value for name, value in stated.items() if value is not None}
    environment = {**common.environment, **own.environment}
    return common.model_copy(update={**changed, "environment": environment})


def find_conflict(resources: Resources) -> tuple[str, str] | None:
    """Find a key that SageMaker does not take with the others.

    Source: botocore's model of CreateProcessingJob and CreateTrainingJob; "Managed Spot Training" and
    "Managed Warm Pools" in SageMaker's developer guide.

    Returns:
        The key and the reason; None if there is none.
    """
    for key in ("spot", "keep_alive_minutes"):
        if getattr(resources, key) and resources.job == "processing":
            return key, "a processing job has no such thing; set `job: training` there, or remove the key"
    if resources.spot and resources.keep_alive_minutes:
        return "keep_alive_minutes", "the instance of a `spot` job is not kept; remove one of the two"
    if resources.volume_kms_key is not None and has_local_storage(resources.instance_type):
        reason = explain_local_storage(resources.instance_type)
        return "volume_kms_key", f"{reason}; remove the key, or choose another instance type"
    excess = _find_excess(resources)
    return ("environment", excess) if excess else None


def _find_excess(resources: Resources) -> str | None:
    """Find what is too much for a job's Environment."""
    variables, limit = resources.environment, _MAX_TEXT[resources.job]
    if len(variables) > _MAX_VARIABLES:
        return (
            f"{len(variables)} variables are more than the {_MAX_VARIABLES} that SageMaker takes; put what "
            "belongs to the pipeline into its parameters"
        )
    for key, value in variables.items():
        if len(key) > limit or len(value) > limit:
            return (
                f"`{key[:40]}` has {len(key)} characters and its value {len(value)}, and SageMaker takes "
                f"{limit} of each for a {resources.job} job; put it into the pipeline's parameters"
            )
    return None
