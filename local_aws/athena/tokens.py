"""A reader of statements, token by token: enough of the grammar to find the query inside."""

import re
from collections.abc import Callable, Sequence

from typing_extensions import Never

from local_aws.athena.failures import query_failure, unsupported
from local_aws.athena.statement import Name, QueryText
from local_aws.trino import Delete, Merge, Token, TrinoError, Update, end_token, parse_change, parse_tokens

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


class Tokens:
    """A reader of a statement.

    Args:
        text: The whole text of the request; places in failures are counted in it.
        tokens: Its tokens, or those of a part of it, of which the last has the kind `end`.
        hive: Whether its grammar is Hive's, else Trino's.
    """

    def __init__(self, text: str, tokens: list[Token], *, hive: bool = False) -> None:
        self.text = text
        self._tokens = tokens
        self._at = 0
        self._hive = hive

    @property
    def rest(self) -> str:
        """The text that has not been read yet."""
        return self.text[self._token.start : self._tokens[-1].start]

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    @property
    def done(self) -> bool:
        """Whether everything has been read."""
        return self._token.kind == "end"

    def next(self) -> Token:
        """Read the next token."""
        if self.done:
            self.fail()
        self._at += 1
        return self._tokens[self._at - 1]

    def sees(self, *words: str) -> bool:
        """Tell whether these words or symbols come next."""
        return [token.upper for token in self._tokens[self._at : self._at + len(words)]] == list(words)

    def sees_string(self) -> bool:
        """Tell whether a string comes next."""
        return self._token.kind == "string"

    def takes(self, *words: str) -> bool:
        """Read these words if they come next."""
        if not self.sees(*words):
            return False
        self._at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Read these words.

        Raises:
            AthenaFailure: If something else comes.
        """
        for word in words:
            if not self.takes(word):
                self.fail(word)

    def identifier(self) -> str:
        """Read a name, quoted or not, and return it in lower case."""
        token = self.next()
        if token.kind == "name":
            return token.text.lower()
        if token.kind in {"backquoted", "quoted"} or (self._hive and token.text[0] == '"'):
            quote = token.text[0]
            return token.text[1:-1].replace(quote * 2, quote).lower()
        self._at -= 1
        return self.fail("<identifier>")

    def name(self) -> Name:
        """Read a table's name, as ``table``, ``database.table`` or with the catalog in front of them.

        Hive takes both parts in one pair of backquotes too, as SHOW CREATE TABLE writes them.
        """
        parts = [self.identifier()]
        while self.takes("."):
            parts.append(self.identifier())
        if self._hive and len(parts) == 1:
            parts = parts[0].split(".")
        return name_of(parts)

    def string(self) -> str:
        """Read a string and return its value."""
        token = self.next()
        if token.kind != "string":
            self._at -= 1
            self.fail("<string>")
        if not self._hive:
            return token.value
        return re.sub(r"''|\\([0-7]{3}|u[0-9a-fA-F]{4}|.)", _unescape, token.text[1:-1], flags=re.DOTALL)

    def query(self) -> QueryText:
        """Read everything that is left as a query.

        Raises:
            AthenaFailure: If Trino does not accept it.
        """
        text, tokens = self.rest, self._tokens[self._at :]
        self._at = len(self._tokens) - 1
        try:
            return QueryText(text, parse_tokens(tokens))
        except TrinoError as error:
            raise query_failure(error) from error

    def change(self) -> Delete | Update | Merge:
        """Read everything that is left as DELETE, UPDATE or MERGE.

        Raises:
            AthenaFailure: If Trino does not accept it.
        """
        tokens = self._tokens[self._at :]
        self._at = len(self._tokens) - 1
        try:
            return parse_change(tokens)
        except TrinoError as error:
            raise query_failure(error) from error

    def parts(self) -> list[str]:
        """Read everything that is left and split it at the commas that stand in no brackets."""
        found: list[str] = []
        start, depth = self._token.start, 0
        while not self.done:
            token = self.next()
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.upper, 0)
            if token.upper == "," and depth == 0:
                found.append(self.text[start : token.start].strip())
                start = token.end
        return [*found, self.text[start : self._token.start].strip()]

    def in_brackets(self, read: Callable[["Tokens"], QueryText]) -> QueryText:
        """Read what is between brackets with a reader of its own."""
        self.expect("(")
        start, depth = self._at, 1
        while depth:
            depth += {"(": 1, ")": -1}.get(self.next().upper, 0)
        closing = self._tokens[self._at - 1]
        inside = [*self._tokens[start : self._at - 1], end_token(closing.at, closing.start)]
        return read(Tokens(self.text, inside, hive=self._hive))

    def without_last(self, *words: str) -> bool:
        """Take these words off the end, if the statement ends with them."""
        first = len(self._tokens) - 1 - len(words)
        if first < self._at or [token.upper for token in self._tokens[first:-1]] != list(words):
            return False
        token = self._tokens[first]
        self._tokens = [*self._tokens[:first], end_token(token.at, token.start)]
        return True

    def end(self) -> None:
        """Check that nothing comes any more.

        Raises:
            AthenaFailure: If something comes.
        """
        if not self.done:
            self.fail("<EOF>")

    def fail(self, expected: str = "") -> Never:
        """Refuse the token that comes next, as Athena's parser does.

        Raises:
            AthenaFailure: Always.
        """
        token = self._token
        hint = f". Expecting: {expected!r}" if expected and not expected.startswith("<") else ""
        hint = hint or (f". Expecting: {expected}" if expected else "")
        line, column = token.at
        raise query_failure(
            TrinoError("SYNTAX_ERROR", f"line {line}:{column}: mismatched input '{token.text}'{hint}")
        )


def name_of(parts: Sequence[str]) -> Name:
    """Return the table's name that one to three parts make.

    Raises:
        AthenaFailure: If they name another data catalog.
    """
    if len(parts) > 2 and parts[0] != "awsdatacatalog":  # noqa: PLR2004 - a catalog is in front
        raise unsupported(f"the data catalog {parts[0]}")
    return Name(parts[-2] if len(parts) > 1 else "", parts[-1])


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if code is None:
        return "'"
    if len(code) == 3:  # noqa: PLR2004 - an octal code
        return chr(int(code, 8))
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)
