"""`pipelines:` in aws.yml: how a Kedro pipeline becomes steps of a SageMaker pipeline."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from typing_extensions import Self

from kedro_aws_plugin.config.fields import InstanceType, RoleArn, Section, match_pattern

TargetName = Literal["sagemaker", "emr-serverless"]
GroupBy = Literal["all", "pipeline", "namespace", "node", "memory"]

_MAX_KEY = _MAX_VALUE = 256
"""Characters of a key and of a value in a processing job's Environment; botocore's model of SageMaker."""

_MAX_VARIABLES = 100
_KEY = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
"""The keys of a processing job's Environment; botocore's model of SageMaker."""

_SELECTORS = ("pipelines", "namespaces", "tags", "nodes")

PipelineName = Annotated[
    str,
    match_pattern(
        r"(?=.{1,256}$)[a-zA-Z0-9](-*[a-zA-Z0-9])*",
        "a pipeline's name: 1 to 256 letters, digits and inner hyphens",
    ),
]
StepName = Annotated[
    str,
    match_pattern(r"[A-Za-z0-9_-]{1,64}", "a step's name: 1 to 64 letters, digits, hyphens and underscores"),
]
Prefix = Annotated[
    str,
    match_pattern(
        # An address in this folder is an argument of a job, and these have 256 characters at most.
        r"(?=.{1,64}$)[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*",
        "a folder of the bucket: 1 to 64 characters, without `/` at its ends; one looks like kedro-aws",
    ),
]
ImageUri = Annotated[
    str,
    match_pattern(
        r"(?=.{1,255}$)\d{12}\.dkr\.ecr\.[a-z0-9-]+\.[a-z0-9.-]+/[a-z0-9._/-]+[:@][\w.:-]+",
        "the URI of an image; one looks like 123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1",
    ),
]
SparkRelease = Annotated[
    str,
    match_pattern(r"emr-[A-Za-z0-9._-]{1,60}", "a release of EMR; one with Spark 4 is emr-spark-8.1.0"),
]
ApplicationId = Annotated[
    str, match_pattern(r"[0-9a-z]{1,64}", "an application's id; one looks like 00f1r1r1bd9mnq09")
]
Selection = tuple[Annotated[str, StringConstraints(min_length=1)], ...]


def _check_variables(variables: Mapping[str, str]) -> Mapping[str, str]:
    if len(variables) > _MAX_VARIABLES:
        raise ValueError(
            f"{len(variables)} variables are more than the {_MAX_VARIABLES} that SageMaker takes; put what "
            "belongs to the pipeline into its parameters"
        )
    for key, value in variables.items():
        if not _KEY.fullmatch(key):
            raise ValueError(
                f"`{key}` is no name of a variable for SageMaker: use letters, digits and underscores, and "
                "no digit at the beginning"
            )
        if len(key) > _MAX_KEY or len(value) > _MAX_VALUE:
            raise ValueError(
                f"`{key[:40]}` has {len(key)} characters and its value {len(value)}, and SageMaker takes "
                f"{_MAX_VALUE} of each; put it into the pipeline's parameters"
            )
    return variables


class Resources(Section):
    """`pipelines.resources:` on what steps run.

    Attributes:
        instance_type: The instance type.
        volume_gb: The size of the disk in GB.
        timeout_minutes: After how many minutes SageMaker stops a step; five days at most.
        infrastructure_retries: How often SageMaker tries again if the service, not a node, fails.
        environment: Environment variables of the steps.
    """

    instance_type: InstanceType = "ml.m5.large"
    volume_gb: int = Field(default=30, ge=1, le=16_384)
    timeout_minutes: int = Field(default=60, ge=1, le=12_960)
    infrastructure_retries: int = Field(default=2, ge=0, le=20)
    environment: Annotated[Mapping[str, str], AfterValidator(_check_variables)] = {}


class NamedStep(Section):
    """`pipelines.steps.<name>:` which nodes a step has, and on what it runs.

    Attributes:
        pipelines: Registered pipelines whose nodes it has.
        namespaces: Namespaces whose nodes it has.
        tags: Tags whose nodes it has.
        nodes: Nodes that it has.
        instance_type: As in `pipelines.resources`, which has the default of this and of the following keys.
        volume_gb: As there.
        timeout_minutes: As there.
        infrastructure_retries: As there.
        environment: As there; the variables of both are merged.
    """

    pipelines: Selection = ()
    namespaces: Selection = ()
    tags: Selection = ()
    nodes: Selection = ()
    instance_type: InstanceType | None = None
    volume_gb: int | None = Field(default=None, ge=1, le=16_384)
    timeout_minutes: int | None = Field(default=None, ge=1, le=12_960)
    infrastructure_retries: int | None = Field(default=None, ge=0, le=20)
    environment: Annotated[Mapping[str, str], AfterValidator(_check_variables)] = {}

    @model_validator(mode="after")
    def _check_selector(self) -> Self:
        if not any(getattr(self, name) for name in _SELECTORS):
            raise ValueError(f"a step needs one of {', '.join(_SELECTORS)}, to say which nodes it has")
        return self


class EmrServerless(Section):
    """`pipelines.emr_serverless:` how a pipeline runs on EMR Serverless: as one job of Spark.

    Attributes:
        application_id: The application that runs it; by default one that `submit` makes.
        release: The release of EMR of an application that `submit` makes.
        role_arn: The role of the job; by default `pipelines.role_arn`, then `role_arn`.
        archive: A Python with all that the project needs, as a tar.gz: a file of the project, or on S3.
        subnets: The subnets of an application that `submit` makes.
        security_groups: Its security groups.
    """

    application_id: ApplicationId | None = None
    release: SparkRelease = "emr-spark-8.1.0"
    role_arn: RoleArn | None = None
    archive: Annotated[str, StringConstraints(pattern=r"\.(tar\.gz|tgz)$")] | None = None
    subnets: tuple[Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-z]+$")], ...] = ()
    security_groups: tuple[Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-zA-Z]+$")], ...] = ()


class Pipelines(Section):
    """`pipelines:` how a Kedro pipeline runs on AWS.

    Attributes:
        target: The service that runs it.
        name: The name of the SageMaker pipeline; by default `<package>-<pipelines>-<env>`.
        group_by: How nodes are put into steps, apart from those of `steps`.
        memory_datasets: Whether what passes from one step to another in memory is kept on S3, or refused.
        prefix: The folder of the bucket for jobs, requests and runs.
        role_arn: The role of the pipeline and its jobs; by default `role_arn`.
        schedule_role_arn: The role with which schedules start the pipeline; needed on the real AWS.
        image: The image of the steps; by default AWS's newest scikit-learn image.
        max_parallel_steps: How many steps run at once; by default, as many as can.
        registration: Whether a last step registers the models that a run would register.
        resources: On what steps run.
        steps: Steps of their own, by name.
        emr_serverless: How the target `emr-serverless` runs them.
    """

    target: TargetName = "sagemaker"
    name: PipelineName | None = None
    group_by: GroupBy = "pipeline"
    memory_datasets: Literal["persist", "refuse"] = "persist"
    prefix: Prefix = "kedro-aws"
    role_arn: RoleArn | None = None
    schedule_role_arn: RoleArn | None = None
    image: ImageUri | None = None
    max_parallel_steps: int | None = Field(default=None, ge=1)
    registration: Literal["auto", "never"] = "auto"
    resources: Resources = Resources()
    steps: Mapping[StepName, NamedStep] = {}
    emr_serverless: EmrServerless = EmrServerless()

    @model_validator(mode="before")
    @classmethod
    def _take_nothing_as_no_keys(cls, value: Any) -> Any:
        return {} if value is None else value

    def find_resources(self, step: str) -> Resources:
        """Find on what a step runs: its own keys over the common ones."""
        own = self.steps.get(step)
        if own is None:
            return self.resources
        stated = {name: getattr(own, name) for name in Resources.model_fields if name != "environment"}
        changed = {name: value for name, value in stated.items() if value is not None}
        environment = _check_variables({**self.resources.environment, **own.environment})
        return self.resources.model_copy(update={**changed, "environment": environment})
