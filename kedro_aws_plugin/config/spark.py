"""The settings of the Spark session: `spark:` in aws.yml, and spark.yml."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from kedro.config import AbstractConfigLoader, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from kedro_aws_plugin.config.fields import Section
from kedro_aws_plugin.errors import ConfigError, first_line

_PATTERNS = ("spark.yml", "spark.yaml", "spark/**")
_OF_THE_AWS = re.compile(
    r"spark\.hadoop\.(?:mapreduce\.fileoutputcommitter\.algorithm\.version|fs\.s3a\.(?:"
    r"endpoint|endpoint\.region|path\.style\.access|connection\.ssl\.enabled"
    r"|aws\.credentials\.provider|access\.key|secret\.key|session\.token))"
)


class Spark(Section):
    """`spark:` the Spark session of a run.

    Attributes:
        enabled: Whether to make a session with the settings of spark.yml before the nodes are imported.
    """

    enabled: bool = False


def read_spark_settings(loader: AbstractConfigLoader, target: str = "local") -> dict[str, str]:
    """Read conf/<env>/spark.yml, overridden by `--params spark.<key>=...`.

    Args:
        loader: The project's config loader.
        target: The AWS in force; with the local one, the settings of single buckets are refused too.

    Returns:
        Spark's properties by their full names, without those that are `null`.

    Raises:
        ConfigError: If a key is not a property of Spark, or is decided by the AWS in force.

    Example:
        >>> read_spark_settings(loader)
        {'spark.sql.shuffle.partitions': '8', 'spark.ui.enabled': 'false'}
    """
    getattr(loader, "config_patterns", {}).setdefault("spark", [*_PATTERNS])
    given = getattr(loader, "runtime_params", None) or {}
    values = {
        **dict(_flatten(_read(loader))),
        **dict(_flatten({key: value for key, value in given.items() if str(key).split(".")[0] == "spark"})),
    }
    for key in values:
        _check_key(key, target)
    return {key: _to_text(value) for key, value in values.items() if value is not None}


def _read(loader: AbstractConfigLoader) -> Mapping[str, Any]:
    try:
        return loader["spark"] or {}
    except MissingConfigException:
        return {}
    except (OmegaConfBaseException, ValueError, AttributeError, yaml.YAMLError) as error:
        raise ConfigError(f"spark.yml: {first_line(error)}. Correct it there or in globals.yml.") from None


def _flatten(values: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Join the keys of nested sections by dots, as Spark writes them: `spark.sql.shuffle.partitions`."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _check_key(key: str, target: str) -> None:
    if not key.startswith("spark."):
        raise ConfigError(f"spark.yml: unknown key `{key}`. Spark's properties begin with `spark.`.")
    of_all = re.sub(r"(fs\.s3a)\.bucket\.[^.]+", r"\1", key) if target == "local" else key
    if _OF_THE_AWS.fullmatch(of_all):
        raise ConfigError(
            f"spark.yml: `{key}` follows from the AWS in force, which the environment chooses. Remove it."
        )


def _to_text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_to_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
