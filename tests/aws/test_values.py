"""What Systems Manager and Secrets Manager answer, and how they refuse."""

from collections.abc import Callable
from typing import Any

import pytest
from stubbed import Stubbed

from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.aws.values import Parameter, read_parameter, read_secret
from kedro_aws_plugin.errors import AwsError

NAME = "/flights/level"


def parameter(aws: Aws) -> Any:
    return read_parameter(aws, NAME)


def secret(aws: Aws) -> Any:
    return read_secret(aws, "flights", "password")


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("String", "a,b", Parameter("a,b", secure=False)),
        ("StringList", "a,b", Parameter(["a", "b"], secure=False)),
        ("SecureString", "hunter2", Parameter("hunter2", secure=True)),
    ],
)
def test_a_parameter_is_read_decrypted(stubbed: Stubbed, kind: str, text: str, found: Parameter) -> None:
    answer = {"Parameter": {"Name": NAME, "Type": kind, "Value": text}}
    stubbed.answers("GetParameter", answer, {"Name": NAME, "WithDecryption": True})
    assert read_parameter(stubbed.aws, NAME) == found


@pytest.mark.parametrize(
    ("key", "found"),
    [(None, '{"password": "hunter2", "port": 5432}'), ("password", "hunter2"), ("port", 5432)],
)
def test_a_secret_is_read_whole_or_one_entry_of_it(stubbed: Stubbed, key: str | None, found: Any) -> None:
    answer = {"SecretString": '{"password": "hunter2", "port": 5432}'}
    stubbed.answers("GetSecretValue", answer, {"SecretId": "flights"})
    assert read_secret(stubbed.aws, "flights", key) == found


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            {"SecretString": '{"user": "me", "port": "hunter2"}'},
            "The secret flights has no `password`. It has port, user.",
        ),
        (
            {"SecretString": "hunter2"},
            "The secret flights is not a JSON object, so it has no `password`. Leave `key` out.",
        ),
        (
            {"SecretBinary": b"hunter2"},
            "The secret flights is binary. Save it as text, or as a JSON object.",
        ),
    ],
    ids=["no such entry", "no JSON", "binary"],
)
def test_a_secret_that_lacks_what_is_asked_for(
    stubbed: Stubbed, answer: dict[str, Any], sentence: str
) -> None:
    stubbed.answers("GetSecretValue", answer)
    with pytest.raises(AwsError) as refused:
        secret(stubbed.aws)
    assert refused.value.message == sentence


@pytest.mark.parametrize(
    ("read", "operation", "code", "sentence"),
    [
        pytest.param(
            parameter,
            "GetParameter",
            "ParameterNotFound",
            "There is no SSM parameter /flights/level in eu-west-1. Create it: "
            "aws ssm put-parameter --type SecureString --name /flights/level --value ...",
            id="an absent parameter",
        ),
        pytest.param(
            parameter,
            "GetParameter",
            "AccessDeniedException",
            "Could not read the SSM parameter /flights/level: AWS does not allow it (No). "
            "Ask for the permission to call GetParameter.",
            id="a refused parameter",
        ),
        pytest.param(
            secret,
            "GetSecretValue",
            "ResourceNotFoundException",
            "There is no secret flights in eu-west-1. Create it: "
            "aws secretsmanager create-secret --name flights --secret-string ...",
            id="an absent secret",
        ),
        pytest.param(
            secret,
            "GetSecretValue",
            "AccessDeniedException",
            "Could not read the secret flights: AWS does not allow it (No). "
            "Ask for the permission to call GetSecretValue.",
            id="a refused secret",
        ),
        pytest.param(
            secret,
            "GetSecretValue",
            "ExpiredTokenException",
            "Could not read the secret flights: your AWS credentials have expired. Log in (for example "
            "`aws sso login`), or choose another AWS_PROFILE.",
            id="expired credentials",
        ),
    ],
)
def test_a_refusal_is_one_sentence(
    stubbed: Stubbed, read: Callable[[Aws], Any], operation: str, code: str, sentence: str
) -> None:
    stubbed.refuses(operation, code)
    with pytest.raises(AwsError) as refused:
        read(stubbed.aws)
    assert refused.value.message == sentence
