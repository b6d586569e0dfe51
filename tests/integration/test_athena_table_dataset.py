"""AthenaTableDataset on the local AWS."""

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import awswrangler as wr
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from kedro.io import DatasetError
from shop import BUCKET, DATABASE, client, keys

from kedro_aws_plugin.datasets.athena_table import AthenaTableDataset
from local_aws import LocalAws

LOCATION = f"s3://{BUCKET}/tables/prices/"
FRAME = pa.table({"id": [1, 2, 3], "price": [1.5, None, 3.0], "day": ["a", "b", "a"]})


def dataset(**arguments: Any) -> AthenaTableDataset:
    return AthenaTableDataset(
        **{"table": "prices", "database": DATABASE, "location": LOCATION, "engine": "pyarrow", **arguments}
    )


def partitions(aws: LocalAws) -> dict[tuple[str, ...], str]:
    found = client(aws, "glue").get_partitions(DatabaseName=DATABASE, TableName="prices")["Partitions"]
    return {tuple(one["Values"]): one["StorageDescriptor"]["Location"] for one in found}


@pytest.mark.parametrize("partition_by", [[], ["day"]])
def test_a_saved_frame_is_loaded_again(aws: LocalAws, partition_by: list[str]) -> None:
    prices = dataset(partition_by=partition_by)
    assert not prices.exists()
    prices.save(FRAME)
    assert prices.exists()
    assert prices.load().sort_by("id").equals(FRAME)
    prices.save(FRAME.slice(0, 1))
    assert prices.load().equals(FRAME.slice(0, 1))
    assert len(keys(aws)) == 1


def test_partitions_of_the_frame_are_replaced(aws: LocalAws) -> None:
    prices = dataset(partition_by="day", mode="overwrite_partitions")
    prices.save(FRAME)
    prices.save(pa.table({"id": [9], "price": [9.0], "day": ["a"], "note": ["new"]}))
    assert prices.load().sort_by("id").select(["id", "note", "day"]).to_pylist() == [
        {"id": 2, "note": None, "day": "b"},
        {"id": 9, "note": "new", "day": "a"},
    ]
    assert len(keys(aws)) == 2


@pytest.mark.parametrize("partition_by", [[], ["day"]])
def test_rows_are_appended(aws: LocalAws, partition_by: list[str]) -> None:
    prices = dataset(partition_by=partition_by, mode="append")
    prices.save(FRAME)
    prices.save(pa.table({"id": [4, 5], "day": ["a", "c"], "note": ["x", "y"]}))
    assert prices.load().sort_by("id").select(["id", "price", "note", "day"]).to_pylist() == [
        {"id": 1, "price": 1.5, "note": None, "day": "a"},
        {"id": 2, "price": None, "note": None, "day": "b"},
        {"id": 3, "price": 3.0, "note": None, "day": "a"},
        {"id": 4, "price": None, "note": "x", "day": "a"},
        {"id": 5, "price": None, "note": "y", "day": "c"},
    ]
    assert len(keys(aws)) == (4 if partition_by else 2)


@pytest.mark.parametrize("engine", ["pandas", "polars"])
@pytest.mark.usefixtures("aws")
def test_frames_come_back_as_the_engine_s(engine: str) -> None:
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None], "Int64"),
            "t": pd.to_datetime(["2024-01-01 00:00:00.000", "2024-07-01 12:00:00.123"]),
            "s": ["x", None],
            "d": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)],
        }
    )
    given: Any = frame if engine == "pandas" else pl.from_pandas(frame)
    prices = dataset(engine=engine, partition_by="d", max_rows_per_file=1)
    prices.save(given)
    loaded = prices.load()
    if engine == "polars":
        assert loaded.equals(given.with_columns(pl.col("t").cast(pl.Datetime("us"))))
    else:
        pd.testing.assert_frame_equal(loaded, frame.assign(t=frame["t"].astype("datetime64[us]")))


def test_typed_partitions_are_pruned_through_glue(aws: LocalAws) -> None:
    days = [dt.date(2024, 1, 1), dt.date(2024, 1, 2), dt.date(2024, 1, 3)]
    cities = ["N/A: 100%", "Zürich", None]
    frame = pa.table({"id": [1, 2, 3], "day": days, "city": cities, "n": pa.array([-1, None, 3], pa.int16())})
    prices = dataset(partition_by=["day", "city", "n"])
    prices.save(frame)
    assert prices.load().sort_by("id").equals(frame)
    assert partitions(aws).keys() == {
        ("2024-01-01", "N/A: 100%", "-1"),
        ("2024-01-02", "Zürich", "__HIVE_DEFAULT_PARTITION__"),
        ("2024-01-03", "__HIVE_DEFAULT_PARTITION__", "3"),
    }
    pruned = dataset(partition_filter="day = '2024-01-02' AND city = 'Zürich'", columns=["city", "id"])
    assert pruned.load().to_pylist() == [{"city": "Zürich", "id": 2}]
    assert dataset(partition_filter="day = '2030-01-01'").load().equals(frame.schema.empty_table())
    with pytest.raises(
        DatasetError,
        match=r"`partition_filter: id =` is not a filter that Glue understands for shop\.prices: ",
    ):
        dataset(partition_filter="id =").load()


@pytest.mark.parametrize("partition_by", [[], ["day"]])
@pytest.mark.parametrize("mode", ["overwrite", "append"])
@pytest.mark.usefixtures("aws")
def test_an_empty_frame_is_a_table_without_rows(partition_by: list[str], mode: str) -> None:
    prices = dataset(partition_by=partition_by, mode=mode)
    prices.save(FRAME.slice(0, 0))
    assert prices.load().equals(FRAME.schema.empty_table())
    prices.save(FRAME)
    prices.save(FRAME.slice(0, 0))
    assert prices.load().num_rows == (0 if mode == "overwrite" else 3)


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_awswrangler_reads_it_and_may_have_written_it(aws: LocalAws) -> None:
    dataset(partition_by="day").save(FRAME)
    read = wr.s3.read_parquet_table(database=DATABASE, table="prices")
    assert sorted(read["id"]) == [1, 2, 3]
    assert set(read["day"].astype(str)) == {"a", "b"}
    assert wr.catalog.get_table_types(DATABASE, "prices") == {
        "id": "bigint",
        "price": "double",
        "day": "string",
    }
    theirs = {"database": DATABASE, "table": "theirs", "path": f"s3://{BUCKET}/theirs/", "dataset": True}
    wr.s3.to_parquet(FRAME.to_pandas(), **theirs, partition_cols=["day"])
    more = dataset(table="theirs", location=f"s3://{BUCKET}/theirs/", partition_by="day", mode="append")
    assert sorted(more.load()["id"].to_pylist()) == [1, 2, 3]
    more.save(FRAME)
    assert sorted(more.load()["id"].to_pylist()) == [1, 1, 2, 2, 3, 3]
    assert len(wr.s3.read_parquet_table(database=DATABASE, table="theirs")) == 6
    whole = dataset(table="theirs", location=f"s3://{BUCKET}/theirs/", partition_by="day")
    whole.save(FRAME)
    assert len([key for key in keys(aws) if key.startswith("theirs/")]) == 2


def test_a_table_at_the_location_itself_is_left_alone(aws: LocalAws) -> None:
    wr.s3.to_parquet(
        FRAME.to_pandas(), path=LOCATION, dataset=True, database=DATABASE, table="prices", index=False
    )
    with pytest.raises(DatasetError, match=r"reads all files below .* Set `location` to a folder beside it"):
        dataset().save(FRAME)
    beside = dataset(location=f"s3://{BUCKET}/beside")
    beside.save(FRAME)
    assert beside.load().equals(FRAME)
    # What is not below its own location, a dataset does not delete.
    assert [key.split("/")[0] for key in keys(aws)] == ["beside", "tables"]


def test_changes_by_others_in_glue_are_kept(aws: LocalAws) -> None:
    glue = client(aws, "glue")
    prices = dataset(mode="append", comment="Ours", parameters={"team": "ml"})
    prices.save(FRAME)
    table = glue.get_table(DatabaseName=DATABASE, Name="prices")["Table"]
    assert (table["Description"], table["Parameters"]["team"]) == ("Ours", "ml")
    table["StorageDescriptor"]["Columns"][0]["Comment"] = "the number"
    edited = {key: table[key] for key in ("Name", "TableType", "StorageDescriptor", "PartitionKeys")}
    glue.update_table(
        DatabaseName=DATABASE, TableInput={**edited, "Owner": "me", "Parameters": {"seen": "yes"}}
    )
    prices.save(FRAME.append_column("note", pa.array(["x"] * 3)))
    after = glue.get_table(DatabaseName=DATABASE, Name="prices")["Table"]
    columns = after["StorageDescriptor"]["Columns"]
    assert (after["Owner"], after["Parameters"]["seen"], after["Parameters"]["team"]) == ("me", "yes", "ml")
    assert [column["Name"] for column in columns] == ["id", "price", "day", "note"]
    assert columns[0]["Comment"] == "the number"


@pytest.mark.usefixtures("aws")
def test_an_overwrite_of_a_table_without_partitions_replaces_its_columns() -> None:
    dataset().save(FRAME)
    other = pa.table({"id": ["now", "text"], "new": [1, 2]})
    dataset().save(other)
    assert dataset().load().equals(other)


def test_threads_save_partitions_of_one_table(aws: LocalAws) -> None:
    frames = [FRAME.slice(0, 1).set_column(2, "day", pa.array([f"day-{number}"])) for number in range(6)]
    prices = dataset(partition_by="day", mode="overwrite_partitions")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(prices.save, frames))
    assert sorted(prices.load()["day"].to_pylist()) == [f"day-{number}" for number in range(6)]
    assert len(keys(aws)) == 6


def test_a_save_that_does_not_fit_changes_nothing(aws: LocalAws) -> None:
    dataset(partition_by="day").save(FRAME)
    before = keys(aws), partitions(aws)
    texts = FRAME.set_column(0, "id", pa.array(["x", "y", "z"]))
    with pytest.raises(DatasetError, match=r"`id` is `bigint` in shop\.prices, but `string` in the frame"):
        dataset(partition_by="day").save(texts)
    with pytest.raises(DatasetError, match=r"is partitioned by `day`, but `partition_by` names no column\."):
        dataset().save(FRAME)
    with pytest.raises(DatasetError, match="no column `prize`, which `schema` names"):
        dataset(partition_by="day", schema={"prize": "double"}).save(FRAME)
    with pytest.raises(DatasetError, match=r"The partition column `day` has the value ''"):
        dataset(partition_by="day").save(FRAME.set_column(2, "day", pa.array(["a", "", "b"])))
    assert (keys(aws), partitions(aws)) == before


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"database": "absent"},
            "the Glue database `absent` does not exist. Create it with `kedro aws bootstrap --env ENV`",
        ),
        (
            {"location": "s3://no-such-bucket/x/"},
            "the bucket `no-such-bucket` does not exist. Create it with",
        ),
        ({"credentials": {"user": "x"}}, "conf/*/credentials.yml: `user` is not known."),
    ],
)
def test_the_message_names_what_is_missing_and_the_fix(
    aws: LocalAws, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)):
        dataset(**changed).save(FRAME)
    assert keys(aws) == []


def test_the_message_names_what_cannot_be_loaded_and_the_fix(aws: LocalAws) -> None:
    with pytest.raises(
        DatasetError, match=r"The table shop\.prices does not exist in Glue\. Run the pipeline that saves it"
    ):
        dataset().load()
    dataset().save(FRAME)
    with pytest.raises(DatasetError, match=r"shop\.prices has no column `cost`\. It has id, price, day\."):
        dataset(columns=["cost"]).load()
    with pytest.raises(DatasetError, match=r"has no partitions\. Leave `partition_filter` out"):
        dataset(partition_filter="day = 'a'").load()
    client(aws, "glue").create_table(
        DatabaseName=DATABASE,
        TableInput={"Name": "seen", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": "x"},
    )
    with pytest.raises(
        DatasetError, match=r"shop\.seen is a view; AthenaTableDataset reads and writes Parquet tables only,"
    ):
        dataset(table="seen").load()
    lines = {"SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"}}
    client(aws, "glue").create_table(
        DatabaseName=DATABASE, TableInput={"Name": "lines", "StorageDescriptor": lines}
    )
    with pytest.raises(DatasetError, match=r"shop\.lines is a table of format OpenCSVSerde"):
        dataset(table="lines").save(FRAME)


@pytest.mark.usefixtures("aws")
def test_the_preview_reads_some_rows() -> None:
    prices = dataset(partition_by="day")
    prices.save(FRAME)
    assert prices.preview(nrows=1) == {
        "columns": ["id", "price", "day"],
        "index": [0],
        "data": [[1, 1.5, "a"]],
    }
    prices.save(FRAME.slice(0, 0))
    assert prices.preview()["data"] == []
