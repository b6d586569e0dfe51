"""The shape of `athena:` in aws.yml."""

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from kedro_aws_plugin.config.fields import Section, pattern
from kedro_aws_plugin.config.glue_types import is_glue_type
from kedro_aws_plugin.config.names import find_bucket_problem

TableFormat = Literal["csv", "json", "parquet"]
PRIMARY = "primary"
"""The workgroup that every account has."""

GlueName = Annotated[
    str,
    pattern(r"[a-z0-9_]{1,255}", "a name in Glue: 1 to 255 lower-case letters, digits and underscores"),
]
WorkgroupName = Annotated[
    str,
    pattern(r"[a-zA-Z0-9._-]{1,128}", "a workgroup: 1 to 128 letters, digits, dots, hyphens and underscores"),
]
_CSV_TYPES = ("string", "boolean", "int", "bigint", "double")
_ALIASES = {"integer": "int", "text": "string", "varchar": "string", "str": "string", "real": "float"}


def _folder(uri: str) -> str:
    found = re.fullmatch(r"s3://([^/]+)/([^?#]+/)", uri)
    if found is None or "//" in found[2]:
        raise ValueError(f"`{uri}` is not a folder on S3; one looks like s3://my-bucket/data/raw/reviews/")
    if problem := find_bucket_problem(found[1]):
        raise ValueError(f"`{found[1]}` is not a bucket name: {problem}")
    return uri


def _column_type(written: str) -> str:
    text = re.sub(r"\s+", "", written.lower())
    if not is_glue_type(text):
        known = (*_CSV_TYPES, "tinyint", "smallint", "float", "date", "timestamp", "binary", "decimal(9,2)")
        nearest = [_ALIASES[text]] if text in _ALIASES else difflib.get_close_matches(text, known, n=1)
        hint = (
            f"the nearest one is `{nearest[0]}`"
            if nearest
            else f"types are {', '.join(known)}, array<int>, ..."
        )
        raise ValueError(f"`{written}` is not a type of Glue; {hint}")
    return text


S3Folder = Annotated[str, AfterValidator(_folder)]
ColumnType = Annotated[str, AfterValidator(_column_type)]


class AthenaTable(Section):
    """`athena.tables.<table>:` a table over files that are on S3 already.

    Attributes:
        location: The folder of the files.
        format: `csv` (with a header), `json` (an object in each line) or `parquet`.
        columns: Glue types by column, in the order of a CSV file.
        partitions: Glue types by partition column.
    """

    location: S3Folder
    format: TableFormat
    columns: Annotated[Mapping[GlueName, ColumnType], Field(min_length=1)]
    partitions: Mapping[GlueName, ColumnType] = {}

    @model_validator(mode="after")
    def _readable(self) -> Self:
        both = sorted(self.columns.keys() & self.partitions.keys())
        if both:
            raise ValueError(f"`{both[0]}` is both a column and a partition; remove it from `columns`")
        nested = [name for name, kind in self.partitions.items() if "<" in kind]
        if nested:
            raise ValueError(
                f"`{nested[0]}` is `{self.partitions[nested[0]]}`, which no partition can be; use `string`"
            )
        for name, kind in self.columns.items():
            if self.format == "csv" and kind not in _CSV_TYPES:
                raise ValueError(
                    f"column `{name}` is `{kind}`, and Athena reads {', '.join(_CSV_TYPES)} from CSV; "
                    "write `string`, and cast it in the query"
                )
        return self


class Athena(Section):
    """`athena:` the database, the workgroup and the tables of the project.

    Attributes:
        database: The Glue database that queries are about, unless they name another.
        workgroup: The workgroup that queries run in.
        output_location: The folder of query results; by default `athena/` in the project's bucket.
        max_scan_gb: How many GB (10^9 bytes) one query may scan; Athena takes 0.01 and more.
        tables: Tables over files that are there already, by their names.
    """

    database: GlueName
    workgroup: WorkgroupName = PRIMARY
    output_location: S3Folder | None = None
    max_scan_gb: float | None = Field(default=None, ge=0.01, le=7_000_000_000)
    tables: Mapping[GlueName, AthenaTable] = {}
