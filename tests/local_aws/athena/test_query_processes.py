"""The processes that run queries: each query ends with its own alone."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from athena_api import REGION, until
from lake import LAKE, Lake

from local_aws.athena import processes as query_processes
from local_aws.athena import query_process
from local_aws.athena.failures import AthenaFailure, Cancelled
from local_aws.athena.processes import QueryProcesses
from local_aws.athena.storage import remove_unused_links
from local_aws.athena.submission import Outcome, Submission
from local_aws.protocol.moto_app import Answer, Moto

pytestmark = pytest.mark.slow

MEMORY = 300_000_000
ENDLESS = f"SELECT regexp_like('{'a' * 60}b', '(a+)+$')"
"""Python's regular expressions let no other thread of their process run."""


SLOW = """
    SELECT count(*) FROM unnest(sequence(1, 10000)) a (x) CROSS JOIN unnest(sequence(1, 10000)) b (y)
    CROSS JOIN unnest(sequence(1, 2)) c (z) WHERE x + y + z = 7
"""


class Queries:
    """Queries of the lake, each in a process."""

    def __init__(self, processes: QueryProcesses, workdir: Path) -> None:
        self.processes = processes
        self.workdir = workdir

    def submission(self, sql: str, **others: Any) -> Submission:
        named = {"execution_id": str(uuid.uuid4()), "database": "db", "region": REGION, **others}
        return Submission(sql, **named)

    def run(self, sql: str, **others: Any) -> Outcome:
        return self.processes.run(self.submission(sql, **others), threading.Event())

    def text(self, sql: str, **others: Any) -> str:
        """The result file."""
        result = self.run(sql, **others).result_file
        assert result is not None
        text = result.path.read_text()
        result.path.unlink()
        return text

    def fails(self, sql: str) -> AthenaFailure:
        with pytest.raises(AthenaFailure) as caught:
            self.run(sql)
        return caught.value

    def pids(self) -> list[int]:
        return sorted(each._popen.pid for each in self.processes._all)


class MotoWithFiles(Moto):
    """An S3 that gives each object's content as a second name of one file, as the local AWS does."""

    def __init__(self, moto: Moto, folder: Path) -> None:
        self._moto = moto
        self._folder = folder
        folder.mkdir()

    def request(self, method: str, path: str, *, target: Path | None = None, **others: Any) -> Answer:
        answer = self._moto.request(method, path, **others)
        if target is not None and answer.status == 200:
            stored = self._folder / hashlib.sha256(path.encode()).hexdigest()
            stored.write_bytes(answer.body)
            target.hardlink_to(stored)
        return answer


class Started:
    """A query in a thread of its own."""

    def __init__(self, queries: Queries, sql: str) -> None:
        self.queries = queries
        self.submission = queries.submission(sql)
        self.cancelled = threading.Event()
        self.ended: list[Any] = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert until(lambda: self.submission.execution_id in queries.processes._running or bool(self.ended))

    def _run(self) -> None:
        try:
            self.ended.append(self.queries.processes.run(self.submission, self.cancelled))
        except AthenaFailure as failure:
            self.ended.append(failure)

    def wait(self, seconds: float) -> Any:
        """What came out."""
        self.thread.join(seconds)
        assert self.ended, "The query goes on."
        return self.ended[0]

    def stop(self) -> Any:
        """What comes out if it is stopped as the runner of executions does."""
        self.cancelled.set()
        while self.thread.is_alive():
            self.queries.processes.cancel(self.submission.execution_id)
            self.thread.join(0.1)
        return self.wait(0)


@pytest.fixture
def start(lake: Lake, tmp_path: Path) -> Iterator[Callable[..., Queries]]:
    """Makes processes with little memory over the empty lake."""
    made: list[Queries] = []

    def start(moto: Moto = lake.moto, sweep: float = 60) -> Queries:
        workdir = tmp_path / f"queries{len(made)}"
        made.append(Queries(QueryProcesses(moto, workdir, MEMORY, sweep=sweep), workdir))
        return made[-1]

    yield start
    for queries in made:
        pids = queries.pids()
        queries.processes.close()
        assert not queries.workdir.exists()
        assert not any(map(is_running, pids))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_reads_the_lake_and_serves_the_next_query_too(
    start: Callable[..., Queries], lake: Lake
) -> None:
    queries = start()
    lake.put("t/a.csv", "1,x\n2,\n" + "3,y\n" * 400_000)
    lake.run(
        "create external table t (n int, s string) row format delimited fields terminated by ',' "
        f"location 's3://{LAKE}/t/'"
    )
    sql = "SELECT n, s, count(*) AS k FROM t GROUP BY n, s ORDER BY n"
    assert queries.text(sql) == '"n","s","k"\n"1","x","1"\n"2","","1"\n"3","y","400000"\n'
    pids = queries.pids()
    assert queries.text("SHOW TABLES", statement_type="UTILITY") == "t"
    made = queries.run("CREATE TABLE u AS SELECT n FROM t WHERE n < 3", output_location=f"s3://{LAKE}/out/")
    assert (made.update_count, made.result_file) == (2, None)
    assert lake.rows("select n from u order by n") == [("1",), ("2",)]
    assert queries.fails("SELECT nothing FROM t").message == (
        "COLUMN_NOT_FOUND: line 1:8: Column 'nothing' cannot be resolved"
    )
    assert queries.pids() == pids


def test_the_file_of_a_deleted_object_goes_when_no_query_runs(
    start: Callable[..., Queries], lake: Lake, tmp_path: Path
) -> None:
    files = tmp_path / "files"
    queries = start(MotoWithFiles(lake.moto, files), sweep=0.2)
    objects = queries.workdir / "objects"

    def names() -> set[str]:
        return {path.name for path in objects.iterdir()}

    for key in ("gone", "stays"):
        lake.put(f"t/{key}.csv", "1\n")
    lake.run(f"create external table t (n int) location 's3://{LAKE}/t/'")
    sql = "SELECT sum(n) AS n FROM t"
    assert queries.text(sql) == '"n"\n"2"\n'
    gone, stays = files.iterdir()
    (of_gone,) = (path.stem for path in objects.iterdir() if path.samefile(gone))
    assert {name.split(".")[0] for name in names()} > {of_gone}
    before = names()
    running = Started(queries, SLOW)
    gone.unlink()
    time.sleep(0.5)
    assert names() == before
    running.stop()
    assert until(lambda: names() == {name for name in before if not name.startswith(of_gone)})
    assert [path.samefile(stays) for path in objects.glob("*.link")] == [True]
    assert queries.text(sql) == '"n"\n"2"\n'


def test_a_file_of_two_deleted_objects_goes(tmp_path: Path) -> None:
    for file, names in {"gone": "ab", "stays": "cd"}.items():
        (tmp_path / file).write_text("1\n")
        for name in names:
            (tmp_path / f"{name}.link").hardlink_to(tmp_path / file)
            (tmp_path / f"{name}.parquet").touch()
    (tmp_path / "gone").unlink()

    remove_unused_links(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "c.link",
        "c.parquet",
        "d.link",
        "d.parquet",
        "stays",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_has_no_credentials_of_the_server(
    start: Callable[..., Queries], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-queries")
    queries = start()
    queries.run("SELECT 1")
    (pid,) = queries.pids()
    given = Path(f"/proc/{pid}/environ").read_bytes()
    names = {each.split(b"=")[0] for each in given.split(b"\0")}
    assert b"ARROW_DEFAULT_MEMORY_POOL" in names
    assert {each for each in names if each.startswith(b"AWS_")} == set()


def test_a_query_that_does_not_listen_is_killed_and_no_other_one_is(start: Callable[..., Queries]) -> None:
    queries = start()
    endless = Started(queries, ENDLESS)
    other = Started(queries, SLOW)
    assert until(lambda: len(queries.pids()) == 2)
    killed = queries.processes._running[endless.submission.execution_id]._popen.pid
    began = time.monotonic()
    assert isinstance(endless.stop(), Cancelled)
    assert time.monotonic() - began < 4
    assert not is_running(killed)
    assert isinstance(other.wait(60), Outcome)
    assert len(queries.pids()) == 1


def test_a_query_that_listens_keeps_its_process(start: Callable[..., Queries]) -> None:
    queries = start()
    queries.run("SELECT 1")
    pids = queries.pids()
    thousands = " CROSS JOIN ".join(f"unnest(sequence(1, 10000)) AS t{n} (c{n})" for n in range(4))
    running = Started(queries, f"SELECT count(*) FROM {thousands} WHERE c0 + c1 + c2 + c3 = 7")
    time.sleep(0.3)
    assert isinstance(running.stop(), Cancelled)
    assert queries.text("SELECT 1 AS one") == '"one"\n"1"\n'
    assert queries.pids() == pids


def test_a_query_whose_process_dies_fails_and_the_next_one_runs(start: Callable[..., Queries]) -> None:
    queries = start()
    running = Started(queries, ENDLESS)
    (pid,) = queries.pids()
    os.kill(pid, signal.SIGKILL)
    failure = running.wait(10)
    assert failure.message.startswith(
        "INTERNAL_ERROR_QUERY_ENGINE: the process that ran this query has ended (SIGKILL). Run it again"
    )
    assert (failure.category, failure.retryable) == (1, True)
    assert queries.text("SELECT 1 AS one") == '"one"\n"1"\n'
    (idle,) = queries.pids()
    os.kill(idle, signal.SIGKILL)
    assert until(lambda: not next(iter(queries.processes._all)).is_alive)
    assert queries.text("SELECT 2 AS two") == '"two"\n"2"\n'


def test_what_a_query_uploaded_goes_with_its_process(start: Callable[..., Queries], lake: Lake) -> None:
    class Deadly(Moto):
        """Kills the process at its second file."""

        def __init__(self) -> None:
            self.puts: list[str] = []

        def request(self, method: str, path: str, **others: Any) -> Any:
            if method == "PUT":
                self.puts.append(path)
            if len(self.puts) == 2 and method == "PUT":
                os.kill(queries.pids()[0], signal.SIGKILL)
            return lake.moto.request(method, path, **others)

    moto = Deadly()
    queries = start(moto)
    failure = queries.fails(
        "UNLOAD (SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) AS t (n, p)) "
        f"TO 's3://{LAKE}/out/' WITH (format = 'PARQUET', partitioned_by = ARRAY['p'])"
    )
    assert failure.message.startswith("INTERNAL_ERROR_QUERY_ENGINE")
    assert len(moto.puts) == 2
    assert lake.keys("out/") == []


def test_a_query_that_needs_too_much_memory_fails(start: Callable[..., Queries]) -> None:
    queries = start()
    failure = queries.fails(
        "SELECT cardinality(array_agg(a.x)) FROM unnest(sequence(1, 10000)) a (x) "
        "CROSS JOIN unnest(sequence(1, 10000)) b (y)"
    )
    assert failure.message == (
        "Query exhausted resources at this scale factor: the local Athena gives a query 0.3 GB of memory"
    )
    assert failure.category == 2
    assert queries.text("SELECT 1 AS one") == '"one"\n"1"\n'


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not hold a process to its memory")
def test_functions_in_python_are_held_to_the_memory_too() -> None:
    program = (
        "from local_aws.athena.limits import limit_this_process\n"
        "limit_this_process(100_000_000)\nbytes(1 << 30)\n"
        "try:\n    bytes(3 << 30)\nexcept MemoryError:\n    print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "refused"


def test_a_process_that_has_used_much_memory_is_not_used_again(
    start: Callable[..., Queries], monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = start()
    queries.run("SELECT 1")
    before = queries.pids()
    monkeypatch.setattr(query_processes, "_WORN_BYTES", 50_000_000)
    assert queries.text("SELECT 1 AS one") == '"one"\n"1"\n'  # the result outlives its process
    assert queries.pids() == []
    assert not is_running(before[0])


class Broken(Moto):
    """A server that cannot answer one kind of request."""

    def __init__(self, lake: Lake, error: Exception) -> None:
        self.lake = lake
        self.error: Exception | None = error

    def request(self, method: str, path: str, **others: Any) -> Answer:
        if self.error is not None:
            raise self.error
        return self.lake.moto.request(method, path, **others)


@pytest.mark.parametrize("error", [KeyError("key"), OSError(28, "No space left on device")])
def test_what_the_server_cannot_answer_is_its_own_error_and_the_next_query_runs(
    start: Callable[..., Queries], lake: Lake, error: Exception
) -> None:
    moto = Broken(lake, error)
    queries = start(moto)
    with pytest.raises(type(error)):
        queries.run("SHOW TABLES", statement_type="UTILITY")
    moto.error = None
    assert queries.text("SELECT 1 AS one") == '"one"\n"1"\n'


def test_of_the_processes_that_wait_one_stays(
    start: Callable[..., Queries], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_processes, "_IDLE", 0.2)
    queries = start()
    first = Started(queries, SLOW)
    queries.run("SELECT 1")
    assert len(queries.pids()) == 2
    assert isinstance(first.wait(60), Outcome)
    assert until(lambda: len(queries.pids()) == 1)


@pytest.mark.parametrize("size", [7_000, 800])
def test_a_long_statement_is_read_by_a_process(start: Callable[..., Queries], size: int) -> None:
    queries = start()
    sql = f"SELECT 7 IN ({'1, ' * size}7) AS found"
    parsed = queries.processes.parse(sql)
    assert (parsed.statement_type, parsed.substatement) == ("DML", "SELECT")
    assert isinstance(parsed.statement, bytes) is (size > 1000)
    assert queries.text(sql, statement=parsed.statement) == '"found"\n"true"\n'
    with pytest.raises(AthenaFailure, match="mismatched input '<EOF>'"):
        queries.processes.parse(sql[:-10])


@pytest.mark.parametrize("waits", [ENDLESS, "SELECT 1"], ids=["busy", "idle"])
def test_a_process_ends_with_a_server_that_is_killed(waits: str, tmp_path: Path) -> None:
    program = f"""
import sys, threading
from pathlib import Path
from local_aws.athena.processes import QueryProcesses
from local_aws.athena.submission import Submission
processes = QueryProcesses(None, Path({str(tmp_path)!r}))
threading.Thread(target=processes.run, args=(Submission({waits!r}, "id"), threading.Event())).start()
while not processes._running and not processes._idle:
    pass
print("runs", flush=True)
sys.stdin.read()
"""
    # What the server starts inherits its stderr: the pipe is closed when the last of them has ended.
    server = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with server:
        assert server.stdout is not None and server.stderr is not None  # noqa: PT018
        assert server.stdout.readline() == b"runs\n"
        time.sleep(0.5)
        server.kill()
        began = time.monotonic()
        assert server.stderr.read() == b""
        assert time.monotonic() - began < 3


def test_the_disk_is_measured_while_a_query_removes_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stays").write_bytes(bytes(7))
    (tmp_path / "goes").mkdir()
    scandir = os.scandir

    def scan(folder: Any) -> Any:
        if Path(folder).name == "goes":
            Path(folder).rmdir()
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", scan)
    assert query_process._measure(tmp_path) == 7
    assert [each.name for each in tmp_path.iterdir()] == ["stays"]
