"""The run in force, known to its nodes, its threads and its child processes.

A thread finds the run in a context variable, which `before_node_run` sets in each thread. A child process
gets it from `multiprocessing` itself: that copies the configuration of the current process object into each
child that it makes, by fork, spawn and forkserver alike, through the pipe that starts the child and before
anything of the project is imported there. So nothing is written to a disk, and nothing is left behind,
however the process ends.
"""

import pickle
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from multiprocessing import process
from threading import RLock
from typing import Any
from weakref import WeakValueDictionary

from kedro_aws_plugin.errors import ProjectError, first_line

_KEY = "kedro_aws_plugin"
_SCALARS = frozenset({str, int, float, bool, type(None)})
_here: ContextVar["RunState | None"] = ContextVar("kedro_aws_run", default=None)
# The context of the thread that runs it keeps a run here, so that one which never ends leaves nothing behind.
_under_way: "WeakValueDictionary[str, RunState]" = WeakValueDictionary()
_latest: "RunState | None" = None
_inherited: "RunState | None" = None


class RunState:
    """One run: its id and its parameters.

    Args:
        run_id: Kedro's id of it.
        load: Reads the parameters. Called once, when the parameters are first needed.
    """

    def __init__(self, run_id: str, load: Callable[[], Mapping[str, Any]]) -> None:
        self.run_id = run_id
        self.ended = False
        self._load = load
        self._lock = RLock()
        self._loading = False
        self._parameters: Mapping[str, Any] | None = None
        self._payload: bytes | None = None

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The run's parameters, read when they are first needed.

        Raises:
            ProjectError: If reading them needs a module that reads them while it is imported.
        """
        with self._lock:
            if self._parameters is None:
                if self._loading:
                    raise ProjectError(
                        "The parameters are being read by code that computes them: settings.py, or a "
                        "function of `globals:` in aws.yml. Read them within a function there, or not at all."
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
            parameters: Ignored if Kedro made objects of some of them, or if they have been read already.
        """
        with self._lock:
            if self._parameters is None:
                try:
                    self._parameters = copy_plain(parameters)
                except TypeError:
                    return

    def payload(self) -> bytes:
        """Give what a child process receives: a pickle of the id and the parameters."""
        with self._lock:
            if self._payload is None:
                try:
                    self._payload = pickle.dumps((self.run_id, self.parameters, None))
                except Exception as error:  # noqa: BLE001 - a process that asks for none of them must start
                    self._payload = pickle.dumps((self.run_id, None, first_line(error)))
            return self._payload


class _HandOff:
    """Pickles as the run of the thread that makes the child process."""

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        state = find_run()
        return bytes, (state.payload() if state is not None else b"",)


def publish(state: RunState) -> None:
    """Make a run the one in force: here, in its nodes' threads, and in processes made from now on."""
    global _latest  # noqa: PLW0603 - IPython runs each cell in a context of its own
    _latest = state
    _under_way[state.run_id] = state
    _here.set(state)
    _configuration()[_KEY] = _HandOff()


def enter(run_id: str | None) -> None:
    """Make a run the one in force in the thread of a node."""
    state = _under_way.get(run_id or "")
    if state is not None:
        _here.set(state)


def end(run_id: str) -> None:
    """Forget a run that is over. The parameters of the last one may still be read."""
    state = _under_way.pop(run_id, None)
    if state is not None:
        state.ended = True


def find_run() -> RunState | None:
    """Find the run that the caller belongs to; else the latest run of this process or of its parent."""
    return _here.get() or _latest or _find_run_of_parent()


def copy_plain(value: Any) -> Any:
    """Copy a value of the types that YAML has.

    Raises:
        TypeError: If it is or contains anything else.
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
    payload = _configuration().get(_KEY)
    if _inherited is None and isinstance(payload, bytes) and payload:
        run_id, parameters, problem = pickle.loads(payload)  # noqa: S301 - from our own parent, through its pipe

        def load() -> Mapping[str, Any]:
            if parameters is None:
                raise ProjectError(f"The run's parameters did not reach this process: {problem}.")
            return parameters  # type: ignore[no-any-return]

        _inherited = RunState(run_id, load)
    return _inherited


def _configuration() -> dict[str, Any]:
    return process.current_process()._config  # type: ignore[attr-defined,no-any-return]
