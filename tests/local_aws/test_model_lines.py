"""What a model's process prints becomes lines, however the pipe cuts it."""

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from local_aws.sagemaker.model_worker import Worker


def _read(chunks: Iterable[bytes], *, serves: bool = False) -> list[str]:
    """Read the lines of chunks that come one after the other."""
    texts: list[str] = []
    worker = Worker(Path(), {}, texts.append)
    worker._serves = serves
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for chunk in chunks:
                pipe.write(chunk)
                time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb") as output:
        process = cast("subprocess.Popen[bytes]", SimpleNamespace(stdout=output))
        worker._read_lines(process)
    writer.join()
    return "\n".join(texts).split("\n")


def test_lines_are_those_of_a_text_file() -> None:
    chunks = [b"caf\xc3", b"\xa9\na\r", b"\nb\rc  \n\n", b"\xff bad\n", b"half", b" a line\nthe ", b"end"]
    whole = io.TextIOWrapper(io.BytesIO(b"".join(chunks)), "utf-8", errors="replace")
    expected = [line.rstrip() for line in whole if line.rstrip()]
    assert expected[0] == "caf\xe9"
    for serves in (False, True):
        assert _read(chunks, serves=serves) == expected


def test_lines_of_a_moment_come_together() -> None:
    texts: list[str] = []
    worker = Worker(Path(), {}, texts.append)
    worker._serves = True
    printed = "import time\nfor number in range(200):\n print(number, flush=True)\n time.sleep(0.002)"
    with subprocess.Popen([sys.executable, "-c", printed], stdout=subprocess.PIPE) as process:
        worker._read_lines(process)
    assert "\n".join(texts).split("\n") == [str(number) for number in range(200)]
    assert len(texts) < 60


def test_much_is_read_at_once_and_a_line_without_an_end_is_cut() -> None:
    began = time.monotonic()
    lines = _read([b"x" * 3_000_000, b"\n", b"y" * 3_000_000], serves=True)
    assert time.monotonic() - began < 5
    assert "".join(lines) == "x" * 3_000_000 + "y" * 3_000_000
    assert max(map(len, lines)) <= 1024**2 + 64 * 1024
