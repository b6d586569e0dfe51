"""Errors of Athena's API."""

from local_aws.protocol.messages import AwsFault


def invalid_request(message: str, code: str = "INVALID_INPUT") -> AwsFault:
    """Build the error with which Athena answers most mistakes; `code` is its AthenaErrorCode."""
    return AwsFault("InvalidRequestException", message, details={"AthenaErrorCode": code})


def unsupported(what: str) -> AwsFault:
    """Build the error for an operation that Athena has and the local Athena does not."""
    return invalid_request(f"the local Athena does not support {what}")
