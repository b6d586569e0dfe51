"""Run a command with its output in two files: `python redirected.py STDOUT STDERR COMMAND ...`.

A file has the first megabytes of a stream and its last kilobytes, so that no command fills the disk. The
local AWS runs this file as a script, isolated from all packages, so that it starts in milliseconds. The exit
code is the command's; 128 and the signal if one has ended it, as a container's.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

_MOST = 16 * 1024**2
_END = 64 * 1024
_CHUNK = 64 * 1024
_BY_SIGNAL = 128
_READER_SECONDS = 2.0


class Copy:
    """Copies a stream to a file.

    Args:
        stream: The file descriptor to read.
        path: The file, which is made.
    """

    def __init__(self, stream: int, path: str) -> None:
        self._stream = stream
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        self._lock = threading.Lock()
        self._size = 0
        self._left_out = 0
        self._end = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Write the end. What has left the command's group may hold its output for ever: no wait for that."""
        self._thread.join(_READER_SECONDS)
        with self._lock:
            if self._left_out:
                note = (
                    f"\n[The local AWS has left out {self._left_out} bytes: it keeps the first "
                    f"{_MOST >> 20} MB that a driver prints, and the last {_END >> 10} kB.]\n"
                )
                self._write(note.encode())
            self._write(self._end)
            self._end = b""

    def _read(self) -> None:
        while chunk := os.read(self._stream, _CHUNK):
            with self._lock:
                first, rest = chunk[: _MOST - self._size], chunk[max(0, _MOST - self._size) :]
                self._size += len(first)
                self._write(first)
                end = self._end + rest
                self._left_out += max(0, len(end) - _END)
                self._end = end[-_END:]

    def _write(self, data: bytes) -> None:
        """Write; where the disk is full, the command goes on all the same."""
        with suppress(OSError):
            while data:
                data = data[os.write(self._file, data) :]


def main(stdout: str, stderr: str, *command: str) -> int:
    """Run the command.

    Returns:
        Its exit code.
    """
    # A command that is asked to stop has something to say still. A handler, unlike SIG_IGN, is not inherited.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - the job's command, no shell
        assert process.stdout is not None  # noqa: S101 - they are pipes
        assert process.stderr is not None  # noqa: S101
        copies = [Copy(process.stdout.fileno(), stdout), Copy(process.stderr.fileno(), stderr)]
        code = process.wait()
        for each in copies:
            each.finish()
    return code if code >= 0 else _BY_SIGNAL - code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
