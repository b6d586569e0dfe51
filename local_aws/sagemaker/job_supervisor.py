"""The process that starts a job's command, and ends it with everything that it has started.

The local AWS runs this file as a script, isolated from all packages, so that it starts in milliseconds. The
first line of its stdin is a JSON object: `command`, `folder` to run it in, `pid_file` for its process id, and
`grace`, the seconds between SIGTERM and SIGKILL. Any further byte asks the command to stop. The end of stdin,
which is also that of the local AWS, kills it. The exit code is the command's; 128 and the signal if one has
ended it, as a container's.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

_CANNOT_START = 127
_BY_SIGNAL = 128


def main() -> int:
    """Run the command that stdin names.

    Returns:
        The exit code.
    """
    asked = json.loads(_read_line())
    command = asked["command"]
    try:
        # A group of its own, so that what it starts can be ended with it.
        child = subprocess.Popen(  # noqa: S603 - the command of the job, no shell
            command, cwd=asked["folder"], stdin=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        sys.stdout.write(f"{command[0]}: {error.strerror}\n")
        return _CANNOT_START
    with suppress(OSError):  # a full disk
        Path(asked["pid_file"]).write_text(str(child.pid), encoding="ascii")
    listening = threading.Thread(target=_obey, args=(child, float(asked["grace"])), daemon=True)
    listening.start()
    code = child.wait()
    _signal(child, kill=True)
    return code if code >= 0 else _BY_SIGNAL - code


def _obey(child: "subprocess.Popen[bytes]", grace: float) -> None:
    """Stop the command at each byte, and kill it at the end."""
    while _read_byte():
        _signal(child, kill=False)
        timer = threading.Timer(grace, _signal, args=(child,), kwargs={"kill": True})
        timer.daemon = True
        timer.start()
    _signal(child, kill=True)


def _read_line() -> bytes:
    """Read the first line, and nothing after it: a buffered reader would keep a byte that says stop."""
    line = b""
    while not line.endswith(b"\n") and (byte := _read_byte()):
        line += byte
    return line


def _read_byte() -> bytes:
    """Read the file descriptor: a thread that waits in `sys.stdin` would hold its lock at shutdown."""
    try:
        return os.read(0, 1)
    except OSError:
        return b""


def _signal(child: "subprocess.Popen[bytes]", *, kill: bool) -> None:
    """Send SIGTERM or SIGKILL to the command and what it has started."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL if kill else signal.SIGTERM)
        elif kill:
            child.kill()
        else:
            child.terminate()
    except OSError:  # all of them have ended
        return


if __name__ == "__main__":
    sys.exit(main())
