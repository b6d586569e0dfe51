"""Tables of Parquet and ORC files, and what is the same for files of every format."""

import datetime as dt
import io
from decimal import Decimal

import pyarrow as pa
import pytest
from lake import Lake, parquet


def _parquet_table(lake: Lake, columns: str) -> None:
    lake.run(f"create external table t ({columns}) stored as parquet location 's3://lake/t/'")


def test_parquet_columns_go_by_name(lake: Lake) -> None:
    _parquet_table(lake, "b bigint, a string, missing date")
    lake.parquet("t/1", A=["x"], b=pa.array([1], pa.int32()), extra=[0])
    lake.parquet("t/2", b=[2], a=["y"])

    assert lake.rows("select * from t order by b") == [("1", "x", None), ("2", "y", None)]


@pytest.mark.parametrize("wider", [pa.int32(), pa.int64()])
def test_a_file_of_narrower_numbers_comes_first(lake: Lake, wider: pa.DataType) -> None:
    _parquet_table(lake, "b bigint, n decimal(14,3)")
    most = 2 ** (wider.bit_width - 1) - 1
    lake.parquet("t/1", b=pa.array([1], pa.int16()), n=pa.array([Decimal("1.500")], pa.decimal128(4, 3)))
    lake.parquet(
        "t/2", b=pa.array([most], wider), n=pa.array([Decimal("123456789.125")], pa.decimal128(12, 3))
    )

    assert lake.rows("select b, n from t order by b") == [("1", "1.500"), (str(most), "123456789.125")]


def test_parquet_values_keep_their_meaning(lake: Lake) -> None:
    _parquet_table(
        lake,
        "s timestamp, z timestamp, d date, n decimal(12,3), l array<timestamp>, "
        "r struct<x:int,y:string>, m map<string,double>, o binary",
    )
    at = dt.datetime(2024, 1, 2, 3, 4, 5, 678900)
    lake.put(
        "t/1",
        parquet(
            pa.table(
                {
                    "s": pa.array([at], pa.timestamp("us")),
                    "z": pa.array([at], pa.timestamp("ns", "Asia/Singapore")),
                    "d": pa.array([at.date()]),
                    "n": pa.array([Decimal("1.500")], pa.decimal128(12, 3)),
                    "l": pa.array([[at]], pa.list_(pa.timestamp("us"))),
                    "r": pa.array([{"Y": "q"}]),
                    "m": pa.array([[("k", 1.0)]], pa.map_(pa.string(), pa.float64())),
                    "o": pa.array([b"Hi"]),
                }
            )
        ),
    )

    assert lake.rows("select * from t") == [
        (
            "2024-01-02 03:04:05.679",
            "2024-01-02 03:04:05.679",
            "2024-01-02",
            "1.500",
            "[2024-01-02 03:04:05.679]",
            "{x=null, y=q}",
            "{k=1.0}",
            "48 69",
        )
    ]


def test_a_value_of_a_dictionary_fails_only_where_it_is_needed(lake: Lake) -> None:
    values = ["" if number % 7 == 0 else f"{number % 50}.12345678901234" for number in range(20_000)]
    _parquet_table(lake, "x string")
    lake.parquet("t/1", x=values)
    numbers = [value for value in values if value]

    assert lake.rows(
        "select count(try_cast(x as double)), cast(sum(try_cast(x as double)) as decimal(12,3)) from t"
    ) == [(str(len(numbers)), f"{sum(map(float, numbers)):.3f}")]
    assert lake.rows("select count(cast(x as double)) from t where x <> ''") == [(str(len(numbers)),)]


@pytest.mark.parametrize(
    ("declared", "values", "physical"),
    [
        ("int", ["x"], "BINARY"),
        ("string", [1], "INT64"),
        ("double", [1], "INT64"),
        ("date", [True], "BOOLEAN"),
        ("timestamp", [1.5], "DOUBLE"),
    ],
)
def test_parquet_of_another_type_is_bad_data(
    lake: Lake, declared: str, values: list[object], physical: str
) -> None:
    _parquet_table(lake, f"a {declared}")
    lake.parquet("t/1", a=values)

    message = lake.fails("select a from t")

    assert message.startswith(
        f"HIVE_BAD_DATA: Field a's type {physical} in parquet file s3://lake/t/1 is incomp"
    )


def test_a_text_is_not_parquet(lake: Lake) -> None:
    _parquet_table(lake, "a int")
    lake.put("t/1", "a\n1\n")

    assert lake.fails("select a from t").startswith("HIVE_BAD_DATA: Not valid Parquet file: s3://lake/t/1")


def test_orc_columns_go_by_position(lake: Lake) -> None:
    from pyarrow import orc

    lake.run("create external table t (a int, b string) stored as orc location 's3://lake/t/'")
    buffer = io.BytesIO()
    orc.write_table(pa.table({"x": pa.array([1, 2], pa.int32()), "a": ["x", None]}), buffer)
    lake.put("t/1.orc", buffer.getvalue())

    assert lake.rows("select * from t") == [("1", "x"), ("2", None)]


def test_what_is_not_there_is_empty(lake: Lake) -> None:
    lake.run("create external table t (a int) location 's3://lake/nothing/'")

    assert lake.rows("select * from t") == []


@pytest.mark.parametrize("statement", ["select * from u", "select count(*) from u", "msck repair table u"])
def test_a_bucket_that_does_not_exist_is_no_empty_one(lake: Lake, statement: str) -> None:
    lake.run("create external table u (a int) partitioned by (day string) location 's3://no-such-bucket/x/'")
    lake.run("alter table u add partition (day = '1') location 's3://no-such-bucket/x/day=1/'")

    assert lake.fails(statement).startswith(
        "HIVE_FILESYSTEM_ERROR: Failed to list directory: s3://no-such-bucket/x"
    )


@pytest.mark.parametrize("kind", ["integer", "object", "varchar", "array<integer>", "struct<a:text>"])
def test_a_type_that_is_not_hives_is_athenas_error(lake: Lake, kind: str) -> None:
    storage = {"Columns": [{"Name": "good", "Type": "int"}, {"Name": "bad", "Type": kind}]}
    table = {"Name": "t", "StorageDescriptor": {**storage, "Location": "s3://lake/t/"}}
    lake.moto.call("glue", "CreateTable", {"DatabaseName": "db", "TableInput": table})

    assert lake.fails("select good from t") == (
        f"HIVE_INVALID_METADATA: Glue table 'db.t' column 'bad' has invalid data type: {kind}"
    )


@pytest.mark.parametrize(
    "ddl",
    [
        "create external table t (a int) stored as rcfile location 's3://lake/t/'",
        "create external table t (a int) row format serde 'com.example.Own' location 's3://lake/t/'",
        "create external table t (a array<array<int>>) location 's3://lake/t/'",
    ],
)
def test_other_formats_are_refused(lake: Lake, ddl: str) -> None:
    lake.put("t/1", "1\n")

    def use() -> None:
        lake.run(ddl)
        lake.run("select * from t")

    with pytest.raises(Exception, match="the local Athena does not support"):
        use()
