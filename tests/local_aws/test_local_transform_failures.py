"""Transform jobs that fail, are stopped or are killed, and inputs that want to do harm."""

import gzip
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from local_cloud import BUCKET, Cloud
from transform_jobs import ECHO, Jobs

import local_aws

SEE_LOGS = "See job logs for more information"


@pytest.fixture
def jobs(cloud: Cloud) -> Jobs:
    cloud.create_model("echo", ECHO)
    return Jobs(cloud)


def test_a_bad_input_fails_the_job_and_the_others_are_written(jobs: Jobs) -> None:
    good = b"1\n2\n"
    jobs.put(in__a_csv=good, in__b_csv=b"1\nbad\n2\n", in__c_csv=b"x" * 1024**2 + b"y\n", in__d_csv=good)
    name = jobs.create("echo", MaxPayloadInMB=1, BatchStrategy="SingleRecord")
    job = jobs.wait(name)
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", f"ClientError: {SEE_LOGS}")
    assert "TransformEndTime" in job
    assert list(jobs.read()) == ["a.csv.out", "d.csv.out"]
    log = jobs.read_log(name)
    at = log.index(f"{BUCKET}/in/b.csv: ClientError: 400")
    assert [line.removeprefix(f"{BUCKET}/in/b.csv: ") for line in log[at : at + 5]] == [
        "ClientError: 400",
        "Records: line 2",
        "",
        "Message:",
        "this record is bad",
    ]
    assert f"{BUCKET}/in/c.csv: ClientError: Too much data for max payload size (line 1)" in log
    assert "Refused: this record is bad" in jobs.read_log(name, data=False)


def test_a_container_that_fails_is_asked_again_and_then_to_blame(jobs: Jobs) -> None:
    jobs.put(in__a_csv=b"1\nfails\n")
    name = jobs.create("echo", ModelClientConfig={"InvocationsMaxRetries": 2})
    assert jobs.wait(name)["FailureReason"] == f"AlgorithmError: {SEE_LOGS}"
    log = jobs.read_log(name)
    assert f"{BUCKET}/in/a.csv: Bad HTTP status received from algorithm: 500" in log
    assert f"{BUCKET}/in/a.csv: Records: lines 1 to 2" in log
    container = jobs.read_log(name, data=False)
    assert container.count("ValueError: the model is broken") == 3
    jobs.put(in__a_csv=b"1\nslow\n")
    client = {"InvocationsMaxRetries": 0, "InvocationsTimeoutInSeconds": 1}
    name = jobs.create("echo", ModelClientConfig=client)
    assert jobs.wait(name)["FailureReason"] == f"AlgorithmError: {SEE_LOGS}"
    assert f"{BUCKET}/in/a.csv: Model server did not respond to /invocations request within 1 seconds" in (
        jobs.read_log(name)
    )
    assert jobs.read() == {}


def test_a_job_survives_that_its_models_process_is_killed(jobs: Jobs) -> None:
    jobs.put(in__a_csv=b"dies\n", in__b_csv=b"2\n")
    assert jobs.run("echo")["TransformJobStatus"] == "Completed"
    assert jobs.read()["a.csv.out"] == b"[text/csv|text/csv|dies\n]\n"


@pytest.mark.parametrize(
    ("objects", "changes", "reason"),
    [
        ({}, {}, f"ClientError: S3 key: s3://{BUCKET}/in/ matched no files on s3"),
        ({}, {"uri": "m", "data_type": "ManifestFile"}, f"s3://{BUCKET}/m matched no files"),
        ({"m": b"[1]"}, {"uri": "m", "data_type": "ManifestFile"}, "is not a manifest"),
        (
            {"in__a": b"1"},
            {"result": {"S3OutputPath": "s3://absent-bucket/x"}},
            "Create bucket absent-bucket",
        ),
        ({"in__in1": b"1", "in1": b"1"}, {"uri": "in"}, "would have the same output"),
        ({"in__a": b"1"}, {"Environment": {"SAGEMAKER_PROGRAM": "absent.py"}}, "absent.py is not in"),
    ],
)
def test_a_job_that_cannot_begin_says_why(
    jobs: Jobs, objects: dict[str, bytes], changes: dict[str, Any], reason: str
) -> None:
    jobs.put(**objects)
    job = jobs.run("echo", **changes)
    assert job["TransformJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


def test_hostile_inputs_fail_alone(jobs: Jobs) -> None:
    bomb = gzip.compress(bytes(300 * 1024**2), 1)
    jobs.put(
        in__a=gzip.compress(b"1\n"), in__b=b"no gzip", in__c=gzip.compress(b"1\n" * 99)[:-12], in__d=bomb
    )
    server = psutil.Process(jobs.cloud.aws.pid)
    before = server.memory_info().rss
    name = jobs.create("echo", given={"CompressionType": "Gzip"})
    most = before
    while jobs.cloud.sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"] == (
        "InProgress"
    ):
        most = max(most, server.memory_info().rss)
        time.sleep(0.02)
    assert jobs.wait(name)["FailureReason"] == f"ClientError: {SEE_LOGS}"
    assert jobs.read() == {"a.out": b"[text/csv|text/csv|1\n]\n"}
    log = "\n".join(jobs.read_log(name))
    assert f"{BUCKET}/in/b: ClientError: it cannot be unpacked by gzip" in log
    assert f"{BUCKET}/in/c: ClientError: it cannot be unpacked by gzip" in log
    assert f"{BUCKET}/in/d: ClientError: Too much data for max payload size (line 1)" in log
    assert most - before < 100 * 1024**2


def test_a_payload_may_have_50_megabytes(jobs: Jobs) -> None:
    large = b"x" * 50 * 1024**2
    jobs.put(in__a=large)
    assert (
        jobs.run("echo", MaxPayloadInMB=50, given={"SplitType": "None"})["TransformJobStatus"] == "Completed"
    )
    assert jobs.read()["a.out"] == b"[text/csv|text/csv|%b]\n" % large
    failed = jobs.run("echo", MaxPayloadInMB=49, given={"SplitType": "None"})
    assert failed["FailureReason"] == f"ClientError: {SEE_LOGS}"
    assert jobs.read_log(failed["TransformJobName"])[1:] == [
        f"{BUCKET}/in/a: ClientError: Too much data for max payload size (the whole object)"
    ]


def test_what_cannot_be_filtered_or_joined_is_named(jobs: Jobs) -> None:
    jobs.put(in__a_csv=b"1,2\n3,4\n", in__b_csv=b"1,2\n\n3\n", in__c_csv=b'1,"2\n')
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input"}
    job = jobs.run("echo", DataProcessing=processing)
    assert job["FailureReason"] == f"ClientError: {SEE_LOGS}"
    assert jobs.read() == {}
    log = jobs.read_log(job["TransformJobName"])
    assert (
        f"{BUCKET}/in/a.csv: ClientError: the container has answered 2 records with 3. To join or filter"
        in ("\n".join(log))
    )
    assert f"{BUCKET}/in/a.csv: Records: lines 1 to 2" in log
    assert f"{BUCKET}/in/b.csv: ClientError: line 3: InputFilter $[1:]: it has only 1 elements" in log
    assert f"{BUCKET}/in/c.csv: ClientError: line 1: InputFilter $[1:]: unexpected end of data" in log


def list_models(folder: Path) -> list[int]:
    """List the processes that serve the models of a state folder."""
    return [
        each.pid
        for each in psutil.process_iter(["cmdline"])
        if any(str(folder) in part for part in each.info["cmdline"] or [])
        and "local_aws.sagemaker.serving_process" in (each.info["cmdline"] or [])
    ]


def test_stop_ends_one_job_and_leaves_the_other(jobs: Jobs) -> None:
    jobs.put(in__a_csv=b"1\n", in__b_csv=b"slow\n", other__c_csv=b"3\n")
    name = jobs.create("echo")
    jobs.wait_until_started(name)
    other = jobs.create("echo", "other/")
    jobs.cloud.sagemaker.stop_transform_job(TransformJobName=name)
    assert jobs.wait(name, "Stopping", "Stopped")
    job = jobs.wait(name)
    assert job["TransformJobStatus"] == "Stopped"
    assert "FailureReason" not in job
    assert jobs.wait(other)["TransformJobStatus"] == "Completed"
    assert list(jobs.read()) == ["c.csv.out"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / ".kedro-aws"
    yield path
    local_aws.stop(path)


def end_server(folder: Path, pid: int, *, by_kill: bool) -> None:
    """Kill or stop a local AWS, and wait until the processes of its models have ended."""
    if by_kill:
        os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    else:
        local_aws.stop(folder)
    deadline = time.monotonic() + 30
    while list_models(folder) or local_aws.find(folder) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_what_ends_with_the_local_aws_has_failed_when_it_is_there_again(folder: Path) -> None:
    def start() -> Jobs:
        aws, _ = local_aws.start(folder, region="eu-west-1")
        return Jobs(Cloud(aws, *(aws.client(each) for each in ("s3", "sagemaker", "sagemaker-runtime"))))

    jobs = start()
    bucket = {"LocationConstraint": "eu-west-1"}
    jobs.cloud.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=bucket)
    jobs.cloud.create_model("echo", ECHO)
    jobs.put(in__a_csv=b"1\n", in__b_csv=b"slow\n")
    names = []
    for end in ("kill", "stop"):
        name = jobs.create("echo", name=f"ends-by-{end}")
        names.append(name)
        jobs.wait_until_started(name)
        assert list_models(folder)
        end_server(folder, jobs.cloud.aws.pid, by_kill=end == "kill")
        assert not list((folder / "containers").glob("*")) or end == "kill"
        jobs = start()
        job = jobs.wait(name)
        assert job["TransformJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("InternalServerError: The local AWS ended while the job ran")
        assert jobs.read() == {}
    listed = jobs.cloud.sagemaker.list_transform_jobs(SortBy="Name", SortOrder="Ascending")
    assert [each["TransformJobName"] for each in listed["TransformJobSummaries"]] == names
    jobs.put(in__b_csv=b"2\n")
    assert jobs.run("echo", name="again")["TransformJobStatus"] == "Completed"
