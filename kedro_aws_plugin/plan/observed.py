"""What exists on AWS now, as values."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from kedro_aws_plugin.plan.tags import find_former

IN_SERVICE = "InService"
DELETING = "Deleting"
NOT_DEPLOYED = "not deployed"
MISSING = "missing"
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
APPROVED = "Approved"
REJECTED = "Rejected"
COMPLETED = "Completed"
FAILED = "Failed"
PENDING = "PendingManualApproval"
NO_REQUIREMENTS = "none"
BUNDLED = "bundled"
BY_PIP = "pip"
METRIC = "metric."
"""How the names of properties begin that are metrics."""


@dataclass(frozen=True)
class ModelPackage:
    """A registered version of a model.

    Attributes:
        arn: Its ARN.
        group: Its model package group.
        version: 1, 2, ... within the group.
        approval: Approved, Rejected or PendingManualApproval.
        description: As `register-model` wrote it; it has the digest of the content.
        created: When it was registered, ISO 8601.
        status: Completed, or one of Pending, InProgress, Failed and Deleting.
        signature: The model's input and output; None if it has none, or if it was not looked up.
        properties: The metrics and the lineage that were registered with it; empty if not looked up.
    """

    arn: str
    group: str
    version: int
    approval: str
    description: str
    created: str
    status: str = COMPLETED
    signature: Mapping[str, Any] | None = None
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """Its metrics by name."""
        stated = {name: value for name, value in self.properties.items() if name.startswith(METRIC)}
        found: dict[str, float] = {}
        for name, value in sorted(stated.items()):
            with suppress(ValueError):  # another tool's words
                found[name.removeprefix(METRIC)] = float(value)
        return found

    @property
    def requirements(self) -> str | None:
        """How a container gets its requirements: `none`, `bundled` or `pip`; None if that is not recorded."""
        return self.properties.get("requirements")

    @property
    def lineage(self) -> dict[str, str]:
        """What it was made from: the properties that are no metrics."""
        return {name: value for name, value in sorted(self.properties.items()) if not name.startswith(METRIC)}


@dataclass(frozen=True)
class RegisteredGroup:
    """A model package group with its versions, the newest first.

    Attributes:
        name: Its name.
        exists: Whether AWS has it.
        packages: Its versions, the newest first.
    """

    name: str
    exists: bool
    packages: tuple[ModelPackage, ...] = ()


@dataclass(frozen=True)
class Stage:
    """The stage of an endpoint's update.

    Attributes:
        status: AWS's VariantStatus: Creating, ActivatingTraffic, Baking, ...
        began: When the stage began, ISO 8601.
    """

    status: str
    began: str = ""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as DescribeEndpoint shows it.

    Attributes:
        name: Its name.
        status: InService, Creating, Updating, Failed, ...
        config_name: The endpoint config that serves.
        failure: Why the last creation or update failed.
        pending_config: The config that it serves after the update under way.
        serverless: Whether it runs without instances.
        asynchronous: Whether its requests wait in a queue.
        tags: Its tags; None if they were not looked up.
        arn: Its ARN.
        stage: The stage of the update under way, if AWS shows one.
        weights: The weights that its variants have, or come to, by their names.
        counts: The instances that its variants have, or come to, by their names; none of serverless ones.
    """

    name: str
    status: str
    config_name: str
    failure: str | None = None
    pending_config: str | None = None
    serverless: bool = False
    asynchronous: bool = False
    tags: Mapping[str, str] | None = None
    arn: str = ""
    stage: Stage | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def coming(self) -> str:
        """The config that it serves once the change under way is over."""
        return self.pending_config or self.config_name


@dataclass(frozen=True)
class Sample:
    """A payload, and what the model answered to it before it was registered.

    Attributes:
        body: Rows as CSV with a header.
        answer: The model's answer, as JSON.
    """

    body: bytes
    answer: bytes


@dataclass(frozen=True)
class Former:
    """The endpoint config to go back to if the wanted one fails its check.

    Attributes:
        config_name: Its name.
        samples: The samples of the versions that have one, by the name of the variant.
    """

    config_name: str
    samples: Mapping[str, Sample] = field(default_factory=dict)


@dataclass(frozen=True)
class Scaling:
    """How a variant of an endpoint is scaled now.

    Attributes:
        dimension: What of it is scaled, as Application Auto Scaling calls it.
        least: The least instances, or provisioned concurrency.
        most: The most.
        policies: The policies by name, in AWS's form.
        has_alarm: Whether the alarm exists that wakes the endpoint when it has no instances.
        instance_type: On which instances it runs; None if it is serverless.
    """

    dimension: str
    least: int
    most: int
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    has_alarm: bool = False
    instance_type: str | None = None


@dataclass(frozen=True)
class Serving:
    """The parts of a deployment that exist.

    Attributes:
        endpoint: The endpoint, if there is one.
        models: The names of those of the wanted models that exist.
        config_exists: Whether the wanted endpoint config exists.
        former: The endpoint config that served before the wanted one, or that serves now; None if there is
            none, or if it failed its check too.
        serves: The ARNs of the packages that the endpoint serves now, if it has another config than wanted.
        config_weights: The weights of the variants in the wanted config, if it exists and has several.
        made: The endpoint configs that were made for this endpoint, each with its models, as far as they have
            the project's tags; and the needed ones with all of their models.
        in_use: The models that transform jobs use now.
        served_elsewhere: Those of the configs made that other endpoints serve, or come to serve.
        scaling: How the variants of the endpoint are scaled that are, by name.
    """

    endpoint: Endpoint | None
    models: frozenset[str]
    config_exists: bool
    former: Former | None = None
    serves: tuple[str, ...] = ()
    config_weights: Mapping[str, float] = field(default_factory=dict)
    made: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    in_use: frozenset[str] = frozenset()
    served_elsewhere: frozenset[str] = frozenset()
    scaling: Mapping[str, Scaling] = field(default_factory=dict)

    @property
    def needed_configs(self) -> frozenset[str]:
        """The endpoint configs that serve, that will serve, and that `rollback` would go back to."""
        if self.endpoint is None:
            return frozenset()
        tagged = find_former(self.endpoint.tags or {}, self.endpoint.coming)
        former = self.former.config_name if self.former else tagged
        return frozenset(filter(None, (self.endpoint.config_name, self.endpoint.coming, former)))


@dataclass(frozen=True)
class Releases:
    """What an endpoint serves, and what it served before.

    Attributes:
        endpoint: The endpoint, with its tags; None if there is none.
        serves: The ARNs of the packages that its variants serve once a change under way is over; empty if
            that cannot be told.
        former: The endpoint config that served before; None if it is not known, or failed its check.
        former_packages: The ARNs of the packages of that config; empty if that cannot be told.
        samples: The samples of the versions that it serves, by the name of the variant.
    """

    endpoint: Endpoint | None
    serves: tuple[str, ...] = ()
    former: Former | None = None
    former_packages: tuple[str, ...] = ()
    samples: Mapping[str, Sample] = field(default_factory=dict)


@dataclass(frozen=True)
class Variant:
    """What an endpoint config serves, and on what.

    Attributes:
        model: The name of the model.
        mode: `realtime` (instances), `async` (instances with a queue) or `serverless`.
        instance_type: The instance type, unless it is serverless.
        instance_count: How many instances it has, unless it is serverless.
        memory_mb: The memory of a serverless endpoint in MB.
        max_concurrency: How many requests a serverless endpoint handles at once.
        capture_percent: So many of 100 requests are captured; None if data capture is off.
        capture_destination: The S3 URI below which they are.
        name: Its name.
        weight: Its share of the requests, relative to the other variants'.
        shadow: Whether it only gets copies of requests.
    """

    model: str
    mode: str
    instance_type: str | None = None
    instance_count: int | None = None
    memory_mb: int | None = None
    max_concurrency: int | None = None
    capture_percent: int | None = None
    capture_destination: str | None = None
    name: str = "AllTraffic"
    weight: float = 1.0
    shadow: bool = False


@dataclass(frozen=True)
class Deployed:
    """An endpoint, and the package that it serves: endpoint -> config -> model -> package.

    Attributes:
        endpoint: The endpoint.
        package: The ARN of the package it serves; "" or None if that cannot be told.
        variant: On what it serves; None if its config is gone. Of several variants, the first.
        others: Its other variants, each with the ARN of its package; the shadow variant is the last.
    """

    endpoint: Endpoint
    package: str | None
    variant: Variant | None
    others: tuple[tuple[Variant, str | None], ...] = ()


@dataclass(frozen=True)
class VariantReport:
    """A variant of an endpoint, as `kedro aws status` shows it.

    Attributes:
        name: Its name.
        group: The model package group that it serves.
        version: The version that it serves.
        package: The ARN of that version.
        weight: Its weight.
        share: The share of the requests that it gets, at most 1; of a shadow variant, that of the copies.
        shadow: Whether it only gets copies of requests.
        instance_type: Its instance type.
        instance_count: How many instances it has.
    """

    name: str
    group: str | None = None
    version: int | None = None
    package: str | None = None
    weight: float = 1.0
    share: float = 1.0
    shadow: bool = False
    instance_type: str | None = None
    instance_count: int | None = None


@dataclass(frozen=True)
class Difference:
    """A key of aws.yml whose value is not what runs.

    Attributes:
        key: The key, such as `deploy.instance_type`; AWS's name of a member that has no key.
        wanted: The value in aws.yml, or its default; None for nothing.
        runs: What runs; None for nothing.
    """

    key: str
    wanted: Any
    runs: Any


@dataclass(frozen=True)
class Figures:
    """What a variant of an endpoint was asked in the last hour.

    Attributes:
        variant: The variant.
        requests: How many requests it got.
        errors_4xx: How many of them its model answered with a status 4xx.
        errors_5xx: How many of them its model answered with a status 5xx.
        p50_ms: Half of the answers took the model at most so long, in milliseconds; None if it is not known.
        p99_ms: 99 of 100 answers took the model at most so long, in milliseconds; None if it is not known.
    """

    variant: str
    requests: int
    errors_4xx: int
    errors_5xx: int
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True)
class EndpointReport:
    """An endpoint of the project, as `kedro aws status` shows it.

    Attributes:
        name: Its name.
        status: AWS's status; `not deployed`, or `missing` if it was deployed and is gone.
        group: The model package group that it serves, or that aws.yml names for it.
        version: The version that it serves.
        package: The ARN of that version.
        mode: `realtime`, `async` or `serverless`.
        instance_type: The instance type, unless it is serverless.
        instance_count: How many instances it has, unless it is serverless.
        memory_mb: The memory of a serverless endpoint in MB.
        max_concurrency: How many requests a serverless endpoint handles at once.
        capture_percent: So many of 100 requests are captured; None if data capture is off.
        capture_destination: The S3 URI below which they are.
        config: The endpoint config that serves.
        pending_config: The endpoint config that serves after the update under way.
        failure: Why the last creation, update or check of what it serves failed.
        drift: What differs between aws.yml and what runs.
        variants: Its variants, the shadow one last; `group`, `version` and the size are those of the first.
        last_hour: What each variant was asked in the last hour; empty if nothing, or if it was not looked up.
    """

    name: str
    status: str
    group: str | None = None
    version: int | None = None
    package: str | None = None
    mode: str | None = None
    instance_type: str | None = None
    instance_count: int | None = None
    memory_mb: int | None = None
    max_concurrency: int | None = None
    capture_percent: int | None = None
    capture_destination: str | None = None
    config: str | None = None
    pending_config: str | None = None
    failure: str | None = None
    drift: tuple[Difference, ...] = ()
    variants: tuple[VariantReport, ...] = ()
    last_hour: tuple[Figures, ...] = ()

    @property
    def is_broken(self) -> bool:
        """Whether somebody has to look at it: it failed, or it is gone though nobody destroyed it."""
        if self.status in BUSY or self.status in (DELETING, NOT_DEPLOYED):
            return False
        return self.status != IN_SERVICE or self.failure is not None


@dataclass(frozen=True)
class Schedule:
    """A schedule of EventBridge Scheduler that starts a pipeline.

    Attributes:
        name: Its name.
        group: Its group.
        definition: When it starts what: the request that made it but for the other attributes.
        role_arn: The role that starts the pipeline.
        start: The request that starts the pipeline; empty if it is none of ours.
        state: ENABLED or DISABLED.
        changed: When it was last changed, in ISO 8601.
    """

    name: str
    group: str
    definition: Mapping[str, Any]
    role_arn: str
    start: Mapping[str, Any]
    state: str
    changed: str = ""


@dataclass(frozen=True)
class ScheduleGroup:
    """The schedules of a project's environment.

    Attributes:
        name: The name of their group.
        created: When it was made, in ISO 8601.
        schedules: Its schedules.
    """

    name: str
    created: str = ""
    schedules: tuple[Schedule, ...] = ()

    def find(self, name: str) -> Schedule | None:
        """Find a schedule by its name."""
        return next((each for each in self.schedules if each.name == name), None)


@dataclass(frozen=True)
class Owned:
    """Everything on AWS that carries a project's tags.

    Attributes:
        endpoints: Endpoints.
        configs: Names of endpoint configs.
        models: Names of models.
        groups: Model package groups with their versions.
        objects: Keys in the project's bucket.
        served: The models of each endpoint's config, by the config's name.
        foreign: Endpoints that were looked up by their name and lack the tags.
        pipelines: SageMaker pipelines, each with the time of its creation.
        job_objects: Keys of jobs, requests and runs in the project's bucket.
        scaled: How the variants of the endpoints are scaled that are, by the endpoint's name and their own.
        schedules: The schedules that start pipelines; None if there never was one.
        state_machines: The ARNs of state machines.
        applications: Applications of EMR Serverless, each with its state.
        running: The ids of the runs of the pipelines that have not ended.
    """

    endpoints: tuple[Endpoint, ...] = ()
    configs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    groups: tuple[RegisteredGroup, ...] = ()
    objects: tuple[str, ...] = ()
    served: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()
    pipelines: Mapping[str, str] = field(default_factory=dict)
    job_objects: tuple[str, ...] = ()
    scaled: Mapping[str, Mapping[str, Scaling]] = field(default_factory=dict)
    schedules: ScheduleGroup | None = None
    state_machines: tuple[str, ...] = ()
    applications: Mapping[str, str] = field(default_factory=dict)
    running: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stack:
    """A CloudFormation stack.

    Attributes:
        name: Its name.
        status: CREATE_COMPLETE, UPDATE_IN_PROGRESS, ROLLBACK_COMPLETE, ...
        template: Its template; None if it was not looked up.
        tags: Its tags.
        outputs: Its outputs, by name.
        reason: CloudFormation's reason for the status.
    """

    name: str
    status: str
    template: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Foundation:
    """The parts of a project's stack, bucket and raw data that exist.

    Attributes:
        stack: The stack, if there is one.
        bucket: Whether a bucket of that name exists in this account, in another one, or not at all.
        keys: The keys of the raw data that is on S3.
    """

    stack: Stack | None = None
    bucket: Literal["absent", "own", "foreign"] = "absent"
    keys: frozenset[str] = frozenset()
