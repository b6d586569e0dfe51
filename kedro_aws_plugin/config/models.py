"""The shape of aws.yml."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from kedro_aws_plugin.config.asynchronous import Async
from kedro_aws_plugin.config.athena import Athena, S3Folder
from kedro_aws_plugin.config.fields import InstanceType, Name, RoleArn, Section, match_pattern
from kedro_aws_plugin.config.globals import Global, GlobalName
from kedro_aws_plugin.config.names import find_bucket_problem, find_region_problem
from kedro_aws_plugin.config.pipelines import Pipelines
from kedro_aws_plugin.config.scaling import Autoscaling, find_unscalable
from kedro_aws_plugin.config.serving_settings import HostingSettings, JobSettings
from kedro_aws_plugin.config.spark import Spark
from kedro_aws_plugin.config.updates import Update
from kedro_aws_plugin.config.variants import (
    SHADOW,
    Capture,
    ShadowSettings,
    VariantName,
    VariantSettings,
)

Target = Literal["local", "aws"]
Mode = Literal["realtime", "serverless", "async"]
Strategy = Literal["MultiRecord", "SingleRecord"]
Method = Literal["predict", "predict_proba", "decision_function", "transform"]


def _check_bucket_name(name: str) -> str:
    if problem := find_bucket_problem(name):
        raise ValueError(f"`{name}` is not a bucket name: {problem}")
    return name


def _check_region(name: str) -> str:
    if problem := find_region_problem(name):
        raise ValueError(f"`{name}` is {problem}")
    return name


# Models and endpoint configs are named after the endpoint and nine more characters.
EndpointName = Annotated[
    str,
    match_pattern(
        r"(?=.{1,54}$)[a-z0-9](-*[a-z0-9])*",
        "an endpoint name: 1 to 54 lower-case letters, digits and inner hyphens",
    ),
]


OwnImage = Annotated[
    str,
    match_pattern(
        r"(?=.{1,255}$)\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9._/-]+(:[\w.-]{1,128}|@sha256:[0-9a-f]{64})",
        "an image in ECR with its tag or digest; one looks like "
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/flights:1.0",
    ),
]
Entry = Annotated[str, StringConstraints(min_length=1)]


class Mark(Section):
    """The settings of a model's registration: `metadata.sagemaker` of its catalog entry.

    Attributes:
        group: The model package group.
        metrics: The catalog entry of the model's metrics, a flat mapping of numbers.
        sample: The catalog entry of a table from which the sample payload is drawn.
        method: The method of the model that answers.
        requirements: What the serving container installs with pip when it starts.
        include_project: Whether to pack the project's own package even if the model does not name it.
        bundle: Whether to pack the wheels of the requirements, so that the container needs no network.
        image: An image of the user's own that serves the model in the place of AWS's; made from AWS's
            scikit-learn image, or one that serves as that does.
    """

    group: Name
    metrics: Entry | None = None
    sample: Entry | None = None
    method: Method = "predict"
    requirements: tuple[str, ...] = ()
    include_project: bool = False
    bundle: bool = False
    image: OwnImage | None = None

    @field_validator("image")
    @classmethod
    def _check_that_nothing_is_bundled(cls, image: str | None, others: ValidationInfo) -> str | None:
        if image is not None and others.data.get("bundle"):
            raise ValueError(
                "wheels can be bundled for AWS's images alone, because the Python in yours is not known; "
                "install the requirements in your image, and leave `bundle` out"
            )
        return image


class Registry(Mark):
    """`registry:` the model that `kedro aws register-model` registers, and its group.

    Attributes:
        model: The catalog entry of the model.
        on_run: Whether a run that saves the model registers it.
    """

    model: Entry
    on_run: bool = False


class Serverless(Section):
    """`deploy.serverless:` the size of a serverless endpoint.

    Attributes:
        memory_mb: The memory of one container in MB.
        max_concurrency: How many requests may run at once.
        provisioned_concurrency: How many of them find a container that runs already; by default none.
    """

    memory_mb: Literal[1024, 2048, 3072, 4096, 5120, 6144] = 2048
    max_concurrency: int = Field(default=5, ge=1, le=200)
    provisioned_concurrency: int | None = Field(default=None, ge=1, le=200)

    @field_validator("provisioned_concurrency")
    @classmethod
    def _check_provisioned(cls, provisioned: int | None, others: ValidationInfo) -> int | None:
        most = others.data.get("max_concurrency")
        if provisioned is not None and most is not None and provisioned > most:
            raise ValueError(
                f"`{provisioned}` is more than `max_concurrency`, {most}; lower it, or raise that"
            )
        return provisioned


class EndpointSettings(HostingSettings):
    """What an endpoint serves, and on what: the keys that each endpoint of `deploy:` can have.

    Attributes:
        group: The model package group whose versions it serves; by default `registry.group`.
        mode: `realtime` (instances), `serverless`, or `async` (instances, with a queue before them).
        instance_type: The instance type, unless it is serverless.
        instance_count: How many instances it has, unless it is serverless.
        serverless: The size of a serverless endpoint.
        async_: Where an asynchronous endpoint puts its answers (the key is `async`).
        autoscaling: How many instances it has, by what it has to do; by default always `instance_count`.
        update: How it goes from one version to the next; by default all at once.
        capture: What of its requests and answers is kept on S3; by default nothing.
        variants: The versions that share its requests, by name; by default one version gets all.
        shadow: The version that gets copies of its requests; by default none.
    """

    group: Name | None = None
    mode: Mode = "realtime"
    instance_type: InstanceType = "ml.m5.large"
    instance_count: int = Field(default=1, ge=1)
    serverless: Serverless = Serverless()
    async_: Async = Field(default=Async(), alias="async")
    autoscaling: Autoscaling | None = None
    update: Update | None = None
    capture: Capture | None = None
    variants: Mapping[VariantName, VariantSettings] = Field(default={}, max_length=10)
    shadow: ShadowSettings | None = None


class NamedEndpoint(EndpointSettings):
    """`deploy.endpoints.<name>:` one of several endpoints; keys that it leaves out come from `deploy:`."""

    @model_validator(mode="before")
    @classmethod
    def _take_nothing_as_no_keys(cls, value: Any) -> Any:
        return {} if value is None else value


class DeploySection(EndpointSettings):
    """`deploy:` the endpoints that `kedro aws deploy` creates. Keys beside `endpoints` are their defaults.

    Attributes:
        endpoints: The endpoints, by name.
        endpoint: The name of the only endpoint, if there is one: the short form of `endpoints`.
    """

    endpoints: Mapping[EndpointName, NamedEndpoint] = {}
    endpoint: EndpointName | None = Field(default=None, validate_default=True)

    @field_validator("endpoint")
    @classmethod
    def _check_that_it_is_one_form(cls, name: str | None, others: ValidationInfo) -> str | None:
        named = others.data.get("endpoints")
        if name is None and named == {}:
            raise PydanticKnownError("missing")
        if name is not None and named:
            raise ValueError(
                f"`{name}` stands beside `deploy.endpoints`; keep one of the two, with all the names there"
            )
        return name


class Deploy(EndpointSettings):
    """The endpoint that a command works on, chosen from `deploy:` and the command's options.

    Attributes:
        endpoint: The name of the endpoint.
        may_replace: Whether it may serve this group instead of another one: the user, or its own entry in
            aws.yml, names the group.
    """

    endpoint: EndpointName
    may_replace: bool = False

    @field_validator("autoscaling")
    @classmethod
    def _check_autoscaling(cls, scaling: Autoscaling | None, others: ValidationInfo) -> Autoscaling | None:
        if scaling is None:
            return None
        mode, size = others.data.get("mode", "realtime"), others.data.get("serverless", Serverless())
        problem = scaling.find_problem(mode, size.max_concurrency, size.provisioned_concurrency)
        if problem is None and mode != "serverless":
            problem = find_unscalable([others.data.get("instance_type", "")])
        if problem:
            raise ValueError(problem)
        return scaling

    @field_validator("update")
    @classmethod
    def _check_update(cls, update: Update | None, others: ValidationInfo) -> Update | None:
        problem = update and update.find_problem(
            others.data.get("mode", "realtime"), others.data.get("instance_count", 1)
        )
        if problem:
            raise ValueError(problem)
        return update

    @field_validator("capture", "variants", "shadow")
    @classmethod
    def _check_what_the_mode_allows(cls, value: Any, others: ValidationInfo) -> Any:
        mode, key = others.data.get("mode", "realtime"), others.field_name
        if value and mode != "realtime" and (key != "capture" or mode == "serverless"):
            raise ValueError(f"SageMaker has no `{key}` on {mode} endpoints")
        return value

    @field_validator("variants")
    @classmethod
    def _check_variants(
        cls, variants: Mapping[str, VariantSettings], others: ValidationInfo
    ) -> Mapping[str, VariantSettings]:
        if variants and not any(each.weight for each in variants.values()):
            raise ValueError("all weights are 0; give one variant a weight above 0")
        types = [each.instance_type for each in variants.values() if each.instance_type]
        if others.data.get("autoscaling") and (problem := find_unscalable(types)):
            raise ValueError(f"{problem}, or leave `autoscaling` out")
        update = others.data.get("update")
        for name, each in variants.items():
            count = each.instance_count
            if update is not None and count and (problem := update.find_problem("realtime", count)):
                raise ValueError(f"with `deploy.update` and the instances of `{name}`, {problem}")
        if len(variants) > 1 and update is not None and update.strategy == "rolling":
            raise ValueError(
                "SageMaker has no `rolling` updates of several variants; choose another `update.strategy`"
            )
        return variants

    @field_validator("shadow")
    @classmethod
    def _check_shadow(cls, shadow: ShadowSettings | None, others: ValidationInfo) -> ShadowSettings | None:
        variants = others.data.get("variants", {})
        if shadow is not None and len(variants) > 1:
            raise ValueError(
                f"SageMaker has one variant beside a shadow variant, and `variants` has {len(variants)}; "
                "leave one of them, or leave `shadow` out"
            )
        if shadow is not None and SHADOW in variants:
            raise ValueError(f"`{SHADOW}` is the name of the shadow variant; rename the one in `variants`")
        return shadow


_MAX_MEGABYTES_AT_ONCE = 100
"""SageMaker's limit for MaxConcurrentTransforms times MaxPayloadInMB.

Source: "MaxPayloadInMB" of CreateTransformJob in SageMaker's API reference.
"""


class Transform(JobSettings):
    """`transform:` what `kedro aws transform` reads and writes, and on what it runs.

    Attributes:
        input: A catalog entry, a local file, or an object or folder on S3 (`s3://...`).
        output: A catalog entry, or a folder on S3.
        group: The model package group whose version predicts; by default `registry.group`.
        join: Whether the predictions are put beside their inputs.
        instance_type: The instance type of the job.
        instance_count: On how many instances it runs.
        strategy: `MultiRecord` fills each request with rows; `SingleRecord` sends each row alone.
        max_payload: The size of a request in MB, at most.
        concurrency: How many requests an instance handles at once; by default, the container says.
    """

    input: Entry | None = None
    output: Entry | None = None
    group: Name | None = None
    join: bool = False
    instance_type: InstanceType = "ml.m5.large"
    instance_count: int = Field(default=1, ge=1)
    strategy: Strategy = "MultiRecord"
    max_payload: int = Field(default=6, ge=0, le=_MAX_MEGABYTES_AT_ONCE)
    concurrency: int | None = Field(default=None, ge=1)

    @field_validator("concurrency")
    @classmethod
    def _check_what_is_under_way_at_once(cls, concurrency: int | None, others: ValidationInfo) -> int | None:
        payload = others.data.get("max_payload", 0)
        if concurrency is not None and concurrency * payload > _MAX_MEGABYTES_AT_ONCE:
            raise ValueError(
                f"{concurrency} requests of {payload} MB (max_payload) are {concurrency * payload} MB at "
                f"once, and SageMaker takes {_MAX_MEGABYTES_AT_ONCE} MB; lower one of the two"
            )
        return concurrency


class Local(Section):
    """`local:` the local AWS.

    Attributes:
        port: The port on 127.0.0.1 on which it listens; 0 for any free one.
        autostart: Whether `kedro run` and `kedro aws` start it when they need it.
    """

    port: int = Field(default=0, ge=0, le=65535)
    autostart: bool = True


class Bootstrap(Section):
    """`bootstrap:` what `kedro aws bootstrap` makes besides.

    Attributes:
        access_logs: The folder in another bucket where S3 logs each request for the project's bucket.
    """

    access_logs: S3Folder | None = None


class AwsConfig(Section):
    """conf/base/aws.yml merged with conf/<env>/aws.yml.

    Attributes:
        env: The Kedro environment for which the files were merged.
        target: The AWS of that environment: `local` or `aws`.
        region: The AWS region.
        bucket: The S3 bucket of the project.
        role_arn: The role that SageMaker assumes to read the model and to write logs.
        registry: The model to register.
        deploy: The endpoints to create.
        transform: What a batch transform reads and writes, and on what it runs.
        pipelines: The pipelines that run as steps of SageMaker.
        athena: The Glue database, its tables and the Athena workgroup.
        bootstrap: What `kedro aws bootstrap` makes besides.
        overrides: Members of requests to AWS, by operation, that win over what the plugin would send.
        globals: The dynamic globals, which are computed for each run, by name.
        spark: The Spark session.
        local: The local AWS.
    """

    env: str
    target: Target
    region: Annotated[str, AfterValidator(_check_region)]
    bucket: Annotated[str, AfterValidator(_check_bucket_name)]
    role_arn: RoleArn | None = None
    registry: Registry | None = None
    deploy: DeploySection | None = None
    transform: Transform = Transform()
    pipelines: Pipelines = Pipelines()
    athena: Athena | None = None
    bootstrap: Bootstrap = Bootstrap()
    overrides: Mapping[str, Mapping[str, Any]] = {}
    globals: Mapping[GlobalName, Global] = {}
    spark: Spark = Spark()
    local: Local = Local()
