"""The KMS keys and the networks that aws.yml names, and what IAM must allow for them.

Source: "SageMaker AI API permissions" and "How to use SageMaker AI execution roles" in SageMaker's developer
guide, "Protecting data with SSE-KMS" in S3's, "Use aliases to control access to KMS keys" in that of KMS.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kedro_aws_plugin.config import AwsConfig, find_endpoint_groups, merge_deploy
from kedro_aws_plugin.config.serving_settings import ContainerSettings, Vpc

_ALIAS_ARN = re.compile(r"(?P<start>arn:[^:]+:kms:[^:]+:\d+:)(?P<alias>alias/.+)")
_WRITES = ("PutObject", "CreateMultipartUpload")
_INTERFACES = (
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
)
_LOOKS = tuple(
    f"ec2:Describe{what}"
    for what in ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
)


@dataclass(frozen=True)
class Keys:
    """Keys as IAM names them: by their ARN, or, as no ARN of an alias is one of a key, by a condition.

    Attributes:
        arns: The ARNs of keys.
        places: The ARNs of all keys of the accounts and regions in which there are aliases.
        aliases: The aliases.
    """

    arns: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def condition(self) -> dict[str, dict[str, Any]]:
        """The condition by which a key has one of the aliases."""
        return {"ForAnyValue:StringEquals": {"kms:ResourceAliases": list(self.aliases)}}


def write_keys(names: Iterable[str], here: str) -> Keys:
    """Write keys as IAM names them.

    Args:
        names: Ids, ARNs and aliases, as aws.yml names them.
        here: How the ARNs of KMS begin in the project's region and account.
    """
    arns: dict[str, None] = {}
    places: dict[str, None] = {}
    aliases: dict[str, None] = {}
    for name in sorted(set(names)):
        elsewhere = _ALIAS_ARN.fullmatch(name)
        if elsewhere or name.startswith("alias/"):
            places[f"{elsewhere['start'] if elsewhere else here}key/*"] = None
            aliases[elsewhere["alias"] if elsewhere else name] = None
        else:
            arns[name if name.startswith("arn:") else f"{here}key/{name}"] = None
    return Keys(tuple(arns), tuple(places), tuple(aliases))


def find_volume_keys(config: AwsConfig, *, with_jobs: bool) -> list[str]:
    """Find the keys of the instances' volumes: whoever starts these gives SageMaker the use of the key.

    Args:
        config: The project's aws.yml.
        with_jobs: Whether transform jobs count besides endpoints.
    """
    settings = _list_settings(config) if with_jobs else _list_endpoints(config)
    return [each.volume_kms_key for each in settings if each.volume_kms_key]


def find_output_keys(config: AwsConfig) -> list[str]:
    """Find the key that encrypts the predictions of transform jobs."""
    return [config.transform.output_kms_key] if config.transform.output_kms_key else []


def find_object_keys(config: AwsConfig) -> list[str]:
    """Find the keys with which `overrides` lets objects be encrypted that commands put on S3."""
    found = (config.overrides.get(operation, {}).get("SSEKMSKeyId") for operation in _WRITES)
    return [key for key in found if isinstance(key, str)]


def allow_for_role(config: AwsConfig, here: str, ec2: str) -> list[dict[str, Any]]:
    """List the statements that SageMaker's role needs for keys and networks.

    Args:
        config: The project's aws.yml.
        here: How the ARNs of KMS begin in the project's region and account.
        ec2: How those of EC2 begin.
    """
    writes = ["kms:Decrypt", "kms:GenerateDataKey"]
    reads = [key for key in find_object_keys(config) if key not in find_output_keys(config)]
    statements = [
        *_allow_keys("EncryptPredictions", writes, write_keys(find_output_keys(config), here)),
        *_allow_keys("DecryptModels", ["kms:Decrypt"], write_keys(reads, here)),
    ]
    networks = [each.vpc for each in _list_settings(config) if each.vpc]
    return [*statements, *(_allow_networks(networks, ec2) if networks else [])]


def _list_endpoints(config: AwsConfig) -> list[ContainerSettings]:
    return [merge_deploy(config, {"endpoint": name}) for name in find_endpoint_groups(config)]


def _list_settings(config: AwsConfig) -> list[ContainerSettings]:
    return [*_list_endpoints(config), config.transform]


def _allow_keys(sid: str, actions: list[str], keys: Keys) -> list[dict[str, Any]]:
    allow = {"Effect": "Allow", "Action": actions}
    by_arn = [{"Sid": sid, **allow, "Resource": list(keys.arns)}] if keys.arns else []
    by_alias = {"Sid": f"{sid}ByAlias", **allow, "Resource": list(keys.places), "Condition": keys.condition}
    return [*by_arn, *([by_alias] if keys.aliases else [])]


def _allow_networks(networks: list[Vpc], ec2: str) -> list[dict[str, Any]]:
    interfaces = f"{ec2}network-interface/*"
    subnets = {f"{ec2}subnet/{name}" for each in networks for name in each.subnets}
    groups = {f"{ec2}security-group/{name}" for each in networks for name in each.security_groups}
    return [
        {
            "Sid": "JoinTheNetwork",
            "Effect": "Allow",
            "Action": ["ec2:CreateNetworkInterface"],
            "Resource": [interfaces, *sorted(groups), *sorted(subnets)],
        },
        {
            "Sid": "UseAndLeaveTheNetwork",
            "Effect": "Allow",
            "Action": list(_INTERFACES),
            "Resource": [interfaces],
        },
        {"Sid": "LookAtNetworks", "Effect": "Allow", "Action": list(_LOOKS), "Resource": "*"},
    ]
