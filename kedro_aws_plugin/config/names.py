"""AWS's rules for names, as sentences about what is wrong.

Standard library only: the starter's check of `kedro new` uses them too.
"""

import difflib
import re

_IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_REGION = re.compile(
    r"[a-z]{2,4}(-[a-z]+)?-(north|south|east|west|central|(north|south)(east|west))-[0-9]{1,2}"
)
_REGIONS = (  # the most used, to name the nearest to a wrong one
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "us-gov-west-1", "ca-central-1", "sa-east-1"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-east-1"),
    *("me-central-1", "il-central-1", "af-south-1", "cn-north-1", "cn-northwest-1"),
)


def find_bucket_problem(name: str) -> str | None:
    """Say which of S3's rules for general purpose buckets a name breaks, as what S3 wants instead."""
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
    """Know a region by its form, since AWS opens new ones; name the nearest of the known to a wrong one."""
    if _REGION.fullmatch(name):
        return None
    nearest = difflib.get_close_matches(name.lower(), _REGIONS, n=1) or ["eu-west-1"]
    return f"not an AWS region; regions look like {nearest[0]}"
