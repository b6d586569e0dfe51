"""Partition transforms: `category`, `bucket(16, id)`, `month(day)` and the like."""

import re
from collections.abc import Sequence
from typing import Any

from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import (
    BucketTransform,
    DayTransform,
    HourTransform,
    IdentityTransform,
    MonthTransform,
    Transform,
    TruncateTransform,
    YearTransform,
)
from pyiceberg.types import NestedField

from local_aws.athena.failures import AthenaFailure

_TIMES: dict[str, type[Transform[Any, Any]]] = {
    "year": YearTransform,
    "month": MonthTransform,
    "day": DayTransform,
    "hour": HourTransform,
}
_CALL = re.compile(r'\s*(\w+)\s*\(\s*"?([^\s,"]+)"?\s*(?:,\s*"?([^\s,"]+)"?\s*)?\)\s*')


def build_spec(texts: Sequence[str], schema: Schema) -> PartitionSpec:
    """Build the partitioning that texts such as ``bucket(16, id)`` say.

    Raises:
        AthenaFailure: If one names no column, no transform, or one that the column's type does not have.
    """
    fields = []
    for number, text in enumerate(texts, PARTITION_FIELD_ID_START):
        column, transform, name = _read(text, schema)
        if not transform.can_transform(column.field_type):
            raise AthenaFailure(
                f"INVALID_TABLE_PROPERTY: Unable to parse partitioning value: the transform {transform} "
                f"does not take the type {column.field_type} of {column.name}"
            )
        fields.append(PartitionField(column.field_id, number, transform, name))
        _refuse_redundant(fields)
    return PartitionSpec(*fields)


def _refuse_redundant(fields: Sequence[PartitionField]) -> None:
    """Raise if the last field parts a column as another one does; years, months, days and hours are alike."""
    *others, last = fields
    for field in others:
        both = {type(field.transform), type(last.transform)}
        alike = field.transform == last.transform or both <= set(_TIMES.values())
        if field.source_id == last.source_id and (alike or field.name == last.name):
            message = f"Cannot add redundant partition: {last.name} conflicts with {field.name}"
            raise AthenaFailure(f"INVALID_TABLE_PROPERTY: {message}")


def _read(text: str, schema: Schema) -> tuple[NestedField, Transform[Any, Any], str]:
    """Return the column, the transform, and the name of the partition field as Iceberg gives it."""
    call = _CALL.fullmatch(text)
    if call is None:
        column = _find(text.strip().strip('"'), schema)
        return column, IdentityTransform(), column.name
    word, first, second = call[1].lower(), call[2], call[3]
    if word in _TIMES and second is None:
        column = _find(first, schema)
        return column, _TIMES[word](), f"{column.name}_{word}"
    if word in {"bucket", "truncate"} and second is not None:
        # DDL has the number first, the partitioning of CREATE TABLE AS has it last.
        number, name = (first, second) if first.isdigit() else (second, first)
        if number.isdigit() and int(number):
            column = _find(name, schema)
            if word == "bucket":
                return column, BucketTransform(int(number)), f"{column.name}_bucket"
            return column, TruncateTransform(int(number)), f"{column.name}_trunc"
    raise AthenaFailure(f"INVALID_TABLE_PROPERTY: Unable to parse partitioning value: {text}")


def _find(name: str, schema: Schema) -> NestedField:
    for field in schema.fields:
        if field.name.lower() == name.lower():
            return field
    raise AthenaFailure(f"INVALID_TABLE_PROPERTY: Column '{name}' of the partitioning does not exist")


def write_transform(transform: Transform[Any, Any], column: str) -> str:
    """Write a transform as SHOW CREATE TABLE does."""
    match transform:
        case IdentityTransform():
            return f"`{column}`"
        case BucketTransform():
            return f"bucket({transform.num_buckets}, `{column}`)"
        case TruncateTransform():
            return f"truncate({transform.width}, `{column}`)"
    return f"{transform}(`{column}`)"
