"""The shape of `athena:` in aws.yml."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from kedro_aws_plugin.config.fields import Section, match_pattern
from kedro_aws_plugin.config.glue_types import is_glue_type
from kedro_aws_plugin.config.names import find_bucket_problem
from kedro_aws_plugin.errors import suggest

TableFormat = Literal["csv", "json", "parquet"]
PRIMARY = "primary"
"""The workgroup that every AWS account has."""

GlueName = Annotated[
    str,
    match_pattern(r"[a-z0-9_]{1,255}", "a name in Glue: 1 to 255 lower-case letters, digits and underscores"),
]
DatabaseName = Annotated[
    str,
    # Glue takes any text. Athena takes a hyphen in a database's name, in quotes, and no other sign.
    match_pattern(
        r"[a-z0-9_][a-z0-9_-]{0,254}",
        "a database: 1 to 255 lower-case letters, digits, underscores and hyphens, a hyphen not first",
    ),
]
WorkgroupName = Annotated[
    str,
    match_pattern(
        r"[a-zA-Z0-9._-]{1,128}", "a workgroup: 1 to 128 letters, digits, dots, hyphens and underscores"
    ),
]
_CSV_TYPES = ("string", "boolean", "int", "bigint", "double")
_ALIASES = {"integer": "int", "text": "string", "varchar": "string", "str": "string", "real": "float"}


def _check_folder(uri: str) -> str:
    found = re.fullmatch(r"s3://([^/]+)/([^?#]+/)", uri)
    if found is None or "//" in found[2]:
        raise ValueError(f"`{uri}` is not a folder on S3; one looks like s3://my-bucket/data/raw/reviews/")
    if problem := find_bucket_problem(found[1]):
        raise ValueError(f"`{found[1]}` is not a bucket name: {problem}")
    return uri


def _check_column_type(written: str) -> str:
    text = re.sub(r"\s+", "", written.lower())
    if not is_glue_type(text):
        known = (*_CSV_TYPES, "tinyint", "smallint", "float", "date", "timestamp", "binary", "decimal(9,2)")
        otherwise = f"; types are {', '.join(known)}, array<int>, ..."
        hint = suggest(_ALIASES.get(text, text), known, otherwise=otherwise)
        raise ValueError(f"`{written}` is not a type of Glue{hint}")
    return text


S3Folder = Annotated[str, AfterValidator(_check_folder)]
ColumnType = Annotated[str, AfterValidator(_check_column_type)]


class AthenaTable(Section):
    """`athena.tables.<table>:` a table over files that are on S3 already.

    Attributes:
        location: The folder of the files, as an S3 URI that ends in a slash.
        format: `csv` (with a header), `json` (an object in each line) or `parquet`.
        columns: Glue types by column name, in the order of a CSV file's columns.
        partitions: Glue types by the name of the partition column.
    """

    location: S3Folder
    format: TableFormat
    columns: Annotated[Mapping[GlueName, ColumnType], Field(min_length=1)]
    partitions: Mapping[GlueName, ColumnType] = {}

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        both = sorted(self.columns.keys() & self.partitions.keys())
        if both:
            raise ValueError(f"`{both[0]}` is both a column and a partition; remove it from `columns`")
        nested = [name for name, kind in self.partitions.items() if "<" in kind]
        if nested:
            raise ValueError(
                f"partition `{nested[0]}` is `{self.partitions[nested[0]]}`, and Athena partitions by plain "
                "types only; use `string`"
            )
        for name, kind in self.columns.items():
            if self.format == "csv" and kind not in _CSV_TYPES:
                raise ValueError(
                    f"column `{name}` is `{kind}`, and Athena reads {', '.join(_CSV_TYPES)} from CSV; "
                    "write `string`, and cast it in the query"
                )
        return self


class Athena(Section):
    """`athena:` the database, workgroup and tables of the project.

    Attributes:
        database: The Glue database that queries use unless they name another.
        workgroup: The workgroup that queries run in.
        output_location: The folder of query results; by default `athena/` in the project's bucket.
        max_scan_gb: How many GB (10^9 bytes) one query may scan; Athena accepts 0.01 and more.
        tables: Tables over files that are on S3 already, by table name.
    """

    database: DatabaseName
    workgroup: WorkgroupName = PRIMARY
    output_location: S3Folder | None = None
    max_scan_gb: float | None = Field(default=None, ge=0.01, le=7_000_000_000)
    tables: Mapping[GlueName, AthenaTable] = {}
