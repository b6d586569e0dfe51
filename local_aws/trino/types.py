"""Athena's types, and their notations in Athena, Glue and DuckDB."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local_aws.trino.failures import TrinoError, Unsupported


@dataclass(frozen=True)
class Type:
    """One type. `arguments` are inner types (array, map, row) or numbers (decimal, varchar, timestamp)."""

    name: str
    arguments: tuple[Type | int, ...] = ()
    fields: tuple[str | None, ...] = ()

    def __str__(self) -> str:
        """Write the type as Athena does."""
        if self.name == "row":
            parts = (
                f"{field} {inner}" if field else str(inner)
                for field, inner in zip(self.fields, self.arguments, strict=True)
            )
            return f"row({', '.join(parts)})"
        written = ",".join(map(str, self.arguments))
        if self.name.endswith(" with time zone"):
            return self.name.replace(" ", f"({written}) ", 1)
        return f"{self.name}({written})" if written else self.name

    @property
    def inner(self) -> tuple[Type, ...]:
        """The types inside an array, map or row."""
        return tuple(argument for argument in self.arguments if isinstance(argument, Type))

    @property
    def numbers(self) -> tuple[int, ...]:
        """Precision and scale, or the length."""
        return tuple(argument for argument in self.arguments if isinstance(argument, int))


BOOLEAN, TINYINT, SMALLINT = Type("boolean"), Type("tinyint"), Type("smallint")
INTEGER, BIGINT, REAL, DOUBLE = Type("integer"), Type("bigint"), Type("real"), Type("double")
VARCHAR, VARBINARY, JSON, DATE = Type("varchar"), Type("varbinary"), Type("json"), Type("date")
TIMESTAMP, UNKNOWN = Type("timestamp", (3,)), Type("unknown")
DAY_TO_SECOND, YEAR_TO_MONTH = Type("interval day to second"), Type("interval year to month")


def array_of(element: Type) -> Type:
    """Return the type of an array."""
    return Type("array", (element,))


def decimal(precision: int, scale: int) -> Type:
    """Return the type of a decimal."""
    return Type("decimal", (precision, scale))


_SYNONYMS = {
    "int": "integer",
    "string": "varchar",
    "float": "real",
    "binary": "varbinary",
    "dec": "decimal",
    "numeric": "decimal",
    "double precision": "double",
}
_SIMPLE = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "varchar": "VARCHAR",
    "char": "VARCHAR",
    "varbinary": "BLOB",
    "json": "VARCHAR",
    "date": "DATE",
    "uuid": "UUID",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "unknown": "INTEGER",
    "interval day to second": "BIGINT",
    "interval year to month": "INTEGER",
    "timestamp with time zone": 'STRUCT("utc" TIMESTAMP, "zone" VARCHAR)',
}
_TO_GLUE = {
    "integer": "int",
    "varchar": "string",
    "real": "float",
    "varbinary": "binary",
    "timestamp": "timestamp",
}
_SIZED_IN_GLUE = frozenset({"char", "varchar"})
_OF_GLUE = _SIZED_IN_GLUE | {
    *("boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal"),
    *("string", "binary", "date", "timestamp", "array", "map", "struct"),
}
_DEFAULT_DECIMAL, _GLUE_DECIMAL = (38, 0), (10, 0)
_WORD = re.compile(r'\s*("(?:[^"]|"")*"|[a-z0-9_$]+|[(),<>:])', re.IGNORECASE)


class _Reader:
    """Reads both ways of writing types: row(a integer) and struct<a:int>."""

    def __init__(self, text: str, default_decimal: tuple[int, int]) -> None:
        self.text, self.at, self.default_decimal = text, 0, default_decimal
        self.tokens = self._split(text)

    def _split(self, text: str) -> list[str]:
        tokens = [token if token.startswith('"') else token.lower() for token in _WORD.findall(text)]
        if "".join(tokens).lower() != re.sub(r"\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", "", text).lower():
            raise self.unknown()
        return tokens

    def unknown(self) -> TrinoError:
        return TrinoError("TYPE_NOT_FOUND", f"Unknown type: {self.text}")

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def takes(self, *words: str) -> bool:
        if tuple(self.tokens[self.at : self.at + len(words)]) != words:
            return False
        self.at += len(words)
        return True

    def read_separator(self) -> bool:
        """Return True after a comma and False after the closing bracket."""
        if self.takes(","):
            return True
        if self.take() not in {")", ">"}:
            raise self.unknown()
        return False

    def whole(self) -> Type:
        found = self.type()
        if self.peek():
            raise self.unknown()
        return found

    def type(self) -> Type:
        name = self.take()
        if name == "double":
            self.takes("precision")
        name = _SYNONYMS.get(name, name)
        if name in {"array", "map"}:
            return Type(name, tuple(self.inner()))
        if name in {"row", "struct"}:
            return self.row()
        if name == "interval":
            return self.interval()
        numbers = tuple(self.numbers()) if self.peek() == "(" else ()
        return self.scalar(name, numbers)

    def interval(self) -> Type:
        for kind in (DAY_TO_SECOND, YEAR_TO_MONTH):
            if self.takes(*kind.name.split()[1:]):
                return kind
        raise self.unknown()

    def inner(self) -> list[Type]:
        if self.take() not in {"(", "<"}:
            raise self.unknown()
        found = [self.type()]
        while self.read_separator():
            found.append(self.type())
        return found

    def row(self) -> Type:
        if self.take() not in {"(", "<"}:
            raise self.unknown()
        fields: list[str | None] = []
        types: list[Type] = []
        more = True
        while more:
            field: str | None = None
            following = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else ""
            if self.peek() in {"double", "interval"} and following in {"precision", "day", "year"}:
                following = ","
            if following not in {",", ")", "(", "<", ">"} and not (
                self.peek() in {"time", "timestamp"} and following in {"with"}
            ):
                written = self.take()
                field = written[1:-1].replace('""', '"') if written.startswith('"') else written
                self.takes(":")
            fields.append(field)
            types.append(self.type())
            more = self.read_separator()
        return Type("row", tuple(types), tuple(fields))

    def numbers(self) -> list[int]:
        self.take()
        found = []
        more = True
        while more:
            number = self.take()
            if not number.isdigit():
                raise self.unknown()
            found.append(int(number))
            more = self.read_separator()
        return found

    def scalar(self, name: str, numbers: tuple[int, ...]) -> Type:
        if name in {"time", "timestamp"}:
            zoned = self.takes("with", "time", "zone")
            numbers = numbers or (3,)
            if zoned:
                name += " with time zone"
        if name == "decimal":
            numbers = self.default_decimal if not numbers else (numbers[0], numbers[1] if numbers[1:] else 0)
        if name == "char" and not numbers:
            numbers = (1,)
        if name not in _SIMPLE and name not in {"decimal", "time with time zone", "ipaddress"}:
            raise self.unknown()
        return Type(name, numbers)


class _GlueReader(_Reader):
    """Reads the types of Hive alone, which are those of Glue: int, but not integer."""

    def type(self) -> Type:
        name, following = self.peek(), self.tokens[self.at + 1 : self.at + 2]
        if name not in _OF_GLUE or (name in _SIZED_IN_GLUE and following != ["("]):
            raise self.unknown()
        return super().type()


def read_type(athena_type: str) -> Type:
    """Read a type as Athena writes it.

    Raises:
        TrinoError: TYPE_NOT_FOUND when there is no such type.
    """
    return _Reader(athena_type, _DEFAULT_DECIMAL).whole()


def duckdb_type(kind: Type) -> str:
    """Return the DuckDB type for values of a type."""
    match kind.name:
        case "decimal":
            return "DECIMAL({}, {})".format(*kind.numbers)
        case "array":
            return f"{duckdb_type(kind.inner[0])}[]"
        case "map":
            return f"MAP({duckdb_type(kind.inner[0])}, {duckdb_type(kind.inner[1])})"
        case "row":
            fields = zip(name_fields(kind), kind.inner, strict=True)
            return (
                f"STRUCT({', '.join(f'{quote_name(name)} {duckdb_type(inner)}' for name, inner in fields)})"
            )
    if kind.name not in _SIMPLE:
        raise Unsupported(f"the type {kind}")
    return _SIMPLE[kind.name]


def display_name(athena_type: str) -> str:
    """Write a type as `typeof` and information_schema do: with a space after a map's comma."""
    return re.sub(r",(?=[a-z])", ", ", athena_type)


def name_fields(kind: Type) -> tuple[str, ...]:
    """Name a row's fields for DuckDB, where they must be distinct; Trino's may be unnamed or repeated."""
    taken: set[str] = set()
    names = []
    for position, field in enumerate(kind.fields):
        name = field if field and field.lower() not in taken else f"field{position}"
        taken.add(name.lower())
        names.append(name)
    return tuple(names)


def quote_name(name: str) -> str:
    """Quote a name for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def to_duckdb_type(athena_type: str) -> str:
    """Return DuckDB's type for Athena's: `to_duckdb_type("array(varchar)")` is `VARCHAR[]`."""
    return duckdb_type(read_type(athena_type))


def from_glue_type(hive_type: str) -> str:
    """Return Athena's type for Glue's: `struct<a:int>` is `row(a integer)`.

    Raises:
        TrinoError: TYPE_NOT_FOUND when Glue's is none of Hive's types.
    """
    return str(_GlueReader(hive_type, _GLUE_DECIMAL).whole())


def to_glue_type(athena_type: str) -> str:
    """Return Glue's type for Athena's, as CREATE TABLE AS writes it."""
    return _glue(read_type(athena_type))


def _glue(kind: Type) -> str:
    match kind.name:
        case "array" | "map":
            return f"{kind.name}<{','.join(map(_glue, kind.inner))}>"
        case "row":
            parts = zip(name_fields(kind), kind.inner, strict=True)
            return f"struct<{','.join(f'{name}:{_glue(inner)}' for name, inner in parts)}>"
        case "varchar" | "char" | "decimal" if kind.numbers:
            return f"{kind.name}({','.join(map(str, kind.numbers))})"
        case "boolean" | "tinyint" | "smallint" | "bigint" | "double" | "date":
            return kind.name
    if kind.name not in _TO_GLUE:
        raise TrinoError("NOT_SUPPORTED", f"Unsupported Hive type: {kind}")
    return _TO_GLUE[kind.name]
