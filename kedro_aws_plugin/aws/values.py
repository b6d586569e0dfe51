"""Read values that AWS keeps: parameters of Systems Manager, secrets of Secrets Manager."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import get_error_code, translate_errors
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AwsError


@dataclass(frozen=True)
class Parameter:
    """A parameter of Systems Manager.

    Attributes:
        value: Its text; a list for a StringList.
        secure: Whether it is a SecureString.
    """

    value: str | list[str]
    secure: bool


def read_parameter(aws: Aws, name: str) -> Parameter:
    """Read a parameter of Systems Manager, decrypted.

    Raises:
        AwsError: If there is no such parameter, or AWS refuses to give it.
    """
    with _silence_parser(), translate_errors(f"read the SSM parameter {name}"):
        try:
            found = aws.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
        except ClientError as error:
            if get_error_code(error) not in ("ParameterNotFound", "ParameterVersionNotFound"):
                raise
            raise AwsError(
                f"There is no SSM parameter {name} in {aws.region}. Create it: "
                f"aws ssm put-parameter --type SecureString --name {name} --value ..."
            ) from None
    text = found["Value"]
    value = text.split(",") if found["Type"] == "StringList" else text
    return Parameter(value=value, secure=found["Type"] == "SecureString")


def read_secret(aws: Aws, secret: str, key: str | None) -> Any:
    """Read a secret of Secrets Manager.

    Args:
        aws: The clients.
        secret: Its name or ARN.
        key: The entry to read from a secret that is a JSON object; None reads the whole text.

    Raises:
        AwsError: If there is no such secret or entry, or AWS refuses to give it.
    """
    with _silence_parser(), translate_errors(f"read the secret {secret}"):
        try:
            found = aws.secretsmanager.get_secret_value(SecretId=secret)
        except ClientError as error:
            if get_error_code(error) != "ResourceNotFoundException":
                raise
            raise AwsError(
                f"There is no secret {secret} in {aws.region}. Create it: "
                f"aws secretsmanager create-secret --name {secret} --secret-string ..."
            ) from None
    text = found.get("SecretString")
    if text is None:
        raise AwsError(f"The secret {secret} is binary. Save it as text, or as a JSON object.")
    return text if key is None else _pick_entry(secret, text, key)


@contextmanager
def _silence_parser() -> Iterator[None]:
    """Keep botocore from logging the answer: at level DEBUG it logs all of them, values included."""
    logger = logging.getLogger("botocore.parsers")
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)


def _pick_entry(secret: str, text: str, key: str) -> Any:
    try:
        entries = json.loads(text)
    except ValueError:
        entries = None
    if not isinstance(entries, dict):
        raise AwsError(f"The secret {secret} is not a JSON object, so it has no `{key}`. Leave `key` out.")
    if key not in entries:
        # Names only: the values must not be shown.
        raise AwsError(
            f"The secret {secret} has no `{key}`. It has {', '.join(sorted(entries)) or 'nothing'}."
        )
    return entries[key]
