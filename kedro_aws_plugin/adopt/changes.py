"""Changes of files: shown as a diff, then made."""

import difflib
import filecmp
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kedro_aws_plugin.errors import ProjectError, first_line


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
            n=0 if self.path == ".env" else 3,  # what stands beside it there may be secret
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def make(self, project: Path) -> None:
        """Write the file in one step.

        Raises:
            FileExistsError: If it has changed since it was looked at.
        """
        target = (project / self.path).resolve()
        if read_text(target) != self.before:
            raise FileExistsError(f"{self.path} has changed meanwhile")
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.new")
        try:
            new.write_text(self.after, encoding="utf-8", newline="")
            if self.before is not None:
                shutil.copymode(target, new)
            new.replace(target)
        finally:
            new.unlink(missing_ok=True)


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
        """Copy it in one step.

        Raises:
            FileExistsError: If something else is there.
        """
        source, target = project / self.source, project / self.path
        if target.exists():
            raise FileExistsError(f"{self.path} is there already, and is not {self.source}")
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.new")
        try:
            if source.is_dir():
                shutil.rmtree(new, ignore_errors=True)
                shutil.copytree(source, new)
            else:
                shutil.copy2(source, new)
            new.replace(target)
        finally:
            shutil.rmtree(new, ignore_errors=True)
            if new.is_file():
                new.unlink()


Change = Write | Copy


def write_new(project: Path, files: Iterable[tuple[str, str]]) -> Iterator[Write]:
    """Plan files that do not exist. One that exists is left as it is."""
    for path, text in files:
        if not (project / path).exists():
            yield Write(path, None, text)


def append_lines(project: Path, path: str, lines: Iterable[str]) -> Iterator[Write]:
    """Plan lines at the end of a file: those that it does not have."""
    before = read_text(project / path)
    missing = [line for line in lines if line not in (before or "").splitlines()]
    if missing:
        yield Write(path, before, _end_line(before or "") + "".join(f"{line}\n" for line in missing))


def add_key(project: Path, path: str, key: str, value: str) -> Iterator[Write]:
    """Plan a key at the end of a YAML file that exists and lacks it."""
    before = read_text(project / path)
    if before is not None and not re.search(rf"^{key}\s*:", before, re.MULTILINE):
        yield Write(path, before, f"{_end_line(before)}{key}: {value}\n")


def read_text(path: Path) -> str | None:
    """Read a text as it is, with its ends of lines; None if there is no such file.

    Raises:
        ProjectError: If it cannot be read, or is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProjectError(
            f"{path} cannot be read: {first_line(error)}. Correct that, and run the command again."
        ) from error
    except UnicodeDecodeError as error:
        raise ProjectError(f"{path} is not in UTF-8. Save it so, and run the command again.") from error


def _end_line(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def is_same(project: Path, one: str, other: str) -> bool:
    """Tell whether two files or folders of a project hold the same."""
    return _is_same(project / one, project / other)


def _is_same(one: Path, other: Path) -> bool:
    if one.is_file() and other.is_file():
        return filecmp.cmp(one, other, shallow=False)
    if not (one.is_dir() and other.is_dir()):
        return False
    compared = filecmp.dircmp(one, other)
    if compared.left_only or compared.right_only or compared.funny_files:
        return False
    return all(_is_same(one / name, other / name) for name in compared.common)
