"""What the commands and the runs of a project reach: its names in AWS, and its folders on S3."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from kedro_aws_plugin.config import AwsConfig, find_endpoint_groups, merge_deploy
from kedro_aws_plugin.config.asynchronous import Async
from kedro_aws_plugin.config.sections import find_variant_groups
from kedro_aws_plugin.plan.bootstrap import get_stack_name
from kedro_aws_plugin.plan.policy.callers import DataUse

_LONGEST_ROLE = 64
_ROLE_SUFFIX = "-SageMakerRole-"
_STATES_SUFFIX = "-StatesRole-"
_RANDOM = 12
"""CloudFormation ends a role's name with so many characters, and cuts what precedes them to fit."""
_SECRET_ARN = re.compile(r"arn:[^:]+:secretsmanager:.*")
_PARAMETER_ARN = re.compile(r"arn:[^:]+:ssm:.*")
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[^/]+/([^:@]+).*")
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
"""The partitions by how the names of their regions begin. Source: partitions.json of botocore."""


@dataclass(frozen=True)
class Data:
    """What the catalog holds on AWS.

    Attributes:
        uses: What a run needs permissions for.
        read: The S3 URIs that are read: a folder ends in a slash.
        written: Those that are written.
        replaced: Those in which a save deletes what was there before.
        databases: The Glue databases that queries read.
        tables: The tables that a run saves, as `database/table`.
        workgroups: The Athena workgroups.
        groups: The model package groups that entries name.
        images: The images of the user's own that entries name.
    """

    uses: frozenset[DataUse] = frozenset()
    read: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    replaced: frozenset[str] = frozenset()
    databases: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()
    workgroups: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reach:
    """A project in an account.

    Attributes:
        config: The project's aws.yml.
        project: Its Python package, which the tags name.
        account: The account id.
        role: The ARN of SageMaker's role, or a pattern for it.
        data: What its catalog holds.
    """

    config: AwsConfig
    project: str
    account: str
    role: str
    data: Data = field(default_factory=Data)

    @property
    def partition(self) -> str:
        """The partition of the project's region."""
        return find_partition(self.config.region)

    @property
    def states_role(self) -> str:
        """A pattern for the role that `kedro aws bootstrap` makes for Step Functions."""
        return _make_pattern(self.config, self.account, _STATES_SUFFIX)[0]

    @property
    def is_states_role_cut(self) -> bool:
        """Whether CloudFormation shortens the name of that role, so that the pattern does not name it."""
        return not _make_pattern(self.config, self.account, _STATES_SUFFIX)[1]

    @property
    def groups(self) -> list[str]:
        """The model package groups of aws.yml and of the catalog."""
        config = self.config
        named = {config.registry.group if config.registry else None, config.transform.group}
        named |= {*find_endpoint_groups(config).values(), *find_variant_groups(config), *self.data.groups}
        return sorted(name for name in named if name)

    @property
    def images(self) -> list[str]:
        """The images of the user's own, of aws.yml and of the catalog."""
        stated = self.config.registry.image if self.config.registry else None
        return sorted({*self.data.images, *([stated] if stated else [])})

    @property
    def endpoints(self) -> list[str]:
        """The endpoints of aws.yml."""
        return sorted(find_endpoint_groups(self.config))

    @property
    def queues(self) -> dict[str, Async]:
        """The asynchronous endpoints of aws.yml, with their folders."""
        every = {name: merge_deploy(self.config, {"endpoint": name}) for name in self.endpoints}
        return {name: deploy.async_ for name, deploy in every.items() if deploy.mode == "async"}

    def arns(self, service: str, kind: str, names: Iterable[str]) -> list[str]:
        """Write the ARNs of things in the project's region and account."""
        start = f"arn:{self.partition}:{service}:{self.config.region}:{self.account}:{kind}"
        return [f"{start}{name}" for name in names]

    def objects(self, uris: Collection[str]) -> list[str]:
        """Write the ARNs of the objects at S3 URIs, and in those that are folders."""
        ends = {uri: f"{uri}*" if uri.endswith("/") else uri for uri in merge_folders(uris)}
        return [f"arn:{self.partition}:s3:::{each.removeprefix('s3://')}" for each in ends.values()]

    def own(self, *folders: str) -> set[str]:
        """Write the URIs of folders of the project's bucket."""
        return {f"s3://{self.config.bucket}/{folder}" for folder in folders}

    def in_bucket(self, uris: Collection[str]) -> set[str]:
        """Choose the URIs that are in the project's bucket."""
        return {uri for uri in uris if uri.startswith(f"s3://{self.config.bucket}/")}


def find_partition(region: str) -> str:
    """Find the partition of a region: the second part of each ARN. China, GovCloud and others are apart.

    Example:
        >>> find_partition("cn-north-1")
        'aws-cn'
    """
    return next((kind for start, kind in _PARTITIONS.items() if region.startswith(start)), "aws")


def make_role_pattern(config: AwsConfig, account: str) -> tuple[str, bool]:
    """Make a pattern for the role that `kedro aws bootstrap` makes.

    Returns:
        The ARN with `*`, and whether CloudFormation keeps the whole name of the stack in it.
    """
    return _make_pattern(config, account, _ROLE_SUFFIX)


def _make_pattern(config: AwsConfig, account: str, suffix: str) -> tuple[str, bool]:
    start = f"{get_stack_name(config.bucket)}{suffix}"
    arn = f"arn:{find_partition(config.region)}:iam::{account}:role/{start}*"
    return arn, len(start) + _RANDOM <= _LONGEST_ROLE


def merge_folders(uris: Collection[str]) -> list[str]:
    """Leave out what lies in a folder that is listed too."""
    folders = [uri for uri in uris if uri.endswith("/")]
    return sorted(
        uri for uri in set(uris) if not any(uri != other and uri.startswith(other) for other in folders)
    )


def get_secret_resource(reach: Reach, name: str) -> str:
    """Write the ARN of a secret: Secrets Manager ends it with a hyphen and six characters."""
    return (
        name
        if _SECRET_ARN.fullmatch(name)
        else reach.arns("secretsmanager", "secret:", [f"{name}-??????"])[0]
    )


def find_repository_resource(reach: Reach, image: str) -> str | None:
    """Find the ARN of the repository of an image in ECR; None for an image that is elsewhere."""
    if (found := _ECR.fullmatch(image)) is None:
        return None
    account, region, repository = found.groups()
    return f"arn:{reach.partition}:ecr:{region}:{account}:repository/{repository}"


def get_parameter_resource(reach: Reach, name: str) -> str:
    """Write the ARN of a parameter of Systems Manager."""
    if _PARAMETER_ARN.fullmatch(name):
        return name
    return reach.arns("ssm", "parameter/", [name.removeprefix("/")])[0]
