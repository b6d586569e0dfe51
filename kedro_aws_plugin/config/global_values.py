"""The dynamic globals of a config loader while they are computed: each once, and secrets known as such.

Who is asked for what is recorded as it happens. The text that refers to a global can be written in too many
ways (`${ globals:pw}`, `${globals:${globals:which}}`) for anyone but OmegaConf to read.
"""

import itertools
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError
from pydantic import ValidationError

from kedro_aws_plugin.config.globals import Global, at_once, variable
from kedro_aws_plugin.errors import ConfigError
from kedro_aws_plugin.run.run_id import Run

NOT_YET = "<known once aws.yml has been read>"
RESOLVER = "kedro_aws.global"
MASK = "***"
_numbers = itertools.count(1)


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


class _Path(threading.local):
    """The globals that a thread is resolving, each referred to by the one before."""

    def __init__(self) -> None:
        self.names: list[str] = []


class Values:
    """The dynamic globals of one config loader, each computed once.

    Attributes:
        specs: What aws.yml says of them.
        run: The run they are computed for.
        place: Tells one configuration from another: folder, environment, `--params` and who reads it.
        source: Answers what takes more than this machine's clock and environment.
        hidden: The names of those that turned out to be secrets, or to be made of one.
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
        self._path = _Path()
        self._hidden_given = 0
        self._reading = False
        self._lock = threading.RLock()

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
        later = {name: f"${{{RESOLVER}:{self.token},{name}}}" for name in self.specs}
        return {**later, **{name: value for name, (is_known, value) in known.items() if is_known}, **regions}

    def get(self, name: str) -> Any:
        """Compute a global, or give the value that it has had since.

        Raises:
            KedroAwsError: If it cannot be computed.
        """
        spec = self.specs[name]
        with self._lock:
            if name not in self._known:
                if self._reading and spec.waits:
                    return NOT_YET
                value = self._computed(name, spec)
                if NOT_YET in str(value):
                    return value
                self._known[name] = value
            self._hidden_given += name in self.hidden
            return self._known[name]

    @contextmanager
    def followed(self, name: str) -> Iterator[None]:
        """Resolve `${globals:<name>}` within this.

        Raises:
            GlobalError: If it is being resolved already.
        """
        path = self._path.names
        if name in path:
            circle = [*path[path.index(name) :], name]
            raise GlobalError(f"`globals.{name}`: {circle_sentence(circle)}")
        path.append(name)
        try:
            yield
        finally:
            path.pop()

    @contextmanager
    def watched(self) -> Iterator[Callable[[], bool]]:
        """Tell whether a secret is given away within this; the answer stands when it is over."""
        before = self._hidden_given
        yield lambda: self._hidden_given > before

    def shows_secret(self, value: Any) -> bool:
        """Whether the text of a secret that has been asked for is in a value, however it came there."""
        secrets = {text for name in self.hidden for text in _texts(self._known.get(name))}
        return any(secret in text for text in _texts(value) for secret in secrets)

    def masked(self, sentence: str) -> str:
        """A sentence without the secrets that have been asked for."""
        secrets = {text for name in self.hidden for text in _texts(self._known.get(name))}
        for secret in sorted(secrets, key=len, reverse=True):
            sentence = sentence.replace(secret, MASK)
        return sentence

    @contextmanager
    def unasked(self) -> Iterator[None]:
        """Ask nobody while aws.yml itself is read: it says whom to ask."""
        before, self._reading = self._reading, True
        # Connecting reads it in the midst of resolving a global, which is no circle.
        names, self._path.names = self._path.names, []
        try:
            yield
        finally:
            self._reading, self._path.names = before, names

    def _computed(self, name: str, spec: Global) -> Any:
        if name in self._under_way:
            raise ConfigError(circle_sentence([*self._under_way[self._under_way.index(name) :], name]))
        self._under_way.append(name)
        try:
            with self.watched() as secret_given:
                answer = self._answer(_resolved(spec))
            if answer.hidden or secret_given():
                self.hidden.add(name)
        finally:
            self._under_way.pop()
        return answer.value

    def _answer(self, spec: Global) -> Answer:
        if spec.env is not None:
            return Answer(variable(spec.env))
        if self.source is None:
            raise ConfigError(f"nothing here can look up `{spec.kind}`. Run it with Kedro's session.")
        return self.source(spec)


def inspected() -> bool:
    """Whether `kedro.inspection` is among the callers, which shows what datasets are made of."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("kedro.inspection"):
            return True
        frame = frame.f_back
    return False


def circle_sentence(names: list[str]) -> str:
    """What is wrong with globals that refer to one another, the first one again at the end."""
    return f"the globals refer to one another in a circle: {' -> '.join(names)}."


def _resolved(spec: Global) -> Global:
    """A spec with what it refers to put in.

    Raises:
        ConfigError: If that does not fit; what was put in may be a secret, and is not said.
    """
    written = spec.model_dump(exclude_unset=True)
    if "${" not in str(written):
        return spec
    found = OmegaConf.to_container(OmegaConf.create(written), resolve=True)
    try:
        return Global.model_validate(found)
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ConfigError(f"what `{key}` refers to is no text. Let it refer to a text.") from None


def _texts(value: Any) -> Iterator[str]:
    """Each text in a value; what is empty or only true or false tells nothing."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from (*_texts(key), *_texts(each))
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif value not in (None, "") and not isinstance(value, bool):
        yield str(value)
