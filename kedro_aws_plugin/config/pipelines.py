"""`pipelines:` in aws.yml: how a Kedro pipeline becomes steps of a SageMaker pipeline."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from typing_extensions import Self

from kedro_aws_plugin.config.fields import RoleArn, Section, match_pattern
from kedro_aws_plugin.config.serving_settings import Vpc
from kedro_aws_plugin.config.step_resources import NamedStep, Resources, find_conflict, merge_resources

TargetName = Literal["sagemaker", "stepfunctions", "emr-serverless"]
GroupBy = Literal["all", "pipeline", "namespace", "node", "memory"]

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
        r"(?=.{1,64}$)(?!(.*/)?\.\.?(/|$))[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*",
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


def _refuse_number(value: Any) -> Any:
    """Refuse what YAML takes for a number: 3.10 would be 3.1."""
    if isinstance(value, int | float):
        raise ValueError(f"`{value}` is no text; write it in quotes")
    return value


PythonVersion = Annotated[
    str,
    BeforeValidator(_refuse_number),
    match_pattern(r"3\.\d{1,2}", "a version of Python; one looks like 3.12"),
]


class StepFunctionsSettings(Section):
    """`pipelines.stepfunctions:` how Step Functions runs a pipeline.

    Attributes:
        role_arn: The role of the state machine; by default that of `kedro aws bootstrap`.
    """

    role_arn: RoleArn | None = None


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
        install: From where a job installs the project and what it needs: from a package index, from wheels
            that the submission puts on S3, or from nowhere, since the image has it.
        python: The Python of an image of the user's own, for its wheels.
        max_parallel_steps: How many steps run at once; by default, as many as can.
        registration: Whether a last step registers the models that a run would register.
        vpc: The network in which the jobs run; by default SageMaker's own.
        keep_days: After how many days the files of a run are deleted; None for never.
        resources: On what steps run.
        steps: Steps of their own, by name.
        stepfunctions: How Step Functions runs them.
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
    install: Literal["index", "wheelhouse", "none"] = "index"
    python: PythonVersion | None = None
    max_parallel_steps: int | None = Field(default=None, ge=1)
    registration: Literal["auto", "never"] = "auto"
    vpc: Vpc | None = None
    keep_days: int | None = Field(default=30, ge=1)
    resources: Resources = Resources()
    steps: Mapping[StepName, NamedStep] = {}
    stepfunctions: StepFunctionsSettings = StepFunctionsSettings()
    emr_serverless: EmrServerless = EmrServerless()

    @model_validator(mode="before")
    @classmethod
    def _take_nothing_as_no_keys(cls, value: Any) -> Any:
        return {} if value is None else value

    @model_validator(mode="after")
    def _check_installation(self) -> Self:
        if self.install == "wheelhouse" and self.image is not None and self.python is None:
            raise ValueError("`install: wheelhouse` needs `python`, the Python of `image`, such as '3.12'")
        if self.python is not None and (self.install != "wheelhouse" or self.image is None):
            raise ValueError(
                "`python` chooses wheels for an image of your own; remove it, or set `image` and "
                "`install: wheelhouse`"
            )
        if self.install == "none" and self.image is None:
            raise ValueError(
                "`install: none` needs `image`: AWS's scikit-learn image has neither Kedro nor this plugin"
            )
        return self

    @model_validator(mode="after")
    def _check_resources(self) -> Self:
        for step in ("", *self.steps):
            if conflict := find_conflict(self.find_resources(step)):
                key, reason = conflict
                raise ValueError(f"`{f'steps.{step}' if step else 'resources'}.{key}`: {reason}")
        return self

    def find_resources(self, step: str) -> Resources:
        """Find on what a step runs: its own keys over the common ones."""
        return merge_resources(self.resources, self.steps.get(step))
