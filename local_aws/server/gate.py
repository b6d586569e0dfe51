"""Who is let in: what a request's head must say before its body is read and before it is answered.

A page in a browser can send requests to 127.0.0.1, under its own name or, by DNS rebinding, under a name of
the attacker's; so can every user of the machine. Each request must name this server as its host, must not
come from another site's page, and must be signed with the credentials of the state folder.
"""

import re
from collections.abc import Callable
from email.message import Message
from hmac import compare_digest

from local_aws.control.state import INSTANCE_HEADER
from local_aws.protocol.signature import Claim, Head, Refused, Verifier
from local_aws.sagemaker.runtime import REALTIME_LIMIT
from local_aws.server.administration import PREFIX

_NAMES = ("127.0.0.1", "localhost")
_OWN_SITE = frozenset({"same-origin", "none"})
_LENGTH = re.compile(r"\d{1,15}", re.ASCII)
_S3_LIMIT = 5 * 1024**3
_OTHER_LIMIT = 16 * 1024**2


class TooLarge(Exception):
    """The body is longer than its service takes.

    Attributes:
        limit: The longest body, in bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"HTTP content length exceeded {limit} bytes.")
        self.limit = limit


class BadLength(Exception):
    """The head does not say in one way how long the body is."""


class Gate:
    """Decides by a request's head, then by its signature.

    Args:
        verifier: Knows the credentials.
        instance: The id that the local AWS's own routes require.
        port: The port of the server.
    """

    def __init__(self, verifier: Verifier, instance: str, port: int) -> None:
        self._verifier = verifier
        self._instance = instance.encode()
        self._hosts = frozenset(f"{name}:{port}" for name in _NAMES)
        self._own = {f"http://{host}" for host in self._hosts}

    def renew(self, instance: str) -> None:
        """Require another id for the local AWS's own routes."""
        self._instance = instance.encode()

    def admit(self, head: Head, read: Callable[[int], bytes]) -> bytes | None:
        """Let a request in, or raise.

        Args:
            head: The request.
            read: Reads its body if that is not longer than a limit; raises TooLarge if it is.

        Returns:
            The body; None for S3, whose bodies are streamed.

        Raises:
            Refused: If the request is not a rightful one.
            TooLarge: If its body is too long.
            BadLength: If its length is nonsense.
        """
        self._check_host(head)
        self._check_site(head.headers)
        length = _parse_length(head.headers)
        if head.target.startswith(PREFIX):
            if not compare_digest(str(head.headers.get(INSTANCE_HEADER, "")).encode(), self._instance):
                raise Refused("foreign", "The instance id is not that of this local AWS.")
            return _read(length, _OTHER_LIMIT, read)
        claim = self._verifier.read_claim(head)
        body = _read(length, _find_limit(claim, head), None if claim.of_s3 else read)
        self._verifier.verify(claim, head, body)
        return body

    def _check_host(self, head: Head) -> None:
        hosts = head.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts or not head.target.startswith("/"):
            raise Refused("foreign", f"Host must be {' or '.join(sorted(self._hosts))}.")

    def _check_site(self, headers: Message) -> None:
        origins = set(headers.get_all("Origin") or [])
        sites = set(headers.get_all("Sec-Fetch-Site") or [])
        if origins - self._own or sites - _OWN_SITE:
            raise Refused("foreign", "The local AWS does not answer pages of other sites.")


def _find_limit(claim: Claim, head: Head) -> int:
    if claim.of_s3:
        return _S3_LIMIT
    return REALTIME_LIMIT if head.target.startswith("/endpoints/") else _OTHER_LIMIT


def _read(length: int | None, limit: int, read: Callable[[int], bytes] | None) -> bytes | None:
    if length is not None and length > limit:
        raise TooLarge(limit)
    return None if read is None else read(limit)


def _parse_length(headers: Message) -> int | None:
    """Parse how long the body is; None if it comes in chunks.

    Raises:
        BadLength: If the length is negative, no number, or stated twice in different ways.
    """
    lengths = headers.get_all("Content-Length") or []
    codings = headers.get_all("Transfer-Encoding") or []
    if codings:
        if lengths or [coding.lower() for coding in codings] != ["chunked"]:
            raise BadLength("Transfer-Encoding must be chunked, without a Content-Length.")
        return None
    if len(set(lengths)) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
        raise BadLength("Content-Length must be one number.")
    return int(lengths[0]) if lengths else 0
