"""Make the run in force known to its nodes, threads and child processes.

A thread finds the run in a context variable, which `before_node_run` sets in each thread. A child process
gets it from `multiprocessing` itself, which copies the configuration of the current process object into each
child: by fork, spawn and forkserver alike, and before the child imports anything of the project. So nothing
is written to disk, and nothing is left behind, however the process ends.
"""

import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from multiprocessing import process
from threading import RLock
from typing import Any
from weakref import WeakValueDictionary

from kedro_aws_plugin.errors import ProjectError, first_line

_KEY = "kedro_aws_plugin"
_SCALARS = frozenset({str, int, float, bool, type(None)})
_here: ContextVar["RunState | None"] = ContextVar("kedro_aws_run", default=None)
# Weak references: the context of a run's thread keeps its entry, so that an abandoned run is not kept here.
_under_way: "WeakValueDictionary[str, RunState]" = WeakValueDictionary()
_latest: "RunState | None" = None
_inherited: "RunState | None" = None


class RunState:
    """A run: its id and its parameters.

    Args:
        run_id: Kedro's id of the run.
        load: Reads the parameters. Called once, when the parameters are first needed.

    Attributes:
        place: The session, the catalog and the Kedro context of the run, for the plugin's own nodes; None in
            child processes.
    """

    def __init__(self, run_id: str, load: Callable[[], Mapping[str, Any]]) -> None:
        self.run_id = run_id
        self.ended = False
        self.place: Any = None
        self._load = load
        self._lock = RLock()
        self._loading = False
        self._parameters: Mapping[str, Any] | None = None
        self._payload: bytes | None = None

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The run's parameters, which are read when they are first needed.

        Raises:
            ProjectError: If code that computes the parameters reads them.
        """
        with self._lock:
            if self._parameters is None:
                if self._loading:
                    raise ProjectError(
                        "Code that computes the parameters also reads them: settings.py, or a function of "
                        "`globals:` in aws.yml. Remove that, or read them later, within a function."
                    )
                self._loading = True
                try:
                    self._parameters = self._load()
                finally:
                    self._loading = False
            return self._parameters

    def offer(self, parameters: Mapping[str, Any]) -> None:
        """Keep the parameters that Kedro has read, so that they are not read again.

        Args:
            parameters: The parameters. They are ignored if some are objects, or if they are known already.
        """
        with self._lock:
            if self._parameters is None:
                try:
                    self._parameters = copy_plain(parameters)
                except TypeError:
                    return

    def make_payload(self) -> bytes:
        """Make what a child process receives: a pickle of the id and the parameters."""
        with self._lock:
            if self._payload is None:
                try:
                    self._payload = pickle.dumps((self.run_id, self.parameters, None))
                except Exception as error:  # noqa: BLE001 - a child that uses no parameters must start
                    self._payload = pickle.dumps((self.run_id, None, first_line(error)))
            return self._payload


class _HandOff:
    """Pickles as the payload of the run whose thread makes the child process."""

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        state = find_run()
        return bytes, (state.make_payload() if state is not None else b"",)


def publish(state: RunState) -> None:
    """Make a run the one in force: here, in its nodes' threads, and in child processes made from now on."""
    global _latest  # noqa: PLW0603 - IPython runs each cell in a context of its own
    _latest = state
    _under_way[state.run_id] = state
    _here.set(state)
    _get_configuration()[_KEY] = _HandOff()


@contextmanager
def withdraw_on_failure() -> Iterator[None]:
    """Make the run that was in force before the one in force again if the context raises."""
    global _latest
    before = _latest, _here.get(), _get_configuration().get(_KEY)
    try:
        yield
    except BaseException:
        _latest, here, handed = before
        _here.set(here)
        _get_configuration()[_KEY] = handed
        raise


def enter(run_id: str | None) -> None:
    """Make a run the one in force in the thread of a node."""
    state = _under_way.get(run_id or "")
    if state is not None:
        _here.set(state)


def settle(run_id: str, place: Any) -> None:
    """Keep what the plugin's own nodes of a run work with, as long as the run is under way."""
    if state := _under_way.get(run_id):
        state.place = place


def end(run_id: str) -> None:
    """Forget a run that has ended. The parameters of the latest run can still be read."""
    state = _under_way.pop(run_id, None)
    if state is not None:
        state.ended, state.place = True, None


def find_run() -> RunState | None:
    """Find the run that the caller belongs to; else the latest run of this process or of its parent."""
    return _here.get() or _latest or _find_run_of_parent()


def copy_plain(value: Any) -> Any:
    """Copy a value that consists of YAML's types.

    Raises:
        TypeError: If it contains any other type.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {key: each if type(each) in _SCALARS else copy_plain(each) for key, each in value.items()}
    if kind is list:
        return [copy_plain(each) for each in value]
    raise TypeError(f"{kind.__name__} is not a type that YAML has")


def _find_run_of_parent() -> RunState | None:
    """Find the run that made this process."""
    global _inherited  # noqa: PLW0603 - unpickled once
    payload = _get_configuration().get(_KEY)
    if _inherited is None and isinstance(payload, bytes) and payload:
        run_id, parameters, problem = pickle.loads(payload)  # noqa: S301 - from our own parent, through its pipe

        def load() -> Mapping[str, Any]:
            if parameters is None:
                raise ProjectError(f"The run's parameters did not reach this process: {problem}.")
            return parameters  # type: ignore[no-any-return]

        _inherited = RunState(run_id, load)
    return _inherited


def _get_configuration() -> dict[str, Any]:
    return process.current_process()._config  # type: ignore[attr-defined,no-any-return]
