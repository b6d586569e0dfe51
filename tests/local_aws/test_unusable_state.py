"""What is kept and cannot be used: one sentence, and nothing is lost. A folder that is copied or moved."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

import local_aws
from local_aws import LocalAws, LocalAwsError, Stopped

REGION = "eu-west-1"
BUCKET, KEY, BODY = "kept-here", "a/ü\u0001 &+%'\".csv", b"id\n1\n"

pytestmark = pytest.mark.slow


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    """A state folder, whose local AWS and those of its copies are stopped in the end."""
    yield tmp_path / "state"
    for folder in tmp_path.iterdir():
        local_aws.stop(folder)


def start(folder: Path) -> LocalAws:
    aws, _ = local_aws.start(folder, region=REGION)
    return aws


def fill(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=BODY)
    aws.client("glue").create_database(DatabaseInput={"Name": "shop"})


def is_filled(aws: LocalAws) -> bool:
    found: bytes = aws.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    return found == BODY and bool(aws.client("glue").get_database(Name="shop"))


def refuse(folder: Path) -> str:
    with pytest.raises(LocalAwsError) as caught:
        start(folder)
    return caught.value.message


def name_reset(state_dir: Path) -> str:
    """The command that deletes what is kept."""
    folder = f"'{state_dir}'" if " " in str(state_dir) else state_dir
    return f"local-aws reset --state-dir {folder}"


def test_a_newer_or_unreadable_format_is_one_sentence_until_a_reset(state_dir: Path) -> None:
    fill(start(state_dir))
    local_aws.stop(state_dir)
    kept = state_dir / "kept"
    (kept / "format").write_text("2\n")
    assert refuse(state_dir) == (
        f"{kept} was written by a newer kedro-aws-plugin, in format 2; this version reads 1. Upgrade the "
        f"plugin; or delete what is kept: {name_reset(state_dir)}"
    )
    (kept / "format").write_text("1\n")
    assert is_filled(start(state_dir))
    local_aws.stop(state_dir)
    (kept / "format").write_text("two\n")
    assert "holds no number" in refuse(state_dir)
    assert local_aws.reset(state_dir)
    assert not kept.exists()
    assert start(state_dir).client("s3").list_buckets()["Buckets"] == []


@pytest.mark.parametrize("name", ["objects.sqlite", "services.sqlite"])
def test_rows_that_are_damaged_empty_or_missing_are_one_sentence_and_nothing_is_lost(
    state_dir: Path, name: str
) -> None:
    fill(start(state_dir))
    local_aws.stop(state_dir)
    kept, copy = state_dir / "kept", state_dir.parent / "copy of kept"
    shutil.copytree(kept, copy)
    for file in kept.glob(f"{name}*"):
        file.unlink()
    assert refuse(state_dir).startswith(f"{kept / name} is missing, so the local AWS cannot tell")
    for content, what in ((b"by hand" * 1000, "cannot be "), (b"", "has no table ")):
        (kept / name).write_bytes(content)
        said = refuse(state_dir)
        assert said.startswith(f"{kept / name} {what}"), said
        assert said.endswith(f"or delete what is kept there: {name_reset(state_dir)}")
        assert len(said.splitlines()) == 1
        assert (kept / name).read_bytes() == content
    shutil.copy(copy / name, kept / name)
    assert is_filled(start(state_dir))


def test_what_no_file_can_be_is_one_sentence(state_dir: Path) -> None:
    fill(start(state_dir))
    local_aws.stop(state_dir)
    for name in ("credentials.json", "local.lock", "kept/format"):
        before = state_dir / "before"
        (state_dir / name).rename(before)
        (state_dir / name).mkdir()
        (state_dir / name / "of a user").touch()
        said = refuse(state_dir)
        assert said.startswith(f"The local AWS cannot use {state_dir / name}: Is a directory. "), said
        shutil.rmtree(state_dir / name)
        before.rename(state_dir / name)
    assert is_filled(start(state_dir))


def test_a_reset_that_was_killed_is_done_by_the_next_start(state_dir: Path) -> None:
    fill(start(state_dir))
    local_aws.stop(state_dir)
    (state_dir / "kept" / "resetting").touch()  # as while one that runs deletes what it holds
    (state_dir / "kept.forgotten").mkdir()  # as while a folder is deleted
    assert start(state_dir).client("s3").list_buckets()["Buckets"] == []
    assert not (state_dir / "kept.forgotten").exists()
    fill(start(state_dir))
    local_aws.reset(state_dir)
    local_aws.stop(state_dir)
    fill(start(state_dir))
    local_aws.stop(state_dir)
    assert is_filled(start(state_dir))


def test_a_server_that_keeps_nothing_leaves_what_is_kept_alone(state_dir: Path) -> None:
    fill(start(state_dir))
    local_aws.stop(state_dir)
    before = {path: path.stat().st_mtime_ns for path in (state_dir / "kept").rglob("*")}
    aws, _ = local_aws.start(state_dir, region=REGION, keep=False)
    assert aws.client("s3").list_buckets()["Buckets"] == []
    fill(aws)
    local_aws.stop(state_dir)
    assert {path: path.stat().st_mtime_ns for path in (state_dir / "kept").rglob("*")} == before
    assert is_filled(start(state_dir))


def test_a_copy_has_a_local_aws_of_its_own_and_the_same_contents(state_dir: Path) -> None:
    aws = start(state_dir)
    fill(aws)
    copy = state_dir.parent / "copy"
    shutil.copytree(state_dir, copy)
    assert local_aws.find(copy) is None
    assert local_aws.stop(copy) == Stopped.NOT_RUNNING
    other = start(copy)
    assert other.endpoint_url != aws.endpoint_url
    assert is_filled(other)
    other.client("s3").delete_object(Bucket=BUCKET, Key=KEY)
    assert is_filled(aws)
    assert local_aws.find(state_dir) == aws


def test_a_folder_that_is_moved_while_it_runs_is_started_again_with_everything(state_dir: Path) -> None:
    aws = start(state_dir)
    fill(aws)
    moved = state_dir.parent / "moved"
    s3 = aws.client("s3")
    state_dir.rename(moved)
    with pytest.raises((ClientError, BotoCoreError)):
        s3.put_object(Bucket=BUCKET, Key="late", Body=BODY)
    with suppress(psutil.NoSuchProcess):
        psutil.Process(aws.pid).wait(30)
    assert not state_dir.exists()
    again = start(moved)
    assert again.pid != aws.pid
    assert is_filled(again)


RUN_ON = """
import sys
from pathlib import Path
import local_aws

folder = Path(sys.argv[1])
try:
    local_aws.start(folder, region="eu-west-1")
except local_aws.LocalAwsError as error:
    print(error.message)
try:
    print(local_aws.stop(folder).name)
except local_aws.LocalAwsError as error:
    print(error.message)
"""

needs_mounts = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux can mount"
)


def run_on(mount: str, code: str, folder: Path) -> list[str]:
    """Run Python where a mount is in force, and return the lines that it prints."""
    command = f'{mount} && exec "$PYTHON" -c "$CODE" "$FOLDER"'
    variables = {"AWS_MAX_ATTEMPTS": "1", "PYTHON": sys.executable, "CODE": code, "FOLDER": str(folder)}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_mounts
def test_a_disk_that_cannot_be_written_is_one_sentence(state_dir: Path) -> None:
    fill(start(state_dir))
    local_aws.stop(state_dir)
    read_only = 'mount --bind "$FOLDER" "$FOLDER" && mount -o remount,ro,bind "$FOLDER"'
    said = run_on(read_only, RUN_ON, state_dir)
    assert said[0] == (
        f"The local AWS cannot keep its files in {state_dir}: Read-only file system. Make it writable for "
        "you alone, or set KEDRO_AWS_STATE_DIR to another folder."
    )
    assert said[1:] == [
        f"{state_dir / 'local.lock'} cannot be locked: Read-only file system. Make it writable."
    ]
    assert is_filled(start(state_dir))


FULL = """
import sys
from pathlib import Path

from botocore.exceptions import ClientError

import local_aws

folder, filler = Path(sys.argv[1]) / "state", Path(sys.argv[1]) / "filler"

def start():
    aws, _ = local_aws.start(folder, region="eu-west-1")
    return [aws.client(name) for name in ("s3", "glue", "sagemaker", "sqs")]

def fill():
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass

def attempt(request, **params):
    try:
        request(**params)
        print("done")
    except ClientError as error:
        print(error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"])

s3, glue, sagemaker, sqs = start()
s3.create_bucket(Bucket="shop", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
s3.put_object(Bucket="shop", Key="before", Body=b"x" * 1000)
for number in range(20):
    s3.put_object(Bucket="shop", Key=f"old{number}", Body=b"x")
fill()
attempt(s3.put_object, Bucket="shop", Key="large", Body=bytes(10**6))
for number in range(20):
    name = f"d{number}"
    try:
        glue.create_database(DatabaseInput={"Name": name, "Description": "x" * 2000})
    except ClientError:
        break
attempt(glue.create_database, DatabaseInput={"Name": "other"})
for number in range(19):
    try:
        s3.delete_object(Bucket="shop", Key=f"old{number}")
    except ClientError:
        break
attempt(s3.delete_object, Bucket="shop", Key="old19")
attempt(s3.get_object, Bucket="shop", Key="before")
attempt(s3.list_buckets)
attempt(sqs.list_queues)
try:
    local_aws.reset(folder)
except local_aws.LocalAwsError as error:
    print("is full. Delete other files on its disk" in error.message)
attempt(sagemaker.create_model_package_group, ModelPackageGroupName="g")
print("before" in [each["Key"] for each in s3.list_objects(Bucket="shop")["Contents"]])
attempt(glue.get_databases)
filler.unlink()
attempt(glue.create_database, DatabaseInput={"Name": "after"})
attempt(s3.put_object, Bucket="shop", Key="large", Body=bytes(10**6))
fill()
print(local_aws.stop(folder).name)
try:
    start()
except local_aws.LocalAwsError as error:
    print(error.message)
filler.unlink()
s3, glue, sagemaker, sqs = start()
print([s3.head_object(Bucket="shop", Key=key)["ContentLength"] for key in ("before", "large")])
attempt(s3.head_object, Bucket="shop", Key="old19")
attempt(glue.get_database, Name="after")
print(local_aws.stop(folder).name)
"""


@needs_mounts
def test_a_full_disk_refuses_what_changes_something_and_recovers(state_dir: Path) -> None:
    state_dir.mkdir()
    assert run_on('mount -t tmpfs -o size=24m tmpfs "$FOLDER"', FULL, state_dir) == [
        "503 ServiceUnavailable",
        "503 ServiceUnavailableException",
        "503 ServiceUnavailable",
        "done",
        "done",
        "done",
        "True",
        "503 ServiceUnavailableException",
        "True",
        "done",
        "done",
        "done",
        "IN_ORDER",
        f"The local AWS cannot start: the disk of {state_dir / 'state'} is full. Nothing is lost. Make room, "
        "then run the command again.",
        "[1000, 1000000]",
        "404 404",
        "done",
        "IN_ORDER",
    ]
