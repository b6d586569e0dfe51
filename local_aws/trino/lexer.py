"""The words of a query, each with its place, as Trino's lexer cuts them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local_aws.trino.failures import TrinoError

Place = tuple[int, int]
"""Line and column, both from 1."""

_PATTERN = re.compile(
    r"""(?P<space>\s+|--[^\r\n]*|/\*.*?\*/)
    |(?P<unicode>[uU]&'(?:[^']|'')*')
    |(?P<binary>[xX]'(?:[^']|'')*')
    |(?P<string>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<backquoted>`(?:[^`]|``)*`)
    |(?P<double>(?:\d+(?:\.\d*)?|\.\d+)[eE][+-]?\d+)
    |(?P<digit_name>\d+[A-Za-z_]\w*)
    |(?P<decimal>\d+\.\d*|\.\d+)
    |(?P<integer>\d+)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<symbol><>|!=|<=|>=|\|\||->|=>|[-+*/%=<>()\[\],.?;])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)


@dataclass(frozen=True)
class Token:
    """One word. `value` is without quotes; `upper` is what keywords are compared by."""

    kind: str
    value: str
    text: str
    at: Place

    @property
    def upper(self) -> str:
        """The keyword or symbol, empty for what can be neither."""
        return self.text.upper() if self.kind in {"name", "symbol"} else ""


def syntax_error(at: Place, message: str) -> TrinoError:
    """A mistake in the text of a query."""
    return TrinoError("SYNTAX_ERROR", f"{placed(at)}: {message}")


def placed(at: Place) -> str:
    """How Trino writes a place."""
    return f"line {at[0]}:{at[1]}"


def tokens_of(sql: str) -> list[Token]:
    """All words of a query; the last has the kind `end`.

    Raises:
        TrinoError: SYNTAX_ERROR at what no word of Trino starts with.
    """
    tokens: list[Token] = []
    position, line, line_start = 0, 1, 0
    while position < len(sql):
        at = (line, position - line_start + 1)
        found = _PATTERN.match(sql, position)
        if found is None:
            raise syntax_error(at, f"mismatched input '{sql[position]}'")
        kind, text = str(found.lastgroup), found[0]
        if kind != "space":
            tokens.append(Token("string" if kind == "unicode" else kind, _value(kind, text, at), text, at))
        if newlines := text.count("\n"):
            line, line_start = line + newlines, position + text.rindex("\n") + 1
        position = found.end()
    return [*tokens, Token("end", "<EOF>", "<EOF>", (line, position - line_start + 1))]


def _value(kind: str, text: str, at: Place) -> str:
    match kind:
        case "backquoted":
            message = "backquoted identifiers are not supported; use double quotes to quote identifiers"
            raise syntax_error(at, message)
        case "digit_name":
            message = "identifiers must not start with a digit; surround the identifier with double quotes"
            raise syntax_error(at, message)
        case "string":
            return text[1:-1].replace("''", "'")
        case "quoted":
            return text[1:-1].replace('""', '"')
        case "unicode":
            return _decoded(text[3:-1].replace("''", "'"), at)
        case "binary":
            return re.sub(r"\s", "", text[2:-1])
    return text


def _decoded(text: str, at: Place) -> str:
    def character(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        if code is None and found[0] != "\\\\":
            raise syntax_error(at, "Incomplete escape sequence")
        return "\\" if code is None else chr(int(code, 16))

    return re.sub(r"\\(?:\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4})|\\?)", character, text)
