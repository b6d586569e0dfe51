"""Files of conf/, read as a Kedro project reads them."""

from collections.abc import Callable, Mapping

import pytest

from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.errors import ConfigError

BASE = "region: eu-west-1\nbucket: my-flights-data\n"
TOP_LEVEL = (
    "target, region, bucket, role_arn, registry, deploy, transform, pipelines, athena, bootstrap, overrides, "
    "globals, spark, local"
)
BUCKET_RULE = "3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at both ends"

Read = Callable[..., AwsConfig | None]


def loaded(read: Read, files: Mapping[str, str], env: str | None = None) -> AwsConfig:
    config = read(files, env)
    assert config is not None
    return config


def refusal(read: Read, files: Mapping[str, str], env: str | None = None) -> str:
    """The sentence that a folder of files is refused with."""
    with pytest.raises(ConfigError) as refused:
        read(files, env)
    assert refused.value.exit_code == 1
    return refused.value.message
