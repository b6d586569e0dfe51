"""AWS's rules for names, as sentences about what is wrong with one. The starters use them too."""

import re

from kedro_aws_plugin.errors import suggest

_IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_REGION = re.compile(
    r"[a-z]{2,4}(-[a-z]+)?-(north|south|east|west|central|(north|south)(east|west))-[0-9]{1,2}"
)
_REGIONS = (  # the most used, to suggest one instead of a wrong one
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "us-gov-west-1", "ca-central-1", "sa-east-1"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-east-1"),
    *("me-central-1", "il-central-1", "af-south-1", "cn-north-1", "cn-northwest-1"),
)


def is_sagemaker_name(name: str) -> bool:
    """Tell whether a thing of SageMaker's can have this name: others than ours may have upper case in it.

    Source: the pattern of ModelPackageGroupName, EndpointName and TransformJobName in the API reference.
    """
    return re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name) is not None


def find_bucket_problem(name: str) -> str | None:
    """Say what S3 requires of a bucket's name and this one does not have; None if the name is valid.

    The rules are those of general purpose buckets.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
        return "3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at both ends"
    if ".." in name or _IP_ADDRESS.fullmatch(name):
        return "no two dots in a row and no IP address"
    if name.startswith(_RESERVED_PREFIXES):
        return f"none of the reserved prefixes {', '.join(_RESERVED_PREFIXES)}"
    if name.endswith(_RESERVED_SUFFIXES):
        return f"none of the reserved suffixes {', '.join(_RESERVED_SUFFIXES)}"
    return None


def find_region_problem(name: str) -> str | None:
    """Say that a name is not one of AWS's regions, and suggest one.

    Any name in the form of a region is accepted, since AWS opens new ones.
    """
    if _REGION.fullmatch(name):
        return None
    return f"not an AWS region{suggest(name.lower(), _REGIONS, otherwise='; one looks like eu-west-1')}"
