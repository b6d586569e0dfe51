"""Changes of files: shown as a diff, then made."""

import difflib
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Write:
    """A file that is made or changed.

    Attributes:
        path: The file, relative to the project.
        before: What it holds; None if it does not exist.
        after: What it will hold.
    """

    path: str
    before: str | None
    after: str

    def show(self) -> str:
        """Show the change as a unified diff, as `git diff` does."""
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            "/dev/null" if self.before is None else f"a/{self.path}",
            f"b/{self.path}",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def make(self, project: Path) -> None:
        """Write the file in one step.

        Raises:
            FileExistsError: If it has changed since it was looked at.
        """
        target = project / self.path
        now = target.read_text(encoding="utf-8") if target.exists() else None
        if now != self.before:
            raise FileExistsError(f"{self.path} has changed meanwhile. Run the command again.")
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.new")
        new.write_text(self.after, encoding="utf-8")
        if self.before is not None:
            shutil.copymode(target, new)
        new.replace(target)


@dataclass(frozen=True)
class Copy:
    """Raw data that is copied to where the local AWS and `kedro aws bootstrap` take it from.

    Attributes:
        source: The file or folder, relative to the project.
        path: Where the copy goes.
    """

    source: str
    path: str

    def show(self) -> str:
        """Show what is copied."""
        return f"copy {self.source} to {self.path}\n"

    def make(self, project: Path) -> None:
        """Copy it, unless something is there."""
        source, target = project / self.source, project / self.path
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)


Change = Write | Copy


def write_new(project: Path, files: Iterable[tuple[str, str]]) -> Iterator[Write]:
    """Plan files that do not exist. One that exists is left as it is."""
    for path, text in files:
        if not (project / path).exists():
            yield Write(path, None, text)


def append_line(project: Path, path: str, line: str) -> Iterator[Write]:
    """Plan a line at the end of a file, unless the file has it."""
    before = _read(project / path)
    lines = (before or "").splitlines()
    if line not in lines:
        yield Write(path, before, "".join(f"{each}\n" for each in [*lines, line]))


def add_key(project: Path, path: str, key: str, value: str) -> Iterator[Write]:
    """Plan a key at the end of a YAML file that exists and lacks it."""
    before = _read(project / path)
    if before is not None and not re.search(rf"^{key}\s*:", before, re.MULTILINE):
        end = "" if not before or before.endswith("\n") else "\n"
        yield Write(path, before, f"{before}{end}{key}: {value}\n")


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
