"""Athena's errors."""

from local_aws.protocol.messages import AwsFault


def invalid_request(message: str, code: str = "INVALID_INPUT") -> AwsFault:
    """The error that Athena answers to most mistakes; `code` is its AthenaErrorCode."""
    return AwsFault("InvalidRequestException", message, details={"AthenaErrorCode": code})


def unsupported(what: str) -> AwsFault:
    """The answer to what Athena could do and the local Athena cannot."""
    return invalid_request(f"the local Athena does not support {what}")
