"""`from kedro_aws_plugin import parameters`: the run's parameters, for code that is not a node."""

import copy
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import RLock
from typing import Any, NoReturn, TypeVar, get_origin

import click
from kedro.config import AbstractConfigLoader, MissingConfigException

from kedro_aws_plugin.errors import ProjectError, suggest
from kedro_aws_plugin.kedro_internals import keep_resolvers
from kedro_aws_plugin.run import state as run_state
from kedro_aws_plugin.session.session import Session, make_loader

_Kind = TypeVar("_Kind")
_ADVICE = "Parameters are read-only. Make a copy that may be changed: copy.deepcopy(...)."


class ParameterError(ProjectError, KeyError):
    """A parameter does not exist, or it is of another type."""


class Parameters(Mapping[str, Any]):
    """The parameters of the run in force, from conf/, the environment and `--params`. They are read-only.

    ```python
    from kedro_aws_plugin import parameters

    parameters["partitions.parsed"]                   # a nested one, as in `params:partitions.parsed`
    parameters.typed("partitions.parsed", list[str])  # converted to that type, or an error
    parameters.get("partitions.parsed", [])
    ```

    Each access looks up the run in force. A value that a module stores when it is imported therefore belongs
    to the run that imported it first. Without a run, they are the parameters of the project around the
    current folder, in the environment of `KEDRO_ENV`.
    """

    def __init__(self) -> None:
        self._without_run: dict[tuple[Path, str | None], run_state.RunState] = {}
        self._lock = RLock()

    def __getitem__(self, key: str) -> Any:
        """Look up a parameter by its name; a nested one by all names that lead to it, joined by dots.

        A parameter whose own name has dots comes first.

        Raises:
            ParameterError: If there is no such parameter. It is also a KeyError.
        """
        everything = self._find_values()
        try:
            return make_read_only(_find(everything, str(key)))
        except KeyError:
            hint = suggest(str(key), _list_names(everything))
            raise ParameterError(
                f"There is no parameter `{key}`{hint} Add it to parameters.yml, or give --params {key}=..."
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._find_values())

    def __len__(self) -> int:
        return len(self._find_values())

    def __repr__(self) -> str:
        """List the names without the values, which may be secret."""
        return f"<parameters: {', '.join(map(str, self))}>"

    def typed(self, key: str, kind: type[_Kind]) -> _Kind:
        """Look up a parameter and convert it to a type, as pydantic does.

        Args:
            key: The name, as in `parameters[key]`.
            kind: A type as in type hints: `int`, `list[str]`, `datetime.date`, a pydantic model.

        Raises:
            ParameterError: If there is no such parameter, or it is not of that type.
        """
        from pydantic import TypeAdapter, ValidationError

        value = self[key]
        try:
            return TypeAdapter(kind).validate_python(value)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join([key, *map(str, first["loc"])])
            expected = str(kind if get_origin(kind) else getattr(kind, "__name__", kind))
            article = "an" if expected[0] in "aeiou" else "a"
            problem = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
            raise ParameterError(
                f"The parameter `{where}` is not {article} {expected}: {problem}. "
                "Correct it in parameters.yml, or in --params."
            ) from None

    def _find_values(self) -> Mapping[Any, Any]:
        state = run_state.find_run() or self._find_project()
        return state.parameters

    def _find_project(self) -> run_state.RunState:
        """Find the parameters if there is no run: in `kedro registry list`, pytest or a plain notebook."""
        from kedro.utils import find_kedro_project

        path = find_kedro_project(Path.cwd())
        if path is None:
            raise ProjectError(
                f"There are no parameters here: no Kedro run is in progress, and {Path.cwd()} is not inside "
                "a Kedro project. Read them within a node, or change to the project's folder."
            )
        key = Path(path), _find_environment()
        with self._lock:
            if key not in self._without_run:
                self._without_run[key] = run_state.RunState("", lambda: _read_without_session(*key))
            return self._without_run[key]


def publish(loader: AbstractConfigLoader, run_id: str) -> None:
    """Publish the parameters of a session's config loader as those of the run in force.

    They are read when they are first needed, unless Kedro has read them by then.

    Args:
        loader: The session's config loader.
        run_id: Kedro's id of the run.
    """
    run_state.publish(run_state.RunState(run_id, lambda: _share(loader)))


def _share(loader: AbstractConfigLoader) -> Mapping[str, Any]:
    """Read a loader's parameters and store them in it, so that Kedro need not parse them again."""
    known = "parameters" in loader
    values = read_parameters(loader)
    try:
        own: Mapping[str, Any] = run_state.copy_plain(values)
    except TypeError:
        return values
    if not known and values is not loader.runtime_params:
        loader["parameters"] = values
    return own


def read_parameters(loader: AbstractConfigLoader) -> dict[str, Any]:
    """Read the parameters; if there are no files, those of `--params`, as Kedro does."""
    try:
        found: dict[str, Any] = loader["parameters"]
    except MissingConfigException:
        return loader.runtime_params
    return found


def _find_environment() -> str | None:
    """Find the environment: the one that the command names, else the one of KEDRO_ENV."""
    context = click.get_current_context(silent=True)
    named = context.params.get("env") if context is not None else None
    return named or os.environ.get("KEDRO_ENV")


def _read_without_session(path: Path, env: str | None) -> Mapping[str, Any]:
    from kedro.framework import project
    from kedro.framework.startup import bootstrap_project

    if project.PACKAGE_NAME is None:
        bootstrap_project(path)
    with keep_resolvers():
        loader, conf = make_loader(path, env)
        Session.of(loader, path, project.PACKAGE_NAME or path.name, conf)
        return read_parameters(loader)


def _find(values: Any, key: str) -> Any:
    if not isinstance(values, Mapping):
        raise KeyError(key)
    if key in values:
        return values[key]
    first, dot, rest = key.partition(".")
    if dot and first in values:
        return _find(values[first], rest)
    # Kedro names parameters by the text of their keys, even if these are numbers.
    named = {str(each): each for each in values if not isinstance(each, str)}
    if key in named:
        return values[named[key]]
    if dot and first in named:
        return _find(values[named[first]], rest)
    raise KeyError(key)


def _list_names(values: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _list_names(value, f"{prefix}{key}.")


def make_read_only(value: Any) -> Any:
    """Copy dictionaries and lists, nested ones too, into ones that cannot be changed."""
    if isinstance(value, dict):
        return ReadOnlyDict({key: make_read_only(each) for key, each in value.items()})
    if isinstance(value, list):
        return ReadOnlyList([make_read_only(each) for each in value])
    return value


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise TypeError(_ADVICE)


class ReadOnlyDict(dict[Any, Any]):
    """A dictionary that refuses changes."""

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnlyDict, (dict(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return copy.deepcopy(dict(self), memo)


class ReadOnlyList(list[Any]):
    """A list that refuses changes."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnlyList, (list(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return copy.deepcopy(list(self), memo)


parameters = Parameters()
