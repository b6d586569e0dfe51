"""Look at an account for `kedro aws doctor`: its clock, bucket, role and quotas. Changes nothing."""

import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatch
from typing import Any, Literal
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from botocore.regions import EndpointResolver
from botocore.utils import get_environ_proxies

from kedro_aws_plugin.aws.errors import get_error_code, translate_errors
from kedro_aws_plugin.aws.s3 import observe_bucket
from kedro_aws_plugin.aws.session import Aws

_HTTPS = 443
_SECONDS = 4.0
_CLASSIC_REGION = "us-east-1"
_OLD_NAMES = {"EU": "eu-west-1"}
"""What S3 calls the region of buckets that were made long ago."""
_SETTINGS = 4
"""A bucket that blocks all public access has so many settings that are on."""


@dataclass(frozen=True)
class BucketReport:
    """What a bucket is like.

    Attributes:
        state: Whether it exists: in this account, in another one, or not.
        region: Where it is.
        is_private: Whether the bucket blocks all public access.
        encryption: How S3 encrypts new objects, such as `AES256`; None if it does not.
    """

    state: Literal["absent", "own", "foreign"]
    region: str = ""
    is_private: bool = False
    encryption: str | None = None


def can_reach(region: str) -> bool:
    """Tell whether AWS, or the proxy on the way there, takes a connection.

    It may take a minute: how long the system looks for a name that nobody knows is not ours to limit.
    """
    endpoint = EndpointResolver(create_loader().load_data("endpoints")).construct_endpoint("sts", region)
    if endpoint is None:  # a region that botocore does not know
        return True
    url = f"https://{endpoint['hostname']}"
    place = urlsplit(get_environ_proxies(url).get("https", url))
    try:
        socket.create_connection((place.hostname or "", place.port or _HTTPS), timeout=_SECONDS).close()
    except OSError:
        return False
    return True


def measure_skew(aws: Aws, now: datetime) -> float:
    """Measure how many seconds the clock of this machine is ahead of AWS's.

    Args:
        aws: The clients.
        now: The time on this machine, with its time zone.
    """
    with translate_errors("ask AWS for the time"):
        answer = aws.sts.get_caller_identity()
    stated = answer["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    return (now - parsedate_to_datetime(stated)).total_seconds() if stated else 0.0


def report_bucket(aws: Aws, bucket: str) -> BucketReport:
    """Look at a bucket.

    Raises:
        AwsError: If that is not allowed.
    """
    with translate_errors(f"look at bucket {bucket}"):
        state = observe_bucket(aws.s3, bucket)
        if state != "own":
            return BucketReport(state)
        where = aws.s3.get_bucket_location(Bucket=bucket).get("LocationConstraint")
        return BucketReport(
            state,
            region=_OLD_NAMES.get(where, where) if where else _CLASSIC_REGION,
            is_private=_is_private(aws, bucket),
            encryption=_find_encryption(aws, bucket),
        )


def is_assumable(aws: Aws, role_arn: str) -> bool | None:
    """Tell whether SageMaker may assume a role; None if there is no such role.

    Raises:
        AwsError: If looking at it is not allowed.
    """
    name = role_arn.rpartition("/")[2]
    with translate_errors(f"look at role {name}"):
        try:
            role = aws.iam.get_role(RoleName=name)["Role"]
        except ClientError as error:
            if get_error_code(error) == "NoSuchEntity":
                return None
            raise
    stated: Any = role["AssumeRolePolicyDocument"]  # botocore parses it
    return any(_lets_sagemaker_assume(each) for each in _as_list(stated["Statement"]))


def read_quotas(aws: Aws, instance_types: Collection[str]) -> dict[str, float]:
    """Read how many instances of some types the endpoints of a region may have.

    Raises:
        AwsError: If that is not allowed.
    """
    names = {f"{each} for endpoint usage": each for each in instance_types}
    with translate_errors("read the quotas of SageMaker"):
        pages = aws.quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
        every = {each["QuotaName"]: each["Value"] for page in pages for each in page["Quotas"]}
    return {kind: every[name] for name, kind in names.items() if name in every}


def _is_private(aws: Aws, bucket: str) -> bool:
    try:
        block = aws.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if get_error_code(error) == "NoSuchPublicAccessBlockConfiguration":
            return False
        raise
    return len(block) == _SETTINGS and all(block.values())


def _find_encryption(aws: Aws, bucket: str) -> str | None:
    try:
        stated = aws.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    except ClientError as error:
        if get_error_code(error) == "ServerSideEncryptionConfigurationNotFoundError":
            return None
        raise
    applied = [rule.get("ApplyServerSideEncryptionByDefault") for rule in stated["Rules"]]
    return next((each["SSEAlgorithm"] for each in applied if each), None)


def _lets_sagemaker_assume(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    services = principal.get("Service", []) if isinstance(principal, Mapping) else []
    return (
        statement.get("Effect") == "Allow"
        and any(fnmatch("sts:assumerole", each.lower()) for each in _as_list(statement.get("Action", [])))
        and "sagemaker.amazonaws.com" in _as_list(services)
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
