"""A page of the documentation as a story: its blocks in order, in one folder, as a reader follows it."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from doc_pages import SHELLS, Block, blocks

import local_aws

_CELLS = Path(__file__).with_name("cells.py")
_VOLATILE = [  # in this order
    (r"\x1b\[[0-9;]*m", ""),
    (r"(127\.0\.0\.1|localhost):\d+", r"\1:PORT"),
    (r"\b\d{4}(-\d\d){5}-\d{3}\b", "STAMP"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d[:.]\d\d[:.]\d\d(?:[.:]\d+)?(?:Z|\+00:00)?", "TIME"),
    (r"\d{4}[-/]\d\d[-/]\d\d", "DAY"),
    (r"^\d\d:\d\d:\d\d ", "TIME "),
    (r"\b\d+(?:\.\d+)? (?:k|M|G|Ki|Mi|Gi)?B\b", "SIZE"),
    (r"-?\d+\.\d+(?:e[+-]\d+)?|\b\d{4}\b", "NUMBER"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b", "HEX"),
    (r"\b\d+ s\b", "SECONDS"),
    (r"[─-╿]+|={3,}", "LINE"),
    (r"\s+", " "),
]
_VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z")
_OF_THE_MACHINE = re.compile(
    r"^(local AWS at |Warning: [\w-]+ is \S+ here and |The local AWS records these settings)"
)


class Story:
    """What a page has done so far: in which folder, with which variables, and what was printed last."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.last_output = ""
        self._notes = folder.parent / "story"
        self._notes.mkdir()
        self._variables = self._notes / "variables"
        self._where = self._notes / "where"
        self._where.write_text(str(folder), encoding="utf-8")
        self._environment = environment
        self._cells: subprocess.Popen[str] | None = None

    def tell(self, page: Path) -> None:
        """Do what the page shows, block by block."""
        for block in blocks(page):
            try:
                if block.get_note("not run") is None:
                    self._do(block)
            except AssertionError as error:
                raise AssertionError(f"{page.name}:{block.line}: {error}") from None

    def _do(self, block: Block) -> None:
        for command in block.get_all_notes("before"):
            self.run(command)
        if block.language in SHELLS:
            self._do_commands(block)
        elif block.language == "text":
            compare(block.text, self.last_output)
        elif block.title:
            self._write(block)
        elif block.language == "python":
            for magic in block.get_all_notes("cell"):
                self._run_cell(magic)
            self._run_cell(block.text)

    def _do_commands(self, block: Block) -> None:
        expected = int(block.get_note("exits") or 0)
        if block.language != "console":
            self.run(block.text, expected)
            return
        for command, shown in split_commands(block.text):
            output = self.run(_VERSION.sub(self._find_last_run(), command), expected)
            if shown and block.get_note("output") != "varies":
                compare(shown, output)

    def run(self, command: str, expected: int = 0) -> str:
        """Type a command, confirm what it asks, and return what it prints."""
        script = self._notes / "script"
        script.write_text(
            f'test -e {self._variables} && source {self._variables}\ncd "$(cat {self._where})" && set -e\n'
            f"trap 'code=$?; export -p >{self._variables}; pwd >{self._where}; exit $code' EXIT\n{command}\n",
            encoding="utf-8",
        )
        master, terminal = pty.openpty()
        try:
            os.write(master, b"y\n")
            done = subprocess.run(
                ["bash", str(script)],
                env=self._environment,
                stdin=terminal,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                timeout=300,
                check=False,
            )
        finally:
            os.close(terminal)
            os.close(master)
        assert done.returncode == expected, f"`{command}` ended with {done.returncode}:\n{done.stdout}"
        self.last_output = done.stdout
        return done.stdout

    def _find_last_run(self) -> str:
        """Return the id of the last run, which a version of a dataset in a command stands for."""
        runs = (file for folder in self._find_state_folders() for file in folder.glob("runs/*.json"))
        return max((file.stem for file in runs), default="")

    def _write(self, block: Block) -> None:
        file = Path(self._where.read_text(encoding="utf-8").strip()) / block.title
        shown = yaml.safe_load(block.text) if file.suffix == ".yml" else block.text
        if block.get_note("as generated") is not None:
            there: Any = file.read_text(encoding="utf-8")
            there = yaml.safe_load(there) if file.suffix == ".yml" else there
            assert shown == there, f"{block.title} is otherwise in the project"
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        text = block.text
        if isinstance(shown, dict) and file.exists():
            kept = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
            text = yaml.safe_dump({**kept, **shown}, sort_keys=False)
        file.write_text(text, encoding="utf-8")

    def _run_cell(self, text: str) -> None:
        if self._cells is None:
            command = f"exec {shlex.quote(sys.executable)} {shlex.quote(str(_CELLS))}"
            before = f'test -e {self._variables} && source {self._variables}; cd "$(cat {self._where})"; '
            self._cells = subprocess.Popen(
                ["bash", "-c", before + command],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
            )
        assert self._cells.stdin is not None
        assert self._cells.stdout is not None
        self._cells.stdin.write(json.dumps(text) + "\n")
        self._cells.stdin.flush()
        ended = json.loads(self._cells.stdout.readline())
        assert not ended["error"], f"{text}\n{ended['error']}\n{ended['output']}"
        self.last_output = ended["output"]

    def end(self) -> None:
        """End what still runs."""
        if self._cells is not None:
            self._cells.communicate(timeout=60)
        for state_dir in self._find_state_folders():
            local_aws.stop(state_dir)

    def _find_state_folders(self) -> list[Path]:
        """List the folders of local AWS; others may be removed meanwhile, at which `rglob` would fail."""
        found = []
        for folder, folders, _ in os.walk(self.folder.parent):
            if ".kedro-aws" in folders:
                folders.remove(".kedro-aws")
                found.append(Path(folder, ".kedro-aws"))
        return found


def split_commands(text: str) -> Iterator[tuple[str, str]]:
    """Give each command of a console block (`$ ...`) with what it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        size = 1
        while lines[size - 1].endswith("\\\n"):
            size += 1
        yield "".join(lines[:size]), "".join(lines[size:])


def compare(shown: str, printed: str) -> None:
    """Fail unless what a page shows was printed; `...` stands for any lines, or for any text in a line."""
    wanted, there = _normalise(shown), _normalise(printed)
    if not any(_OF_THE_MACHINE.match(line) for line in wanted):
        there = [line for line in there if not _OF_THE_MACHINE.match(line)]
    parts = [r"(?:.*\n)*?" if line == "..." else _to_pattern(line) for line in wanted]
    assert re.search("^" + "".join(parts), "".join(f"{line}\n" for line in there), re.MULTILINE), (
        f"the page shows\n{shown}\nand this was printed:\n{printed}"
    )


def _to_pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("...")) + r"\n"


def _normalise(text: str) -> list[str]:
    lines = []
    for line in text.splitlines():
        for pattern, name in _VOLATILE:
            line = re.sub(pattern, name, line)  # noqa: PLW2901
        lines += [line.strip()] if line.strip() else []
    return lines
