"""`spark:` in aws.yml, and spark.yml: what the Spark session is made with."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from kedro.config import AbstractConfigLoader, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from kedro_aws_plugin.config.fields import Section
from kedro_aws_plugin.errors import ConfigError

_PATTERNS = ("spark.yml", "spark.yaml", "spark/**")
_OF_THE_AWS = re.compile(
    r"spark\.hadoop\.(?:mapreduce\.fileoutputcommitter\.algorithm\.version|fs\.s3a\.(?:"
    r"endpoint|endpoint\.region|path\.style\.access|connection\.ssl\.enabled"
    r"|aws\.credentials\.provider|access\.key|secret\.key|session\.token))"
)


class Spark(Section):
    """`spark:` the Spark session of a run.

    Attributes:
        enabled: Whether one is made, with the settings of spark.yml, before the nodes are imported.
    """

    enabled: bool = False


def spark_settings(loader: AbstractConfigLoader, target: str = "local") -> dict[str, str]:
    """Read conf/<env>/spark.yml, with what `--params spark.<key>=...` says on top.

    Args:
        loader: The project's config loader.
        target: The AWS in force; for the local one, no bucket may be anywhere else.

    Returns:
        Spark's properties by their whole names. One that is `null` is left out.

    Raises:
        ConfigError: If a key is not Spark's, or belongs to the AWS in force.

    Example:
        >>> spark_settings(loader)
        {'spark.sql.shuffle.partitions': '8', 'spark.ui.enabled': 'false'}
    """
    getattr(loader, "config_patterns", {}).setdefault("spark", [*_PATTERNS])
    given = getattr(loader, "runtime_params", None) or {}
    values = {
        **dict(_flat(_read(loader))),
        **dict(_flat({key: value for key, value in given.items() if str(key).split(".")[0] == "spark"})),
    }
    for key in values:
        _check(key, target)
    return {key: _text(value) for key, value in values.items() if value is not None}


def _read(loader: AbstractConfigLoader) -> Mapping[str, Any]:
    try:
        return loader["spark"] or {}
    except MissingConfigException:
        return {}
    except (OmegaConfBaseException, ValueError, AttributeError, yaml.YAMLError) as error:
        said = str(error).strip().splitlines()[0].rstrip(".")
        raise ConfigError(f"spark.yml: {said}. Correct it there or in globals.yml.") from None


def _flat(values: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys may be written as Spark does, `spark.sql.shuffle.partitions`, or as sections."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _check(key: str, target: str) -> None:
    if not key.startswith("spark."):
        raise ConfigError(f"spark.yml: unknown key `{key}`. Spark's properties begin with `spark.`.")
    of_all = re.sub(r"(fs\.s3a)\.bucket\.[^.]+", r"\1", key) if target == "local" else key
    if _OF_THE_AWS.fullmatch(of_all):
        raise ConfigError(
            f"spark.yml: `{key}` follows from the AWS in force, which the environment chooses. Remove it."
        )


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
