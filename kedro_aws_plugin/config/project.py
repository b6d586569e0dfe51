"""The Kedro project a command runs in."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.config.models import AwsConfig
from kedro_aws_plugin.errors import ConfigError, ProjectError

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader


@dataclass(frozen=True)
class Project:
    """A Kedro project with its AWS configuration.

    Attributes:
        path: The project's folder.
        package: Its Python package.
        config: Its aws.yml, merged for the environment in force.
    """

    path: Path
    package: str
    config: AwsConfig


def find_project() -> Path:
    """Find the Kedro project around the current folder.

    Raises:
        ProjectError: If there is none.
    """
    from kedro.utils import find_kedro_project

    path = find_kedro_project(Path.cwd())
    if path is None:
        raise ProjectError(
            f"{Path.cwd()} is not inside a Kedro project. "
            "Change to one, or make one: kedro new --starter=aws-spaceflights"
        )
    return Path(path)


def open_project(env: str | None = None) -> Project:
    """Open the Kedro project around the current folder.

    Args:
        env: The Kedro environment; by default $KEDRO_ENV, else the project's default.

    Raises:
        ProjectError: If there is no project here.
        ConfigError: If its aws.yml is missing or wrong.
    """
    path = find_project()
    from kedro.framework.startup import bootstrap_project

    metadata = bootstrap_project(path)
    config = load_config(path, env)
    return Project(path=path, package=metadata.package_name, config=config)


def load_config(path: Path, env: str | None = None) -> AwsConfig:
    """Load the aws.yml of the project at a path that `bootstrap_project` has been called for.

    Raises:
        ConfigError: If it is missing or wrong.
    """
    from kedro_aws_plugin.config.loader import read_config

    loader, conf = make_loader(path, env)
    config = read_config(loader, conf)
    if config is None:
        raise ConfigError(
            f"{conf.name}/base/aws.yml is missing. Create it with two lines: `region: eu-west-1` and "
            "`bucket:` with the name of yours."
        )
    return config


def make_loader(
    path: Path, env: str | None, params: dict[str, Any] | None = None
) -> "tuple[AbstractConfigLoader, Path]":
    """Make the config loader of the project at a path, as its settings say.

    Args:
        path: The project's folder; `bootstrap_project` has been called for it.
        env: The Kedro environment; by default $KEDRO_ENV, else the project's default.
        params: What `--params` of a run would give.

    Returns:
        The loader, and the configuration folder.

    Raises:
        ConfigError: If it cannot be made with what globals.yml says.
    """
    from kedro.framework.project import settings
    from omegaconf.errors import OmegaConfBaseException

    conf, given = path / str(settings.CONF_SOURCE), settings.CONFIG_LOADER_ARGS
    env = env or os.environ.get("KEDRO_ENV")
    try:
        loader = settings.CONFIG_LOADER_CLASS(conf_source=str(conf), env=env, runtime_params=params, **given)
    except OmegaConfBaseException as error:
        from kedro_aws_plugin.config.files import ConfigFiles
        from kedro_aws_plugin.config.injection import too_early

        over = env or given.get("default_run_env", "local")
        files = ConfigFiles(conf, given.get("base_env", "base"), over, "globals.yml")
        raise too_early(error, files) or error from None
    return loader, conf
