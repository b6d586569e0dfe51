"""Foreign errors: each becomes one of ours, which says what failed, why, and what to do next."""

import inspect
import string

import pytest
from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError

from kedro_aws_plugin.aws.errors import delete_if_present, is_absent, translate_errors
from kedro_aws_plugin.errors import (
    AwsError,
    ConflictError,
    DeniedError,
    KedroAwsError,
    LocalAwsError,
    UnreachableError,
)

WHAT = "describe endpoint flights"
CLASSES = [
    each
    for each in vars(boto).values()
    if inspect.isclass(each) and issubclass(each, BotoCoreError) and each.__module__ == boto.__name__
]
REMOTE = "https://sagemaker.eu-west-1.amazonaws.com/"
LOCAL = "http://127.0.0.1:41234/"
LOG_IN = "Log in (for example `aws sso login`), or choose another AWS_PROFILE."
CREDENTIALS = {
    "CredentialRetrievalError",
    "LoginAuthorizationCodeError",
    "LoginError",
    "LoginInsufficientPermissions",
    "LoginRefreshRequired",
    "LoginTokenLoadError",
    "MetadataRetrievalError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "RefreshWithMFAUnsupportedError",
    "SSOError",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
    "UnknownCredentialError",
    "UnknownTokenProviderError",
}
NETWORK = {
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "ConnectionError",
    "EndpointConnectionError",
    "HTTPClientError",
    "IncompleteReadError",
    "ProxyConnectionError",
    "ReadTimeoutError",
    "ResponseStreamingError",
    "SSLError",
}


def made(kind: type[BotoCoreError], **known: str) -> BotoCoreError:
    """An error of a class, with something in every field of its message."""
    fields = {name for _, name, _, _ in string.Formatter().parse(kind.fmt) if name}
    named = set(inspect.signature(kind.__init__).parameters) - {"self", "args", "kwargs"}
    return kind(**{name: known.get(name, f"<{name}>") for name in fields | named})


def refused(code: str, message: str, status: int = 400, operation: str = "DescribeEndpoint") -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)  # type: ignore[arg-type]


def translation(error: Exception) -> KedroAwsError:
    with pytest.raises(KedroAwsError) as caught, translate_errors(WHAT):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


def test_the_classes_are_found() -> None:
    names = {each.__name__ for each in CLASSES}
    assert len(names) > 80
    assert names >= NETWORK


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_of_botocore_is_translated(kind: type[BotoCoreError]) -> None:
    error = translation(made(kind, endpoint_url=REMOTE))
    assert type(error) is (UnreachableError if kind is boto.EndpointConnectionError else AwsError)
    assert error.exit_code == 1
    assert "\n" not in error.message
    what, _, rest = error.message.partition(": ")
    assert what == f"Could not {WHAT}"
    assert rest.endswith(".")
    if kind.__name__ in CREDENTIALS:
        assert rest.startswith("no usable AWS credentials (")
        assert rest.endswith(LOG_IN)
    elif kind.__name__ in NETWORK:
        assert rest.startswith("AWS cannot be reached (")
        assert rest.endswith("Check the network, the proxy and `region` in aws.yml.")
    else:
        assert rest.endswith(
            " Correct the AWS settings it names (an AWS_* variable, ~/.aws/config or aws.yml), "
            "then run the command again."
        )


@pytest.mark.parametrize(
    "kind",
    [
        boto.EndpointConnectionError,
        boto.ConnectionClosedError,
        boto.ReadTimeoutError,
        boto.ConnectTimeoutError,
    ],
)
def test_a_local_aws_that_died_is_named(kind: type[BotoCoreError]) -> None:
    error = made(kind, endpoint_url=LOCAL)
    assert type(translation(error)) is LocalAwsError
    assert translation(error).message == (
        f"Could not {WHAT}: the local AWS stopped answering ({str(error).rstrip('.')}). It "
        "keeps what it held. Run the command again: it starts the local AWS."
    )


def test_a_proxy_on_this_machine_is_not_the_local_aws() -> None:
    error = translation(made(boto.ProxyConnectionError, proxy_url="http://127.0.0.1:3128"))
    assert error.message == (
        f'Could not {WHAT}: AWS cannot be reached (Failed to connect to proxy URL: "http://127.0.0.1:3128"). '
        "Check the network, the proxy and `region` in aws.yml."
    )


def test_a_message_of_many_lines_becomes_one() -> None:
    report = 'Missing required parameter in input: "EndpointName"\nUnknown parameter in input: "Name"'
    assert translation(boto.ParamValidationError(report=report)).message.startswith(
        f'Could not {WHAT}: Parameter validation failed: Missing required parameter in input: "EndpointName" '
        'Unknown parameter in input: "Name". Correct'
    )


@pytest.mark.parametrize(
    ("code", "operation", "rest"),
    [
        (
            "ServiceQuotaExceededException",
            "UpdateStateMachine",
            "an AWS quota is used up (Said so). Delete versions that no run needs: aws stepfunctions "
            "delete-state-machine-version",
        ),
        (
            "ResourceLimitExceeded",
            "CreatePipeline",
            "an AWS quota is used up (Said so). Delete what is not needed, or raise the quota in Service "
            "Quotas.",
        ),
        (
            "ExecutionNotRedrivable",
            "RedriveExecution",
            "AWS cannot go on with it (Said so). Run the pipeline again: kedro aws submit",
        ),
        (
            "StateMachineDeleting",
            "CreateStateMachine",
            "it is being deleted. Run the command again in a minute.",
        ),
    ],
)
def test_what_a_pipeline_is_refused_says_what_to_do_about_pipelines(
    code: str, operation: str, rest: str
) -> None:
    assert translation(refused(code, "Said so.", operation=operation)).message == f"Could not {WHAT}: {rest}"


@pytest.mark.parametrize(
    ("code", "status", "rest"),
    [
        ("ExpiredToken", 403, f"your AWS credentials have expired. {LOG_IN}"),
        ("ExpiredTokenException", 403, f"your AWS credentials have expired. {LOG_IN}"),
        (
            "RequestExpired",
            400,
            f"your AWS credentials have expired, or this machine's clock is wrong. {LOG_IN}",
        ),
        ("InvalidClientTokenId", 403, f"AWS does not know your credentials. {LOG_IN}"),
        ("UnrecognizedClientException", 403, f"AWS does not know your credentials. {LOG_IN}"),
        ("InvalidAccessKeyId", 403, f"AWS does not know your credentials. {LOG_IN}"),
        ("AuthFailure", 401, f"AWS does not know your credentials. {LOG_IN}"),
        ("SignatureDoesNotMatch", 403, f"AWS does not accept your secret access key. {LOG_IN}"),
        (
            "NoSuchBucket",
            404,
            "the bucket does not exist. Make it: kedro aws bootstrap. Or correct `bucket` in globals.yml.",
        ),
        (
            "AccessDeniedException",
            403,
            "AWS does not allow it (Said so). Ask for the permission to call DescribeEndpoint.",
        ),
        (
            "AccessDenied",
            403,
            "AWS does not allow it (Said so). Ask for the permission to call DescribeEndpoint.",
        ),
        (
            "ResourceLimitExceeded",
            400,
            "an AWS quota is used up (Said so). Delete an endpoint that is not needed "
            "(kedro aws destroy --endpoint NAME), or raise the quota in Service Quotas.",
        ),
        ("ThrottlingException", 400, "AWS asks to slow down (Said so). Run the command again in a minute."),
        ("SlowDown", 503, "AWS asks to slow down (Said so). Run the command again in a minute."),
        (
            "InternalFailure",
            500,
            "AWS failed with InternalFailure: Said so. Run the command again in a minute.",
        ),
        (
            "ValidationException",
            400,
            "AWS answered ValidationException: Said so. Correct that and run the command again.",
        ),
    ],
)
def test_what_aws_answers_becomes_a_sentence(code: str, status: int, rest: str) -> None:
    error = translation(refused(code, "Said so.", status))
    assert type(error) is (DeniedError if code.startswith("AccessDenied") else AwsError)
    assert error.message == f"Could not {WHAT}: {rest}"


@pytest.mark.parametrize(
    ("code", "message", "conflict"),
    [
        ("ValidationException", 'Cannot create already existing model "arn:aws:sagemaker:x".', True),
        ("ValidationException", "Cannot update in-progress endpoint", True),
        ("AlreadyExistsException", "Stack [kedro-aws-flights] already exists", True),
        ("ValidationError", "Stack:arn:x is in UPDATE_IN_PROGRESS state and can not be updated.", True),
        ("StateMachineAlreadyExists", "State Machine Already Exists: 'arn:aws:states:x'", True),
        ("ValidationError", "Template format error: unsupported structure.", False),
        ("ValidationError", "Endpoint e of account 1 not found.", False),
    ],
)
def test_what_is_there_by_now_is_looked_at_again(code: str, message: str, conflict: bool) -> None:
    """As it is where AWS has carried out a request whose answer was lost."""
    assert isinstance(translation(refused(code, message)), ConflictError) == conflict


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"])
def test_what_the_user_may_not_do_is_told_apart(code: str) -> None:
    """A list may be left out where the user may not see it, and nowhere else."""
    assert type(translation(refused(code, "no"))) is DeniedError
    assert type(translation(refused("ThrottlingException", "no"))) is AwsError


def test_a_service_that_does_not_answer_is_told_apart() -> None:
    """Not every region has every service."""
    error = boto.EndpointConnectionError(endpoint_url=REMOTE)
    assert type(translation(error)) is UnreachableError
    assert type(translation(boto.NoCredentialsError())) is AwsError


def test_a_list_of_every_value_there_is_does_not_fill_the_screen() -> None:
    values = ", ".join(f"ml.m{number}.large" for number in range(500))
    error = translation(refused("ValidationException", f"Member must satisfy enum value set: [{values}]"))
    assert error.message.startswith(
        f"Could not {WHAT}: AWS answered ValidationException: Member must satisfy enum value set: [ml.m0.la"
    )
    assert error.message.endswith("... Correct that and run the command again.")
    assert len(error.message) < 600


def test_an_answer_without_a_body_names_the_operation() -> None:
    denied = ClientError({"Error": {"Code": "403"}}, "HeadObject")
    assert translation(denied).message == (
        f"Could not {WHAT}: AWS does not allow it (An error occurred (403) when calling the HeadObject "
        "operation: Unknown). Ask for the permission to call HeadObject."
    )


def test_what_is_not_of_botocore_passes() -> None:
    with pytest.raises(KeyError), translate_errors(WHAT):
        raise KeyError("ours to mend")


@pytest.mark.parametrize(
    ("code", "message", "absent"),
    [
        ("ValidationException", 'Could not find model "arn:aws:sagemaker:eu-west-1:1:model/m".', True),
        ("ValidationException", "ModelPackageGroup arn:aws:sagemaker:x does not exist.", True),
        ("ResourceNotFound", "Endpoint not found", True),
        ("ValidationException", "Cannot find Model Package Group: arn:aws:sagemaker:x", True),
        ("ValidationException", "Model package group has packages.", False),
        ("AccessDeniedException", "User does not exist or is not authorized", False),
        ("ThrottlingException", "Could not find capacity", False),
    ],
)
def test_absent_is_told_from_denied(code: str, message: str, absent: bool) -> None:
    error = refused(code, message)
    assert is_absent(error) == absent


def test_a_deletion_says_whether_there_was_anything_left() -> None:
    def answers(error: ClientError | None) -> None:
        if error:
            raise error

    assert delete_if_present(lambda: answers(None)) is True
    gone = refused("ValidationException", 'Could not find model "m".')
    assert delete_if_present(lambda: answers(gone)) is False
    with pytest.raises(ClientError, match="no right"):
        delete_if_present(lambda: answers(refused("AccessDeniedException", "no right")))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("SignatureDoesNotMatch", "Signature expired: 20261129T000000Z is now earlier than 20261129T010000Z"),
        ("SignatureDoesNotMatch", "Signature not yet current: 20261129T020000Z is still later"),
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large"),
    ],
)
def test_a_wrong_clock_is_no_wrong_key(code: str, message: str) -> None:
    """As STS and S3 say it; the key is right."""
    error = ClientError({"Error": {"Code": code, "Message": message}}, "GetCallerIdentity")
    with pytest.raises(AwsError, match="this machine's clock is wrong"), translate_errors(WHAT):
        raise error
