"""Pages of what SageMaker's operations on pipelines list."""

from typing import Any

from local_aws.protocol.aws_json import Params
from local_aws.protocol.resources import Resource, decode_position, encode_position

_DEFAULT_PAGE = 10


def list_page(result: str, found: list[Resource], params: Params, key: tuple[str, str]) -> Params:
    """Make one page of what was created in the asked time, the last first unless told otherwise.

    Args:
        result: The member of the response that has the list.
        found: What there is.
        params: The request.
        key: The members that decide the order.

    Returns:
        The members of the response, with a NextToken if more follow.
    """
    after, before = params.get("CreatedAfter", 0), params.get("CreatedBefore", float("inf"))
    wanted = [each for each in found if after < _find_time(each) < before]

    def place(each: Resource) -> list[Any]:
        return [each.get(name, 0) for name in key]

    descending = params.get("SortOrder", "Descending") == "Descending"
    wanted.sort(key=place, reverse=descending)
    if "NextToken" in params:
        last = decode_position(params["NextToken"])
        wanted = [each for each in wanted if (place(each) < last if descending else place(each) > last)]
    size = params.get("MaxResults", _DEFAULT_PAGE)
    token = encode_position(place(wanted[size - 1])) if len(wanted) > size else None
    return {result: wanted[:size], "NextToken": token}


def _find_time(each: Resource) -> float:
    return float(each.get("CreationTime") or each.get("StartTime") or 1)
