"""The pages of the documentation, for what checks them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from kedro_aws_plugin.cli import aws

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "kedro_aws_plugin"
REFERENCE = DOCS / "reference"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "changelog.d" not in page.parts)
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]
SHELLS = {"console", "bash", "sh", "shell"}
REASONS = {
    "needs an AWS account": None,
    "needs the AWS CLI": None,
    "needs AWS's price list": "tests/integration/test_prices_command.py",
    "needs Docker": "tests/docker/test_compose.py",
    "needs Spark": "tests/starters/test_generated_iris.py",
    "installs packages": "tests/wheel/test_wheel.py",
    "is the demo": "scripts/demo.py",
    "is the suite": "Makefile",
    "is the permissions' own test": "tests/docs/test_docs_permissions.py",
    "is told in another page": "docs/getting-started/first-project.md",
    "is the starter's own test": "tests/starters/test_generated_project.py",
    "is the test of init": "tests/functional/test_init.py",
    "is one of several choices": "tests/docs/test_docs_aws_yml.py",
    "is a failure": "tests/functional/test_failed_checks.py",
    "is a sketch": None,
}
"""Why a block of code does not run, and what runs it instead."""

pages = pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())
_FENCE = re.compile(
    r"(?P<notes>(?:^<!-- [^\n]* -->\n)*)^```(?P<language>\w*)(?P<rest>[^\n]*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_STORY = re.compile(r"^<!-- story: (.*) -->$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of code, and what the comments above it say of it: `<!-- not run: needs Docker -->`."""

    language: str
    title: str
    text: str
    notes: tuple[tuple[str, str], ...] = ()
    line: int = 0

    def get_note(self, name: str) -> str | None:
        """Return what the comment `name` says, or None if there is none."""
        return dict(self.notes).get(name)

    def get_all_notes(self, name: str) -> list[str]:
        """Return what each comment `name` says."""
        return [value for each, value in self.notes if each == name]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        title = re.search(r'title="([^"]*)"', found["rest"])
        notes = re.findall(r"^<!-- ([\w ]+)(?:: (.*))? -->$", found["notes"], re.MULTILINE)
        line = text.count("\n", 0, found.start("language")) + 1
        yield Block(found["language"], title.group(1) if title else "", found["text"], tuple(notes), line)


def get_story(page: Path) -> str | None:
    """Return where the page's commands begin: `a project that has run`; None if it has none that run."""
    found = _STORY.search(page.read_text(encoding="utf-8"))
    return found.group(1) if found else None


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def _leaves(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from _leaves(child, (*path, name))


COMMANDS = dict(_leaves(aws))
