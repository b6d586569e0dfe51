"""Compute the dynamic globals that need git, functions of the project or AWS.

Each is computed when something first refers to it, and once for each run.
"""

import hashlib
import importlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kedro_aws_plugin.config.dynamic_globals import MASK, GlobalValue
from kedro_aws_plugin.errors import ConfigError, KedroAwsError, first_line, suggest
from kedro_aws_plugin.kedro_internals import is_inspecting
from kedro_aws_plugin.run.job import find_job

if TYPE_CHECKING:
    from kedro_aws_plugin.aws.session import Aws
    from kedro_aws_plugin.config.globals import Global
    from kedro_aws_plugin.session.connection import Connection

_PLAIN = (str, int, float, bool, dict, list, type(None))
_KEYS = (str, int, float, bool)


class GlobalResolver:
    """Computes the dynamic globals of a project that need git, its functions or AWS.

    Args:
        project: The project's folder.
        connect: Connects to the AWS in force; called when a global first needs it.
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

    def __call__(self, spec: "Global") -> GlobalValue:
        """Compute a global.

        Raises:
            KedroAwsError: If it cannot be computed.
        """
        if spec.may_be_secret and (is_command_of("catalog") or is_inspecting()):
            return GlobalValue(MASK, is_secret=True)
        if spec.kind == "git_sha":
            return GlobalValue(_read_commit(self._project))
        if spec.ssm is not None:
            return self._read_parameter(spec.ssm.name)
        if spec.secret is not None:
            return self._read_secret(spec.secret.id, spec.secret.key)
        account = self._connection.account
        if spec.function is not None:  # it may call AWS, and is connected to the one in force by now
            function = spec.function
            return GlobalValue(_share(f"function {function}", lambda: call_function(function)))
        return GlobalValue(account)

    def _read_parameter(self, name: str) -> GlobalValue:
        from kedro_aws_plugin.aws.values import read_parameter

        def look() -> dict[str, Any]:
            found = read_parameter(self._aws, name)
            return {"version": found.version} if found.secure else {"value": found.value}

        if find_job() is None:
            parameter = read_parameter(self._aws, name)
            return GlobalValue(parameter.value, is_secret=parameter.secure)
        shared = _share(f"ssm {name}", look)
        if "value" in shared:
            return GlobalValue(shared["value"])
        return GlobalValue(read_parameter(self._aws, name, shared["version"]).value, is_secret=True)

    def _read_secret(self, name: str, key: str | None) -> GlobalValue:
        from kedro_aws_plugin.aws.values import find_secret_version, read_secret

        version = None
        if find_job() is not None:
            version = _share(f"secret {name}", lambda: find_secret_version(self._aws, name))
        return GlobalValue(read_secret(self._aws, name, key, version), is_secret=True)


def is_command_of(*groups: str) -> bool:
    """Tell whether a command of one of these groups is running, such as `kedro catalog ...`."""
    context = click.get_current_context(silent=True)
    while context is not None:
        if context.info_name in groups and context.parent is not None:
            return True
        context = context.parent
    return False


def call_function(path: str) -> Any:
    """Call a function of the project.

    Args:
        path: The function, as `module:function`.

    Raises:
        ConfigError: If the module or the function is missing, the function raises, or it returns a value that
            a configuration cannot hold.
    """
    module_name, _, name = path.partition(":")
    function = getattr(_import_module(module_name, path), name, None)
    if not callable(function):
        there = vars(_import_module(module_name, path)).items()
        known = [each for each, value in there if callable(value) and not each.startswith("_")]
        hint = suggest(name, known, otherwise=". Define it there.", prefix=f"{module_name}:")
        raise ConfigError(f"`{module_name}` has no function `{name}`{hint}")
    try:
        value = function()
    except KedroAwsError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"`{path}` raised {_describe(error)}. Correct the function.") from error
    odd = _find_unsupported(value)
    if odd is not None:
        kind = type(value).__name__
        found = kind if odd is value else f"{kind} with a {type(odd).__name__} in it"
        raise ConfigError(f"`{path}` returned a {found}. Return text, a number, a list or a dictionary.")
    return value


def _find_unsupported(value: Any) -> Any:
    """Find the first part of a value that OmegaConf cannot hold; None if it can hold all of it."""
    if isinstance(value, dict):
        inside = [
            *(key for key in value if not isinstance(key, _KEYS)),
            *map(_find_unsupported, value.values()),
        ]
        return next((each for each in inside if each is not None), None)
    if isinstance(value, list):
        return next((each for each in map(_find_unsupported, value) if each is not None), None)
    return None if isinstance(value, _PLAIN) else value


def _import_module(name: str, path: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise ConfigError(f"`{path}` cannot be imported: {_describe(error)}. Install it.") from error
        raise ConfigError(
            f"there is no module `{error.name}` for `{path}`. Correct the name, or add the module to src/."
        ) from error
    except (Exception, SystemExit) as error:
        raise ConfigError(f"`{path}` cannot be imported: {_describe(error)}. Correct the module.") from error


def _describe(error: BaseException) -> str:
    said = first_line(error)
    return f"{type(error).__name__}: {said}" if said != type(error).__name__ else said


def _share(what: str, compute: Callable[[], Any]) -> Any:
    """Compute a value; in a job, take the one that the first step of the execution computed."""
    job = find_job()
    return compute() if job is None else job.share(hashlib.sha256(what.encode()).hexdigest(), compute)


def _read_commit(project: Path) -> str:
    from kedro_aws_plugin.run.git import read_git_state

    job = find_job()
    sha = job.git_sha if job is not None else read_git_state(project)[0]
    if sha is None:
        raise ConfigError(
            f"{project} is not a git checkout with a commit. Give the commit with `--params "
            "globals.<name>=...`, or take it from an `env:`."
        )
    return sha
