"""The answer to a request that is refused as a whole, in the form that AWS's protocol for its service has."""

import json
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from local_aws.protocol.messages import Request, Response
from local_aws.protocol.signature import S3_SERVICES

_CODES = {
    # reason: of S3, of the JSON protocols, of the query protocols
    "missing": ("AccessDenied", "MissingAuthenticationTokenException", "MissingAuthenticationToken"),
    "unknown key": ("InvalidAccessKeyId", "UnrecognizedClientException", "InvalidClientTokenId"),
    "mismatch": ("SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch"),
    "skewed": ("RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch"),
    "expired": ("AccessDenied", "InvalidSignatureException", "SignatureDoesNotMatch"),
    "unsigned": ("AccessDenied", "InvalidSignatureException", "SignatureDoesNotMatch"),
    "malformed": ("AuthorizationHeaderMalformed", "IncompleteSignatureException", "IncompleteSignature"),
    "unsupported": ("InvalidRequest", "IncompleteSignatureException", "IncompleteSignature"),
    "foreign": ("AccessDenied", "AccessDeniedException", "AccessDenied"),
    "too large": ("EntityTooLarge", "RequestEntityTooLargeException", "RequestEntityTooLarge"),
    "not implemented": ("NotImplemented", "UnsupportedOperationException", "UnsupportedOperation"),
    "bad length": ("InvalidRequest", "SerializationException", "MalformedInput"),
    "bad header": ("InvalidArgument", "ValidationException", "InvalidParameterValue"),
    "not kept": ("ServiceUnavailable", "ServiceUnavailableException", "ServiceUnavailable"),
}
_FORM = "application/x-www-form-urlencoded"


def make_refusal(request: Request, reason: str, message: str, status: int = 403) -> Response:
    """Make the response to a request that is not let in, or that nothing can answer.

    Args:
        request: The request; its body is not looked at.
        reason: Such as ``mismatch``.
        message: The text.
        status: The HTTP status.
    """
    of_s3, of_json, of_query = _CODES[reason]
    if request.headers.get("content-type", "").startswith(_FORM) and not request.target:
        return _make_query_error(request.service, of_query, message, status)
    if request.target or (request.service and request.service not in S3_SERVICES):
        return _make_json_error(of_json, message, status)
    return _make_s3_error(of_s3, message, status)


def _make_json_error(code: str, message: str, status: int) -> Response:
    body: dict[str, Any] = {"__type": code, "message": message}
    return Response(
        status,
        {
            "Content-Type": "application/x-amz-json-1.1",
            "x-amzn-RequestId": str(uuid4()),
            "x-amzn-ErrorType": code,
        },
        json.dumps(body).encode(),
    )


def _make_query_error(service: str, code: str, message: str, status: int) -> Response:
    error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if service == "ec2":
        body = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{uuid4()}</RequestID></Response>"
    else:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error>"
            f"<RequestId>{uuid4()}</RequestId></ErrorResponse>"
        )
    return Response(status, {"Content-Type": "text/xml"}, body.encode())


def _make_s3_error(code: str, message: str, status: int) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message><RequestId>{uuid4()}</RequestId></Error>"
    )
    return Response(status, {"Content-Type": "application/xml"}, body.encode())
