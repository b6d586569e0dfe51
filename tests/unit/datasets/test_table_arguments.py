"""Validation of AthenaTableDataset's arguments."""

import pickle
import re
from collections.abc import Iterator
from typing import Any

import pytest
from kedro.io import AbstractDataset, DatasetError

from kedro_aws_plugin.datasets import AthenaTableDataset, defaults

ENTRY = {"table": "prices", "database": "shop", "location": "s3://flights/prices"}


@pytest.fixture
def project() -> Iterator[None]:
    """A project with an athena section."""
    before = defaults.get_current()
    defaults.use(
        defaults.AthenaDefaults(
            database="project", output_location="s3://flights/athena/", region="eu-north-1"
        )
    )
    yield
    defaults.use(before)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("location", ["s3://flights/athena", "s3://flights/athena/prices/"])
def test_a_table_among_query_results_would_be_deleted_with_them(location: str) -> None:
    with pytest.raises(DatasetError, match=r"is within `athena\.output_location`"):
        AthenaTableDataset(table="prices", location=location)
    AthenaTableDataset(table="prices", location="s3://flights/athena-tables/prices/")


@pytest.mark.usefixtures("project")
def test_the_project_s_defaults_travel_by_pickle() -> None:
    made = AthenaTableDataset(table="prices")
    defaults.use(defaults.AthenaDefaults())
    there = pickle.loads(pickle.dumps(made))
    assert there._describe() == {
        "table": "project.prices",
        "location": "s3://flights/tables/project/prices/",
        "partition_by": [],
        "table_format": "parquet",
        "mode": "overwrite",
        "merge_on": [],
        "engine": "pandas",
        "partition_filter": None,
    }


def test_a_name_alone_is_a_list_of_one() -> None:
    made = AthenaTableDataset(**ENTRY, partition_by="day", columns="id", schema={"id": "Decimal(9, 2)"})
    assert (made._partition_by, made._columns) == (("day",), ("id",))
    assert made._schema == {"id": "decimal(9,2)"}


@pytest.mark.usefixtures("project")
def test_the_entry_overrides_the_project() -> None:
    made = AthenaTableDataset(**ENTRY)
    assert made._describe()["table"] == "shop.prices"
    assert made._describe()["location"] == "s3://flights/prices"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"table": 'x"y'}, '`table: x"y` is not a name that Athena accepts.'),
        ({"table": "a.b"}, "`table: a.b` is not a name that Athena accepts."),
        ({"table": "Prices"}, "`table: Prices` is not a name that Athena accepts."),
        ({"table": ""}, "`table: ` is not a name that Athena accepts."),
        ({"database": "a b"}, "`database: a b` is not a name that Athena accepts."),
        ({"database": None}, "`database` is missing. Set it here, or `athena.database` in aws.yml."),
        (
            {"location": "flights/prices"},
            "`location: flights/prices` is not an S3 URI. Write s3://bucket/folder/.",
        ),
        ({"location": "s3:///prices"}, "is not an S3 URI."),
        (
            {"mode": "replace"},
            "`mode: replace` is not known. Use one of overwrite, overwrite_partitions, append.",
        ),
        ({"engine": "dask"}, "`engine: dask` is not known. Use one of pandas, pyarrow, polars, spark."),
        ({"compression": "lzo"}, "`compression: lzo` is not known."),
        ({"mode": "overwrite_partitions"}, "`mode: overwrite_partitions` needs `partition_by`."),
        ({"partition_by": ["a", "a"]}, "`partition_by` names a column twice."),
        ({"columns": []}, "`columns` is empty."),
        ({"max_rows_per_file": 0}, "`max_rows_per_file` must be 1 or more."),
        (
            {"schema": {"a": "int64"}},
            "`schema`: a: `int64` is not a type of Glue. Write e.g. int, string or decimal(10,2).",
        ),
        ({"schema": {"a": "Integer"}}, "`schema`: a: `integer` is not a type of Glue."),
        ({"table_format": "delta"}, "`table_format: delta` is not known. Use one of parquet, iceberg."),
        (
            {"mode": "merge", "merge_on": "id"},
            "`mode: merge` is not known. Use one of overwrite, overwrite_partitions, append.",
        ),
        (
            {"table_format": "iceberg", "mode": "overwrite_partitions"},
            "`mode: overwrite_partitions` is not known. Use one of overwrite, append, merge.",
        ),
        ({"table_format": "iceberg", "mode": "merge"}, "`mode: merge` needs `merge_on`"),
        (
            {"table_format": "iceberg", "merge_on": "id"},
            "`merge_on` needs `table_format: iceberg` and `mode: merge`",
        ),
        ({"table_format": "iceberg", "engine": "spark"}, "`engine: spark` needs `table_format: parquet`."),
        (
            {"table_format": "iceberg", "partition_by": "bucket(id)"},
            "`partition_by` of an Iceberg table takes columns, and year, month,",
        ),
    ],
)
def test_a_wrong_argument_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)):
        AthenaTableDataset(**{**ENTRY, **changed})


def test_a_save_needs_a_location() -> None:
    made = AthenaTableDataset(table="prices", database="shop")
    with pytest.raises(
        DatasetError, match=re.escape("`location` is missing. Set it here, or `athena.output")
    ):
        made.save([])


def test_secrets_stay_secret() -> None:
    secret = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "hunter2"}
    made = AthenaTableDataset(**ENTRY, credentials=secret)
    assert "hunter2" not in f"{made} {made._describe()} {made!r}"
    secret["aws_secret_access_key"] = "changed"
    assert made._credentials["aws_secret_access_key"] == "hunter2"


def test_a_versioned_entry_is_refused() -> None:
    entry = {"type": "kedro_aws_plugin.datasets.AthenaTableDataset", "versioned": True, **ENTRY}
    with pytest.raises(DatasetError):
        AbstractDataset.from_config("prices", entry)


def test_only_spark_is_kept_from_other_processes() -> None:
    assert not AthenaTableDataset(**ENTRY)._SINGLE_PROCESS
    assert AthenaTableDataset(**ENTRY, engine="spark")._SINGLE_PROCESS
