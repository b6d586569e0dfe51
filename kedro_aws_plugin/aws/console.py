"""The address of AWS's console."""

from functools import cache

_DOMAINS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""By partition; of the others nobody outside knows."""


@cache
def find_console(region: str) -> str | None:
    """Find the address of the console of a region, without a slash at its end; None if it is not known."""
    import botocore.session
    from botocore.exceptions import UnknownRegionError

    try:
        partition = botocore.session.get_session().get_partition_for_region(region)
    except UnknownRegionError:
        return None
    domain = _DOMAINS.get(partition)
    return f"https://{region}.{domain}" if domain else None
