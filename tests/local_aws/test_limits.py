"""How much a request may bring, and how many may come at once: decided before anything is read."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from local_cloud import BUCKET, Cloud
from raw_requests import Answered, Raw, host_of, send, sign

from local_aws import LocalAws
from local_aws.server import http_server

pytestmark = pytest.mark.slow

MIB = 1024**2
LIST_MODELS = (("X-Amz-Target", "SageMaker.ListModels"), ("Content-Type", "application/x-amz-json-1.1"))


def only_the_head(request: Raw, length: int) -> bytes:
    """What a client sends before the body that it announces."""
    return replace(request.with_headers(("Content-Length", str(length))), body=b"").to_bytes()


def in_chunks(size: int, chunk: int = MIB) -> Iterator[bytes]:
    for _ in range(size // chunk):
        yield f"{chunk:x}\r\n".encode() + b" " * chunk + b"\r\n"
    yield b"0\r\n\r\n"


def code_of(answered: Answered) -> str:
    return str(json.loads(answered.body)["__type"])


def test_a_body_that_is_too_long_is_refused_before_it_is_sent(local_aws: LocalAws) -> None:
    invocation = sign(local_aws, "POST", "/endpoints/e/invocations", service="sagemaker")
    answered = send(local_aws, only_the_head(invocation, 6 * MIB + 1), seconds=5)
    assert (answered.status, json.loads(answered.body)) == (
        413,
        {"Message": "HTTP content length exceeded 6291456 bytes."},
    )
    listing = sign(local_aws, "POST", "/", service="sagemaker", headers=LIST_MODELS)
    answered = send(local_aws, only_the_head(listing, 16 * MIB + 1), seconds=5)
    assert (answered.status, code_of(answered)) == (413, "RequestEntityTooLargeException")
    upload = sign(local_aws, "PUT", "/bucket/key")
    answered = send(local_aws, only_the_head(upload, 5 * 1024**3 + 1), seconds=5)
    assert answered.status == 400
    assert b"<Code>EntityTooLarge</Code>" in answered.body


def test_chunks_are_counted_while_they_are_read(local_aws: LocalAws) -> None:
    body = b"{}"
    listing = sign(local_aws, "POST", "/", body, service="sagemaker", headers=LIST_MODELS)
    chunked = replace(listing, body=b"").with_headers(("Transfer-Encoding", "chunked")).to_bytes()
    few = send(local_aws, chunked + b"2\r\n{}\r\n0\r\n\r\n")
    assert (few.status, json.loads(few.body)) == (200, {"Models": []})
    many = send(local_aws, chunked + b"".join(in_chunks(20 * MIB)))
    assert (many.status, code_of(many)) == (413, "RequestEntityTooLargeException")
    assert send(local_aws, chunked + b"-2\r\n{}\r\n0\r\n\r\n").status == 400


def test_a_body_for_s3_streams_however_long_it_is(cloud: Cloud) -> None:
    body = bytes(20 * MIB)
    cloud.s3.put_object(Bucket=BUCKET, Key="large", Body=body)
    assert cloud.s3.head_object(Bucket=BUCKET, Key="large")["ContentLength"] == len(body)


def test_a_body_is_asked_for_only_when_the_request_is_let_in(cloud: Cloud) -> None:
    expecting = ("Expect", "100-continue")
    right = sign(cloud.aws, "PUT", f"/{BUCKET}/key", b"four").with_headers(expecting)
    wrong = sign(cloud.aws, "PUT", f"/{BUCKET}/key", b"four", secret="guess").with_headers(expecting)
    assert send(cloud.aws, wrong).status == 403
    models = sign(cloud.aws, "POST", "/", b"{}", service="sagemaker", headers=LIST_MODELS)
    for request in (right, models.with_headers(expecting)):
        with socket.create_connection(tuple(host_of(cloud.aws).split(":"))) as connection:
            connection.settimeout(10)
            connection.sendall(only_the_head(request, len(request.body)))
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(request.body)
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_connections_are_counted(local_aws: LocalAws) -> None:
    host, port = host_of(local_aws).split(":")
    with ExitStack() as idle:
        for _ in range(http_server._MOST_CONNECTIONS):
            idle.enter_context(socket.create_connection((host, int(port)), timeout=10))
        one_more = http.client.HTTPConnection(host, int(port), timeout=10)
        one_more.request("GET", "/")
        assert one_more.getresponse().status == 503
    signed = sign(local_aws, "GET", "/")
    for _ in range(50):
        if (status := send(local_aws, signed).status) != 503:
            break
    assert status == 200
