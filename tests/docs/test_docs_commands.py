"""The commands and options in the documentation against those of the code."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import markdown
import pytest
from doc_pages import COMMANDS, DOCS, REFERENCE, SHELLS, blocks, pages, prose

from kedro_aws_plugin.cli import aws
from local_aws.cli import main as local_aws


def _options(command: click.Command) -> set[str]:
    options = [param for param in command.params if isinstance(param, click.Option)]
    return {name for option in options for name in (*option.opts, *option.secondary_opts)}


# Commands


def test_every_command_and_option_is_in_the_reference() -> None:
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    page = markdown.Markdown(extensions=["mkdocs-click", "fenced_code"]).convert(text)
    sections = re.split(r"<h\d", page)
    for path, command in COMMANDS.items():
        usage = f">kedro aws {' '.join(path)} [OPTIONS]"
        (section,) = [section for section in sections if usage in section]
        assert [option for option in _options(command) if option not in section] == [], path


def _rows() -> dict[tuple[str, ...], Path]:
    """The commands in the reference's first table, each with the guide that its row links."""
    page = REFERENCE / "commands.md"
    rows = [
        line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `kedro aws ")
    ]
    found = {}
    for row in rows:
        (guide,) = re.findall(r"\]\(([^)]+)\) \|$", row)
        found |= {tuple(name.split()): (page.parent / guide).resolve() for name in _first_cell_commands(row)}
    return found


def test_the_reference_names_the_commands_that_exist() -> None:
    assert set(_rows()) == set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_is_used_in_its_guide(path: tuple[str, ...]) -> None:
    guide = _rows()[path]
    assert DOCS / "guides" in guide.parents
    used = [line for block in blocks(guide) if block.language in SHELLS for line in block.text.splitlines()]
    command = f"kedro aws {' '.join(path)}"
    assert any(re.search(rf"{command}(?![\w-])", line) for line in used), f"{guide.name}: {command}"


def _first_cell_commands(row: str) -> list[str]:
    """`kedro aws local start`, `stop` -> local start, local stop."""
    named = re.findall(r"`([^`]+)`", row.split("|")[1])
    first = named[0].removeprefix("kedro aws ")
    group = first.rpartition(" ")[0]
    return [first, *(f"{group} {name}".strip() for name in named[1:])]


def _command_lines(page: Path) -> Iterator[str]:
    lines = [line for block in blocks(page) if block.language in SHELLS for line in block.text.splitlines()]
    text = prose(page)
    lines += re.findall(r"^    ((?:kedro|local-aws) .*)$", text, re.MULTILINE)
    lines += re.findall(r"(?<!`)`((?:kedro|local-aws) [^`]*)`", text)
    for line in lines:
        for part in re.split(r"\||&&|\$\(|;|[<>]", line.removeprefix("$ ")):
            found = re.match(r'\s*(?:eval ")?((?:kedro aws|local-aws )[^#]*)', part)
            if found:
                yield found.group(1).rstrip(' )"').strip() if "eval" in line else found.group(1).strip()


@pages
def test_command_lines_name_existing_commands_and_options(page: Path) -> None:
    for line in _command_lines(page):
        _check_command_line(line)


def _check_command_line(line: str) -> None:
    """Resolve the command, then let click itself parse what follows."""
    program, *words = shlex.split(line)
    command: click.Command = local_aws
    if program == "kedro":
        command, words = aws, words[1:]
    context = click.Context(command, info_name=program)
    while isinstance(command, click.Group) and words:
        child = command.get_command(context, words[0])
        assert child is not None, f"{line}: no command {words[0]}"
        command, words = child, words[1:]
    if isinstance(command, click.Group):  # the group itself is meant
        return
    try:
        command.make_context(command.name, [word for word in words if word != "..."])
    except click.UsageError as error:
        pytest.fail(f"{line}: {error.message}")


def test_the_check_of_command_lines_finds_mistakes() -> None:
    for line in (
        "kedro aws fly",
        "kedro aws deploy --wings",
        "kedro aws deploy --mode flying",
        "kedro aws models 3",
        "local-aws fly",
        "local-aws stop --env aws",
    ):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            _check_command_line(line)


@pytest.mark.parametrize("verb", sorted(local_aws.commands))
def test_every_verb_of_local_aws_is_in_the_reference_and_in_its_guide(verb: str) -> None:
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    page = markdown.Markdown(extensions=["mkdocs-click", "fenced_code"]).convert(text)
    (section,) = [each for each in re.split(r"<h\d", page) if f">local-aws {verb} [OPTIONS]" in each]
    options = _options(local_aws.commands[verb])
    assert [option for option in options if option not in section] == []
    guide = DOCS / "guides" / "local-aws-without-kedro.md"
    assert any(line.startswith(f"local-aws {verb}") for line in _command_lines(guide))
