"""Translate botocore's errors to sentences: what failed, why, what next."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from kedro_aws_plugin.aws.environment import is_local
from kedro_aws_plugin.errors import (
    AwsError,
    ConflictError,
    DeniedError,
    KedroAwsError,
    LocalAwsError,
    UnreachableError,
)

_LOG_IN = "Log in (for example `aws sso login`), or choose another AWS_PROFILE."
_BY_CODE = {
    "ExpiredToken": f"your AWS credentials have expired. {_LOG_IN}",
    "ExpiredTokenException": f"your AWS credentials have expired. {_LOG_IN}",
    "RequestExpired": f"your AWS credentials have expired, or this machine's clock is wrong. {_LOG_IN}",
    "InvalidClientTokenId": f"AWS does not know your credentials. {_LOG_IN}",
    "UnrecognizedClientException": f"AWS does not know your credentials. {_LOG_IN}",
    "InvalidAccessKeyId": f"AWS does not know your credentials. {_LOG_IN}",
    "AuthFailure": f"AWS does not know your credentials. {_LOG_IN}",
    "SignatureDoesNotMatch": f"AWS does not accept your secret access key. {_LOG_IN}",
    "NoSuchBucket": "the bucket does not exist. Make it: kedro aws bootstrap. Or correct `bucket` in "
    "globals.yml.",
    "StateMachineDeleting": "it is being deleted. Run the command again in a minute.",
}
_OF_THE_LOCAL_AWS = "This local AWS has credentials of its own"
_NOT_OF_THIS_ONE = (
    "the local AWS does not accept these credentials: they are former ones, or those of another folder's. "
    "Run the command again, in a notebook after a restart of Python."
)
_OF_A_CLOCK = ("Signature expired", "Signature not yet current")
"""How SignatureDoesNotMatch begins, and what it is about, where it is not the secret key."""
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
_CONFLICTS = frozenset(
    {"AlreadyExistsException", "ConflictException", "ResourceInUse", "StateMachineAlreadyExists"}
)
_LIMITS = frozenset({"ResourceLimitExceeded", "ServiceQuotaExceededException"})
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "SlowDown", "TooManyRequestsException"})
_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.SSOError,
    boto.TokenRetrievalError,
    boto.ProfileNotFound,
    boto.NoAuthTokenError,
    boto.UnknownCredentialError,
    boto.RefreshWithMFAUnsupportedError,
    boto.MetadataRetrievalError,
    # The oldest botocore that this plugin supports has neither of them.
    *(getattr(boto, name) for name in ("LoginError", "UnknownTokenProviderError") if hasattr(boto, name)),
)
_NO_NETWORK = (
    boto.HTTPClientError,
    boto.ConnectionError,
    boto.IncompleteReadError,
)
_NO_ARCHIVE = "Could not find model data at"
_MAKE_ANOTHER = (
    "The archive of this version is gone: make a new version with `kedro run` and `kedro aws "
    "register-model`, or choose another one with --package."
)
_SERVER_ERROR = 500
_SHOWN = 400


@contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Translate botocore's errors to this plugin's.

    Args:
        what: What the code within does, e.g. "create model my-flights".

    Raises:
        LocalAwsError: If the local AWS no longer answers.
        ConflictError: If the thing exists by now, or another change of it is under way.
        DeniedError: If the user may not do this.
        UnreachableError: If the service has no address, or cannot be connected to.
        AwsError: For every other error of botocore.
    """
    try:
        yield
    except ClientError as error:
        raise _choose_kind(error)(_explain_refusal(what, error)) from error
    except BotoCoreError as error:
        raise _translate_failure(what, error) from error


def delete_if_present(send: Callable[[], object]) -> bool:
    """Send a deletion.

    Returns:
        Whether there was anything to delete.

    Raises:
        ClientError: If AWS refuses the deletion for another reason.
    """
    try:
        send()
    except ClientError as error:
        if is_absent(error):
            return False
        raise
    return True


_ABSENT = frozenset(
    {
        "ResourceNotFoundException",  # EventBridge Scheduler
        "StateMachineDoesNotExist",
        "ExecutionDoesNotExist",
    }
)


def is_absent(error: ClientError) -> bool:
    """Tell whether an error says that something does not exist.

    SageMaker says so only in the text of a ValidationException.
    """
    if get_error_code(error) in _ABSENT:
        return True
    message = str(error).lower()
    if get_error_code(error) == "ObjectNotFoundException":
        return True
    return get_error_code(error) in {"ResourceNotFound", "ValidationException"} and (
        "could not find" in message
        or "cannot find" in message
        or "does not exist" in message
        or "not found" in message
    )


def _choose_kind(error: ClientError) -> type[AwsError]:
    if _is_conflict(error):
        return ConflictError
    return DeniedError if get_error_code(error) in _DENIED else AwsError


def _is_conflict(error: ClientError) -> bool:
    """Tell whether an error says that something exists already, or is being changed.

    SageMaker says so only in the text of a ValidationException, and CloudFormation in that of a
    ValidationError, where a stack exists.
    """
    code, message = get_error_code(error), str(error).lower()
    if code == "ValidationError":
        return "_in_progress state" in message
    return code in _CONFLICTS or (
        code == "ValidationException"
        and any(words in message for words in ("already exist", "in-progress", "in progress"))
    )


def get_error_code(error: ClientError) -> str:
    """Get AWS's error code, e.g. "ValidationException"."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _explain_refusal(what: str, error: ClientError) -> str:
    code = get_error_code(error)
    message = _shorten(str(error.response.get("Error", {}).get("Message") or error).strip().rstrip("."))
    if known := _find_known_reason(code, message):
        return f"Could not {what}: {known}"
    if code in _DENIED:
        return (
            f"Could not {what}: AWS does not allow it ({message}). "
            f"Ask for the permission to call {error.operation_name}."
        )
    if code in _LIMITS:
        return f"Could not {what}: an AWS quota is used up ({message}). {_make_room(error.operation_name)}"
    if code in _THROTTLED:
        return f"Could not {what}: AWS asks to slow down ({message}). Run the command again in a minute."
    if int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= _SERVER_ERROR:
        return f"Could not {what}: AWS failed with {code}: {message}. Run the command again in a minute."
    advice = _MAKE_ANOTHER if message.startswith(_NO_ARCHIVE) else "Correct that and run the command again."
    return f"Could not {what}: AWS answered {code}: {message}. {advice}"


def _make_room(operation: str) -> str:
    if "StateMachine" in operation:
        return "Delete versions that no run needs: aws stepfunctions delete-state-machine-version"
    if "Endpoint" in operation:
        unneeded = "an endpoint that is not needed (kedro aws destroy --endpoint NAME)"
    else:
        unneeded = "what is not needed"
    return f"Delete {unneeded}, or raise the quota in Service Quotas."


def _find_known_reason(code: str, message: str) -> str | None:
    if code == "RequestTimeTooSkewed" or message.startswith(_OF_A_CLOCK):
        return f"this machine's clock is wrong ({message}). Set it, for example by NTP."
    if code == "ExecutionNotRedrivable":
        return f"AWS cannot go on with it ({message}). Run the pipeline again: kedro aws submit"
    return _NOT_OF_THIS_ONE if _OF_THE_LOCAL_AWS in message else _BY_CODE.get(code)


def _shorten(message: str) -> str:
    """Shorten a message. AWS's list of all instance types, for example, fills a screen."""
    return message if len(message) <= _SHOWN else f"{message[:_SHOWN]}..."


def _translate_failure(what: str, error: BotoCoreError) -> KedroAwsError:
    message = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, _NO_NETWORK):
        # A proxy may listen on 127.0.0.1 too, so the request's own URL decides.
        if is_local(str(error.kwargs.get("endpoint_url", ""))):
            return LocalAwsError(
                f"Could not {what}: the local AWS stopped answering ({message}). It keeps what it "
                "held. Run the command again: it starts the local AWS."
            )
        kind = UnreachableError if isinstance(error, boto.EndpointConnectionError) else AwsError
        return kind(
            f"Could not {what}: AWS cannot be reached ({message}). "
            "Check the network, the proxy and `region` in aws.yml."
        )
    if isinstance(error, _NO_CREDENTIALS):
        return AwsError(f"Could not {what}: no usable AWS credentials ({message}). {_LOG_IN}")
    return AwsError(
        f"Could not {what}: {message}. Correct the AWS settings it names (an AWS_* variable, ~/.aws/config "
        "or aws.yml), then run the command again."
    )
