"""What answers for dynamic globals that take more than the clock: git, functions and the AWS in force.

AWS is asked when something refers to such a global, and not before; once for each run.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click
from kedro.config import AbstractConfigLoader

from kedro_aws_plugin.config.global_values import MASK, Answer, Values, inspected
from kedro_aws_plugin.config.injection import values_of
from kedro_aws_plugin.config.loader import inject, read_config
from kedro_aws_plugin.errors import ConfigError

if TYPE_CHECKING:
    from kedro_aws_plugin.aws.session import Aws
    from kedro_aws_plugin.config.globals import Global
    from kedro_aws_plugin.session.connection import Connection


class Answers:
    """Computes the dynamic globals of a project that git, its functions or AWS know.

    Args:
        project: The project's folder.
        connect: Connects to the AWS in force; called when that is first asked.
    """

    def __init__(self, project: Path, connect: "Callable[[], Connection]") -> None:
        self._project = project
        self._connect = connect

    @cached_property
    def _connection(self) -> "Connection":
        return self._connect()

    @cached_property
    def _aws(self) -> "Aws":
        from kedro_aws_plugin.aws.session import Aws

        return Aws(self._connection.target, self._connection.region)

    def __call__(self, spec: "Global") -> Answer:
        """Compute a global.

        Raises:
            KedroAwsError: If it cannot be.
        """
        if spec.hidden and (is_command_of("catalog") or inspected()):
            return Answer(MASK, hidden=True)
        if spec.kind == "git_sha":
            return Answer(_git_sha(self._project))
        if spec.ssm is not None:
            from kedro_aws_plugin.aws.values import read_parameter

            parameter = read_parameter(self._aws, spec.ssm.name)
            return Answer(parameter.value, hidden=parameter.secure)
        if spec.secret is not None:
            from kedro_aws_plugin.aws.values import read_secret

            return Answer(read_secret(self._aws, spec.secret.id, spec.secret.key), hidden=True)
        account = self._connection.account
        if spec.function is not None:  # whatever it asks AWS, it now asks the one in force
            from kedro_aws_plugin.config.project_function import call

            return Answer(call(spec.function))
        return Answer(account)  # which connecting has found out


def answer_for(loader: AbstractConfigLoader, project: Path, conf: Path) -> Values | None:
    """Put a project's dynamic globals into a config loader, where no session does so.

    AWS is connected to if one of them is referred to that needs it.

    Args:
        loader: The config loader.
        project: The project's folder.
        conf: Its configuration folder.

    Raises:
        ConfigError: If `globals:` in aws.yml is wrong.
    """
    values = inject(loader, conf)
    if values is not None and values.source is None:
        values.source = Answers(project, lambda: _connected(loader, project, conf))
    return values


def answer_with(loader: AbstractConfigLoader, project: Path, connection: "Connection") -> None:
    """Let the dynamic globals of a config loader ask the AWS that has been connected to."""
    values = values_of(loader)
    if values is not None:
        values.source = Answers(project, lambda: connection)


def _connected(loader: AbstractConfigLoader, project: Path, conf: Path) -> "Connection":
    from kedro_aws_plugin.config import Project
    from kedro_aws_plugin.session.connection import announcement, connect

    config = read_config(loader, conf)
    if config is None:
        raise ConfigError(f"{conf.name}/base/aws.yml is gone. Restore it.")
    connection = connect(Project(path=project, package=project.name, config=config))
    if line := announcement(connection):
        click.echo(line, err=True)
    return connection


def _git_sha(project: Path) -> str:
    from kedro_aws_plugin.run.git import git_state

    sha, _ = git_state(project)
    if sha is None:
        raise ConfigError(
            f"{project} is no git checkout with a commit. Give the commit with `--params "
            "globals.<name>=...`, or take it from an `env:`."
        )
    return sha


def is_command_of(*groups: str) -> bool:
    """Whether a command of one of these groups is under way, such as `kedro catalog ...`."""
    context = click.get_current_context(silent=True)
    while context is not None:
        if context.info_name in groups and context.parent is not None:
            return True
        context = context.parent
    return False
