"""The grammar of types, as CAST has them."""

from __future__ import annotations

from local_aws.trino.failures import TrinoError
from local_aws.trino.lexer import Place, write_place
from local_aws.trino.token_reader import TokenReader
from local_aws.trino.types import UNKNOWN, Type, quote_name, read_type

INTERVAL_FIELDS = ("DAY", "HOUR", "MINUTE", "MONTH", "SECOND", "YEAR")
_GLUE_ONLY = {"string", "float", "binary", "struct", "dec", "numeric"}
"""Names of types for CREATE TABLE only; a query knows varchar, real, varbinary, row and decimal."""


class TypeGrammar(TokenReader):
    """Reads types."""

    _type_at: Place = (1, 1)
    """The place that a failure of the type names."""

    def type(self, at: Place, code: str = "TYPE_MISMATCH") -> Type:
        """Read a type. One that does not exist is refused once the whole query has been read.

        Args:
            at: The place of the expression that the type belongs to.
            code: The code of the failure if there is no such type.
        """
        self._type_at = at
        return self.resolve_type(at, self._written(), code)

    def resolve_type(self, at: Place, written: str, code: str) -> Type:
        """Find the type that a text names, or refuse it once the whole query has been read."""
        try:
            return read_type(written)
        except TrinoError as error:
            self.refuse(TrinoError(code, f"{write_place(at)}: {error.message}"))
            return UNKNOWN

    def refuse_glue_type(self, at: Place, name: str, code: str) -> None:
        """Refuse a name of a type that only CREATE TABLE knows."""
        if name.lower() in _GLUE_ONLY:
            self.refuse(TrinoError(code, f"{write_place(at)}: Unknown type: {name}"))

    def _written(self) -> str:
        """Read a type and write it as `read_type` takes it."""
        written = self._without_array()
        while self.takes("ARRAY"):
            written = f"array({written})"
            if self.takes("["):
                self._integer()
                self.expect("]")
        return written

    def _without_array(self) -> str:
        word, following = self.token.upper, self.peek(1).upper
        if word == "ROW" and following == "(":
            self.take()
            return f"row({', '.join(self.in_brackets(lambda: self.read_list(self._field)))})"
        if word == "INTERVAL" and following in INTERVAL_FIELDS:
            self.take()
            start = self.take().text
            return (
                f"interval {start} to {self.expect_any(*INTERVAL_FIELDS)}"
                if self.takes("TO")
                else f"interval {start}"
            )
        if word in {"TIMESTAMP", "TIME"}:
            return self._time()
        if self.takes("DOUBLE", "PRECISION"):
            return "double"
        if word in {"ARRAY", "MAP"} and following == "<":
            return self._legacy()
        name = self.name()
        self.refuse_glue_type(self._type_at, name, "TYPE_MISMATCH")
        return f"{name}({','.join(self._parameters())})" if self.ahead("(") else name

    def _legacy(self) -> str:
        name = self.take().upper
        self.expect("<")
        inner = [self._written()]
        if name == "MAP":
            self.expect(",")
            inner.append(self._written())
        self.expect(">")
        return f"{name}({','.join(inner)})"

    def _time(self) -> str:
        name = self.take().text
        if self.ahead("("):
            name += f"({','.join(self.in_brackets(lambda: (self._parameter(),)))})"
        if self.takes("WITH"):
            self.expect("TIME", "ZONE")
            return f"{name} with time zone"
        if self.takes("WITHOUT"):
            self.expect("TIME", "ZONE")
        return name

    def _field(self) -> str:
        unnamed = self.attempt(self._unnamed_field)
        if unnamed is not None:
            return unnamed
        token, name = self.token, self.name()
        return f"{quote_name(name if token.kind == 'quoted' else name.lower())} {self._written()}"

    def _unnamed_field(self) -> str:
        written = self._written()
        if not (self.ahead(",") or self.ahead(")")):
            self.mismatch("','")
        return written

    def _parameters(self) -> tuple[str, ...]:
        return self.in_brackets(lambda: self.read_list(self._parameter))

    def _parameter(self) -> str:
        return self._integer() if self.token.kind == "integer" else self._written()

    def _integer(self) -> str:
        if self.token.kind != "integer":
            self.mismatch("<integer>")
        return self.take().value
