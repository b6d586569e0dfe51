"""Dynamic globals: from `globals:` in aws.yml into the `${globals:...}` of a project's config loader.

Which globals there are has to be known before aws.yml can be resolved, as its other keys may refer to them.
So the section is read by itself and unresolved; what is known at once is put into the loader's globals as it
is, and what has to be asked for as an expression that asks when something refers to it, and never twice.
"""

import difflib
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any
from weakref import WeakValueDictionary

from kedro.config import AbstractConfigLoader, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError

from kedro_aws_plugin.config.globals import Global, at_once, cycle, variable
from kedro_aws_plugin.config.project_function import call
from kedro_aws_plugin.config.run_id import Run
from kedro_aws_plugin.errors import ConfigError, KedroAwsError

NOT_YET = "<known once aws.yml has been read>"
_RESOLVER = "kedro_aws.global"
_ATTRIBUTE = "_kedro_aws_globals"
_numbers = itertools.count(1)
_live: "WeakValueDictionary[str, Values]" = WeakValueDictionary()


@dataclass(frozen=True)
class Answer:
    """What a global has been found to be.

    Attributes:
        value: Its value.
        hidden: Whether it is a secret.
    """

    value: Any
    hidden: bool = False


Source = Callable[[Global], Answer]


class GlobalError(ConfigError, InterpolationResolutionError):
    """A global that cannot be computed, raised through OmegaConf, which adds where it was referred to."""

    def format_message(self) -> str:
        """One sentence, with the key of the file that refers to the global."""
        sentence, *where = self.message.splitlines()
        key = next((line.partition(": ")[2] for line in where if "full_key:" in line), "")
        return f"`{key}`: {sentence}" if key and not sentence.startswith("`globals.") else sentence


class Values:
    """The dynamic globals of one config loader, each computed once.

    Attributes:
        specs: What aws.yml says of them.
        run: The run they are computed for.
        place: Tells one configuration from another: folder, environment and `--params`.
        source: Answers what takes more than this machine's clock and environment.
        hidden: The names of those that turned out to be secrets.
        origins: What each global of the loader comes from: `aws.yml`, `globals.yml` or `--params`.
    """

    def __init__(self, specs: Mapping[str, Global], run: Run, place: str = "") -> None:
        self.specs = specs
        self.run = run
        self.place = place
        self.source: Source | None = None
        self.hidden: set[str] = set()
        self.origins: Mapping[str, str] = {}
        self.token = str(next(_numbers))
        self._known: dict[str, Any] = {}
        self._under_way: list[str] = []
        self._reading = False
        self._lock = RLock()

    def continues(self, other: "Values") -> bool:
        """Whether another loader's globals are those of the same run: then they are the same values.

        Kedro makes a config loader for each context, and a session can have several: `%reload_kedro` and
        `session.run()`, for one.
        """
        same = self is not other and self.place == other.place and self.run.run_id == other.run.run_id
        if not same or self.specs != other.specs:
            return False
        self._known, self._lock = other._known, other._lock
        self.hidden = other.hidden
        return True

    def expressions(self, region: Any) -> dict[str, Any]:
        """What goes into the loader's globals: values, and expressions for what is asked for later.

        Args:
            region: `region` of aws.yml, which may itself refer to a global.
        """
        known = {name: at_once(spec, self.run) for name, spec in self.specs.items()}
        regions = {name: region for name, spec in self.specs.items() if spec.kind == "region"}
        later = {name: f"${{{_RESOLVER}:{self.token},{name}}}" for name in self.specs}
        return {**later, **{name: value for name, (is_known, value) in known.items() if is_known}, **regions}

    def get(self, name: str) -> Any:
        """Compute a global, or give the value that it has had since.

        Raises:
            KedroAwsError: If it cannot be computed.
        """
        spec = self.specs[name]
        with self._lock:
            if name in self._known:
                return self._known[name]
            if self._reading and (spec.asks_aws or spec.kind == "git_sha"):
                return NOT_YET
            if name in self._under_way:
                circle = " -> ".join([*self._under_way[self._under_way.index(name) :], name])
                raise ConfigError(f"the globals refer to one another in a circle: {circle}.")
            self._under_way.append(name)
            try:
                value = self._computed(name, _resolved(spec))
            finally:
                self._under_way.pop()
            if NOT_YET not in str(value):
                self._known[name] = value
            return value

    def is_hidden(self, name: str) -> bool:
        """Whether a global that has been resolved is a secret, or has one in it."""
        if self.origins.get(name) != "aws.yml":
            return False
        return name in self.hidden or any(self.is_hidden(other) for other, _ in self.specs[name].references())

    @contextmanager
    def unasked(self) -> Iterator[None]:
        """Ask nobody while aws.yml itself is read: it says whom to ask."""
        before, self._reading = self._reading, True
        try:
            yield
        finally:
            self._reading = before

    def _computed(self, name: str, spec: Global) -> Any:
        if spec.env is not None:
            return variable(spec.env)
        if spec.function is not None:
            return call(spec.function)
        if self.source is None:
            raise ConfigError(f"nothing here can look up `{spec.kind}`. Run it with Kedro's session.")
        answer = self.source(spec)
        if answer.hidden:
            self.hidden.add(name)
        return answer.value


def values_of(loader: AbstractConfigLoader) -> Values | None:
    """The dynamic globals that have been injected into a config loader."""
    return getattr(loader, _ATTRIBUTE, None)


def put_into(loader: AbstractConfigLoader, values: Values, region: Any) -> None:
    """Inject dynamic globals into a config loader.

    They are the weakest: then come those of globals.yml, of the environment's globals.yml, and of `--params
    globals.name=value`.

    Args:
        loader: The config loader.
        values: The dynamic globals.
        region: `region` of aws.yml.

    Raises:
        ConfigError: If they refer to one another in a circle, or to a global that does not exist.
    """
    stated = stated_globals(loader)
    given = loader.runtime_params.get("globals", {})
    given = given if isinstance(given, Mapping) else {}
    own = {name: spec for name, spec in values.specs.items() if name not in {*stated, *given}}
    _check(own, {*own, *stated, *given})
    values.origins = {
        **dict.fromkeys(values.specs, "aws.yml"),
        **dict.fromkeys(stated, "globals.yml"),
        **dict.fromkeys(given, "--params"),
    }
    any(values.continues(other) for other in [*_live.values()])
    _live[values.token] = values
    setattr(loader, _ATTRIBUTE, values)
    claim_globals(loader)
    loader["globals"] = _merged(_merged(values.expressions(region), stated), given)
    # Kedro keeps the globals it resolved first, whatever is set afterwards.
    setattr(loader, "_globals_oc", None)  # noqa: B010


def resolve(name: str) -> Any:
    """Resolve `${globals:<name>}` as any file of conf/ would, with the config loader that claimed it last.

    Raises:
        GlobalError: If it cannot be computed.
    """
    return OmegaConf.to_container(OmegaConf.create([f"${{globals:{name}}}"]), resolve=True)[0]  # type: ignore[index]


def claim_globals(loader: AbstractConfigLoader) -> None:
    """Let `${globals:...}` mean this loader's: OmegaConf's resolvers belong to the whole process."""
    _register(_RESOLVER, _ask)
    if hasattr(loader, "_get_globals_value"):
        _register("globals", _explaining(loader))


def stated_globals(loader: AbstractConfigLoader) -> dict[str, Any]:
    """What globals.yml says, of the base and of the environment."""
    try:
        return dict(loader["globals"])
    except (KeyError, MissingConfigException):
        return {}


def _check(own: Mapping[str, Global], known: set[str]) -> None:
    if circle := cycle(own):
        raise ConfigError(
            f"`globals.{circle[0]}`: the globals refer to one another in a circle: {' -> '.join(circle)}."
        )
    for name, spec in own.items():
        for other, needed in spec.references():
            if needed and other not in known:
                raise ConfigError(f"`globals.{name}`: {_unknown(other, known)}")


def _explaining(loader: Any) -> Callable[..., Any]:
    """Kedro's own resolver, with the nearest name where a global is unknown."""

    def resolve(name: str, *default: Any) -> Any:
        try:
            return loader._get_globals_value(name, *default)
        except GlobalError:
            raise
        except InterpolationResolutionError as error:
            known = set(loader["globals"])
            if name.startswith("_") or name.partition(".")[0] in known:
                raise
            raise GlobalError(_unknown(name, known)) from error

    return resolve


def _unknown(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    hint = f"; did you mean `{close[0]}`?" if close else "."
    return f"there is no global `{name}`{hint} Add it to globals.yml, or to `globals:` in aws.yml."


def _ask(token: Any, name: str) -> Any:
    values = _live.get(str(token))
    if values is None:
        raise GlobalError(f"`globals.{name}`: its config loader is gone. Read the configuration again.")
    try:
        value = values.get(name)
    except GlobalError:
        raise
    except KedroAwsError as error:
        raise GlobalError(f"`globals.{name}`: {error.format_message()}") from error
    return OmegaConf.create(value) if isinstance(value, dict | list) else value


def _resolved(spec: Global) -> Global:
    """A spec with what it refers to put in."""
    written = spec.model_dump(exclude_unset=True)
    if not any(True for _ in spec.references()):
        return spec
    return Global.model_validate(OmegaConf.to_container(OmegaConf.create(written), resolve=True))


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        both = isinstance(lower, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(lower, value) if both and lower is not None else value
    return merged


def _register(name: str, resolver: Callable[..., Any]) -> None:
    # OmegaConf 2.4 gave the function another name, and warns of the former one.
    register = getattr(OmegaConf, "register_resolver", OmegaConf.register_new_resolver)
    register(name, resolver, replace=True)
