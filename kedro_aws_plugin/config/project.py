"""A Kedro project with its AWS configuration."""

from dataclasses import dataclass
from pathlib import Path

from kedro_aws_plugin.config.models import AwsConfig


@dataclass(frozen=True)
class Project:
    """A Kedro project with its AWS configuration.

    Attributes:
        path: The project's folder.
        package: The project's Python package.
        config: The project's aws.yml, merged for the environment in force.
    """

    path: Path
    package: str
    config: AwsConfig
