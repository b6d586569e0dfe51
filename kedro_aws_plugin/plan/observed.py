"""What AWS has now, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

IN_SERVICE = "InService"
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack"})
APPROVED = "Approved"
REJECTED = "Rejected"
COMPLETED = "Completed"
PENDING = "PendingManualApproval"


@dataclass(frozen=True)
class ModelPackage:
    """A registered version of a model.

    Attributes:
        arn: Its ARN.
        group: Its model package group.
        version: 1, 2, ... within the group.
        approval: Approved, Rejected or PendingManualApproval.
        description: As `register-model` wrote it; names the content.
        created: When it was registered, ISO 8601.
        status: Completed, or one of Pending, InProgress, Failed and Deleting.
    """

    arn: str
    group: str
    version: int
    approval: str
    description: str
    created: str
    status: str = COMPLETED


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
class Endpoint:
    """An endpoint as DescribeEndpoint shows it.

    Attributes:
        name: Its name.
        status: InService, Creating, Updating, Failed, ...
        config_name: The endpoint config that serves.
        failure: Why the last creation or update failed.
        pending_config: The config that an update under way leads to.
        serverless: Whether it runs without instances.
        tags: What it is tagged with; None where nobody looked.
    """

    name: str
    status: str
    config_name: str
    failure: str | None = None
    pending_config: str | None = None
    serverless: bool = False
    tags: Mapping[str, str] | None = None

    @property
    def coming(self) -> str:
        """The config that serves once the change under way is over."""
        return self.pending_config or self.config_name


@dataclass(frozen=True)
class Serving:
    """What of a deployment exists.

    Attributes:
        endpoint: The endpoint, if there is one.
        model_exists: Whether the wanted model exists.
        config_exists: Whether the wanted endpoint config exists.
    """

    endpoint: Endpoint | None
    model_exists: bool
    config_exists: bool


@dataclass(frozen=True)
class Deployed:
    """What an endpoint serves: endpoint -> config -> model -> package.

    Attributes:
        endpoint: The endpoint.
        package: The ARN of the package it serves.
        variant: The production variant, as DescribeEndpointConfig shows it.
    """

    endpoint: Endpoint
    package: str | None
    variant: str


@dataclass(frozen=True)
class Owned:
    """Everything in AWS that carries a project's tags.

    Attributes:
        endpoints: Endpoints.
        configs: Names of endpoint configs.
        models: Names of models.
        groups: Model package groups with their versions.
        objects: Keys in the project's bucket.
    """

    endpoints: tuple[Endpoint, ...] = ()
    configs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    groups: tuple[RegisteredGroup, ...] = ()
    objects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stack:
    """A CloudFormation stack.

    Attributes:
        name: Its name.
        status: CREATE_COMPLETE, UPDATE_IN_PROGRESS, ROLLBACK_COMPLETE, ...
        template: Its template; None where nobody looked.
        tags: What it is tagged with.
        outputs: Its outputs, by name.
        reason: What CloudFormation says about the status.
    """

    name: str
    status: str
    template: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class Foundation:
    """What of a project's stack, bucket and raw data exists.

    Attributes:
        stack: The stack, if there is one.
        bucket: Whether a bucket of that name exists in this account, in another one, or not at all.
        keys: The keys of the raw data that is on S3.
    """

    stack: Stack | None = None
    bucket: Literal["absent", "own", "foreign"] = "absent"
    keys: frozenset[str] = frozenset()
