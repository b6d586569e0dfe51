"""Every `kedro aws ...` that a message names is a command that click takes, and reaches the same AWS."""

import ast
import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import click
import pytest

import kedro_aws_plugin
import local_aws
from kedro_aws_plugin.cli import aws
from kedro_aws_plugin.cli.plan_command import open_command
from kedro_aws_plugin.errors import AwsError, repeat_env

PUT_IN = "1"
"""Stands for the values of an f-string: a version, a name."""


def _texts(tree: ast.AST) -> Iterator[str]:
    """The strings of a module that may become messages: neither docstrings nor parts of f-strings."""
    parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    docs = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield from map("".join, product(*map(_choices, node.values)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts | docs:
            yield node.value


def _choices(part: ast.expr) -> list[str]:
    """What a part of an f-string may be: itself, either side of a condition, or any value."""
    if isinstance(part, ast.Constant):
        return [str(part.value)]
    if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.IfExp):
        sides = (part.value.body, part.value.orelse)
        return [str(side.value) if isinstance(side, ast.Constant) else PUT_IN for side in sides]
    return [PUT_IN]


def _commands(text: str) -> Iterator[str]:
    """The commands in a text: to the closing backtick, or to the end of their clause."""
    for ticked, plain in re.findall(r"`kedro aws ([^`]+)`|(?<!`)kedro aws ([a-z][^`.,;:()\n]*)", text):
        yield (ticked or plain).strip()


HINTS = sorted(
    {
        (path.relative_to(Path(module.__file__).parents[1]).as_posix(), command)
        for module in (kedro_aws_plugin, local_aws)
        for path in Path(module.__file__).parent.rglob("*.py")
        if "starters" not in path.parts
        for text in _texts(ast.parse(path.read_text(encoding="utf-8")))
        for command in _commands(text)
    }
)


def _parse(command: str) -> click.Context:
    found: click.Command = aws
    words = shlex.split(command)
    context = click.Context(found)
    while isinstance(found, click.Group):
        child = found.get_command(context, words[0]) if words else None
        assert child is not None, f"{command}: no such command"
        found, words = child, words[1:]
    return found.make_context(found.name, words)


@pytest.mark.parametrize(("module", "command"), HINTS, ids=[": ".join(hint) for hint in HINTS])
def test_a_command_in_a_message_is_one_that_there_is(module: str, command: str) -> None:
    _parse(command)
    assert "destroy" not in command or "--endpoint" in command, f"{module}: {command} deletes everything"


def test_the_messages_are_found() -> None:
    known = {command for _, command in HINTS}
    assert len(HINTS) > 20
    assert {"deploy --endpoint 1", "register-model --model ENTRY", "approve-model 1 --group 1"} <= known


@pytest.mark.parametrize("command", ["fly", "deploy --wings", "models 3", "register-model --model"])
def test_a_command_that_fails_is_found(command: str) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        _parse(command)


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("Make it: kedro aws deploy", "Make it: kedro aws deploy --env prod"),
        ("Run `kedro aws approve-model 3` first.", "Run `kedro aws approve-model --env prod 3` first."),
        ("Its log: kedro aws local logs e", "Its log: kedro aws local logs e"),
        ("Start it: kedro aws local start", "Start it: kedro aws local start --env prod"),
        ("Run kedro aws status --env aws.", "Run kedro aws status --env aws."),
        ("Run the pipeline first: kedro run", "Run the pipeline first: kedro run --env prod"),
        ("the line that `kedro aws spark-jars` prints", "the line that `kedro aws spark-jars` prints"),
        (
            "kedro aws status, then kedro aws models",
            "kedro aws status --env prod, then kedro aws models --env prod",
        ),
    ],
)
def test_the_env_that_the_user_gave_is_repeated(text: str, repeated: str) -> None:
    assert repeat_env(text, "prod") == repeated
    assert repeat_env(text, None) == text
    for command in _commands(repeated):
        _parse(command.removesuffix(" first"))


@pytest.mark.parametrize("command", sorted({command for _, command in HINTS}))
def test_every_command_in_a_message_takes_the_env_that_is_added(command: str) -> None:
    [repeated] = _commands(repeat_env(f"kedro aws {command}", "prod"))
    _parse(repeated)


def test_an_error_of_a_command_repeats_the_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.ClickException) as outside, open_command("my env"):
        pass
    assert outside.value.env == "my env"
    error = AwsError("Make it: kedro aws deploy")
    error.env = "my env"
    assert error.format_message() == "Make it: kedro aws deploy --env 'my env'"
