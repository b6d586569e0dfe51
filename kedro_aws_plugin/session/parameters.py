"""`from kedro_aws_plugin import parameters`: the run's parameters outside of nodes' inputs."""

import difflib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, get_origin

import click
from kedro.config import AbstractConfigLoader, MissingConfigException

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.run import state as run_state
from kedro_aws_plugin.session.read_only import read_only

_Kind = TypeVar("_Kind")
_read: dict[tuple[Path, str | None], run_state.RunState] = {}
_reading = RLock()


class ParameterError(ProjectError, KeyError):
    """There is no such parameter, or it is of another type."""


class Parameters(Mapping[str, Any]):
    """The parameters of the run in force, read-only: those of conf/, the environment and `--params`.

    ```python
    from kedro_aws_plugin import parameters

    parameters["partitions.parsed"]                   # nested ones by dots, as in `params:partitions.parsed`
    parameters.typed("partitions.parsed", list[str])  # of that type, or an error
    parameters.get("partitions.parsed", [])
    ```

    Each access looks up the run in force, so a value that a module keeps is that of the run that imported the
    module first. Without a run, they are those of the project around the current folder, in the environment
    of `KEDRO_ENV`.
    """

    def __getitem__(self, key: str) -> Any:
        """A parameter by its name, or by the names on the way to it; a name that has dots itself comes first.

        Raises:
            ParameterError: If there is none; it is a KeyError too.
        """
        everything = _in_force()
        try:
            return read_only(_found(everything, str(key)))
        except KeyError:
            names = list(_names(everything))
            close = difflib.get_close_matches(str(key), names, n=1, cutoff=0.5)
            hint = f"; did you mean `{close[0]}`?" if close else "."
            raise ParameterError(
                f"There is no parameter `{key}`{hint} Add it to parameters.yml, or give --params {key}=..."
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(_in_force())

    def __len__(self) -> int:
        return len(_in_force())

    def __repr__(self) -> str:
        """Without the values, some of which may be secret."""
        return f"<parameters: {', '.join(map(str, self))}>"

    def typed(self, key: str, kind: type[_Kind]) -> _Kind:
        """A parameter of a type, converted as pydantic does.

        Args:
            key: As in `parameters[key]`.
            kind: What type hints may say: `int`, `list[str]`, `datetime.date`, a pydantic model.

        Raises:
            ParameterError: If there is none, or it is not of that type.
        """
        from pydantic import TypeAdapter, ValidationError

        value = self[key]
        try:
            return TypeAdapter(kind).validate_python(value)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join([key, *map(str, first["loc"])])
            expected = kind if get_origin(kind) else getattr(kind, "__name__", kind)
            problem = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
            raise ParameterError(
                f"The parameter `{where}` is no {expected}: {problem}. "
                "Correct it in parameters.yml, or in --params."
            ) from None


def publish(loader: AbstractConfigLoader, run_id: str) -> None:
    """Make the parameters of a session's config loader those of the run in force.

    They are read when something asks for them, or taken from Kedro when it has read them.

    Args:
        loader: The session's config loader.
        run_id: Kedro's id of the run.
    """
    run_state.publish(run_state.RunState(run_id, lambda: _shared(loader)))


def _in_force() -> Mapping[Any, Any]:
    state = run_state.in_force() or _of_project()
    return state.parameters


def _shared(loader: AbstractConfigLoader) -> Mapping[str, Any]:
    """Read a loader's parameters, and let it keep them: Kedro, which reads them next, need not parse them."""
    known = "parameters" in loader
    values = _of_loader(loader)
    try:
        own: Mapping[str, Any] = run_state.plain(values)
    except TypeError:
        return values
    if not known and values is not loader.runtime_params:
        loader["parameters"] = values
    return own


def _of_loader(loader: AbstractConfigLoader) -> dict[str, Any]:
    """The parameters; without any files, those of `--params`, as Kedro has it."""
    try:
        found: dict[str, Any] = loader["parameters"]
    except MissingConfigException:
        return loader.runtime_params
    return found


def _of_project() -> run_state.RunState:
    """The parameters where there is no run: `kedro registry list`, pytest, a notebook without Kedro."""
    from kedro.utils import find_kedro_project

    path = find_kedro_project(Path.cwd())
    if path is None:
        raise ProjectError(
            f"There are no parameters here: no Kedro run is under way, and {Path.cwd()} is not inside a "
            "Kedro project. Read them within a node, or change to the project's folder."
        )
    key = Path(path), _environment()
    with _reading:
        if key not in _read:
            _read[key] = run_state.RunState("", lambda: _of_sessionless(*key))
        return _read[key]


def _environment() -> str | None:
    """The environment that the command names, else that of KEDRO_ENV."""
    context = click.get_current_context(silent=True)
    named = context.params.get("env") if context is not None else None
    return named or os.environ.get("KEDRO_ENV")


def _of_sessionless(path: Path, env: str | None) -> Mapping[str, Any]:
    from kedro.framework import project
    from kedro.framework.startup import bootstrap_project

    from kedro_aws_plugin.config.project import make_loader
    from kedro_aws_plugin.session.global_sources import answer_for

    if project.PACKAGE_NAME is None:
        bootstrap_project(path)
    with _resolvers_kept():
        loader, conf = make_loader(path, env)
        answer_for(loader, path, conf)
        return _of_loader(loader)


@contextmanager
def _resolvers_kept() -> Iterator[None]:
    """Leave OmegaConf's resolvers as they were: the whole process has one set, of the loader made last."""
    from omegaconf.basecontainer import BaseContainer

    before = dict(BaseContainer._resolvers)
    try:
        yield
    finally:
        BaseContainer._resolvers.clear()
        BaseContainer._resolvers.update(before)


def _found(values: Any, key: str) -> Any:
    if not isinstance(values, Mapping):
        raise KeyError(key)
    if key in values:
        return values[key]
    first, dot, rest = key.partition(".")
    if dot and first in values:
        return _found(values[first], rest)
    # Kedro names parameters by the text of their keys, numbers and all.
    named = {str(each): each for each in values if not isinstance(each, str)}
    if key in named:
        return values[named[key]]
    if dot and first in named:
        return _found(values[named[first]], rest)
    raise KeyError(key)


def _names(values: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _names(value, f"{prefix}{key}.")


parameters = Parameters()
