"""What a process that runs queries may use."""

import os
import sys
from contextlib import suppress
from pathlib import Path

_MOST = 2 << 30
_LEAST = 1 << 29
_SHARE = 8
_OUTSIDE_DUCKDB = 3 << 29
_A_THREAD = 8 << 20

DISK_BYTES = 10 << 30
"""What the files of a query may hold: what it writes, and what does not fit into its memory."""


def default_memory() -> int:
    """Return the bytes that a query may use: an eighth of the machine's memory, but at most 2 GB."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return _MOST
    return max(_LEAST, min(_MOST, total // _SHARE))


def limit_this_process(memory: int) -> None:
    """Let the operating system hold this process to its memory.

    DuckDB keeps to its limit in most places, functions in Python in none. Where the operating system does not
    hold a process to its memory, only DuckDB's limit counts.

    Args:
        memory: What DuckDB may use; Python and its packages get some more.
    """
    if sys.platform == "win32":
        return
    import resource

    wanted = memory + _OUTSIDE_DUCKDB + _A_THREAD * (os.cpu_count() or 1)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or wanted < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def peak_bytes() -> int:
    """Return the most memory that this process has used in its life; 0 if that is not known."""
    if sys.platform == "win32":
        return 0
    import resource

    # Linux hands ru_maxrss on to a new program: it would be that of the server which started this process.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def end_with(descriptor: int) -> None:
    """Let the operating system end this process when the other end of a pipe is closed.

    Python cannot do that: a regular expression keeps all its threads from running. The kernel sends SIGIO,
    which ends a process that does not expect it. Nothing is ever written to the pipe.
    """
    if sys.platform == "win32":
        return
    import fcntl

    fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)
