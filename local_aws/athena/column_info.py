"""The columns of a result, as GetQueryResults returns them and as the .metadata file contains them."""

import re
from collections.abc import Iterable, Iterator

from local_aws.protocol.aws_json import Params

_TYPE = re.compile(r"\s*([a-z_ ]+?)\s*(?:\(\s*([\d\s,]+)\)\s*([a-z ]*))?$", re.IGNORECASE)
_UNBOUNDED = 2**31 - 1
_PRECISION = {
    "tinyint": 3,
    "smallint": 5,
    "integer": 10,
    "bigint": 19,
    "float": 17,
    "double": 17,
    "timestamp": 3,
    "timestamp with time zone": 3,
    "time": 3,
    "varbinary": 2**30,
    "varchar": _UNBOUNDED,
}
_NAMES = {"real": "float", "int": "integer"}
_CASE_SENSITIVE = {"varchar", "char"}
_NULLABILITY = {"NOT_NULL": 1, "NULLABLE": 2, "UNKNOWN": 3}


def describe_column(name: str, athena_type: str) -> Params:
    """Build one ColumnInfo: of ``price decimal(10,2)`` the Type decimal, Precision 10 and Scale 2."""
    kind, precision, scale = _parts(athena_type)
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": kind,
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": kind in _CASE_SENSITIVE,
    }


def _parts(athena_type: str) -> tuple[str, int, int]:
    found = _TYPE.match(athena_type)
    if found is None:
        # Athena leaves out the types inside array, map and row.
        return athena_type.split("(", maxsplit=1)[0].strip().lower(), 0, 0
    name, arguments, suffix = found.groups()
    kind = f"{name.lower()} {suffix.lower()}".strip() if suffix else name.lower()
    kind = _NAMES.get(kind, kind)
    numbers = [int(each) for each in arguments.split(",")] if arguments else []
    if kind in {"decimal", "varchar", "char"} and numbers:
        return kind, numbers[0], numbers[1] if len(numbers) > 1 else 0
    return kind, _PRECISION.get(kind, 0), 0


def write_metadata_file(
    execution_id: str, columns: Iterable[Params], statement: str, count: int | None
) -> bytes:
    """Write the file that Athena puts beside a result file.

    AWS documents no format. JDBC drivers read it as a Protocol Buffers message: 1 the query's id, 2 what a
    write did, 3 how many rows it wrote, 4 (repeated) a column whose fields 1 to 10 are ColumnInfo's members.

    Args:
        execution_id: The query's id.
        columns: ColumnInfo of each column.
        statement: Such as ``INSERT``; empty for what writes nothing.
        count: Rows written, if any can be.
    """
    fields = [_text(1, execution_id)]
    if statement:
        fields += [_text(2, statement), _number(3, count or 0)]
    return b"".join([*fields, *(_binary(4, b"".join(_column(each))) for each in columns)])


def _column(info: Params) -> Iterator[bytes]:
    names = ("CatalogName", "SchemaName", "TableName", "Name", "Label", "Type")
    for number, name in enumerate(names, start=1):
        if info[name]:
            yield _text(number, info[name])
    yield _number(7, info["Precision"])
    yield _number(8, info["Scale"])
    yield _number(9, _NULLABILITY[info["Nullable"]])
    yield _number(10, int(info["CaseSensitive"]))


def _text(number: int, value: str) -> bytes:
    return _binary(number, value.encode())


def _binary(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value >= 1 << 7:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
