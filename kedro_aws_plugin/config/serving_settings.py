"""How models are run on AWS: keys, network, environment, timeouts and tags of endpoints and of transforms."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from kedro_aws_plugin.config.fields import Section, match_pattern

_MAX_TAGS = 40
"""Of the 50 tags that AWS takes, an endpoint needs ten for what the plugin keeps there."""

_MAX_ENVIRONMENT = 1024
"""The characters of a variable of a model.

Source: EnvironmentValue in botocore's model of SageMaker.
"""

_KEPT_VARIABLES = {
    **dict.fromkeys(
        ("SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY", "SAGEMAKER_REGION"),
        "`kedro aws register-model` sets it for each version",
    ),
    **dict.fromkeys(("SAGEMAKER_BASE_DIR", "SM_MODEL_DIR"), "the container sets it"),
    **dict.fromkeys(
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        "the container has the credentials of its role (`role_arn`)",
    ),
}

_KEY_ID = r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"
_ALIAS = r"alias/[a-zA-Z0-9/_-]{1,250}"
KmsKey = Annotated[
    str,
    match_pattern(
        rf"{_KEY_ID}|{_ALIAS}|arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{{12}}:(key/{_KEY_ID}|{_ALIAS})",
        "a KMS key: its id, its ARN, or an alias like alias/my-key",
    ),
]
SubnetId = Annotated[
    str,
    match_pattern(r"subnet-[0-9a-f]{8,17}", "the id of a subnet; one looks like subnet-0a1b2c3d4e5f60718"),
]
SecurityGroupId = Annotated[
    str,
    match_pattern(r"sg-[0-9a-f]{8,17}", "the id of a security group; one looks like sg-0a1b2c3d4e5f60718"),
]


def _refuse_other_types(value: Any) -> Any:
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(item, str):
                raise ValueError(f"the value of `{name}` is `{item}`, which is no text; write it in quotes")
    return value


def _check_environment(variables: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in variables.items():
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]{0,1023}", name):
            raise ValueError(
                f"`{name}` is not the name of a variable: letters, digits and underscores, no digit first"
            )
        if name in _KEPT_VARIABLES:
            raise ValueError(f"`{name}` cannot be set here: {_KEPT_VARIABLES[name]}")
        if name.startswith("KEDRO_AWS_"):
            raise ValueError(
                f"`{name}` cannot be set here: names that begin with KEDRO_AWS_ are the plugin's"
            )
        if len(value) > _MAX_ENVIRONMENT:
            raise ValueError(
                f"the value of `{name}` has {len(value)} characters, and SageMaker takes {_MAX_ENVIRONMENT}"
            )
    return variables


def _check_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    for key, value in tags.items():
        if key.lower().startswith(("aws:", "kedro-aws:")):
            prefix = key.partition(":")[0].lower()
            owner = "AWS" if prefix == "aws" else "the plugin"
            raise ValueError(
                f"the tag `{key}` cannot be set: tags that begin with {prefix}: are {owner}'s own"
            )
        for text, limit in ((key, 128), (value, 256)):
            if len(text) > limit or not re.fullmatch(r"[\w\s.:/=+@-]*", text) or not key.strip():
                raise ValueError(
                    f"the tag `{key}: {value}` is not one that AWS takes: a key of 1 to 128 characters and a "
                    "value of up to 256; letters, digits, spaces and _ . : / = + - @"
                )
    return tags


Environment = Annotated[
    Mapping[str, str], BeforeValidator(_refuse_other_types), AfterValidator(_check_environment)
]
OwnTags = Annotated[Mapping[str, str], BeforeValidator(_refuse_other_types), AfterValidator(_check_tags)]


class Vpc(Section):
    """`deploy.vpc:`, `transform.vpc:` the network in which the containers run.

    Attributes:
        subnets: The ids of the subnets.
        security_groups: The ids of the security groups.
    """

    subnets: tuple[SubnetId, ...] = Field(min_length=1, max_length=16)
    security_groups: tuple[SecurityGroupId, ...] = Field(min_length=1, max_length=5)


class ContainerSettings(Section):
    """How the containers of an endpoint, or of a transform job, are run.

    Attributes:
        vpc: The network in which they run; by default SageMaker's own.
        network_isolation: Whether they have no network at all.
        environment: Variables of the containers.
        volume_kms_key: The key that encrypts the volumes of the instances; by default AWS's own.
        tags: Tags of what is created, besides the plugin's own.
    """

    vpc: Vpc | None = None
    network_isolation: bool = False
    environment: Environment = Field(default={}, max_length=100)
    volume_kms_key: KmsKey | None = None
    tags: OwnTags = Field(default={}, max_length=_MAX_TAGS)


class HostingSettings(ContainerSettings):
    """How the containers of an endpoint are run.

    Attributes:
        volume_gb: The size of each instance's volume in GB; by default, the instance type says.
        startup_timeout: How many seconds a container may take until it answers `/ping`.
        download_timeout: How many seconds the model's download may take.
    """

    volume_gb: int | None = Field(default=None, ge=1, le=512)
    startup_timeout: int | None = Field(default=None, ge=60, le=3600)
    download_timeout: int | None = Field(default=None, ge=60, le=3600)


class JobSettings(ContainerSettings):
    """How the containers of a transform job are run.

    Attributes:
        environment: Variables of the containers.
        output_kms_key: The key that encrypts the predictions on S3; by default, the bucket's.
    """

    environment: Environment = Field(default={}, max_length=16)
    output_kms_key: KmsKey | None = None


def find_conflict(settings: HostingSettings, mode: str, instance_type: str) -> tuple[str, str] | None:
    """Find a key that SageMaker does not take on such an endpoint.

    Args:
        settings: The endpoint's settings.
        mode: The endpoint's mode.
        instance_type: The type of its instances.

    Returns:
        The key and the reason; None if there is none. The reasons are from "Feature exclusions" of Serverless
        Inference and from `KmsKeyId` of CreateEndpointConfig in AWS's documentation.
    """
    if mode == "serverless":
        for key, what in (("vpc", "in a VPC"), ("network_isolation", "with network isolation")):
            if getattr(settings, key):
                return key, f"SageMaker runs no serverless endpoint {what}"
        if settings.volume_gb is not None:
            return "volume_gb", "a serverless endpoint has no instances, and so no volumes"
        return None
    if settings.volume_kms_key is not None and has_local_storage(instance_type):
        return "volume_kms_key", explain_local_storage(instance_type)
    return None


def explain_local_storage(instance_type: str) -> str:
    """Say why the disks of an instance type take no key."""
    return (
        f"the disks of {instance_type} are built in and encrypted by their hardware, and SageMaker takes no "
        "key for them"
    )


def has_local_storage(instance_type: str) -> bool:
    """Tell whether an instance type has disks of its own: m5d, c6gd, g4dn, g5, p4d, p5."""
    family = instance_type.removeprefix("ml.").partition(".")[0]
    return bool(re.fullmatch(r"[a-z]+\d+[a-z]*d[a-z]*|g[56]e?|p5[a-z]*|trn\d.*", family))
