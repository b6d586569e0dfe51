"""The lexer: the tokens of a statement in Trino's SQL or in Hive's DDL."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from local_aws.trino.failures import TrinoError

Place = tuple[int, int]
"""A line and a column, both counted from 1."""

_SURROGATES = range(0xD800, 0xE000)
_DIGITS = r"\d(?:_?\d)*"
_TRINO = re.compile(
    rf"""(?P<space>[ \r\n\t]+|--[^\r\n]*|/\*.*?\*/)
    |(?P<unicode>[uU]&'(?:[^']|'')*')
    |(?P<binary>[xX]'[^']*')
    |(?P<string>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<backquoted>`(?:[^`]|``)*`)
    |(?P<double>(?:\d+\.\d*|\.\d+)[eE][+-]?\d+|\d+[eE][+-]\d+|\d+[eE]\d+(?!\w))
    |(?P<decimal>{_DIGITS}\.(?:{_DIGITS})?|\.{_DIGITS})
    |(?P<integer>(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|{_DIGITS})(?!\w))
    |(?P<digit_name>\d\w+)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<symbol><>|!=|<=|>=|\|\||->|=>|[-+*/%=<>()\[\],.?;:])
    |(?P<unknown>.)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_HIVE = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*")
    |(?P<backquoted>`(?:[^`]|``)*`)
    |(?P<integer>\d+(?:\.\d+)?)
    |(?P<name>[^\W\d][\w$]*)
    |(?P<symbol>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """One word, literal or symbol.

    Attributes:
        kind: The kind, for example `name`, `string` or `symbol`; `end` follows the last token.
        value: The text without quotes.
        text: The text as written.
        at: The line and column.
        start: The index of its first character in the whole text.
    """

    kind: str
    value: str
    text: str
    at: Place
    start: int

    @property
    def upper(self) -> str:
        """The keyword or symbol, or the empty string for other tokens."""
        return self.text.upper() if self.kind in {"name", "symbol"} else ""

    @property
    def end(self) -> int:
        """The index after its last character in the whole text."""
        return self.start + len(self.text)


def syntax_error(at: Place, message: str) -> TrinoError:
    """Build the failure for a mistake in the text of a query."""
    return TrinoError("SYNTAX_ERROR", f"{write_place(at)}: {message}")


def write_place(at: Place) -> str:
    """Write a place as Trino does: `line 1:15`."""
    return f"line {at[0]}:{at[1]}"


def tokenize(text: str, *, hive: bool = False) -> list[Token]:
    """Split a statement into tokens; the last one has the kind `end`.

    Spaces and comments are left out. A character that starts no token becomes a token of the kind `unknown`,
    which no grammar accepts.

    Args:
        text: The statement.
        hive: Whether strings may have double quotes and backslashes, as in Hive's DDL.
    """
    tokens: list[Token] = []
    line, line_start = 1, 0
    for found in (_HIVE if hive else _TRINO).finditer(text):
        kind, word, start = str(found.lastgroup), found[0], found.start()
        if kind != "space":
            value = word if hive else _strip_quotes(kind, word)
            tokens.append(Token(kind, value, word, (line, start - line_start + 1), start))
        if newlines := word.count("\n"):
            line, line_start = line + newlines, start + word.rindex("\n") + 1
    return [*tokens, end_token((line, len(text) - line_start + 1), len(text))]


def end_token(at: Place, start: int) -> Token:
    """Build the token that follows the last one."""
    return Token("end", "<EOF>", "<EOF>", at, start)


def _strip_quotes(kind: str, word: str) -> str:
    match kind:
        case "string":
            return word[1:-1].replace("''", "'")
        case "quoted":
            return word[1:-1].replace('""', '"')
        case "unicode":
            return word[3:-1].replace("''", "'")
        case "binary":
            return re.sub(r"\s", "", word[2:-1])
    return word


def decode_unicode(text: str, escape: str, at: Place) -> str:
    r"""Replace the escapes of U&'\00e9' by their characters.

    Raises:
        TrinoError: SYNTAX_ERROR if an escape is not complete or names no character.
    """
    sign = re.escape(escape)

    def character(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        if code is None and found[0] != escape * 2:
            raise syntax_error(at, "Incomplete escape sequence")
        if code is None:
            return escape
        number = int(code, 16)
        if number > sys.maxunicode or number in _SURROGATES:
            raise syntax_error(at, f"Invalid escaped character: {code}")
        return chr(number)

    return re.sub(rf"{sign}(?:\+([0-9a-fA-F]{{6}})|([0-9a-fA-F]{{4}})|(?:{sign})?)", character, text)
