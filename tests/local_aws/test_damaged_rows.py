"""Rows of S3 that are damaged: each is refused in one sentence, and can be replaced and deleted."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import local_aws

REGION = "eu-west-1"
BUCKET, BODY = "damaged-here", b"id\n1\n"
STATE, PLACES, LETTERS = "state = x'6b00ff'", "content = 'a:b:c'", "content = CAST(x'ff' AS TEXT)"
TAGS = {"TagSet": [{"Key": "k", "Value": "v"}]}
DAMAGES = {
    "state": STATE,
    "state-as-text": "state = 'by hand'",
    "marker": "state = x'6d00ff'",
    "places": PLACES,
    "letters": LETTERS,
}

pytestmark = pytest.mark.slow


class Damaged:
    """A local AWS whose rows are changed by hand while it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows = folder / "kept" / "objects.sqlite"

    def start(self) -> Any:
        """Start it, and make a client that asks once."""
        aws, _ = local_aws.start(self.folder, region=REGION)
        make: Any = boto3.client
        return make(
            "s3",
            endpoint_url=aws.endpoint_url,
            region_name=REGION,
            aws_access_key_id=aws.access_key_id,
            aws_secret_access_key=aws.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def make(self) -> Any:
        """Start it with a bucket."""
        s3 = self.start()
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        return s3

    def damage(self, damages: dict[str, str]) -> Any:
        """Change the latest row of each key, and start again."""
        local_aws.stop(self.folder)
        with closing(sqlite3.connect(self.rows)) as rows:
            for key, damage in damages.items():
                last = "SELECT max(row) FROM item WHERE kind = 'version' AND name = ?"
                rows.execute(f"UPDATE item SET {damage} WHERE row = ({last})", (key.encode(),))
            rows.commit()
        return self.start()

    def twice(self, s3: Any) -> Iterator[Any]:
        """Give the client, and one of the server that is started next."""
        yield s3
        local_aws.stop(self.folder)
        yield self.start()

    def count_rows(self) -> int:
        """Count the versions of objects."""
        with closing(sqlite3.connect(self.rows)) as rows:
            ((count,),) = rows.execute("SELECT count(*) FROM item WHERE kind = 'version'").fetchall()
        return int(count)

    def count_files(self) -> int:
        """Count the files of contents."""
        return sum(path.is_file() for path in (self.folder / "kept" / "objects").rglob("*"))


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Damaged]:
    """A local AWS to be damaged, which is stopped in the end."""
    yield Damaged(tmp_path / "state")
    local_aws.stop(tmp_path / "state")


def refuse(request: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        request(Bucket=BUCKET, **params)
    assert caught.value.response["Error"]["Code"] == "ServiceUnavailable"
    return str(caught.value.response["Error"]["Message"])


def list_keys(s3: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def get(s3: Any, key: str, **version: str) -> bytes:
    body: bytes = s3.get_object(Bucket=BUCKET, Key=key, **version)["Body"].read()
    return body


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_damaged_object_is_refused_in_a_sentence_and_the_others_are_there(damaged: Damaged) -> None:
    s3 = damaged.make()
    for key in (*DAMAGES, "whole"):
        etag = s3.put_object(Bucket=BUCKET, Key=key, Body=BODY)["ETag"]
    s3 = damaged.damage(DAMAGES)

    for key in DAMAGES:
        said = refuse(s3.get_object, Key=key)
        assert said.startswith(f"What {damaged.rows} has of s3://{BUCKET}/{key} cannot be read ("), said
        assert said.endswith(
            "). Upload the object again or delete it; or stop the local AWS and put "
            f"{damaged.rows.parent} back from a copy."
        )
        assert refuse(s3.put_object, Key=key, Body=b"", IfMatch=etag) == said
        assert refuse(s3.delete_object, Key=key, IfMatch=etag) == said
        assert refuse(s3.put_object_tagging, Key=key, Tagging=TAGS) == said
        copied = {"Bucket": BUCKET, "Key": key}
        assert refuse(s3.copy_object, Key=key, CopySource=copied, MetadataDirective="REPLACE") == said
        with pytest.raises(ClientError, match="PreconditionFailed"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"", IfNoneMatch="*")
    assert f"s3://{BUCKET}/" in refuse(s3.list_objects_v2)
    assert get(s3, "whole") == BODY
    assert damaged.count_files() == len(DAMAGES) + 1
    assert "Traceback" not in (damaged.folder / "local.log").read_text()


def test_a_damaged_object_can_be_replaced_by_an_upload_a_copy_and_parts(damaged: Damaged) -> None:
    s3 = damaged.make()
    damages = {f"{key}-{how}": damage for key, damage in DAMAGES.items() for how in ("put", "copy", "parts")}
    for key in (*damages, "other"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=BODY)
    s3 = damaged.damage(damages)

    for key in DAMAGES:
        put, copied, joined = ({"Bucket": BUCKET, "Key": f"{key}-{how}"} for how in ("put", "copy", "parts"))
        s3.put_object(**put, Body=b"new")
        s3.copy_object(**copied, CopySource=put)
        joined["UploadId"] = s3.create_multipart_upload(**joined)["UploadId"]
        part = s3.upload_part(**joined, PartNumber=1, Body=b"new")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        s3.complete_multipart_upload(**joined, MultipartUpload=parts)
    for client in damaged.twice(s3):
        assert list_keys(client) == sorted([*damages, "other"])
        assert {key: get(client, key) for key in damages} == dict.fromkeys(damages, b"new")
        assert get(client, "other") == BODY
        assert damaged.count_rows() == len(damages) + 1


def test_a_damaged_object_can_be_deleted(damaged: Damaged) -> None:
    s3 = damaged.make()
    damages = {f"{key}{number}": damage for key, damage in DAMAGES.items() for number in range(2)}
    for key in (*damages, "other"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=BODY)
    s3 = damaged.damage(damages)

    for key in DAMAGES:
        s3.delete_object(Bucket=BUCKET, Key=f"{key}0")
    together = [{"Key": f"{key}1"} for key in DAMAGES]
    assert "Errors" not in s3.delete_objects(Bucket=BUCKET, Delete={"Objects": together})
    for client in damaged.twice(s3):
        assert list_keys(client) == ["other"]
        assert damaged.count_rows() == 1
    client.delete_object(Bucket=BUCKET, Key="other")
    client.delete_bucket(Bucket=BUCKET)


def test_a_damaged_version_stays_until_it_is_deleted_by_the_name_that_the_sentence_gives(
    damaged: Damaged,
) -> None:
    s3 = damaged.make()
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=BUCKET, Key="k", Body=b"first")["VersionId"]
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"second")
    s3 = damaged.damage({"k": STATE})

    assert get(s3, "k", VersionId=first) == b"first"
    said = refuse(s3.get_object, Key="k")
    third = s3.put_object(Bucket=BUCKET, Key="k", Body=b"third")["VersionId"]
    for client in damaged.twice(s3):
        assert get(client, "k") == b"third"
        assert list_keys(client) == ["k"]
        assert refuse(client.list_object_versions) == said
    version = said.partition("(version ")[2].partition(")")[0]
    assert refuse(client.get_object, Key="k", VersionId=version) == said
    client.delete_object(Bucket=BUCKET, Key="k", VersionId=version)
    for again in damaged.twice(client):
        listed = again.list_object_versions(Bucket=BUCKET)["Versions"]
        assert [each["VersionId"] for each in listed] == [third, first]
        assert damaged.count_rows() == 2
    wait_until(lambda: damaged.count_files() == 2)


def test_an_object_whose_name_is_damaged_keeps_its_key_unless_nothing_says_it(damaged: Damaged) -> None:
    s3 = damaged.make()
    for key in ("a", "b", "c", "d"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    name = "name = x'ff2f78'"
    s3 = damaged.damage({"b": name, "c": "name = 'as text'", "d": f"{name}, {STATE}"})

    shown = "b'\\xff/x'"
    assert [get(s3, key) for key in ("a", "b", "c")] == [b"a", b"b", b"c"]
    assert f"s3://{BUCKET}/{shown} " in refuse(s3.list_objects_v2)
    s3.delete_object(Bucket=BUCKET, Key=shown)
    s3.put_object(Bucket=BUCKET, Key="b", Body=b"new")
    s3.put_object_tagging(Bucket=BUCKET, Key="b", Tagging=TAGS)
    for client in damaged.twice(s3):
        assert list_keys(client) == ["a", "b", "c"]
        assert get(client, "b") == b"new"
        assert client.get_object_tagging(Bucket=BUCKET, Key="b")["TagSet"] == TAGS["TagSet"]
    client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "b"}, {"Key": "c"}]})
    assert [list_keys(again) for again in damaged.twice(client)] == [["a"], ["a"]]
    assert damaged.count_rows() == 1


def test_a_change_that_a_damaged_file_refuses_says_what_helps(damaged: Damaged) -> None:
    s3 = damaged.make()
    s3.put_object(Bucket=BUCKET, Key="k", Body=BODY)
    local_aws.stop(damaged.folder)
    with damaged.rows.open("r+b") as file:  # the list of free pages: only what needs a new page looks at it
        file.seek(32)
        file.write((2**31 - 1).to_bytes(4, "big") + (5).to_bytes(4, "big"))
    s3 = damaged.start()
    said = refuse(s3.put_object, Key="large", Body=BODY, Metadata={"m": "x" * 1900, "n": "y" * 6000})
    assert said.startswith(f"{damaged.rows} cannot be written (database disk image is malformed), so")
    assert f"Put {damaged.rows.parent} back from a copy; or delete what is kept there: " in said
    assert get(s3, "k") == BODY


def test_a_query_of_a_damaged_object_fails_and_the_next_ones_run(damaged: Damaged) -> None:
    """As the listing of its bucket does."""
    s3 = damaged.make()
    s3.put_object(Bucket=BUCKET, Key="t/rows.csv", Body=BODY)
    table = f"create external table t (id int) row format delimited location 's3://{BUCKET}/t/'"
    assert query(damaged, table)["State"] == "SUCCEEDED"
    damaged.damage({"t/rows.csv": STATE})
    failed = query(damaged, "select * from t")
    assert failed["StateChangeReason"] == f"HIVE_FILESYSTEM_ERROR: Failed to list directory: s3://{BUCKET}/t"
    assert query(damaged, "select 1")["State"] == "SUCCEEDED"


def query(damaged: Damaged, sql: str) -> dict[str, Any]:
    aws = local_aws.find(damaged.folder)
    assert aws is not None
    athena = aws.client("athena")
    place = {"OutputLocation": f"s3://{BUCKET}/results/"}
    started = athena.start_query_execution(QueryString=sql, ResultConfiguration=place)["QueryExecutionId"]
    status: dict[str, Any] = {"State": "QUEUED"}
    while status["State"] in {"QUEUED", "RUNNING"}:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
    return status
