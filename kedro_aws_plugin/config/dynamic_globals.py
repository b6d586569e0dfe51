"""The dynamic globals of a config loader: each is computed once, and secrets are recognised.

Secrets are tracked while globals are computed. The text that refers to a global can be written in too many
ways (`${ globals:pw}`, `${globals:${globals:which}}`) for anything but OmegaConf to parse.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError
from pydantic import ValidationError

from kedro_aws_plugin.config.globals import Global, compute_at_once, read_variable
from kedro_aws_plugin.errors import ConfigError
from kedro_aws_plugin.run.run_id import Run

NOT_YET = "<known once aws.yml has been read>"
RESOLVER = "kedro_aws.global"
MASK = "***"


@dataclass(frozen=True)
class GlobalValue:
    """The computed value of a global.

    Attributes:
        value: The value.
        is_secret: Whether it must not be printed.
    """

    value: Any
    is_secret: bool = False


Source = Callable[[Global], GlobalValue]


class GlobalError(ConfigError, InterpolationResolutionError):
    """A global that cannot be computed, raised through OmegaConf, which adds where it was referred to."""

    def format_message(self) -> str:
        """Write one sentence, with the key of the file that refers to the global."""
        sentence, *where = self.message.splitlines()
        key = next((line.partition(": ")[2] for line in where if "full_key:" in line), "")
        return f"`{key}`: {sentence}" if key and not sentence.startswith("`globals.") else sentence


class _Path(threading.local):
    """The globals that a thread is resolving, each referred to by the one before."""

    def __init__(self) -> None:
        self.names: list[str] = []


class DynamicGlobals:
    """The dynamic globals of one config loader, each computed once.

    Attributes:
        specs: What aws.yml declares, by name.
        run: The run they are computed for.
        place: Tells one configuration from another: folder, environment, `--params` and who reads it.
        source: Computes the globals that need git, the project's functions or AWS.
        secrets: The names of those that are secrets, or contain one.
        origins: Where each global of the loader is set: `aws.yml`, `globals.yml` or `--params`.
        token: Identifies this object in OmegaConf's expressions.
    """

    def __init__(self, specs: Mapping[str, Global], run: Run, place: str = "") -> None:
        self.specs = specs
        self.run = run
        self.place = place
        self.source: Source | None = None
        self.secrets: set[str] = set()
        self.origins: Mapping[str, str] = {}
        self.token = f"g{uuid4().hex}"  # a letter first: OmegaConf reads digits as a number
        self._known: dict[str, Any] = {}
        self._under_way: list[str] = []
        self._path = _Path()
        self._secrets_given = 0
        self._reading = False
        self._lock = threading.RLock()

    def share_values(self, other: "DynamicGlobals") -> bool:
        """Take over the values of another loader's globals, if both belong to the same run.

        Kedro makes a config loader for each context, and a session can have several: `%reload_kedro` and
        `session.run()`, for example.

        Returns:
            Whether they were taken over.
        """
        same = self is not other and self.place == other.place and self.run.run_id == other.run.run_id
        if not same or self.specs != other.specs:
            return False
        self._known, self._lock = other._known, other._lock
        self.secrets = other.secrets
        return True

    def isolate(self, source: Source) -> None:
        """Compute values of its own from here on, which other loaders neither give nor take over.

        Args:
            source: Computes the globals that need git, the project's functions or AWS.
        """
        self.place = self.token
        self._known, self._lock, self.secrets = {}, threading.RLock(), set()
        self.source = source

    def write_expressions(self, region: Any) -> dict[str, Any]:
        """Write the loader's globals: values, and expressions for those that are computed later.

        Args:
            region: `region` of aws.yml, which may itself refer to a global.
        """
        known = {name: compute_at_once(spec, self.run) for name, spec in self.specs.items()}
        regions = {name: region for name, spec in self.specs.items() if spec.kind == "region"}
        later = {name: f"${{{RESOLVER}:{self.token},{name}}}" for name in self.specs}
        return {**later, **{name: value for name, (is_known, value) in known.items() if is_known}, **regions}

    def get(self, name: str) -> Any:
        """Compute a global, once; afterwards return the same value.

        Raises:
            KedroAwsError: If it cannot be computed.
        """
        spec = self.specs[name]
        with self._lock:
            if name not in self._known:
                if self._reading and spec.waits:
                    return NOT_YET
                value = self._compute(name, spec)
                if NOT_YET in str(value):
                    return value
                self._known[name] = value
            self._secrets_given += name in self.secrets
            return self._known[name]

    @contextmanager
    def follow(self, name: str) -> Iterator[None]:
        """Resolve `${globals:<name>}` within this context.

        Raises:
            GlobalError: If it is being resolved already.
        """
        path = self._path.names
        if name in path:
            circle = [*path[path.index(name) :], name]
            raise GlobalError(f"`globals.{name}`: {describe_circle(circle)}")
        path.append(name)
        try:
            yield
        finally:
            path.pop()

    @contextmanager
    def watch_secrets(self) -> Iterator[Callable[[], bool]]:
        """Yield a function that tells whether a secret has been used within this context."""
        before = self._secrets_given
        yield lambda: self._secrets_given > before

    def contains_secret(self, value: Any) -> bool:
        """Tell whether the text of a secret that was used is in a value, however it came there."""
        return any(secret in text for text in _find_texts(value) for secret in self._find_secret_texts())

    def mask(self, sentence: str) -> str:
        """Replace the secrets that were used in a sentence."""
        for secret in sorted(self._find_secret_texts(), key=len, reverse=True):
            sentence = sentence.replace(secret, MASK)
        return sentence

    @contextmanager
    def defer(self) -> Iterator[None]:
        """Call neither AWS nor the project's functions while aws.yml is read: it says which AWS to call."""
        before, self._reading = self._reading, True
        # Connecting to AWS reads aws.yml while a global is being resolved; that is not a circle.
        names, self._path.names = self._path.names, []
        try:
            yield
        finally:
            self._reading, self._path.names = before, names

    def _find_secret_texts(self) -> set[str]:
        return {text for name in self.secrets for text in _find_texts(self._known.get(name))}

    def _compute(self, name: str, spec: Global) -> Any:
        if name in self._under_way:
            raise ConfigError(describe_circle([*self._under_way[self._under_way.index(name) :], name]))
        self._under_way.append(name)
        try:
            with self.watch_secrets() as secret_used:
                found = self._find_value(_resolve_references(spec))
            if found.is_secret or secret_used():
                self.secrets.add(name)
        finally:
            self._under_way.pop()
        return found.value

    def _find_value(self, spec: Global) -> GlobalValue:
        if spec.env is not None:
            return GlobalValue(read_variable(spec.env))
        if self.source is None:
            raise ConfigError(
                f"`{spec.kind}` can only be computed in a Kedro session or by AwsConfigLoader. "
                "Use one of them."
            )
        return self.source(spec)


def describe_circle(names: list[str]) -> str:
    """Say that globals refer to one another in a circle; the first name stands again at the end."""
    return f"the globals refer to one another in a circle: {' -> '.join(names)}."


def _resolve_references(spec: Global) -> Global:
    """Replace the globals that a spec refers to by their values.

    Raises:
        ConfigError: If the result is not a valid spec. The message leaves out the value, which may be secret.
    """
    written = spec.model_dump(exclude_unset=True)
    if "${" not in str(written):
        return spec
    found = OmegaConf.to_container(OmegaConf.create(written), resolve=True)
    try:
        return Global.model_validate(found)
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ConfigError(f"`{key}` refers to a value that is not a text. Refer to a text.") from None


def _find_texts(value: Any) -> Iterator[str]:
    """Find each text in a value, except those that would not identify a secret: empty, true, false."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from (*_find_texts(key), *_find_texts(each))
    elif isinstance(value, list):
        for each in value:
            yield from _find_texts(each)
    elif value not in (None, "") and not isinstance(value, bool):
        yield str(value)
