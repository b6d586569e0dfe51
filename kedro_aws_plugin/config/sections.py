"""Choose what a command needs from aws.yml and from its options."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from kedro_aws_plugin.config.models import AwsConfig, Deploy, Registry
from kedro_aws_plugin.errors import ConfigError, end_sentence

_LOCAL_ROLE = "arn:aws:iam::123456789012:role/kedro-aws-local"
_PACKAGE_ARN = re.compile(r"arn:[^/]+:model-package/(?P<group>[^/]+)/\d+")
_SERVERLESS = ("memory_mb", "max_concurrency")
_OPTIONS = {"memory_mb": "--memory"}


def require_registry(config: AwsConfig) -> Registry:
    """Get the `registry:` section.

    Raises:
        ConfigError: If aws.yml has none.
    """
    if config.registry is None:
        raise ConfigError(
            "conf/base/aws.yml: `registry` is missing. Add `registry.group` (a model package group) "
            "and `registry.model` (a catalog entry)."
        )
    return config.registry


def choose_group(config: AwsConfig, package: str | None = None) -> str:
    """Choose the model package group that a command works on.

    Args:
        config: The project's configuration.
        package: A version: an ARN contains its group; a number is a version in `registry.group`.

    Raises:
        ConfigError: If neither names a group.
    """
    named = _PACKAGE_ARN.fullmatch(package or "")
    return named["group"] if named else require_registry(config).group


def merge_deploy(config: AwsConfig, changes: Mapping[str, Any]) -> Deploy:
    """Override the `deploy:` section with a command's options.

    Args:
        config: The project's configuration.
        changes: Options by the name of their key; None for those that the user did not give.

    Raises:
        ConfigError: If there is no name for the endpoint, or an option's value is wrong.
    """
    given = {key: value for key, value in changes.items() if value is not None}
    values = config.deploy.model_dump() if config.deploy else {}
    size = {key: given.pop(key) for key in _SERVERLESS if key in given}
    values = {**values, **given, "serverless": {**values.get("serverless", {}), **size}}
    if "endpoint" not in values:
        raise ConfigError("conf/base/aws.yml: `deploy.endpoint` is missing. Add it, or give --endpoint.")
    try:
        return Deploy.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][-1])
        option = _OPTIONS.get(key, f"--{key.replace('_', '-')}")
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] != "value_error":
            message = f"`{first['input']}` is wrong: {message[:1].lower()}{message[1:]}"
        raise ConfigError(f"{option}: {end_sentence(message)}") from None


def find_results_folder(config: AwsConfig) -> str:
    """Find the folder on S3 where Athena puts query results."""
    stated = config.athena.output_location if config.athena else None
    return stated or f"s3://{config.bucket}/athena/"


def choose_role(config: AwsConfig, bootstrapped: Callable[[], str | None]) -> str:
    """Choose the role that SageMaker assumes. The local AWS does not check it.

    Args:
        config: The project's configuration.
        bootstrapped: Looks up the role that `kedro aws bootstrap` made; called if aws.yml names none.

    Raises:
        ConfigError: If the real AWS is in force and there is no role.
    """
    if config.role_arn is not None:
        return config.role_arn
    if config.target == "local":
        return _LOCAL_ROLE
    if role := bootstrapped():
        return role
    raise ConfigError(
        f"conf/{config.env}/aws.yml: `role_arn` is missing. Make a role with `kedro aws bootstrap`, or add "
        f"the ARN of one that SageMaker may assume and that may read s3://{config.bucket}."
    )
