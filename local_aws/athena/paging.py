"""Lists in pages, as Athena returns them."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import TypeVar

from local_aws.athena.faults import invalid_request
from local_aws.protocol.aws_json import Params

T = TypeVar("T")
_PAGE = 50


def page(items: Iterable[T], key: Callable[[T], str], params: Params) -> tuple[list[T], str | None]:
    """Return one page of items in the order of `key`, and the NextToken if there are more.

    The token names the last item shown, so that items that come and go in between shift nothing.
    """
    found = sorted(items, key=key)
    if "NextToken" in params:
        last = decode(params["NextToken"])
        found = [each for each in found if key(each) > last]
    size = params.get("MaxResults") or _PAGE
    return found[:size], encode(key(found[size - 1])) if len(found) > size else None


def encode(position: str) -> str:
    """Encode a position as a NextToken."""
    return base64.urlsafe_b64encode(position.encode()).decode()


def decode(token: str) -> str:
    """Decode the position in a NextToken."""
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid_request("Invalid pagination token.") from error
