"""Iceberg's types in Athena's words, and back."""

from collections.abc import Callable
from itertools import count

from pyiceberg import types as iceberg

from local_aws.athena.failures import query_failure, unsupported
from local_aws.trino import TrinoError
from local_aws.trino.types import Type, read_type

_TO_ATHENA: dict[type[iceberg.IcebergType], str] = {
    iceberg.BooleanType: "boolean",
    iceberg.IntegerType: "integer",
    iceberg.LongType: "bigint",
    iceberg.FloatType: "real",
    iceberg.DoubleType: "double",
    iceberg.DateType: "date",
    iceberg.TimeType: "time(6)",
    iceberg.TimestampType: "timestamp(6)",
    iceberg.TimestamptzType: "timestamp(6) with time zone",
    iceberg.StringType: "varchar",
    iceberg.UUIDType: "uuid",
    iceberg.BinaryType: "varbinary",
    iceberg.FixedType: "varbinary",
}
_TO_ICEBERG: dict[str, iceberg.PrimitiveType] = {
    "boolean": iceberg.BooleanType(),
    "integer": iceberg.IntegerType(),
    "bigint": iceberg.LongType(),
    "real": iceberg.FloatType(),
    "double": iceberg.DoubleType(),
    "date": iceberg.DateType(),
    "time": iceberg.TimeType(),
    "timestamp": iceberg.TimestampType(),
    "timestamp with time zone": iceberg.TimestamptzType(),
    "varchar": iceberg.StringType(),
    "char": iceberg.StringType(),
    "varbinary": iceberg.BinaryType(),
}


def athena_type(kind: iceberg.IcebergType) -> str:
    """Return Athena's type for Iceberg's: a timestamp has microseconds.

    Raises:
        AthenaFailure: If Athena has none.
    """
    return str(to_athena(kind))


def to_athena(kind: iceberg.IcebergType) -> Type:
    """Return Athena's type for Iceberg's.

    Raises:
        AthenaFailure: If Athena has none.
    """
    match kind:
        case iceberg.StructType():
            names = tuple(field.name.lower() for field in kind.fields)
            return Type("row", tuple(to_athena(field.field_type) for field in kind.fields), names)
        case iceberg.ListType():
            return Type("array", (to_athena(kind.element_type),))
        case iceberg.MapType():
            return Type("map", (to_athena(kind.key_type), to_athena(kind.value_type)))
        case iceberg.DecimalType():
            return Type("decimal", (kind.precision, kind.scale))
    if type(kind) not in _TO_ATHENA:
        raise unsupported(f"Iceberg's type {kind}")
    return read_type(_TO_ATHENA[type(kind)])


def iceberg_type(kind: Type, number: Callable[[], int]) -> iceberg.IcebergType:
    """Return Iceberg's type for Athena's.

    Args:
        kind: Athena's type.
        number: Gives the next id for a field.

    Raises:
        AthenaFailure: If Iceberg has none.
    """
    match kind.name:
        case "row":
            return _struct(kind, number)
        case "array":
            return iceberg.ListType(number(), iceberg_type(kind.inner[0], number), element_required=False)
        case "map":
            key, value = kind.inner
            ids = number(), number()
            return iceberg.MapType(
                ids[0], iceberg_type(key, number), ids[1], iceberg_type(value, number), value_required=False
            )
        case "decimal":
            return iceberg.DecimalType(*kind.numbers)
    if kind.name == "uuid":
        raise unsupported("writing the type uuid to an Iceberg table")
    if kind.name not in _TO_ICEBERG:
        raise query_failure(TrinoError("NOT_SUPPORTED", f"Type not supported for Iceberg: {kind}"))
    return _TO_ICEBERG[kind.name]


def _struct(kind: Type, number: Callable[[], int]) -> iceberg.StructType:
    fields = []
    for name, inner in zip(kind.fields, kind.inner, strict=True):
        if not name:
            message = f"Row type field does not have a name: {kind}"
            raise query_failure(TrinoError("NOT_SUPPORTED", message))
        fields.append(iceberg.NestedField(number(), name, iceberg_type(inner, number), required=False))
    return iceberg.StructType(*fields)


def ddl_type(kind: iceberg.IcebergType) -> str:
    """Write a type as DDL does: in Hive's words, or in Iceberg's own where Hive has none."""
    match kind:
        case iceberg.StructType():
            return f"struct<{','.join(f'{each.name}:{ddl_type(each.field_type)}' for each in kind.fields)}>"
        case iceberg.ListType():
            return f"array<{ddl_type(kind.element_type)}>"
        case iceberg.MapType():
            return f"map<{ddl_type(kind.key_type)},{ddl_type(kind.value_type)}>"
        case iceberg.DecimalType():
            return f"decimal({kind.precision},{kind.scale})"
    words: dict[type[iceberg.IcebergType], str] = {iceberg.LongType: "bigint", iceberg.FixedType: "binary"}
    return words.get(type(kind), str(kind))


def counter() -> Callable[[], int]:
    """Return a function that gives 1, 2, 3, ..."""
    return count(1).__next__
