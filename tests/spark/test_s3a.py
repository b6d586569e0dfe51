"""Spark reads and writes s3a:// on the local AWS, and leaves nothing of what failed."""

from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from kedro_aws_plugin.errors import SparkError
from kedro_aws_plugin.spark.buckets import bind_buckets, point_at
from kedro_aws_plugin.spark.s3a import apply_s3a, make_s3a_options
from local_aws import LocalAws

BUCKET = "iris"


@pytest.fixture
def bucket(local_aws: LocalAws) -> str:
    """A new bucket, as s3a:// has it."""
    local_aws.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": local_aws.region}
    )
    return f"s3a://{BUCKET}"


def files(local_aws: LocalAws) -> list[str]:
    """What a reader sees in the bucket: Spark and Athena pass over a folder whose name begins with `_`."""
    listed: dict[str, Any] = local_aws.client("s3").list_objects_v2(Bucket=BUCKET)
    return [found["Key"] for found in listed.get("Contents", ()) if "/_temporary/" not in found["Key"]]


def measured(spark: SparkSession) -> DataFrame:
    """Twelve flowers of three species."""
    names = F.split(F.lit("setosa versicolor virginica"), " ")
    species = names[(F.col("id") % 3).cast("int")]
    return spark.range(12).select("id", species.alias("species"), (F.col("id") / 2).alias("petal"))


def test_partitioned_parquet(spark: SparkSession, local_aws: LocalAws, bucket: str) -> None:
    measured(spark).write.partitionBy("species").parquet(f"{bucket}/flowers")

    written = files(local_aws)
    assert "flowers/_SUCCESS" in written
    assert {key.split("/")[1] for key in written if key.endswith(".parquet")} == {
        "species=setosa",
        "species=versicolor",
        "species=virginica",
    }
    read = spark.read.parquet(f"{bucket}/flowers")
    assert read.columns == ["id", "petal", "species"]
    assert sorted(map(tuple, read.collect())) == sorted(
        map(tuple, measured(spark).select("id", "petal", "species").collect())
    )
    assert read.filter("species = 'setosa'").count() == 4

    measured(spark).write.mode("append").partitionBy("species").parquet(f"{bucket}/flowers")
    assert spark.read.parquet(f"{bucket}/flowers").count() == 24


def test_csv(spark: SparkSession, local_aws: LocalAws, bucket: str) -> None:
    local_aws.client("s3").put_object(
        Bucket=BUCKET, Key="raw/iris.csv", Body=b"species,petal\nsetosa,1.5\nvirginica,6\n"
    )
    read = spark.read.csv(f"{bucket}/raw/iris.csv", header=True, inferSchema=True)
    assert [row.asDict() for row in read.collect()] == [
        {"species": "setosa", "petal": 1.5},
        {"species": "virginica", "petal": 6.0},
    ]


def test_a_task_that_fails_leaves_nothing(spark: SparkSession, local_aws: LocalAws, bucket: str) -> None:
    measured(spark).write.parquet(f"{bucket}/flowers")
    before = files(local_aws)
    broken = (
        measured(spark)
        .repartition(4, "id")
        .withColumn(
            "petal", F.when(F.col("id") == 11, F.raise_error(F.lit("a flower without petals"))).otherwise(1.0)
        )
    )
    with pytest.raises(PySparkException, match="a flower without petals"):
        broken.write.mode("append").partitionBy("species").parquet(f"{bucket}/flowers")
    assert files(local_aws) == before


def test_a_bucket_that_does_not_exist(spark: SparkSession, local_aws: LocalAws) -> None:
    with pytest.raises(Exception, match="no-such-bucket"):
        measured(spark).write.parquet("s3a://no-such-bucket/flowers")
    assert local_aws.client("s3").list_buckets()["Buckets"] == []


def endpoint(spark: SparkSession, bucket: str) -> str | None:
    """Where the file system that Hadoop has for a bucket sends its requests."""
    java = spark._jvm.java.net.URI(bucket)
    file_system = spark._jvm.org.apache.hadoop.fs.FileSystem.get(java, spark._jsc.hadoopConfiguration())
    found: str | None = file_system.getConf().get("fs.s3a.endpoint")
    return found


def test_the_same_session_on_another_aws(spark: SparkSession, local_aws: LocalAws, bucket: str) -> None:
    measured(spark).write.parquet(f"{bucket}/flowers")
    apply_s3a(spark, {**local_aws.environment(), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert endpoint(spark, bucket) == "http://127.0.0.1:9"
    apply_s3a(spark, local_aws.environment())
    assert endpoint(spark, bucket) == local_aws.endpoint_url
    assert spark.read.parquet(f"{bucket}/flowers").count() == 12


def test_nothing_of_the_local_aws_remains_for_the_real_one(spark: SparkSession) -> None:
    configuration = spark._jsc.hadoopConfiguration()
    local = {key for key in make_s3a_options() if key.startswith("fs.s3a.")}
    apply_s3a(spark, {"AWS_REGION": "us-east-1"})
    assert {key: configuration.get(key) for key in local if configuration.get(key)} == {
        "fs.s3a.aws.credentials.provider": make_s3a_options({})["fs.s3a.aws.credentials.provider"],
        "fs.s3a.endpoint.region": "us-east-1",
    }


def test_credentials_that_java_cannot_see(spark: SparkSession) -> None:
    with pytest.raises(
        SparkError, match="Spark's Java was started with another AWS_PROFILE than the one in force now"
    ):
        apply_s3a(spark, {"AWS_PROFILE": "work", "AWS_REGION": "us-east-1"})


def test_a_bound_bucket_keeps_its_aws(spark: SparkSession, local_aws: LocalAws, bucket: str) -> None:
    """A frame reads lazily, when the settings for all buckets are another AWS's already."""
    measured(spark).write.parquet(f"{bucket}/flowers")
    name, elsewhere = bucket.removeprefix("s3a://"), {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    bind_buckets(spark, [name], local_aws.environment(), "/flights (local)")
    bind_buckets(spark, [name], local_aws.environment(), "/flights (local)")
    frame = spark.read.parquet(f"{bucket}/flowers")
    apply_s3a(spark, {**local_aws.environment(), **elsewhere})
    try:
        assert frame.count() == 12
        point_at(spark, f"{bucket}/flowers")  # it does not change the settings for all
        assert spark._jsc.hadoopConfiguration().get("fs.s3a.endpoint") == "http://127.0.0.1:9"
        with pytest.raises(
            SparkError, match=r"belongs to /flights \(local\), and it cannot be bound to /other"
        ):
            bind_buckets(spark, [name], {**local_aws.environment(), **elsewhere}, "/other (local)")
        bind_buckets(spark, [name], {**local_aws.environment(), **elsewhere}, "/flights (local)")
        assert endpoint(spark, bucket) == "http://127.0.0.1:9"
    finally:
        unbind(spark, name)


def test_a_bucket_of_the_real_aws_keeps_what_spark_yml_says_of_it(spark: SparkSession) -> None:
    configuration, name = spark._jsc.hadoopConfiguration(), "partner"
    anonymous = "org.apache.hadoop.fs.s3a.AnonymousAWSCredentialsProvider"
    real = {"AWS_REGION": "eu-west-1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    configuration.set(f"fs.s3a.bucket.{name}.aws.credentials.provider", anonymous)
    try:
        bind_buckets(spark, [name], real, "/flights (aws)")
        bind_buckets(spark, [name], real, "/flights (aws)")
        assert configuration.get(f"fs.s3a.bucket.{name}.endpoint.region") == "eu-west-1"
        assert configuration.get(f"fs.s3a.bucket.{name}.aws.credentials.provider") == anonymous
    finally:
        unbind(spark, name)


def unbind(spark: SparkSession, bucket: str) -> None:
    """Leave the session of all tests as it was."""
    configuration = spark._jsc.hadoopConfiguration()
    entries = [
        str(each.getKey()) for each in configuration.getPropsWithPrefix(f"fs.s3a.bucket.{bucket}.").entrySet()
    ]
    for key in (f"kedro.aws.bucket.{bucket}", *(f"fs.s3a.bucket.{bucket}.{each}" for each in entries)):
        configuration.unset(key)
