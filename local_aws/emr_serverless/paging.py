"""Pages of what is listed."""

from local_aws.emr_serverless.store import Resource
from local_aws.protocol.aws_json import Params
from local_aws.protocol.messages import invalid

_PAGE = 50


def make_page(found: list[Resource], id_member: str, params: Params) -> tuple[list[Resource], str | None]:
    """Take one page of a list: what follows the one that nextToken names.

    Returns:
        The page, and the token of the next one.

    Raises:
        AwsFault: If the token is none.
    """
    start = 0
    if "nextToken" in params:
        ids = [each[id_member] for each in found]
        if params["nextToken"] not in ids:
            raise invalid("Invalid nextToken")
        start = ids.index(params["nextToken"]) + 1
    size = params.get("maxResults", _PAGE)
    page = found[start : start + size]
    return page, page[-1][id_member] if len(found) > start + size else None
