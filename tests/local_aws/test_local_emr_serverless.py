"""Applications and job runs of the local EMR Serverless, through boto3: the driver is a real spark-submit."""

import gzip
import os
import shutil
import signal
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError
from local_cloud import ARN, BUCKET, IMAGE, ROLE, Cloud

import local_aws
from local_aws.emr_serverless.spark_submit import _extract
from local_aws.protocol.service_model import load_service_model

pytestmark = [pytest.mark.spark, pytest.mark.skipif(shutil.which("java") is None, reason="needs Java")]
RELEASE = "emr-spark-8.1.0"
ENDED = ("SUCCESS", "FAILED", "CANCELLED")
LOGS = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": f"s3://{BUCKET}/logs/"}}}


class Emr:
    """The EMR Serverless of a cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.client = cloud.aws.client("emr-serverless")

    def create(self, **more: Any) -> str:
        """Create an application."""
        request = {"name": "flights", "releaseLabel": RELEASE, "type": "SPARK", **more}
        return str(self.client.create_application(**request)["applicationId"])

    def start(self, application: str, script: str, *arguments: str, parameters: str = "", **more: Any) -> str:
        """Start a job run of a script."""
        self.cloud.s3.put_object(Bucket=BUCKET, Key="jobs/main.py", Body=script.encode())
        submit: dict[str, Any] = {
            "entryPoint": f"s3://{BUCKET}/jobs/main.py",
            "entryPointArguments": list(arguments),
        }
        if parameters:
            submit["sparkSubmitParameters"] = parameters
        request = {"executionRoleArn": ROLE, "configurationOverrides": LOGS, **more}
        started = self.client.start_job_run(
            applicationId=application, jobDriver={"sparkSubmit": submit}, **request
        )
        return str(started["jobRunId"])

    def get(self, application: str, run: str) -> dict[str, Any]:
        """Get a job run."""
        found: dict[str, Any] = self.client.get_job_run(applicationId=application, jobRunId=run)["jobRun"]
        return found

    def wait(self, application: str, run: str, *states: str) -> dict[str, Any]:
        """Wait until a job run has ended, or has one of these states."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            found = self.get(application, run)
            if found["state"] in (states or ENDED):
                return found
            time.sleep(0.2)
        raise AssertionError(found)

    def read_log(self, application: str, run: str, name: str) -> str:
        """Read a log of a driver on S3."""
        key = f"logs/applications/{application}/jobs/{run}/SPARK_DRIVER/{name}.gz"
        return gzip.decompress(self.cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()).decode()


@pytest.fixture
def emr(cloud: Cloud) -> Emr:
    return Emr(cloud)


JOB = """
import os, sys
from helper import add
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
print("sum", spark.sparkContext.parallelize([1, 2, 3], 1).map(add).sum())
shuffles = spark.conf.get("spark.sql.shuffle.partitions")
print("conf", shuffles, os.environ["MINE"], open("notes.txt").read(), sys.argv[1:])
print("unpacked", open("data/inner.txt").read())
print("region", os.environ["AWS_REGION"], file=sys.stderr)
"""


def test_archives_are_unpacked_by_a_python_without_filters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of Debian 12 has none."""
    monkeypatch.delattr(tarfile, "tar_filter", raising=False)
    for name in ("inner.txt", "../outer.txt", "/tmp/outer.txt"):
        with tarfile.open(tmp_path / "packed.tar", "w") as packed:
            packed.addfile(tarfile.TarInfo(name))
        with tarfile.open(tmp_path / "packed.tar") as packed:
            if name == "inner.txt":
                _extract(packed, tmp_path / "folder")
                continue
            with pytest.raises(tarfile.TarError, match=f"{name} would be outside of its folder"):
                _extract(packed, tmp_path / "folder")
    assert [each.name for each in (tmp_path / "folder").iterdir()] == ["inner.txt"]


def test_a_job_runs_with_its_files_and_its_logs_are_where_the_request_says(emr: Emr, tmp_path: Path) -> None:
    put = emr.cloud.s3.put_object
    put(Bucket=BUCKET, Key="jobs/helper.py", Body=b"def add(x):\n    return x + 10\n")
    put(Bucket=BUCKET, Key="jobs/notes.txt", Body=b"hello")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "inner.txt").write_text("from the archive")
    packed = shutil.make_archive(str(tmp_path / "packed"), "gztar", tmp_path / "pack")
    emr.cloud.s3.upload_file(packed, BUCKET, "jobs/packed.tar.gz")
    parameters = (
        f"--py-files s3://{BUCKET}/jobs/helper.py --conf spark.files=s3://{BUCKET}/jobs/notes.txt "
        f"--archives s3://{BUCKET}/jobs/packed.tar.gz#data --conf spark.sql.shuffle.partitions=7 "
        "--conf spark.emr-serverless.driverEnv.MINE=yours"
    )
    group = "/aws/emr-serverless"
    monitoring = {
        **LOGS["monitoringConfiguration"],
        "cloudWatchLoggingConfiguration": {"enabled": True, "logStreamNamePrefix": "kedro/7"},
    }
    application = emr.create(tags={"team": "a"})
    run = emr.start(
        application,
        JOB,
        "--day",
        "two words",
        parameters=parameters,
        name="nightly",
        tags={"run": "7"},
        configurationOverrides={"monitoringConfiguration": monitoring},
    )
    ended = emr.wait(application, run)
    stdout = emr.read_log(application, run, "stdout")
    assert ended["state"] == "SUCCESS", emr.read_log(application, run, "stderr")[-2000:]
    assert "sum 36" in stdout
    assert "conf 7 yours hello ['--day', 'two words']" in stdout
    assert "unpacked from the archive" in stdout
    assert "region eu-west-1" in stdout  # what Python prints on stderr, Spark prints on stdout
    assert "SparkContext" in emr.read_log(application, run, "stderr")
    logs = emr.cloud.aws.client("logs")
    names = [
        each["logStreamName"]
        for each in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="kedro/7/")[
            "logStreams"
        ]
    ]
    assert sorted(names) == [
        f"kedro/7/applications/{application}/jobs/{run}/SPARK_DRIVER/{name}" for name in ("stderr", "stdout")
    ]
    events = logs.get_log_events(logGroupName=group, logStreamName=names[-1])["events"]
    assert "sum 36" in [each["message"] for each in events]
    listed = emr.client.list_job_runs(applicationId=application)["jobRuns"]
    assert [(each["id"], each["name"], each["state"]) for each in listed] == [(run, "nightly", "SUCCESS")]
    assert ended["tags"] == {"run": "7"}
    assert emr.client.get_application(applicationId=application)["application"]["state"] == "STARTED"


def test_a_job_that_fails_says_so(emr: Emr) -> None:
    application = emr.create()
    run = emr.start(application, "raise ValueError('no such day')")
    ended = emr.wait(application, run)
    assert ended["state"] == "FAILED"
    assert ended["stateDetails"].startswith(
        "Job failed, please check complete logs in configured logging destination. ExitCode: 1."
    )
    assert "ValueError: no such day" in ended["stateDetails"]
    missing = emr.client.start_job_run(
        applicationId=application,
        executionRoleArn=ROLE,
        jobDriver={"sparkSubmit": {"entryPoint": f"s3://{BUCKET}/nothing.py"}},
    )["jobRunId"]
    ended = emr.wait(application, missing)
    assert (ended["state"], ended["stateDetails"]) == (
        "FAILED",
        f"The file s3://{BUCKET}/nothing.py does not exist.",
    )


SLEEP = "import os, time\nprint('pid', os.getpid(), flush=True)\ntime.sleep(100)"


def test_a_job_is_cancelled_and_leaves_no_process(emr: Emr) -> None:
    application = emr.create()
    run = emr.start(application, SLEEP)
    emr.wait(application, run, "RUNNING")
    with pytest.raises(ClientError, match="cannot be stopped"):
        emr.client.stop_application(applicationId=application)
    emr.client.cancel_job_run(applicationId=application, jobRunId=run)
    assert emr.wait(application, run)["state"] == "CANCELLED"
    with pytest.raises(ClientError, match="it is CANCELLED"):
        emr.client.cancel_job_run(applicationId=application, jobRunId=run)
    with pytest.raises(ClientError, match="it is STARTED"):
        emr.client.delete_application(applicationId=application)
    emr.client.stop_application(applicationId=application)
    emr.client.delete_application(applicationId=application)
    listed = emr.client.list_applications()["applications"]
    assert [(each["id"], each["state"]) for each in listed] == [(application, "TERMINATED")]


def test_the_same_token_starts_one_job(emr: Emr) -> None:
    application = emr.create(clientToken="a")
    assert emr.create(clientToken="a") == application
    first = emr.start(application, "print(1)", clientToken="t")
    assert emr.start(application, "print(1)", clientToken="t") == first
    with pytest.raises(ClientError, match="ConflictException"):
        emr.start(application, "print(1)", "other", clientToken="t")
    emr.wait(application, first)
    assert len(emr.client.list_job_runs(applicationId=application)["jobRuns"]) == 1


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"releaseLabel": "emr-9.0.0"}, "Unsupported release label: emr-9.0.0"),
        ({"type": "HIVE"}, "does not support applications of the type HIVE"),
        (
            {"imageConfiguration": {"imageUri": IMAGE}},
            "imageConfig",
        ),
        ({"name": "two words"}, "at 'name' failed to satisfy constraint"),
    ],
)
def test_what_no_application_can_be_is_refused(emr: Emr, request_: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match="ValidationException") as error:
        emr.create(**request_)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"parameters": "--master yarn"}, "--master in sparkSubmitParameters"),
        ({"parameters": "--conf spark.master=local"}, "spark.master in sparkSubmitParameters"),
        ({"parameters": "--conf 'a"}, "these sparkSubmitParameters"),
        ({"mode": "STREAMING"}, "mode STREAMING of StartJobRun"),
        ({"retryPolicy": {"maxAttempts": 2}}, "retryPolicy of StartJobRun"),
    ],
)
def test_what_this_machine_does_not_run_is_refused(emr: Emr, more: dict[str, Any], said: str) -> None:
    application = emr.create()
    with pytest.raises(ClientError, match="The local AWS does not support") as error:
        emr.start(application, "print(1)", **more)
    assert said in str(error.value)


def test_unknown_things_are_not_found(emr: Emr) -> None:
    application = emr.create()
    for call in (
        lambda: emr.client.get_application(applicationId="00nothing"),
        lambda: emr.client.get_job_run(applicationId=application, jobRunId="00nothing"),
        lambda: emr.client.list_job_runs(applicationId="00nothing"),
    ):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            call()


def test_tags_and_pages(emr: Emr) -> None:
    applications = [emr.create(name=f"a{number}") for number in range(3)]
    pages = emr.client.get_paginator("list_applications").paginate(PaginationConfig={"PageSize": 1})
    assert [page["applications"][0]["id"] for page in pages] == applications[::-1]
    arn = emr.client.get_application(applicationId=applications[0])["application"]["arn"]
    emr.client.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    emr.client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert emr.client.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    assert arn.startswith(ARN.replace("sagemaker", "emr-serverless"))


def test_operations_that_are_not_here_are_refused_by_name(emr: Emr) -> None:
    with pytest.raises(ClientError, match="does not support StartSession; start a job run"):
        emr.client.start_session(applicationId="00a", executionRoleArn=ROLE)
    assert "StartSession" in load_service_model("emr-serverless").operation_names


@pytest.mark.skipif(sys.platform == "win32", reason="a process group is needed")
def test_a_job_ends_with_the_local_aws_and_has_failed_then(tmp_path: Path) -> None:
    folder, pid_file = tmp_path / "state", tmp_path / "pid"
    script = f"import os, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(300)"

    def start() -> Emr:
        aws, _ = local_aws.start(folder, region="eu-west-1")
        return Emr(Cloud(aws, *(aws.client(each) for each in ("s3", "sagemaker", "sagemaker-runtime"))))

    emr = start()
    place = {"LocationConstraint": "eu-west-1"}
    emr.cloud.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    application = emr.create()
    run = emr.start(application, script)
    deadline = time.monotonic() + 90
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.2)
    driver = psutil.Process(int(pid_file.read_text()))
    os.kill(emr.cloud.aws.pid, signal.SIGKILL)
    assert psutil.wait_procs([driver], timeout=20)[0] == [driver]
    emr = start()
    try:
        found = emr.wait(application, run)
        assert (found["state"], found["stateDetails"]) == (
            "FAILED",
            "The local AWS ended while the job ran. Start another job run.",
        )
    finally:
        local_aws.stop(folder)
