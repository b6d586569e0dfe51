"""Arrow's types as Glue writes Hive's types, and back."""

import re
from collections.abc import Callable
from typing import TypeVar

import pyarrow as pa
from pyarrow import types

_Read = TypeVar("_Read")
_MAX_PRECISION = 38
_DEFAULT_DECIMAL = (10, 0)
_NAME = re.compile(r"[a-z0-9_]+")
_PARTS = re.compile(r"[<>,:()]|[^<>,:()]+")
_SCALARS: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "real": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "varchar": pa.string(),
    "char": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
_WRITTEN: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (types.is_boolean, "boolean"),
    (types.is_int8, "tinyint"),
    (types.is_int16, "smallint"),
    (types.is_int32, "int"),
    (types.is_int64, "bigint"),
    # Hive has no unsigned integers: each gets the next larger type, the largest one its own size.
    (types.is_uint8, "smallint"),
    (types.is_uint16, "int"),
    (types.is_uint32, "bigint"),
    (types.is_uint64, "bigint"),
    (types.is_float16, "float"),
    (types.is_float32, "float"),
    (types.is_float64, "double"),
    (types.is_string, "string"),
    (types.is_large_string, "string"),
    (types.is_string_view, "string"),
    (types.is_binary, "binary"),
    (types.is_large_binary, "binary"),
    (types.is_binary_view, "binary"),
    (types.is_fixed_size_binary, "binary"),
    (types.is_date, "date"),
    (types.is_timestamp, "timestamp"),
)


class UnknownType(Exception):
    """A type that the other side does not have; the text says which, and what to do."""


def to_glue(type_: pa.DataType) -> str:
    """Write an Arrow type as Glue does, e.g. ``array<struct<a:int,b:decimal(10,2)>>``.

    Raises:
        UnknownType: If Athena has nothing that means the same.
    """
    if types.is_dictionary(type_):
        type_ = type_.value_type
    scalars = (name for known, name in _WRITTEN if known(type_))
    return next(scalars, None) or _nested_to_glue(type_)


def from_glue(text: str) -> pa.DataType:
    """Read a type of Glue's, e.g. ``map<string,int>``.

    Raises:
        UnknownType: If the text is none.
    """
    reader = _Reader(text)
    found = reader.type()
    if reader.parts:
        raise reader.unreadable()
    return found


def is_column_name(name: object) -> bool:
    """Whether Glue and Athena keep a name as it is."""
    return isinstance(name, str) and bool(_NAME.fullmatch(name))


class _Reader:
    """Takes a type's text apart, from the left to the right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts: list[str] = [part.strip() for part in _PARTS.findall(text) if part.strip()]

    def type(self) -> pa.DataType:
        name = self.take().lower()
        if name == "array":
            return pa.list_(self.enclosed(self.type))
        if name == "map":
            return pa.map_(*self.enclosed(self.pair))
        if name == "struct":
            return pa.struct(self.enclosed(self.fields))
        sizes = self.sizes()
        if name == "decimal":
            return pa.decimal128(*(sizes or _DEFAULT_DECIMAL))
        if name not in _SCALARS:
            raise self.unreadable()
        return _SCALARS[name]

    def enclosed(self, read: Callable[[], _Read]) -> _Read:
        self.take("<")
        found = read()
        self.take(">")
        return found

    def pair(self) -> tuple[pa.DataType, pa.DataType]:
        key = self.type()
        self.take(",")
        return key, self.type()

    def fields(self) -> list[pa.Field]:
        found = [self.field()]
        while self.follows(","):
            found.append(self.field())
        return found

    def field(self) -> pa.Field:
        name = self.take()
        self.take(":")
        return pa.field(name, self.type())

    def sizes(self) -> list[int]:
        found: list[int] = []
        if self.follows("("):
            found.append(self.size())
            while self.follows(","):
                found.append(self.size())
            self.take(")")
        return found

    def size(self) -> int:
        text = self.take()
        if not text.isdecimal():
            raise self.unreadable()
        return int(text)

    def follows(self, part: str) -> bool:
        found = self.parts[:1] == [part]
        if found:
            self.take()
        return found

    def take(self, expected: str | None = None) -> str:
        if not self.parts or (expected and self.parts[0] != expected):
            raise self.unreadable()
        return self.parts.pop(0)

    def unreadable(self) -> UnknownType:
        return UnknownType(f"Glue's type `{self.text}` cannot be read")


def _nested_to_glue(type_: pa.DataType) -> str:
    if types.is_decimal(type_):
        return _decimal(type_)
    if types.is_map(type_):
        return f"map<{to_glue(type_.key_type)},{to_glue(type_.item_type)}>"
    if types.is_struct(type_) and type_.num_fields:
        return f"struct<{','.join(_field(type_.field(index)) for index in range(type_.num_fields))}>"
    if _is_list(type_):
        return f"array<{to_glue(type_.value_type)}>"
    raise UnknownType(f"Athena has no type for {type_}. {_advice(type_)}")


def _is_list(type_: pa.DataType) -> bool:
    # List views are left out: pyarrow 25 turns them into empty lists.
    return bool(types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_))


def _field(field: pa.Field) -> str:
    if not is_column_name(field.name):
        raise UnknownType(
            f"the struct's field `{field.name}` would not keep its name. "
            "Use lower-case letters, digits and underscores"
        )
    return f"{field.name}:{to_glue(field.type)}"


def _decimal(type_: pa.DataType) -> str:
    if type_.precision > _MAX_PRECISION or not 0 <= type_.scale <= type_.precision:
        raise UnknownType(
            f"Athena has no type for {type_}: its decimals have up to 38 digits. "
            "Cast it to one of those, or to text."
        )
    return f"decimal({type_.precision},{type_.scale})"


def _advice(type_: pa.DataType) -> str:
    if types.is_null(type_):
        return "All its values are missing. Say what it is: `schema: {column: bigint}`."
    if types.is_duration(type_) or types.is_interval(type_):
        return "Save the number of seconds instead."
    if types.is_time(type_):
        return "Save it as text, or as a timestamp."
    return "Cast it to a type that Athena has."
