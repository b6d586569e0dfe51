"""Heads of HTTP requests. tests/local_aws/test_who_gets_in.py has what follows from them."""

import io
import time
from http.client import parse_headers

import pytest
from local_cloud import Cloud
from raw_requests import send

from local_aws.protocol.messages import parse_signing_scope
from local_aws.server.http_head import BadHead, parse_first_line, read_headers


@pytest.mark.parametrize(
    "head",
    [
        b"Host: a\r\nContent-Length: 3\r\n\r\n",
        b"Host:a\r\nX-A:   b \r\nx-a: c\r\nEmpty:\r\n\r\n",
        b"Host: a\n\n",
        "X-A: caf\xe9\tb\r\n\r\n".encode("latin-1"),
        b"\r\n",
    ],
)
def test_headers_are_read_as_the_standard_library_reads_them(head: bytes) -> None:
    assert read_headers(io.BytesIO(head)).items() == parse_headers(io.BytesIO(head)).items()


@pytest.mark.parametrize(
    "head",
    [
        b"Host : a\r\n\r\n",
        b"Host\r\n\r\n",
        b"A: b\r\n c\r\n\r\n",
        b" A: b\r\n\r\n",
        b": b\r\n\r\n",
        b"A\0: b\r\n\r\n",
        b"A: b\0\r\n\r\n",
        b"A: b\rC: d\r\n\r\n",
        b"A: b",
        b"A: b\r\n" * 101,
        b"A: " + b"b" * 65536 + b"\r\n",
    ],
)
def test_headers_that_could_be_read_in_two_ways_are_refused(head: bytes) -> None:
    with pytest.raises(BadHead):
        read_headers(io.BytesIO(head))


@pytest.mark.parametrize(
    "head",
    [
        b"A:" + b" " * 30_000 + b"\0\r\n\r\n",
        b"A: b" + b" " * 30_000 + b"\0\r\n\r\n",
        b"A:\tb\r\n" * 99 + b"A:" + b"\t " * 15_000 + b"\0\r\n\r\n",
    ],
)
def test_a_refusal_takes_no_longer_than_the_head_is_long(head: bytes) -> None:
    began = time.process_time()
    with pytest.raises(BadHead):
        read_headers(io.BytesIO(head))
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("authorization", "query"), [("Credential=" * 5_900, ""), ("", "X-Amz-Credential=" * 3_800)]
)
def test_scopes_are_found_in_a_time_that_grows_with_the_length(authorization: str, query: str) -> None:
    began = time.process_time()
    assert parse_signing_scope(authorization, query) == ("", "")
    assert time.process_time() - began < 1


def test_first_lines() -> None:
    assert parse_first_line("GET /a?b HTTP/1.1") == ("GET", "/a?b", 1)
    assert parse_first_line("GET //evil.example/a HTTP/1.0") == ("GET", "/evil.example/a", 0)
    for line in (
        "",
        "GET",
        "GET /",
        "GET  / HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET / HTTP/11.1",
        "G@T / HTTP/1.1",
    ):
        with pytest.raises(BadHead) as refused:
            parse_first_line(line)
        assert refused.value.status == 400
    with pytest.raises(BadHead, match=r"HTTP/2\.0 is not spoken") as refused:
        parse_first_line("PRI * HTTP/2.0")
    assert refused.value.status == 505


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
    ],
)
def test_a_head_that_is_none_is_answered_and_the_connection_closed(
    cloud: Cloud, request_: bytes, status: int
) -> None:
    answered = send(cloud.aws, request_)
    assert answered.status == status
    assert "connection: close" in answered.head.lower()
