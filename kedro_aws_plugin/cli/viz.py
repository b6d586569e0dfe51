"""Choose the AWS for `kedro viz`, which loads the catalog in a process of its own and without hooks."""

import json
import os
import re
import sys
from typing import Any

from kedro.framework.cli.hooks import cli_hook_impl

_COMMANDS = ("run", "build", "deploy")


class VizHooks:
    """Connects before `kedro viz` begins: its process inherits the variables from this one."""

    @cli_hook_impl
    def before_command_run(self, project_metadata: Any, command_args: list[str]) -> None:
        """Connect to the AWS of the environment, if the command loads a catalog for Kedro-Viz."""
        if project_metadata is None or command_args[:1] != ["viz"] or {"-h", "--help"} & set(command_args):
            return
        if command_args[1:2] and not command_args[1].startswith("-") and command_args[1] not in _COMMANDS:
            return
        from kedro_aws_plugin.errors import KedroAwsError

        try:
            _connect(find_env(command_args))
        except KedroAwsError as error:
            # click would print it, but has not begun yet.
            error.show()
            sys.exit(error.exit_code)


def find_env(arguments: list[str]) -> str | None:
    """Find the Kedro environment that a command names; None if it names none.

    Example:
        >>> find_env(["viz", "run", "--env=aws"])
        'aws'
    """
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--env" and equals:
            return value
        short = re.fullmatch(r"-a?e(.*)", argument)  # -a of `kedro viz run` has no value
        if name == "--env" or short:
            return short[1] if short and short[1] else next(iter(arguments[index + 1 :]), None)
    return None


def _connect(env: str | None) -> None:
    from kedro_aws_plugin.datasets.defaults import VARIABLE
    from kedro_aws_plugin.session.connection import list_athena_settings
    from kedro_aws_plugin.session.session import Session

    session = Session.open(env)
    if session.optional_config is None:
        session.check_no_other_config()
        return
    session.connect()
    config = session.config
    settings = {**list_athena_settings(config), "region": config.region, "local": config.target == "local"}
    os.environ[VARIABLE] = json.dumps(settings)


hooks = VizHooks()
