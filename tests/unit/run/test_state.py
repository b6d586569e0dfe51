"""The run in force: in its threads, in child processes, and when it is over."""

import contextvars
import gc
import multiprocessing
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from run_in_force import begin

from kedro_aws_plugin import parameters
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.run import state as run_state

pytestmark = pytest.mark.usefixtures("no_run")


def test_a_later_run_in_the_process_is_the_one_in_force() -> None:
    begin({"a": 1, "b": 1}, "first")
    begin({"a": 2}, "second")
    assert dict(parameters) == {"a": 2}


def test_runs_side_by_side_see_their_own_in_every_thread() -> None:
    """Kedro's worker threads are told by `before_node_run`."""
    barrier = threading.Barrier(2)

    def node(run_id: str) -> Any:
        run_state.enter(run_id)
        return parameters["a"]

    def session(run_id: str) -> list[Any]:
        begin({"a": run_id}, run_id)
        barrier.wait(timeout=10)
        with ThreadPoolExecutor(2) as workers:
            return [parameters["a"], *workers.map(node, [run_id] * 4)]

    with ThreadPoolExecutor(2) as sessions:
        found = list(sessions.map(session, ["one", "two"]))
    assert found == [["one"] * 5, ["two"] * 5]


def test_what_is_in_force_last_can_be_read_when_it_is_over() -> None:
    state = begin({"a": 1})
    run_state.end("run")
    assert (parameters["a"], state.ended) == (1, True)
    run_state.enter("run")  # whose thread comes too late
    assert parameters["a"] == 1


def test_a_run_that_never_ended_is_let_go() -> None:
    def fail() -> None:
        begin({"a": 1}, "failed")

    contextvars.Context().run(fail)
    begin({"a": 2}, "next")
    gc.collect()
    assert list(run_state._under_way) == ["next"]


def at_import() -> Any:
    """What a module of the project reads when it is imported in another process."""
    from kedro_aws_plugin import parameters as there

    return there["a"]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_child_processes_are_handed_the_run_of_the_thread_that_makes_them(method: str) -> None:
    begin({"a": {"b": ["secret"]}}, "one")
    thread = threading.Thread(target=lambda: begin({"a": 2}, "two"))
    thread.start()
    thread.join()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        assert pool.submit(at_import).result() == {"b": ["secret"]}


def test_what_cannot_be_pickled_does_not_keep_a_process_from_starting() -> None:
    state = begin({"a": lambda: 1})
    inherited = pickle.loads(pickle.dumps(run_state._HandOff()))
    assert type(inherited) is bytes
    assert pickle.loads(inherited)[:2] == ("run", None)
    assert inherited == state.make_payload()
    run_state._get_configuration()[run_state._KEY] = inherited
    run_state._latest = None
    run_state._here.set(None)
    with pytest.raises(ProjectError, match=r"^The run's parameters did not reach this process: .*lambda"):
        parameters["a"]
