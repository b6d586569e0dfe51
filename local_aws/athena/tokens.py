"""The tokens of a statement: enough of the grammar to take apart what is around a query."""

import re
from dataclasses import dataclass

from typing_extensions import Never

from local_aws.athena.failures import failed, unsupported
from local_aws.athena.statement import Name
from local_aws.trino import TrinoError

_COMMON = r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<backquoted>`(?:[^`]|``)*`)
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<symbol>.)
"""
_TRINO = re.compile(r"(?P<string>'(?:[^']|'')*')|" + _COMMON, re.VERBOSE | re.DOTALL)
_HIVE = re.compile(
    r"""(?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*")|""" + _COMMON, re.VERBOSE | re.DOTALL
)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


@dataclass(frozen=True)
class Token:
    """A word or a symbol, and where it is in the text."""

    kind: str
    text: str
    start: int
    end: int


def tokenize(text: str, hive: bool = False) -> list[Token]:
    """All tokens but space and comments; Hive's strings know backslashes and double quotes."""
    found = (_HIVE if hive else _TRINO).finditer(text)
    return [
        Token(str(match.lastgroup), match.group(), match.start(), match.end())
        for match in found
        if match.lastgroup != "space"
    ]


class Tokens:
    """A reader of a statement, token by token.

    Args:
        text: the statement.
        hive: whether its grammar is Hive's, else Trino's.
    """

    def __init__(self, text: str, hive: bool = False) -> None:
        self.text = text
        self._tokens = tokenize(text, hive)
        self._at = 0
        self._hive = hive

    @property
    def rest(self) -> str:
        """The text that is not read yet."""
        return self.text[self._tokens[self._at].start :] if self._at < len(self._tokens) else ""

    @property
    def query(self) -> str:
        """The text that is not read yet, in its place: an error in it tells the line of the whole text."""
        return self._in_place(len(self.text) - len(self.rest), len(self.text))

    def _in_place(self, start: int, end: int) -> str:
        return re.sub(r"[^\n]", " ", self.text[:start]) + self.text[start:end]

    @property
    def done(self) -> bool:
        """Whether everything is read."""
        return self._at >= len(self._tokens)

    def next(self) -> Token:
        """The next token, which is then read."""
        if self.done:
            self.fail()
        self._at += 1
        return self._tokens[self._at - 1]

    def sees(self, *words: str) -> bool:
        """Whether these words or symbols come next."""
        ahead = self._tokens[self._at : self._at + len(words)]
        return len(ahead) == len(words) and all(
            token.kind in {"word", "symbol"} and token.text.upper() == word
            for token, word in zip(ahead, words, strict=True)
        )

    def takes(self, *words: str) -> bool:
        """Read these words if they come next."""
        if not self.sees(*words):
            return False
        self._at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Read these words.

        Raises:
            AthenaFailure: if something else comes.
        """
        for word in words:
            if not self.takes(word):
                self.fail(word)

    def identifier(self) -> str:
        """A name in lower case, quoted or not."""
        token = self.next()
        if token.kind == "word":
            return token.text.lower()
        if token.kind in {"backquoted", "quoted"} or (self._hive and token.text[0] == '"'):
            quote = token.text[0]
            return token.text[1:-1].replace(quote * 2, quote).lower()
        self._at -= 1
        return self.fail("<identifier>")

    def name(self) -> Name:
        """A table's name, as ``table``, ``database.table`` or with the catalog in front of them.

        Hive takes both parts in one pair of backquotes too, as SHOW CREATE TABLE writes them.
        """
        parts = [self.identifier()]
        while self.takes("."):
            parts.append(self.identifier())
        if self._hive and len(parts) == 1:
            parts = parts[0].split(".")
        if len(parts) > 2 and parts[0] != "awsdatacatalog":  # noqa: PLR2004 - a catalog is in front
            raise unsupported(f"the data catalog {parts[0]}")
        return Name(parts[-2] if len(parts) > 1 else "", parts[-1])

    def string(self) -> str:
        """A string's value."""
        token = self.next()
        if token.kind != "string":
            self._at -= 1
            self.fail("<string>")
        body = token.text[1:-1]
        if not self._hive:
            return body.replace("''", "'")
        return re.sub(r"''|\\([0-7]{3}|u[0-9a-fA-F]{4}|.)", _unescape, body, flags=re.DOTALL)

    def parenthesized(self) -> str:
        """The text between parentheses, which are read too."""
        self.expect("(")
        depth, start = 1, self._tokens[self._at].start if not self.done else len(self.text)
        while True:
            token = self.next()
            if token.kind == "symbol":
                depth += {"(": 1, ")": -1}.get(token.text, 0)
            if depth == 0:
                return self._in_place(start, token.start)

    def end(self) -> None:
        """Nothing may come after this but a semicolon.

        Raises:
            AthenaFailure: if something comes.
        """
        self.takes(";")
        if not self.done:
            self.fail("<EOF>")

    def fail(self, expected: str = "") -> Never:
        """Refuse the token that comes next, as Athena's parser does.

        Raises:
            AthenaFailure: always.
        """
        start = self._tokens[self._at].start if not self.done else len(self.text)
        text = self._tokens[self._at].text if not self.done else "<EOF>"
        hint = f". Expecting: {expected!r}" if expected and not expected.startswith("<") else ""
        hint = hint or (f". Expecting: {expected}" if expected else "")
        raise failed(
            TrinoError("SYNTAX_ERROR", f"{position(self.text, start)}: mismatched input '{text}'{hint}")
        )


def position(text: str, at: int) -> str:
    """``line 1:15`` for a place in a text."""
    return f"line {text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code is None:
        return "'"
    if len(code) == 3:  # noqa: PLR2004 - an octal code
        return chr(int(code, 8))
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)
