"""Open a Kedro project once: for a command, for the hooks of a run, or for a config loader alone."""

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.config import AbstractConfigLoader
from typing_extensions import Self

from kedro_aws_plugin import kedro_internals
from kedro_aws_plugin.aws.guard import Rule, get_rule
from kedro_aws_plugin.config import AwsConfig, Project
from kedro_aws_plugin.config.files import ConfigFiles, find_files
from kedro_aws_plugin.config.injection import explain_early_reference
from kedro_aws_plugin.config.loader import inject_globals, read_config
from kedro_aws_plugin.errors import ConfigError, KedroAwsError, ProjectError, first_line
from kedro_aws_plugin.run.job import find_job
from kedro_aws_plugin.session.connection import Connection, connect
from kedro_aws_plugin.session.global_resolver import GlobalResolver, is_command_of

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

    from kedro_aws_plugin.aws.binding import Binding
    from kedro_aws_plugin.aws.session import Aws
    from kedro_aws_plugin.plan.overrides import Overrides

_ATTRIBUTE = "_kedro_aws_session"


class Session:
    """A project's configuration, its connection to AWS and its catalog, each of them made once.

    The session is kept at the project's config loader. `Session.of` finds it there for everything that uses
    the same loader: the hooks, and the Kedro session behind `kedro_context`.

    Args:
        loader: The project's config loader.
        path: The project's folder.
        package: The project's Python package.
        conf: The configuration folder, for messages that name files.

    Attributes:
        path: The project's folder.
        loader: The project's config loader, with the dynamic globals of aws.yml in it.
        conf: The configuration folder.
        globals: The dynamic globals; None if the project has no aws.yml.
        shows_only: Whether the catalog is read and not used, so that it need not be bound to an AWS.

    Raises:
        ConfigError: If `globals:` in aws.yml is wrong.
    """

    shows_only = False

    def __init__(self, loader: AbstractConfigLoader, path: Path, package: str, conf: Path) -> None:
        self.path = path
        self.loader = loader
        self._package = package
        self.conf = conf
        self._connection: Connection | None = None
        self._rule: Rule | None = None
        setattr(loader, _ATTRIBUTE, self)
        self.globals = inject_globals(loader, conf)
        if self.globals is not None:
            self.globals.source = GlobalResolver(path, self.connect)

    @classmethod
    def open(cls, env: str | None = None, params: dict[str, Any] | None = None) -> Self:
        """Open the Kedro project around the current folder. Sends no request to AWS.

        Args:
            env: The Kedro environment; by default $KEDRO_ENV, else the project's default.
            params: The runtime parameters, as `--params` of `kedro run` gives them.

        Raises:
            ProjectError: If there is no project here.
            ConfigError: If its configuration cannot be read.
        """
        path = find_project()
        package = load_settings(path)
        loader, conf = make_loader(path, env, params)
        return cls.of(loader, path, package, conf)

    @classmethod
    def of(cls, loader: AbstractConfigLoader, path: Path, package: str, conf: Path) -> Self:
        """Get the session of a config loader, and open it first if there is none."""
        opened: Self = getattr(loader, _ATTRIBUTE, None) or cls(loader, path, package, conf)
        return opened

    @cached_property
    def optional_config(self) -> AwsConfig | None:
        """The project's aws.yml, merged for the environment; None if the project has none.

        Raises:
            ConfigError: If a file or a key is wrong.
        """
        return read_config(self.loader, self.conf)

    @property
    def config(self) -> AwsConfig:
        """The project's aws.yml, merged for the environment.

        Raises:
            ConfigError: If it is missing, or a file or a key is wrong.
        """
        if self.optional_config is None:
            raise ConfigError(
                f"{self.conf.name}/base/aws.yml is missing. Create it with two lines: `region: eu-west-1` "
                "and `bucket:` with the name of yours."
            )
        return self.optional_config

    @property
    def project(self) -> Project:
        """The project with its aws.yml."""
        return Project(path=self.path, package=self._package, config=self.config)

    def connect(self, announce: Callable[[Connection], None] | None = None) -> Connection:
        """Connect to the AWS of the project's environment, and tell the user which one it is. Connects once.

        Args:
            announce: Prints which AWS is in force; by default, one line on standard error.

        Raises:
            LocalAwsError: If the local AWS is needed and does not start.
            AwsError: If the real AWS does not accept the credentials.
        """
        if self._connection is None:
            job = find_job()
            self._connection = (job.connection if job else None) or connect(self.project)
            self._rule = get_rule()
            if announce is None:
                click.echo(str(self._connection), err=True)
            else:
                announce(self._connection)
        return self._connection

    def return_to_its_aws(self) -> None:
        """Point this process at this session's AWS again, if a later session has pointed it at another one.

        Raises:
            LocalAwsError: If the local AWS is needed and does not start.
            AwsError: If the real AWS does not accept the credentials.
        """
        self.connect()
        if get_rule() != self._rule:
            self._connection = connect(self.project)
            self._rule = get_rule()

    def check_no_other_config(self) -> None:
        """Raise if this configuration has no aws.yml but the project has one elsewhere.

        Nothing would choose the AWS, and the requests would go wherever the shell's variables say.

        Raises:
            ConfigError: If so.
        """
        from kedro.framework.project import settings

        if not kedro_internals.has_files(self.loader) or not hasattr(self.loader, "config_patterns"):
            return
        here = Path(self.conf).absolute()
        folders = {self.path / "conf", self.path / str(settings.get("CONF_SOURCE", "conf"))} - {here}
        found = sorted(file for folder in folders for file in folder.glob("*/aws.y*ml"))
        if found:
            raise ConfigError(
                f"{self.conf} has no base/aws.yml, so nothing chooses the AWS; the project has "
                f"{found[0].relative_to(self.path)}. Nothing was sent. Copy it to {self.conf.name}/base/, or "
                "leave out --conf-source."
            )

    def find_binding(self) -> "Binding | None":
        """Find what the catalog is bound to, and connect first; None if the project has no aws.yml.

        Kedro's inspection and `kedro catalog` show the catalog without using it, so it is not bound for them.
        """
        if self.optional_config is None:
            return None
        if self.shows_only or kedro_internals.is_inspecting() or is_command_of("catalog"):
            return None
        return self.connect().binding

    @cached_property
    def aws(self) -> "Aws":
        """The clients of the AWS of the project's environment. Call `connect` first."""
        from kedro_aws_plugin.aws.session import Aws

        return Aws(self.config.target, self.config.region, overrides=self.overrides)

    @cached_property
    def overrides(self) -> "Overrides":
        """What aws.yml sets in requests, checked against AWS's service model.

        Raises:
            ConfigError: If an operation or a member is not known, or may not be set.
        """
        if not self.config.overrides:
            return {}
        from kedro_aws_plugin.aws.overrides import check_overrides

        return check_overrides(self.config.overrides, find_files(self.loader, self.conf).find_key)

    @cached_property
    def kedro_context(self) -> "KedroContext":
        """The project's Kedro context, as a run in its environment has it.

        Raises:
            ProjectError: If the project does not load.
        """
        try:
            return kedro_internals.load_context(self.path, self.loader.env, self.loader)
        except KedroAwsError:
            raise
        except Exception as error:
            raise explain_unloadable_project(error) from error


def find_session(loader: AbstractConfigLoader) -> Session | None:
    """Find the session of a config loader; None if it was not opened."""
    found: Session | None = getattr(loader, _ATTRIBUTE, None)
    return found


def explain_unloadable_project(error: Exception) -> ProjectError:
    """Say that a project does not load, and how to see the whole error."""
    return ProjectError(
        f"The project does not load: {first_line(error)}. `kedro registry list` shows the whole error."
    )


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


def load_settings(path: Path) -> str:
    """Load the settings of a project, unless `kedro` has done so for the command that is running.

    Args:
        path: The project's folder.

    Returns:
        The project's Python package.
    """
    from kedro.framework.startup import ProjectMetadata, bootstrap_project

    running = click.get_current_context(silent=True)
    loaded = running.find_object(ProjectMetadata) if running else None
    if loaded is None or loaded.project_path != path.resolve():
        loaded = bootstrap_project(path)
    return str(loaded.package_name)


def make_loader(
    path: Path, env: str | None, params: dict[str, Any] | None = None
) -> tuple[AbstractConfigLoader, Path]:
    """Make the config loader of a project, according to its settings.

    Args:
        path: The project's folder, whose settings are loaded.
        env: The Kedro environment; by default $KEDRO_ENV, else the project's default.
        params: The runtime parameters, as `--params` of `kedro run` gives them.

    Returns:
        The loader, and the configuration folder.

    Raises:
        ConfigError: If globals.yml prevents it.
    """
    from kedro.framework.project import settings
    from omegaconf.errors import OmegaConfBaseException

    conf, given = path / str(settings.CONF_SOURCE), settings.CONFIG_LOADER_ARGS
    env = env or os.environ.get("KEDRO_ENV")
    try:
        loader = settings.CONFIG_LOADER_CLASS(conf_source=str(conf), env=env, runtime_params=params, **given)
    except OmegaConfBaseException as error:
        over = env or given.get("default_run_env", "local")
        files = ConfigFiles(conf, given.get("base_env", "base"), over, "globals.yml")
        raise explain_early_reference(error, files) or error from None
    return loader, conf
