"""Seeding: the bucket and the files that a project starts with."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local_aws.control import client as control
from local_aws.errors import LocalAwsError

REGION = "eu-west-1"


def test_a_bucket_is_made_and_filled(local_aws, tmp_path):
    folder = tmp_path / "data" / "raw"
    (folder / "deep").mkdir(parents=True)
    (folder / "companies.csv").write_text("a,b\n")
    (folder / "deep" / "größe 1.csv").write_text("c\n")
    (folder / ".gitkeep").touch()
    seeded = control.seed(local_aws, bucket="my-flights", folder=folder)
    assert seeded == control.Seeded("my-flights", created=True, uploaded=2)
    s3 = local_aws.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="my-flights")["Contents"]]
    assert keys == ["data/raw/companies.csv", "data/raw/deep/größe 1.csv"]
    assert s3.get_object(Bucket="my-flights", Key=keys[0])["Body"].read() == b"a,b\n"
    assert s3.get_bucket_location(Bucket="my-flights")["LocationConstraint"] == REGION
    assert control.seed(local_aws, bucket="my-flights", folder=folder) == control.Seeded(
        "my-flights", False, 0
    )
    s3.create_bucket(Bucket="mine-already", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="mine-already", Key=keys[0], Body=b"mine")
    already = control.seed(local_aws, bucket="mine-already", folder=folder)
    assert (already.uploaded, dict(already.skipped)) == (
        1,
        {keys[0]: "an object of this name was there before"},
    )
    assert s3.get_object(Bucket="mine-already", Key=keys[0])["Body"].read() == b"mine"
    nowhere = control.seed(local_aws, bucket="us-bucket", folder=tmp_path / "nowhere", region="us-east-1")
    assert (nowhere.created, nowhere.uploaded) == (True, 0)
    assert control.status(local_aws)["buckets"] == ["mine-already", "my-flights", "us-bucket"]


def test_raw_data_that_comes_later_is_uploaded_then(local_aws, tmp_path):
    folder = tmp_path / "raw"
    assert control.seed(local_aws, bucket="later", folder=folder).uploaded == 0
    folder.mkdir()
    (folder / ".gitkeep").touch()
    assert control.seed(local_aws, bucket="later", folder=folder).uploaded == 0
    (folder / "a.csv").write_text("x")
    assert control.seed(local_aws, bucket="later", folder=folder).uploaded == 1
    (folder / "b.csv").write_text("x")
    assert control.seed(local_aws, bucket="later", folder=folder).uploaded == 1
    assert control.seed(local_aws, bucket="later", folder=folder).uploaded == 0


def rewrite(file: Path, text: str) -> None:
    """Write a file anew, at another time than before however coarse the disk's clock is."""
    before = file.stat().st_mtime_ns
    file.write_text(text)
    os.utime(file, ns=(before + 10**9, before + 10**9))


def test_a_changed_file_is_uploaded_again_unless_its_object_was_changed_too(local_aws, tmp_path):
    def seed() -> tuple[int, dict[str, str]]:
        seeded = control.seed(local_aws, bucket="mine", folder=tmp_path)
        return seeded.uploaded, dict(seeded.skipped)

    def read(name: str) -> str:
        return s3.get_object(Bucket="mine", Key=f"data/raw/{name}")["Body"].read().decode()

    s3 = local_aws.client("s3")
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).write_text("1")
    assert seed() == (4, {})
    s3.put_object(Bucket="mine", Key="data/raw/b", Body=b"by hand")
    s3.delete_object(Bucket="mine", Key="data/raw/c")
    assert seed() == (0, {}), "the files are as they were"
    assert read("b") == "by hand"
    for name in ("a", "b", "c"):
        rewrite(tmp_path / name, "2")
    rewrite(tmp_path / "d", "1")
    skipped = {"data/raw/b": "the object was changed on S3", "data/raw/c": "the object was deleted"}
    assert seed() == (1, skipped)
    assert seed() == (0, {}), "each change is named once"
    assert (read("a"), read("b"), read("d")) == ("2", "by hand", "1")
    assert s3.list_objects_v2(Bucket="mine", Prefix="data/raw/c")["KeyCount"] == 0

    rewrite(tmp_path / "b", "3")
    assert seed() == (0, {"data/raw/b": "the object was changed on S3"})
    s3.put_object(Bucket="mine", Key="data/raw/b", Body=b"3")
    assert seed() == (0, {}), "the object is the file's copy again"
    rewrite(tmp_path / "b", "4")
    assert seed() == (1, {})
    assert read("b") == "4"


@pytest.mark.slow
def test_what_was_uploaded_is_known_after_a_restart_in_another_place(tmp_path):
    project, moved = tmp_path / "project", tmp_path / "moved"
    (project / "raw").mkdir(parents=True)
    for name in ("a", "b", "c"):
        (project / "raw" / name).write_text("1")
    table = {"Name": "t", "StorageDescriptor": {"Location": "s3://mine/data/raw/"}}
    athena = {"database": {"Name": "shop"}, "tables": [table], "workgroup": None}
    aws, _ = control.start(project / "state", region=REGION)
    assert control.seed(aws, bucket="mine", folder=project / "raw", athena=athena).uploaded == 3
    aws.client("s3").put_object(Bucket="mine", Key="data/raw/b", Body=b"by hand")
    control.stop(project / "state")
    project.rename(moved)
    rewrite(moved / "raw" / "a", "2")
    rewrite(moved / "raw" / "b", "2")
    try:
        aws, _ = control.start(moved / "state", region=REGION)
        seeded = control.seed(aws, bucket="mine", folder=moved / "raw", athena={**athena, "tables": []})
        assert (seeded.created, seeded.uploaded) == (False, 1)
        assert seeded.skipped == {"data/raw/b": "the object was changed on S3"}
        assert aws.client("glue").get_tables(DatabaseName="shop")["TableList"] == []
        read = aws.client("s3").get_object
        found = [read(Bucket="mine", Key=f"data/raw/{name}")["Body"].read() for name in ("a", "b", "c")]
        assert found == [b"2", b"by hand", b"1"]
    finally:
        control.stop(moved / "state")


def test_a_bucket_that_cannot_be_is_refused(local_aws, tmp_path):
    with pytest.raises(LocalAwsError) as caught:
        control.seed(local_aws, bucket="NO", folder=tmp_path)
    assert caught.value.message == (
        f"The local AWS at {local_aws.endpoint_url} refused `seed`: Bucket NO cannot be created: The "
        "specified bucket is not valid."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_file_whose_name_is_no_key_is_refused_in_one_sentence(local_aws, tmp_path):
    (tmp_path / "ü\n+%.csv").write_text("x")
    file = tmp_path / os.fsdecode(b"caf\xe9.csv")
    file.write_text("x")
    with pytest.raises(LocalAwsError) as caught:
        control.seed(local_aws, bucket="mine", folder=tmp_path)
    assert caught.value.message == (
        f"The local AWS at {local_aws.endpoint_url} refused `seed`: {tmp_path}/caf\\xe9.csv cannot be "
        "uploaded: its name is not UTF-8. Rename it."
    )
    file.unlink()
    control.seed(local_aws, bucket="mine", folder=tmp_path)
    body = local_aws.client("s3").get_object(Bucket="mine", Key="data/raw/ü\n+%.csv")["Body"]
    assert body.read() == b"x"


def test_two_that_seed_at_once_upload_once(local_aws, tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.csv").write_text("x")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: control.seed(local_aws, bucket="shared", folder=tmp_path), range(4)))
    assert sum(each.uploaded for each in done) == 20
    assert sum(each.created for each in done) == 1


def test_a_deleted_bucket_is_filled_again(local_aws, tmp_path):
    (tmp_path / "a.csv").write_text("x")
    control.seed(local_aws, bucket="mine", folder=tmp_path)
    s3 = local_aws.client("s3")
    s3.delete_object(Bucket="mine", Key="data/raw/a.csv")
    assert control.seed(local_aws, bucket="mine", folder=tmp_path).uploaded == 0
    s3.delete_bucket(Bucket="mine")
    assert control.seed(local_aws, bucket="mine", folder=tmp_path) == control.Seeded("mine", True, 1)


def test_motos_reset_leaves_nothing_and_the_next_call_mends_it(local_aws, tmp_path):
    (tmp_path / "a.csv").write_text("x")
    table = {"Name": "t", "StorageDescriptor": {"Location": "s3://mine/data/raw/"}}
    athena = {"database": {"Name": "shop"}, "tables": [table], "workgroup": None}
    control.seed(local_aws, bucket="mine", folder=tmp_path, athena=athena)
    sagemaker, client = local_aws.client("sagemaker"), local_aws.client("glue")
    sagemaker.create_model_package_group(ModelPackageGroupName="g")

    def reset(request, **_):
        request.url = f"{local_aws.endpoint_url}/moto-api/reset"

    client.meta.events.register_first("request-created.glue.GetDatabases", reset)
    assert client.get_databases()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    assert control.status(local_aws)["buckets"] == []
    seeded = control.seed(local_aws, bucket="mine", folder=tmp_path, athena=athena)
    assert (seeded.created, seeded.uploaded) == (True, 1)
    assert client.get_table(DatabaseName="shop", Name="t")["Table"]["Name"] == "t"


def test_a_database_that_is_gone_is_made_again(local_aws, tmp_path):
    athena = {"database": {"Name": "shop"}, "tables": [], "workgroup": None}
    for _ in range(2):
        control.seed(local_aws, bucket="mine", folder=tmp_path, athena=athena)
        local_aws.client("glue").delete_database(Name="shop")


def test_tables_without_files_are_named(local_aws, tmp_path):
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "a.csv").write_text("x")
    folders = {"reviews": "data/raw/reviews/", "prices": "data/raw/prices/", "far": "x/"}
    buckets = {"reviews": "mine", "prices": "mine", "far": "not-there"}
    tables = [
        {"Name": name, "StorageDescriptor": {"Location": f"s3://{buckets[name]}/{folder}"}}
        for name, folder in folders.items()
    ]
    athena = {"database": {"Name": "shop"}, "tables": tables, "workgroup": None}
    for _ in range(2):
        seeded = control.seed(local_aws, bucket="mine", folder=tmp_path, athena=athena)
        assert seeded.empty_tables == {"prices": "s3://mine/data/raw/prices/", "far": "s3://not-there/x/"}
