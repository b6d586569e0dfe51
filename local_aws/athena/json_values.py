"""JSON lines as the JSON SerDes read them: keys in lower case, values in the table's types."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from itertools import islice
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from local_aws.athena.catalog import Table
from local_aws.athena.failures import AthenaFailure, unsupported
from local_aws.athena.storage import S3Object
from local_aws.athena.table_formats import OPENX_JSON
from local_aws.trino.types import Type, read_type

if TYPE_CHECKING:
    import pyarrow as pa

_MOMENT = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?)?")
_ZONED = re.compile(r":\d{2}(\.\d+)?\s*(Z|[A-Z]{3,4}|[+-]\d{2}:?\d{2})$")
_DIGITS = 100
_BITS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}


_CUT = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DOUBLE = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|Infinity)", re.ASCII)


class _Number(float):
    """A number with a fraction or an exponent, which keeps its text."""

    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number


class _Unreadable(Exception):
    """A value that does not fit the column's type."""


def read_batches(
    table: Table, lines: Iterator[str], source: S3Object, size: int
) -> "tuple[pa.Schema, Iterator[pa.Table]]":
    """Read the schema and then the rows of a file, some at a time.

    Raises:
        AthenaFailure: While iterating, if a line is not a JSON object or a value does not fit its column.
    """
    import pyarrow as pa

    kinds = {column.name: read_type(column.type) for column in table.columns}
    schema = pa.schema([(name, arrow_type(kind)) for name, kind in kinds.items()])
    reader = _Reader(table, kinds, source)
    rows = map(reader.read, lines)

    def tables() -> Iterator[pa.Table]:
        while batch := list(islice(rows, size)):
            columns = zip(*batch, strict=True)
            arrays = [
                pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)
            ]
            yield pa.table(arrays, schema=schema)

    return schema, tables()


def arrow_type(kind: Type) -> "pa.DataType":
    """Return Arrow's type for Athena's."""
    import pyarrow as pa

    match kind.name:
        case "array":
            return pa.list_(arrow_type(kind.inner[0]))
        case "map":
            return pa.map_(arrow_type(kind.inner[0]), arrow_type(kind.inner[1]))
        case "row":
            fields = zip(kind.fields, kind.inner, strict=True)
            return pa.struct([(str(name), arrow_type(inner)) for name, inner in fields])
        case "decimal":
            return pa.decimal128(*kind.numbers)
    simple = {
        "boolean": pa.bool_(),
        "tinyint": pa.int8(),
        "smallint": pa.int16(),
        "integer": pa.int32(),
        "bigint": pa.int64(),
        "real": pa.float32(),
        "double": pa.float64(),
        "varchar": pa.string(),
        "char": pa.string(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("ms"),
        "varbinary": pa.binary(),
    }
    if kind.name not in simple:
        raise unsupported(f"columns of type {kind} in JSON files")
    return simple[kind.name]


class _Reader:
    """Reads lines of a file for the columns of a table.

    Args:
        table: Its properties say which SerDe reads them, and how.
        kinds: The types of its columns by their names.
        source: The file, for messages.
    """

    def __init__(self, table: Table, kinds: Mapping[str, Type], source: S3Object) -> None:
        self._kinds = kinds
        self._source = source
        self._openx = table.serde == OPENX_JSON
        properties = table.serde_parameters if self._openx else {}
        self._takes_malformed = properties.get("ignore.malformed.json") == "true"
        self._takes_dots = properties.get("dots.in.keys") == "true"
        self._names = {name: properties.get(f"mapping.{name}", name).lower() for name in kinds}
        self._values = _Values(of_hive=not self._openx)

    def read(self, line: str) -> tuple[Any, ...]:
        """Read a row.

        Raises:
            AthenaFailure: If the line is no object, or a value does not fit its column.
        """
        if self._openx and not line.strip():
            return (None,) * len(self._kinds)
        try:
            found = self._load(line)
        except ValueError as error:
            if self._takes_malformed:
                return (None,) * len(self._kinds)
            raise _bad_row(f"JSONException: {error}: {self._source.uri}") from error
        if self._openx and isinstance(found, list):
            found = dict(zip(self._names.values(), found, strict=False))
        if not isinstance(found, dict):
            raise _bad_row(self._source.uri)
        values = []
        for name, kind in self._kinds.items():
            value = found.get(self._names[name])
            try:
                values.append(self._values.read(value, kind))
            except _Unreadable as error:
                message = f"Error parsing field value '{_text(value)}' for field {name}: {error}"
                raise _bad(message) from error
        return tuple(values)

    def _load(self, line: str) -> Any:
        if not self._openx:
            return _lower(
                json.loads(
                    line,
                    parse_float=_Number,
                    parse_int=_read_int,
                    parse_constant=_refuse,
                    object_pairs_hook=_refuse_twice,
                )
            )
        found = _lower(json.loads(line, parse_float=_read_big))
        if self._takes_dots and isinstance(found, dict):
            return {name.replace(".", "_"): value for name, value in found.items()}
        return found


def _read_int(text: str) -> int | _Number:
    return int(text) if text != "-0" else _Number(text)


def _read_big(text: str) -> _Number:
    """Read a number that is shown as Java's BigDecimal shows it."""
    return _Number(str(Decimal(text)))


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not a value of JSON")


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("Duplicate field")
    return found


def _bad_row(detail: str) -> AthenaFailure:
    return AthenaFailure(f"HIVE_CURSOR_ERROR: Row is not a valid JSON Object - {detail}", error_type=1001)


def _bad(message: str) -> AthenaFailure:
    return AthenaFailure(f"HIVE_BAD_DATA: {message}", error_type=1001)


def _lower(value: Any) -> Any:
    """Put an object's own keys in lower case; those of objects inside it keep their case."""
    return {key.lower(): inner for key, inner in value.items()} if isinstance(value, dict) else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _write_json(value)


def _write_json(value: Any) -> str:
    """Write JSON with its numbers as they were."""
    if isinstance(value, _Number):
        return value.text
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_write_json(value[key])}" for key in value)
            + "}"
        )
    if isinstance(value, list):
        return f"[{','.join(map(_write_json, value))}]"
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class _Values:
    """Reads values as one of the SerDes does.

    Attributes:
        of_hive: Whether it is Hive's: it takes no text for a number, and no object or array for a text.
    """

    of_hive: bool

    def read(self, value: Any, kind: Type) -> Any:  # noqa: C901, PLR0911 - a kind of type each
        """Read a value as a column's type.

        Raises:
            _Unreadable: If it does not fit.
        """
        if value is None:
            return None
        match kind.name:
            case "varchar" | "char":
                if self.of_hive and isinstance(value, dict | list):
                    raise _Unreadable("it is not a text")
                return _text(value)[: kind.numbers[0]] if kind.numbers else _text(value)
            case "boolean":
                return _boolean(value)
            case "tinyint" | "smallint" | "integer" | "bigint":
                return _integer(self._number(value), _BITS[kind.name])
            case "real" | "double":
                return _float(self._number(value))
            case "decimal":
                return _decimal(value, kind)
            case "date" if self.of_hive and "T" in _text(value):
                raise _Unreadable("it is not of type date")
            case "date" | "timestamp":
                return _moment(value, kind)
            case "varbinary":
                raise unsupported("columns of type varbinary in JSON files")
        return self._nested(value, kind)

    def _number(self, value: Any) -> Any:
        if self.of_hive and isinstance(value, str):
            raise _Unreadable("it is a text")
        return value

    def _nested(self, value: Any, kind: Type) -> Any:
        if kind.name == "array" and isinstance(value, list):
            return [self.read(item, kind.inner[0]) for item in value]
        if kind.name == "map" and isinstance(value, dict):
            keys = _Values(of_hive=False)  # the keys of an object are texts
            value = value if self.of_hive else _lower(value)
            return [
                (keys.read(key, kind.inner[0]), self.read(item, kind.inner[1])) for key, item in value.items()
            ]
        if kind.name == "row" and isinstance(value, dict):
            fields = _lower(value)
            return {
                name: self.read(fields.get(str(name).lower()), inner)
                for name, inner in zip(kind.fields, kind.inner, strict=True)
            }
        raise _Unreadable(f"it is not of type {kind}")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise _Unreadable("it is not a boolean")


def _integer(value: Any, bits: int) -> int:
    if isinstance(value, bool) or not _CUT.fullmatch(_text(value)):
        raise _Unreadable(f'For input string: "{_text(value)}"')
    number = int(Decimal(_text(value)))  # what follows the point is cut off
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise _Unreadable(f'For input string: "{_text(value)}"')
    return number


def _float(value: Any) -> float:
    if not _DOUBLE.fullmatch(_text(value)):
        raise _Unreadable(f'For input string: "{_text(value)}"')
    return float(value)


def _decimal(value: Any, kind: Type) -> Decimal:
    precision, scale = kind.numbers
    try:
        if not _DOUBLE.fullmatch(_text(value)):
            raise InvalidOperation
        # Python's own context has 28 digits.
        number = Decimal(_text(value)).quantize(
            Decimal(1).scaleb(-scale), ROUND_HALF_UP, Context(prec=_DIGITS)
        )
        if not number.is_finite():
            raise InvalidOperation
    except InvalidOperation as error:
        raise _Unreadable(f"Cannot convert '{_text(value)}' to {kind}") from error
    if number and number.adjusted() >= precision - scale:
        raise _Unreadable(f"Cannot convert '{_text(value)}' to {kind}. Value too large.")
    return number


def _moment(value: Any, kind: Type) -> date:
    found = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        if isinstance(value, str) and _ZONED.search(value):
            raise unsupported("timestamps with a time zone in JSON files")
        raise _Unreadable(f"it is not of type {kind.name}")
    try:
        moment = datetime(*(int(part or 0) for part in found.groups()[:6]))  # type: ignore[arg-type]
    except ValueError as error:
        raise _Unreadable(f"it is not of type {kind.name}") from error
    if kind.name == "date":
        return moment.date()
    if found[4] is None:
        raise _Unreadable("it has no time")
    return moment + timedelta(
        milliseconds=int(Decimal(f"0.{found[7] or 0}").scaleb(3).to_integral(ROUND_HALF_UP))
    )
