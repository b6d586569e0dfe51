"""Which process a pid means: a pid is used again later, and by other containers at the same time.

Where the system has no /proc, a process is known by its pid alone.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from local_aws.control.private_files import write_private

_PROC = Path("/proc")
_START_TIME = 19  # of the fields after the name, which may itself hold blanks and parentheses


@dataclass(frozen=True)
class ProcessIdentity:
    """A process, told from all others.

    Attributes:
        pid: Its process id.
        started: When it started, in the system's own count; empty if the system does not tell.
        place: The machine's boot and the pid namespace and network namespace; empty likewise.
    """

    pid: int
    started: str = ""
    place: str = ""

    @classmethod
    def of_this_process(cls) -> "ProcessIdentity":
        """Describe the process that calls this."""
        return cls(os.getpid(), _read_start(os.getpid()), find_place())

    def is_here(self) -> bool:
        """Tell whether its pid means something in this process: no other machine, no other container."""
        return self.place == find_place()

    def kill(self) -> bool:
        """Kill the process if it is still this one.

        Returns:
            Whether it was.
        """
        if not self.is_here():
            return False
        with suppress(OSError), _hold(self.pid) as descriptor:
            if _read_start(self.pid) != self.started:
                return False
            if sys.platform == "linux" and descriptor is not None:
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            else:
                os.kill(self.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            return True
        return False


def find_place() -> str:
    """Describe the machine's boot and the namespaces in which this process has its pid and its 127.0.0.1."""
    try:
        boot = (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text(encoding="ascii").strip()
        spaces = [str((_PROC / "self" / "ns" / name).readlink()) for name in ("pid", "net")]
    except OSError:
        return ""
    return " ".join([boot, *spaces])


def write_process(state_dir: Path) -> None:
    """Write which process this is: the one that holds the folder's lock."""
    write_private(_file(state_dir), json.dumps(asdict(ProcessIdentity.of_this_process())))


def read_process(state_dir: Path) -> ProcessIdentity | None:
    """Read which process wrote `write_process` last. It may have ended since."""
    try:
        return ProcessIdentity(**json.loads(_file(state_dir).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _file(state_dir: Path) -> Path:
    return state_dir / "local.pid"


def _read_start(pid: int) -> str:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[_START_TIME]


@contextmanager
def _hold(pid: int) -> Iterator[int | None]:
    """Hold a process, so that its pid cannot become another one's between a look and a signal."""
    if sys.platform != "linux":
        yield None
        return
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
