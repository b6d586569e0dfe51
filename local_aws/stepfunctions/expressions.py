"""The part of JSONata that state machines of processing jobs need: paths, texts, numbers, `&`, two functions.

Another expression is refused when its state machine is created.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_WHOLE = re.compile(r"\{%(.*)%\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'[^'\\]*'|"[^"\\]*")|(?P<number>\d+)|(?P<name>\$?[A-Za-z_]\w*)|(?P<sign>[.,()&]))"""
)
_ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_VARIABLE = "$states"


class NotUnderstood(Exception):
    """An expression is none, or more than is evaluated here. The text says what."""


class CannotEvaluate(Exception):
    """An expression has no value."""


class _Missing:
    """The value of a path that leads nowhere: JSONata's undefined."""


_MISSING = _Missing()
_Evaluator = Callable[[Any], Any]


@dataclass(frozen=True)
class Expression:
    """An expression.

    Attributes:
        text: It, without the signs around it.
        evaluate: Evaluates it, for the value of `$states`.
    """

    text: str
    evaluate: _Evaluator


def parse_templates(value: Any) -> Any:
    """Replace the texts in a value that are expressions, so that `resolve` can evaluate them.

    Raises:
        NotUnderstood: If one of them is not evaluated here.
    """
    if isinstance(value, dict):
        return {name: parse_templates(each) for name, each in value.items()}
    if isinstance(value, list):
        return [parse_templates(each) for each in value]
    if isinstance(value, str) and (found := _WHOLE.fullmatch(value)):
        return parse(found[1].strip())
    return value


def resolve(value: Any, states: Any) -> Any:
    """Put the values of the expressions in their place.

    Args:
        value: What `parse_templates` made.
        states: The value of `$states`.

    Raises:
        CannotEvaluate: If one has none.
    """
    if isinstance(value, Expression):
        found = value.evaluate(states)
        if found is _MISSING:
            raise CannotEvaluate(f"The JSONata expression '{value.text}' returned nothing (undefined).")
        return found
    if isinstance(value, dict):
        return {name: resolve(each, states) for name, each in value.items()}
    return [resolve(each, states) for each in value] if isinstance(value, list) else value


def parse(text: str) -> Expression:
    """Parse an expression.

    Raises:
        NotUnderstood: If it is not evaluated here.
    """
    return Expression(text, _Parser(text).parse())


class _Parser:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._at = 0

    def parse(self) -> _Evaluator:
        found = self._read_joined()
        if self._at < len(self._tokens):
            raise self._fail()
        return found

    def _split(self) -> Iterator[tuple[str, str]]:
        position = 0
        while position < len(self._text):
            found = _TOKEN.match(self._text, position)
            if found is None:
                raise self._fail()
            yield str(found.lastgroup), found[str(found.lastgroup)]
            position = found.end()

    def _fail(self) -> NotUnderstood:
        return NotUnderstood(f"the JSONata expression '{self._text}'")

    def _take(self, *signs: str) -> bool:
        """Take the next token if it is one of these signs."""
        if self._at < len(self._tokens) and self._tokens[self._at][1] in signs:
            self._at += 1
            return True
        return False

    def _read_joined(self) -> _Evaluator:
        parts = [self._read_one()]
        while self._take("&"):
            parts.append(self._read_one())
        if len(parts) == 1:
            return parts[0]
        return lambda states: "".join(_write(part(states)) for part in parts)

    def _read_one(self) -> _Evaluator:
        if self._at == len(self._tokens):
            raise self._fail()
        kind, token = self._tokens[self._at]
        self._at += 1
        if kind == "text":
            return lambda _: token[1:-1]
        if kind == "number":
            return lambda _: int(token)
        if token == _VARIABLE:
            return self._read_path()
        if token in _FUNCTIONS and self._take("("):
            return self._read_call(token)
        raise self._fail()

    def _read_path(self) -> _Evaluator:
        names = []
        while self._take("."):
            kind, name = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
            if kind != "name" or name.startswith("$"):
                raise self._fail()
            names.append(name)
            self._at += 1
        return lambda states: _follow(states, names)

    def _read_call(self, name: str) -> _Evaluator:
        arguments = [self._read_joined()]
        while self._take(","):
            arguments.append(self._read_joined())
        function, count = _FUNCTIONS[name]
        if not self._take(")") or len(arguments) not in count:
            raise self._fail()
        return lambda states: function(*(each(states) for each in arguments))


def _follow(value: Any, names: list[str]) -> Any:
    for name in names:
        if not isinstance(value, dict) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _write(value: Any) -> str:
    """Write a value as `&` does."""
    if value is _MISSING:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _cut(text: Any, start: int, length: int | None = None) -> Any:
    if text is _MISSING:
        return _MISSING
    if not isinstance(text, str):
        raise CannotEvaluate(f"Argument 1 of function substring is no text: {text}")
    return text[start:] if length is None else text[start : start + length]


def _hash(text: Any, algorithm: str) -> Any:
    if text is _MISSING:
        return _MISSING
    if not isinstance(text, str) or algorithm not in _ALGORITHMS:
        raise CannotEvaluate(f"Function hash cannot take {text!r} and {algorithm!r}")
    return hashlib.new(_ALGORITHMS[algorithm], text.encode(), usedforsecurity=False).hexdigest()


_FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "$substring": (_cut, (2, 3)),
    "$hash": (_hash, (2,)),
}
"""The functions, each with how many arguments it takes."""
