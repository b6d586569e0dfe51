"""Read values that AWS keeps: parameters of Systems Manager, secrets of Secrets Manager."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import get_error_code, translate_errors
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AwsError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.type_defs import GetSecretValueResponseTypeDef


@dataclass(frozen=True)
class Parameter:
    """A parameter of Systems Manager.

    Attributes:
        value: Its text; a list for a StringList.
        secure: Whether it is a SecureString.
        version: Its version.
    """

    value: str | list[str]
    secure: bool
    version: int = 1


def read_parameter(aws: Aws, name: str, version: int | None = None) -> Parameter:
    """Read a parameter of Systems Manager, decrypted.

    Args:
        aws: The clients.
        name: Its name, path or ARN.
        version: The version to read; by default the newest, or the one that the name ends with.

    Raises:
        AwsError: If there is no such parameter, or AWS refuses to give it.
    """
    with _silence_parser(), translate_errors(f"read the SSM parameter {name}"):
        try:
            asked = name if version is None or ":" in name.rpartition("/")[2] else f"{name}:{version}"
            found = aws.ssm.get_parameter(Name=asked, WithDecryption=True)["Parameter"]
        except ClientError as error:
            if get_error_code(error) not in ("ParameterNotFound", "ParameterVersionNotFound"):
                raise
            raise AwsError(
                f"There is no SSM parameter {name} in {aws.region}. Create it: "
                f"aws ssm put-parameter --type SecureString --name {name} --value ..."
            ) from None
    text = found["Value"]
    value = text.split(",") if found["Type"] == "StringList" else text
    secure = found["Type"] == "SecureString"
    return Parameter(value=value, secure=secure, version=found.get("Version", 1))


def read_secret(aws: Aws, secret: str, key: str | None, version: str | None = None) -> Any:
    """Read a secret of Secrets Manager.

    Args:
        aws: The clients.
        secret: Its name or ARN.
        key: The entry to read from a secret that is a JSON object; None reads the whole text.
        version: The id of the version to read; by default the current one.

    Raises:
        AwsError: If there is no such secret or entry, or AWS refuses to give it.
    """
    text = _get_secret(aws, secret, version).get("SecretString")
    if text is None:
        raise AwsError(f"The secret {secret} is binary. Save it as text, or as a JSON object.")
    return text if key is None else _pick_entry(secret, text, key)


def find_secret_version(aws: Aws, secret: str) -> str:
    """Find the id of the current version of a secret.

    Raises:
        AwsError: If there is no such secret, or AWS refuses to give it.
    """
    return str(_get_secret(aws, secret, None)["VersionId"])


def _get_secret(aws: Aws, secret: str, version: str | None) -> "GetSecretValueResponseTypeDef":
    with _silence_parser(), translate_errors(f"read the secret {secret}"):
        try:
            if version is not None:
                return aws.secretsmanager.get_secret_value(SecretId=secret, VersionId=version)
            return aws.secretsmanager.get_secret_value(SecretId=secret)
        except ClientError as error:
            if get_error_code(error) != "ResourceNotFoundException":
                raise
            raise AwsError(
                f"There is no secret {secret} in {aws.region}. Create it: "
                f"aws secretsmanager create-secret --name {secret} --secret-string ..."
            ) from None


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
