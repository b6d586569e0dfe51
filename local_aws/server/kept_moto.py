"""Requests to moto, recorded: what they have changed is kept before they are answered."""

import io
import logging
import re
from collections.abc import Iterable
from contextlib import nullcontext
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from local_aws.kept.database import NotKept
from local_aws.kept.moto_state import MotoState
from local_aws.kept.watch import Seen, recording
from local_aws.protocol.messages import parse_signing_scope
from local_aws.protocol.overlay import Environ, StartResponse, WsgiApp, only_reads, read_head
from local_aws.protocol.refusal import make_refusal
from local_aws.protocol.signature import S3_SERVICES

_WAITING = frozenset({"ReceiveMessage", "Invoke", "StartSyncExecution", "TestState"})
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_RPC = re.compile(r"/operation/(\w+)$")
_OF_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = "/moto-api/"
_FORM = "application/x-www-form-urlencoded"
_CHANGING = frozenset({"GetId", "GetShardIterator", "TestConnection"})
"""Operations that add something to moto's state, though their names say that they only read."""

_log = logging.getLogger(__name__)


class KeptMoto:
    """moto, with what a request changes kept before it is answered.

    moto has no locks of its own for most services. Here one request at a time may change something, and it is
    saved before the next one begins: what is kept is never half of a request. A request that only reads is
    answered when what it may have seen is saved.

    Args:
        app: moto.
        state: Where its state is kept.
    """

    def __init__(self, app: WsgiApp, state: MotoState) -> None:
        self._app = app
        self._state = state

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI request."""
        path = environ.get("PATH_INFO", "/")
        query = environ.get("QUERY_STRING", "")
        _region, service = parse_signing_scope(environ.get("HTTP_AUTHORIZATION", ""), query)
        if path.startswith(_OWN) and service not in S3_SERVICES:
            with self._state.lock, recording(None):
                head: list[Any] = []
                answered = self._app(environ, lambda *parts: head.extend(parts))
                if path == "/moto-api/reset" and environ["REQUEST_METHOD"] == "POST" and head[0][:3] == "200":
                    self._state.clear()
                start_response(*head)
                return answered
        if service in S3_SERVICES and environ["REQUEST_METHOD"] not in _OF_READING:
            return self._answer_s3(environ, start_response)
        operation = _find_operation(environ)
        if operation not in _CHANGING and only_reads(environ["REQUEST_METHOD"], operation):
            with recording(None):
                answered = self._app(environ, start_response)
            if service not in S3_SERVICES:
                with self._state.lock:  # what it has seen is kept before it is told
                    pass
            return answered
        return self._change(environ, start_response, operation)

    def _change(self, environ: Environ, start_response: StartResponse, operation: str) -> Iterable[bytes]:
        """Answer a request that may change something; one that may wait for long is not alone meanwhile."""
        head: list[Any] = []
        seen: Seen = {}
        with nullcontext() if operation in _WAITING else self._state.lock:
            try:
                with recording(seen):
                    chunks = self._app(environ, lambda *parts: head.append(parts))
                    body = b"".join(chunks)
                    if (close := getattr(chunks, "close", None)) is not None:
                        close()
            except BaseException:
                self._state.owe(seen)
                raise
            try:
                self._state.save(seen)
            except NotKept as error:
                refusal = make_refusal(
                    read_head(environ), "not kept", str(error), HTTPStatus.SERVICE_UNAVAILABLE
                )
                head, body = [(f"{refusal.status} -", list(refusal.headers.items()))], refusal.body
        start_response(*head[-1])
        return [body]

    def _answer_s3(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request of S3, which may tell other services about it, such as a queue."""
        seen: Seen = {}
        try:
            with recording(seen):
                answered = self._app(environ, start_response)
        except BaseException:
            self._state.owe(seen)
            raise
        if seen:
            try:
                self._state.save(seen)
            except NotKept as error:  # S3 has answered for itself; the rest is written with the next request
                _log.warning("%s", error)
        return answered


def _find_operation(environ: Environ) -> str:
    """Find AWS's name of the operation; empty if the path and the method say what is to be done."""
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        return str(target).rpartition(".")[2]
    if found := _RPC.search(environ.get("PATH_INFO", "")):
        return found[1]
    if action := parse_qs(environ.get("QUERY_STRING", "")).get("Action"):
        return str(action[0])
    if not environ.get("CONTENT_TYPE", "").lower().startswith(_FORM):
        return ""
    stream = environ.get("wsgi.input")
    if isinstance(stream, io.BytesIO) and (named := _ACTION.search(stream.getvalue())) is not None:
        return str(named[1], "ascii", "replace")
    return ""
