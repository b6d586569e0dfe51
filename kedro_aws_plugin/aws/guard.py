"""Refuse a request to the other AWS before a packet leaves, whichever library of this process makes it.

The AWS_* variables reach whoever reads them. A client that was made before they were set, or that names its
endpoint, does not: botocore sends each of its requests through one method, which looks here first. Requests
that botocore does not make are left alone, with two exceptions that go to AWS: pyarrow's file system of S3
gets the endpoint of the local AWS, and the SageMaker SDK's telemetry is not sent.
"""

import re
from collections.abc import Collection
from copy import copy
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from kedro_aws_plugin.aws.after_import import change_modules
from kedro_aws_plugin.aws.binding import MARK, is_aws_host
from kedro_aws_plugin.config.models import Target
from kedro_aws_plugin.errors import AwsError
from local_aws import ACCESS_KEY_PREFIX

_LOCAL_CLIENT = "local-aws/client"
"""What the clients of `LocalAws.client` add to the header User-Agent: they are meant for it."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_KEY = re.compile(r"Credential=([^/&]+)[/%]")
_DONE = "_kedro_aws_guarded"


@dataclass(frozen=True)
class Rule:
    """Where the requests of this process may go.

    Attributes:
        target: The AWS in force.
        url: The URL of the local AWS in force; empty for the real one.
        aside: Endpoints of the user's variables, profiles and settings of fsspec, which are not in force.
    """

    target: Target
    url: str = ""
    aside: frozenset[str] = frozenset()


_rule: Rule | None = None
_active: list[bool] = []


def get_rule() -> Rule | None:
    """Return the rule in force; None while no AWS has been chosen."""
    return _rule


def set_rule(rule: Rule | None) -> None:
    """Set the rule for all clients of this process, also those that exist."""
    global _rule  # noqa: PLW0603 - it belongs to the process, as os.environ does
    _rule = rule
    if rule is not None and not _active:
        _active.append(True)
        change_modules(
            {
                "botocore.handlers": _redirect_sts,
                "botocore.httpsession": _guard_botocore,
                "aiobotocore.httpsession": _guard_aiobotocore,
                "aiobotocore.httpxsession": _guard_aiobotocore,
                "pyarrow.fs": _point_pyarrow,
                "sagemaker.telemetry.telemetry_logging": _silence_telemetry,
                "sagemaker.core.telemetry.telemetry_logging": _silence_telemetry,
            }
        )


def make_rule(target: Target, url: str, endpoints: Collection[str]) -> Rule:
    """Make a rule.

    Args:
        target: The AWS in force.
        url: The URL of the local AWS, if it is in force.
        endpoints: URLs that are not in force: those of the user's variables, profiles and settings of fsspec.
    """
    aside = {urlsplit(each).netloc for each in endpoints} - {urlsplit(url).netloc, ""}
    return Rule(target, url, frozenset(aside))


def check(url: str, headers: Any) -> None:
    """Raise if a request would go to another AWS than the one in force.

    Args:
        url: Its URL.
        headers: Its headers, by which the clients of bound datasets are known.

    Raises:
        AwsError: If so. Nothing has been sent.
    """
    rule = _rule
    if rule is None:
        return
    parts = urlsplit(url)
    to_aws, with_local_key = (
        is_aws_host(parts.hostname),
        _find_key(url, headers).startswith(ACCESS_KEY_PREFIX),
    )
    bound = _find_binding(headers)
    if to_aws and with_local_key and bound == "aws":
        raise AwsError(
            "This catalog was created for the real AWS, but a later Kedro session has switched this process "
            "to the local AWS. Nothing was sent. Use that session's catalog, or start another session."
        )
    to_other_local = (
        with_local_key and parts.hostname in LOOPBACK and parts.netloc != urlsplit(rule.url).netloc
    )
    wrong = to_aws or to_other_local if rule.target == "local" else with_local_key
    if (to_aws and with_local_key) or (not bound and (wrong or parts.netloc in rule.aside)):
        raise _refuse(rule, url)


def _refuse(rule: Rule, url: str) -> AwsError:
    force = f"the local AWS at {rule.url}" if rule.target == "local" else "the real AWS"
    parts = urlsplit(url)
    return AwsError(
        f"A client in this process was about to send a request to {parts.scheme}://{parts.netloc}, but "
        f"{force} is in force. Nothing was sent. Make the client within a node, without an endpoint of its "
        "own."
    )


def _find_key(url: str, headers: Any) -> str:
    """Find the access key that a request was signed with."""
    found = _KEY.search(_decode(headers.get("Authorization"))) or _KEY.search(url)
    return found[1] if found else ""


def _find_binding(headers: Any) -> str:
    """Find the target that a bound dataset's client was made for; empty for other clients."""
    agent = _decode(headers.get("User-Agent"))
    _, mark, rest = agent.partition(MARK)
    return rest.split(" ")[0] if mark else "local" if _LOCAL_CLIENT in agent else ""


def _decode(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value or "")


def _guard_botocore(module: Any) -> None:
    session = module.URLLib3Session
    original = session.send
    if hasattr(original, _DONE):
        return

    @wraps(original)
    def send(self: Any, request: Any) -> Any:
        check(request.url, request.headers)
        return original(_without_proxy(self, request.url), request)

    setattr(send, _DONE, True)
    session.send = send


def _guard_aiobotocore(module: Any) -> None:
    for name in ("AIOHTTPSession", "HttpxSession"):
        session = getattr(module, name, None)
        if session is not None and not hasattr(session.send, _DONE):
            session.send = _guard_async(session.send)


def _guard_async(original: Any) -> Any:
    @wraps(original)
    async def send(self: Any, request: Any) -> Any:
        check(request.url, request.headers)
        return await original(_without_proxy(self, request.url), request)

    setattr(send, _DONE, True)
    return send


def _redirect_sts(module: Any) -> None:
    """Send STS's requests to the local AWS, even of clients that name STS's public endpoint.

    The SageMaker SDK names it. botocore calls its handlers before it signs a request.
    """
    if not any(handler is _redirect for _, handler, *_ in module.BUILTIN_HANDLERS):
        module.BUILTIN_HANDLERS.append(("before-sign.sts", _redirect))


def _redirect(request: Any, **_: Any) -> None:
    rule = _rule
    if rule is None or rule.target != "local":
        return
    parts, local = urlsplit(request.url), urlsplit(rule.url)
    if is_aws_host(parts.hostname):
        request.url = parts._replace(scheme=local.scheme, netloc=local.netloc).geturl()


def _without_proxy(session: Any, url: str) -> Any:
    """Make a session that goes past its client's proxy, if the URL is that of the local AWS in force.

    A client of STS's public endpoint, whose requests were sent here, may have one.
    """
    rule, config = _rule, getattr(session, "_proxy_config", None)
    is_ours = rule is not None and rule.url and urlsplit(url).netloc == urlsplit(rule.url).netloc
    if not is_ours or config is None or config.proxy_url_for(url) is None:
        return session
    direct = copy(session)
    direct._proxy_config = type(config)()
    return direct


def _silence_telemetry(module: Any) -> None:
    original = getattr(module, "_send_telemetry_request", None)
    if original is None or hasattr(original, _DONE):
        return

    @wraps(original)
    def send(*args: Any, **options: Any) -> Any:
        rule = _rule
        return None if rule is not None and rule.target == "local" else original(*args, **options)

    setattr(send, _DONE, True)
    module._send_telemetry_request = send


def _point_pyarrow(module: Any) -> None:
    """Give pyarrow's file system the endpoint of the local AWS: made by hand, it reads no variable."""
    original: Any = getattr(module, "S3FileSystem", object)
    if original is object or hasattr(original, _DONE):
        return

    class _Meta(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, original)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, original)

    class S3FileSystem(original, metaclass=_Meta):  # type: ignore[misc]
        __doc__ = original.__doc__

        def __init__(self, **options: Any) -> None:
            rule = _rule
            if rule is not None and rule.target == "local" and not options.get("endpoint_override"):
                local = urlsplit(rule.url)
                options = {**options, "endpoint_override": local.netloc, "scheme": local.scheme}
            super().__init__(**options)

    S3FileSystem.__module__ = original.__module__
    S3FileSystem.__qualname__ = original.__qualname__
    setattr(S3FileSystem, _DONE, True)
    module.S3FileSystem = S3FileSystem
