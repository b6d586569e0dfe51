"""The decorators on frames of a real session."""

from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.spark.decorators import cached, coalesce_to, repartition_by


@pytest.fixture
def flowers(spark: SparkSession) -> DataFrame:
    """Thirty flowers of three species, each species in each of five partitions."""
    return spark.range(0, 30, numPartitions=5).select("id", (F.col("id") % 3).alias("Species"))


def partitions(frame: DataFrame) -> int:
    return frame.rdd.getNumPartitions()


def files_of(frame: DataFrame, folder: Path) -> int:
    frame.write.partitionBy("Species").parquet(str(folder))
    return len(list(folder.rglob("*.parquet")))


def test_by_a_column_each_value_is_one_file(flowers: DataFrame, tmp_path: Path) -> None:
    assert files_of(flowers, tmp_path / "as-it-is") == 15
    assert files_of(repartition_by("species")(lambda: flowers)(), tmp_path / "by-species") == 3


def test_numbers(flowers: DataFrame) -> None:
    assert partitions(repartition_by(7)(lambda: flowers)()) == 7
    assert partitions(repartition_by(4, "id", "species")(lambda: flowers)()) == 4
    assert partitions(coalesce_to(2)(lambda: flowers)()) == 2


def test_several_frames_and_what_stands_among_them(flowers: DataFrame) -> None:
    two = coalesce_to(2)
    frame, score = two(lambda: (flowers, 0.5))()
    assert (partitions(frame), score) == (2, 0.5)
    listed = two(lambda: [flowers, flowers])()
    assert isinstance(listed, list)
    assert [partitions(frame) for frame in listed] == [2, 2]
    named = two(lambda: {"train": flowers, "seed": 3})()
    assert (partitions(named["train"]), named["seed"]) == (2, 3)


def test_cached(flowers: DataFrame) -> None:
    kept = cached(lambda: flowers)()
    assert kept.is_cached
    kept.unpersist()


def test_a_missing_column(flowers: DataFrame) -> None:
    @repartition_by("speces")
    def parse() -> DataFrame:
        return flowers

    @repartition_by("petal")
    def split() -> dict[str, DataFrame]:
        return {"train": flowers}

    @repartition_by("id", "petal")
    def pair() -> tuple[DataFrame, DataFrame]:
        return flowers.withColumn("petal", F.lit(1)), flowers

    with pytest.raises(SparkError, match=r"has no column `speces`; did you mean `Species`\?"):
        parse()
    with pytest.raises(
        SparkError,
        match=r"`train` of what .*split returns has no column `petal`\. Its columns are id, Species\.",
    ):
        split()
    with pytest.raises(SparkError, match=r"output 2 of .*pair has no column `petal`"):
        pair()


def test_fields_and_enclosed_names(spark: SparkSession) -> None:
    frame = spark.range(4).select(F.struct("id").alias("flower"), F.lit(1).alias("petal.length"))
    assert repartition_by("flower.id", "`petal.length`")(lambda: frame)().count() == 4
