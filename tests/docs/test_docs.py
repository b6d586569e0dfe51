"""The documentation as such: links, code, versions, messages, navigation."""

import ast
import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from doc_pages import COMMANDS, DOCS, PACKAGE, PAGES, ROOT, blocks, pages, prose
from markdown.extensions.toc import slugify


@pages
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in _anchors(file), f"{page}: {target}"


def _anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    stated = {name for head in heads for name in re.findall(r"\{ ?#([\w-]+) ?\}", head)}
    return stated | {slugify(re.sub(r"[`*]|\{.*\}", "", head).strip(), "-") for head in heads}


@pages
def test_python_blocks_compile(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            text = re.sub(r"^%.*", "", block.text, flags=re.MULTILINE)  # a notebook's magic
            compile(text, f"{page.name}: {block.title or block.text.splitlines()[0]}", "exec")


@pages
def test_json_blocks_parse(page: Path) -> None:
    for block in blocks(page):
        if block.language == "json":
            json.loads(block.text)


def test_names_in_the_api_reference_exist() -> None:
    """mkdocstrings leaves out a member that does not exist, without a warning."""
    text = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^::: ([\w.]+)\n(?: +options:\n +members: \[(.*)\]\n)?", text, re.MULTILINE)
    assert len(listed) > 10
    for path, members in listed:
        named = pkgutil.resolve_name(path)
        assert [name for name in members.split(", ") if name and not hasattr(named, name)] == [], path


# Messages

PUT_IN = "ROLLBACK_COMPLETE|PendingManualApproval|Failed|conf/base"  # values that the code puts into messages


def _texts(file: Path) -> Iterator[str]:
    """The strings in a file; a line break stands for what an f-string puts in."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(value.value) if isinstance(value, ast.Constant) else "\n" for value in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_messages_in_the_reference_are_those_of_the_code() -> None:
    table = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8").partition("## Some of them")[2]
    cells = [line.split(" | ")[0].strip("| ") for line in table.splitlines() if line.startswith("| `")]
    quotes = [quote for cell in cells for _, quote in re.findall(r"(`+)(.+?)\1(?!`)", cell)]
    texts = [
        text
        for folder in (PACKAGE, ROOT / "local_aws")
        for file in folder.rglob("*.py")
        for text in _texts(file)
    ]
    assert len(quotes) > 30
    for quote in quotes:
        parts = [part.strip(" .:`") for part in re.split(rf"\.\.\.|{PUT_IN}", quote)]
        message = "(?s:.*)".join(re.escape(part) for part in parts if part)
        assert message, quote
        assert any(re.search(message, text) for text in texts), quote


@pages
def test_nothing_is_left_to_be_filled_in(page: Path) -> None:
    assert not re.search(
        r"\b(TODO|TBD|FIXME|XXX|lorem|coming soon)\b", page.read_text(encoding="utf-8"), re.IGNORECASE
    )


@pages
def test_modules_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:\w+/)+\w+\.py|apply\.py)`", text):
        assert any((folder / name).is_file() for folder in (ROOT, PACKAGE)), f"{page}: {name}"


def test_versions_named_are_those_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (kedro,) = re.findall(r'"kedro>=([\d.]+),<2"', project)
    (first, beyond) = re.findall(r'requires-python = ">=([\d.]+),<3\.(\d+)"', project)[0]
    pythons = f"Python {first} to 3.{int(beyond) - 1}"
    assert f"{pythons} and Kedro {kedro} or a later 1.x" in (DOCS / "index.md").read_text(encoding="utf-8")
    assert pythons in (ROOT / "README.md").read_text(encoding="utf-8")


def test_extras_in_the_readme_are_those_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = project.split("[project.optional-dependencies]")[1].split("\n[")[0]
    extras = set(re.findall(r"^(\w+) = \[", section, re.MULTILINE))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("| extra | brings |")[1].split("\n\n")[0]
    named = {
        name for row in table.splitlines() if "|" in row for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert named == extras


# Navigation, decisions, changelog


def _nav(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for value in entry.values():
                yield from [value] if isinstance(value, str) else _nav(value)


def test_every_page_is_in_the_navigation() -> None:
    nav = list(_nav(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    assert sorted(nav) == [page.relative_to(DOCS).as_posix() for page in PAGES]


def test_the_first_page_names_every_page_but_decisions() -> None:
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    pages_of = {page.relative_to(DOCS).as_posix() for page in PAGES if page.parent.name != "adr"}
    assert pages_of - set(re.findall(r"\]\(([\w/-]+\.md)\)", text)) == {"index.md", "changelog.md"}


def test_every_decision_is_in_the_index() -> None:
    index = (DOCS / "adr" / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"\((\d{4}-[\w-]+\.md)\)", index)
    assert listed == sorted(path.name for path in (DOCS / "adr").glob("0*.md"))


def test_changelog_fragments_have_names_that_towncrier_knows() -> None:
    fragments = [path for path in (DOCS / "changelog.d").iterdir() if path.name != ".gitignore"]
    for fragment in fragments:
        assert re.fullmatch(
            r"(\d+|\+[\w-]+)\.(feature|bugfix|doc|removal|misc)(\.\d+)?\.md", fragment.name
        ), fragment
        assert fragment.read_text(encoding="utf-8").strip(), fragment


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--quiet",
            "--site-dir",
            str(tmp_path / "site"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    commands = (tmp_path / "site" / "reference" / "commands" / "index.html").read_text(encoding="utf-8")
    assert [path for path in COMMANDS if f"kedro aws {' '.join(path)}" not in commands] == []
    assert "fonts.googleapis.com" not in commands
