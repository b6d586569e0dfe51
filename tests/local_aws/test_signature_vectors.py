"""Signatures of AWS's own documentation: neither botocore nor this project has made them.

Source: Amazon S3's API reference, "Signature Calculations for the Authorization Header" and "Authenticating
Requests: Using Query Parameters"; the signature version 4 test suite: get-vanilla and post-vanilla.
"""

from collections.abc import Mapping
from datetime import datetime, timezone
from email.message import Message

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from local_aws.control.credentials import Credentials
from local_aws.protocol.signature import Head, Refused, Verifier, write_plainly

CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
THEN = datetime(2013, 5, 24, tzinfo=timezone.utc).timestamp()
HOST = "examplebucket.s3.amazonaws.com"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SCOPE = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
GET = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
LIST = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
PRESIGNED = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"


def verify(target: str, headers: dict[str, str]) -> None:
    message = Message()
    for name, value in {"Host": HOST, **headers}.items():
        message[name] = value
    verifier, head = Verifier(CREDENTIALS, lambda: THEN), Head("GET", target, message)
    verifier.verify(verifier.read_claim(head), head, None)


def authorized(signature: str, *others: str) -> dict[str, str]:
    names = ";".join(["host", *others, "x-amz-content-sha256", "x-amz-date"])
    return {
        "x-amz-content-sha256": EMPTY,
        "x-amz-date": "20130524T000000Z",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={SCOPE},SignedHeaders={names},Signature={signature}",
    }


def presigned(signature: str) -> str:
    return (
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        f"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
    )


def change(signature: str) -> str:
    return signature[:-1] + ("0" if signature[-1] != "0" else "1")


def test_a_request_for_a_part_of_an_object() -> None:
    verify("/test.txt", {"Range": "bytes=0-9", **authorized(GET, "range")})
    with pytest.raises(Refused):
        verify("/test.txt", {"Range": "bytes=0-9", **authorized(change(GET), "range")})
    with pytest.raises(Refused):
        verify("/test.txt", {"Range": "bytes=0-8", **authorized(GET, "range")})


def test_a_request_with_a_query() -> None:
    verify("/?max-keys=2&prefix=J", authorized(LIST))
    with pytest.raises(Refused):
        verify("/?max-keys=3&prefix=J", authorized(LIST))


def test_a_presigned_url() -> None:
    verify(presigned(PRESIGNED), {})
    with pytest.raises(Refused):
        verify(presigned(change(PRESIGNED)), {})


SUITE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SUITE_TIME = datetime(2015, 8, 30, 12, 36, tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_the_vanilla_requests_of_the_test_suite(method: str, signature: str) -> None:
    def check(said: str) -> None:
        message = Message()
        message["Host"], message["X-Amz-Date"] = "example.amazonaws.com", "20150830T123600Z"
        message["Authorization"] = (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            f"SignedHeaders=host;x-amz-date, Signature={said}"
        )
        verifier, head = Verifier(SUITE, lambda: SUITE_TIME), Head(method, "/", message)
        claim = verifier.read_claim(head)
        assert write_plainly(claim, head, b"") is not None
        verifier.verify(claim, head, b"")

    check(signature)
    with pytest.raises(Refused):
        check(change(signature))


def sign(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Head:
    """Sign as botocore does, and give what arrives."""
    request = AWSRequest(method, f"http://127.0.0.1:4000{target}", headers=dict(headers), data=body)
    known = BotocoreCredentials(CREDENTIALS.access_key_id, CREDENTIALS.secret_access_key)
    SigV4Auth(known, "sagemaker", "eu-west-1").add_auth(request)
    message = Message()
    message["Host"] = "127.0.0.1:4000"
    for name, value in request.headers.items():
        message[name] = value
    return Head(method, target, message)


INVOKE = "/endpoints/e-1/invocations"
TARGET = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1"}


@pytest.mark.parametrize(
    ("target", "headers", "is_plain"),
    [
        (INVOKE, {"Content-Type": "text/csv", "Accept": "application/json"}, True),
        ("/", TARGET, True),
        (INVOKE, {"X-Amzn-SageMaker-Custom-Attributes": "a; b=1"}, True),
        (INVOKE, {"X-Amzn-SageMaker-Custom-Attributes": "a  b"}, False),
        (INVOKE, {"X-Amzn-SageMaker-Custom-Attributes": "caf\xe9"}, False),
        (f"{INVOKE}?a=b", {}, False),
        ("/endpoints/e%20f/invocations", {}, False),
        ("/endpoints//invocations", {}, False),
        ("/endpoints/./invocations", {}, False),
        ("/endpoints/../invocations", {}, False),
        ("/endpoints/...", {}, False),
        ("/endpoints/", {}, False),
    ],
)
def test_requests_as_botocore_signs_them(target: str, headers: Mapping[str, str], is_plain: bool) -> None:
    """A request of a plain form is verified without botocore; each other one by it, with the same result."""
    verifier, head = Verifier(CREDENTIALS), sign("POST", target, headers, b"1,2")
    claim = verifier.read_claim(head)
    assert (write_plainly(claim, head, b"1,2") is not None) == is_plain
    verifier.verify(claim, head, b"1,2")
    for other, body in ((head, b"1,3"), (Head("PUT", target, head.headers), b"1,2")):
        with pytest.raises(Refused):
            verifier.verify(claim, other, body)
    with pytest.raises(Refused):
        verifier.verify(claim, Head("POST", f"{target}x", head.headers), b"1,2")
    for name in [each for each in claim.signed if each != "x-amz-date"]:
        changed = Message()
        for key, value in head.headers.items():
            changed[key] = f"{value}x" if key.lower() == name else value
        with pytest.raises(Refused):
            verifier.verify(claim, Head("POST", target, changed), b"1,2")


def test_a_header_that_comes_twice_is_not_plain() -> None:
    verifier, head = Verifier(CREDENTIALS), sign("POST", INVOKE, {"Content-Type": "text/csv"}, b"")
    claim = verifier.read_claim(head)
    head.headers["Content-Type"] = "application/json"
    assert write_plainly(claim, head, b"") is None
    with pytest.raises(Refused):
        verifier.verify(claim, head, b"")


def test_a_body_that_was_not_signed_is_refused() -> None:
    verifier, head = Verifier(CREDENTIALS), sign("POST", INVOKE, {"Content-Type": "text/csv"}, b"")
    claim = verifier.read_claim(head)
    verifier.verify(claim, head, b"")
    with pytest.raises(Refused):
        verifier.verify(claim, head, b"1,2")
