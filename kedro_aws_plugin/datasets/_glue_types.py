"""Conversion of Arrow types to the Hive types of Glue, and back."""

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
    # Hive has no unsigned integers: each becomes the next larger type, the largest its own size.
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
    """A type that the other side does not have. The message names it and says what to do."""


def to_glue(type_: pa.DataType) -> str:
    """Convert an Arrow type to a Hive type, e.g. ``array<struct<a:int,b:decimal(10,2)>>``.

    Raises:
        UnknownType: If Athena has no such type.
    """
    if types.is_dictionary(type_):
        type_ = type_.value_type
    scalars = (name for known, name in _WRITTEN if known(type_))
    return next(scalars, None) or _nested_to_glue(type_)


def from_glue(text: str) -> pa.DataType:
    """Convert a Hive type to an Arrow type, e.g. ``map<string,int>``.

    Raises:
        UnknownType: If the text is not a type.
    """
    reader = _Reader(text)
    found = reader.read_type()
    if reader.parts:
        raise reader.make_error()
    return found


def is_column_name(name: object) -> bool:
    """Tell whether Glue and Athena keep a column's name unchanged."""
    return isinstance(name, str) and bool(_NAME.fullmatch(name))


class _Reader:
    """Reads the text of a type from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts: list[str] = [part.strip() for part in _PARTS.findall(text) if part.strip()]

    def read_type(self) -> pa.DataType:
        name = self.take().lower()
        if name == "array":
            return pa.list_(self.read_enclosed(self.read_type))
        if name == "map":
            return pa.map_(*self.read_enclosed(self.read_pair))
        if name == "struct":
            return pa.struct(self.read_enclosed(self.read_fields))
        sizes = self.read_sizes()
        if name == "decimal":
            return pa.decimal128(*(sizes or _DEFAULT_DECIMAL))
        if name not in _SCALARS:
            raise self.make_error()
        return _SCALARS[name]

    def read_enclosed(self, read: Callable[[], _Read]) -> _Read:
        self.take("<")
        found = read()
        self.take(">")
        return found

    def read_pair(self) -> tuple[pa.DataType, pa.DataType]:
        key = self.read_type()
        self.take(",")
        return key, self.read_type()

    def read_fields(self) -> list[pa.Field]:
        found = [self.read_field()]
        while self.take_if(","):
            found.append(self.read_field())
        return found

    def read_field(self) -> pa.Field:
        name = self.take()
        self.take(":")
        return pa.field(name, self.read_type())

    def read_sizes(self) -> list[int]:
        found: list[int] = []
        if self.take_if("("):
            found.append(self.read_size())
            while self.take_if(","):
                found.append(self.read_size())
            self.take(")")
        return found

    def read_size(self) -> int:
        text = self.take()
        if not text.isdecimal():
            raise self.make_error()
        return int(text)

    def take_if(self, part: str) -> bool:
        found = self.parts[:1] == [part]
        if found:
            self.take()
        return found

    def take(self, expected: str | None = None) -> str:
        if not self.parts or (expected and self.parts[0] != expected):
            raise self.make_error()
        return self.parts.pop(0)

    def make_error(self) -> UnknownType:
        return UnknownType(f"Glue's type `{self.text}` cannot be read")


def _nested_to_glue(type_: pa.DataType) -> str:
    if types.is_decimal(type_):
        return _decimal_to_glue(type_)
    if types.is_map(type_):
        return f"map<{to_glue(type_.key_type)},{to_glue(type_.item_type)}>"
    if types.is_struct(type_) and type_.num_fields:
        return f"struct<{','.join(_field_to_glue(type_.field(index)) for index in range(type_.num_fields))}>"
    if _is_list(type_):
        return f"array<{to_glue(type_.value_type)}>"
    raise UnknownType(f"Athena has no type for {type_}. {_advise(type_)}")


def _is_list(type_: pa.DataType) -> bool:
    # Without list views: pyarrow 25 casts them to empty lists.
    return bool(types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_))


def _field_to_glue(field: pa.Field) -> str:
    if not is_column_name(field.name):
        raise UnknownType(
            f"the struct's field `{field.name}` would not keep its name. "
            "Use lower-case letters, digits and underscores"
        )
    return f"{field.name}:{to_glue(field.type)}"


def _decimal_to_glue(type_: pa.DataType) -> str:
    if type_.precision > _MAX_PRECISION or not 0 <= type_.scale <= type_.precision:
        raise UnknownType(
            f"Athena has no type for {type_}: its decimals have up to 38 digits. "
            "Cast it to one of those, or to text."
        )
    return f"decimal({type_.precision},{type_.scale})"


def _advise(type_: pa.DataType) -> str:
    if types.is_null(type_):
        return "All its values are missing. Give its type, e.g. `schema: {column: bigint}`."
    if types.is_duration(type_) or types.is_interval(type_):
        return "Save the number of seconds instead."
    if types.is_time(type_):
        return "Save it as text, or as a timestamp."
    return "Cast it to a type that Athena has."
