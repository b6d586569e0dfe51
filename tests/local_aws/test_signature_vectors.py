"""Signatures of AWS's own documentation: neither botocore nor this project has made them.

Source: Amazon S3's API reference, "Signature Calculations for the Authorization Header" and "Authenticating
Requests: Using Query Parameters".
"""

from datetime import datetime, timezone
from email.message import Message

import pytest

from local_aws.control.credentials import Credentials
from local_aws.protocol.signature import Head, Refused, Verifier

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
