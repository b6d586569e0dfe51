"""Validation of AthenaQueryDataset's arguments."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from kedro_aws_plugin.datasets import AthenaQueryDataset, defaults

ONE = "SELECT x, p FROM (VALUES (1, 2)) AS t (x, p)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"query": None}, "either `query` or `query_file`"),
        ({"query_file": "a.sql"}, "either `query` or `query_file`"),
        ({"mode": "csv"}, "`mode: csv` is not known. Use one of unload, ctas, select"),
        ({"engine": "dask"}, "`engine: dask` is not known"),
        ({"output_location": "bucket/prefix"}, "is not an S3 URI. Write s3://bucket/prefix/"),
        ({"output_location": "s3:///prefix"}, "is not an S3 URI"),
        ({"output_location": "s3://bucket/it's/"}, "is not an S3 URI"),
        ({"chunk_rows": 0}, "`chunk_rows` must be 1 or more"),
        ({"columns": []}, "`columns` is empty"),
        ({"mode": "select", "partitioned_by": ["x"]}, "`partitioned_by` needs `mode: unload` or `ctas`"),
        ({"result_reuse_minutes": 5}, "`result_reuse_minutes` needs `mode: select`"),
        (
            {"result_reuse_minutes": -1, "mode": "select"},
            "`result_reuse_minutes` must be between 0 and 10080",
        ),
        ({"max_scan_gb": -1}, "`max_scan_gb` must be 0 or more"),
        ({"engine": "spark", "mode": "select"}, "`engine: spark` needs `mode: unload`"),
        ({"engine": "spark", "chunk_rows": 5}, "and no `chunk_rows`"),
        ({"columns": ["x"], "partitioned_by": ["x"]}, "Remove `partitioned_by`"),
        ({"execution_parameters": ["a\0"]}, "NUL"),
        ({"partition_cols": ["x"]}, "`partition_cols` is called `partitioned_by` here"),
    ],
)
def test_a_wrong_argument_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        AthenaQueryDataset(**{"query": "SELECT 1 AS x", **arguments})


def test_a_text_alone_is_a_list_of_one() -> None:
    made = AthenaQueryDataset(
        query="SELECT 1", columns="day", partitioned_by="year", execution_parameters="a"
    )
    assert (made._columns, made._partitioned_by, made._parameters) == (("day",), ("year",), ("'a'",))


def test_the_entry_overrides_the_project() -> None:
    defaults.use(defaults.AthenaDefaults("shop", "team", "s3://bucket/a/", 5.0, "eu-west-1"))
    try:
        silent = AthenaQueryDataset(query="SELECT 1")
        telling = AthenaQueryDataset(query="SELECT 1", database="other", workgroup="mine", max_scan_gb=0)
    finally:
        defaults.use(defaults.AthenaDefaults())
    assert silent._describe()["database"] == "shop"
    assert silent._describe()["output_location"] == "s3://bucket/a/"
    assert (telling._database, telling._workgroup, telling._max_scan_gb) == ("other", "mine", 0)


def test_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, kedro_aws_plugin.datasets as d; assert 'AthenaQueryDataset' in dir(d); "
        "print({'pyarrow', 'pandas', 'pyathena', 'kedro'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_fsspecs_s3_is_not_replaced() -> None:
    code = (
        "import fsspec; before = fsspec.get_filesystem_class('s3'); "
        "import kedro_aws_plugin.datasets.athena_query; "
        "assert fsspec.get_filesystem_class('s3') is before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("query", "arguments", "message"),
    [
        ("DROP TABLE t", {}, "DROP is not a query, and load only reads"),
        ("INSERT INTO t SELECT 1", {"mode": "select"}, "INSERT is not a query.*`allow_ddl: true`"),
        ("WITH a AS (SELECT 1) INSERT INTO t TABLE a", {}, "INSERT is not a query"),
        ("SHOW TABLES", {"allow_ddl": True}, "SHOW needs `mode: select`: `mode: unload` is for queries only"),
        ("SELECT 1; DROP TABLE t", {"allow_ddl": True}, "more than one statement"),
        ("-- SELECT 1", {}, "The query is empty"),
        ("SELECT 1 AS x WHERE 1 = ?", {}, "has 1 `\\?`, but 0 `execution_parameters`"),
        (ONE, {"execution_parameters": [1]}, "has 0 `\\?`, but 1"),
    ],
)
def test_a_query_that_may_not_run_is_not_sent(query: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        AthenaQueryDataset(query=query, **arguments).load()


def test_absent_query_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"absent\.sql` cannot be read.*Correct the path"):
        AthenaQueryDataset(query_file=str(tmp_path / "absent.sql")).load()


def test_saving_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"only reads\. Save with .*AthenaTableDataset"):
        AthenaQueryDataset(query=ONE).save(1)
