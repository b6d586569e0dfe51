"""Processing jobs of the local AWS, which run as processes."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from container_jobs import Jobs, make_input, make_output
from local_cloud import ARN, BUCKET, ROLE, Cloud, refused

import local_aws

WRITE = """
import json, os, sys
root = os.path.abspath(__file__).split("/processing/")[0]
found = {}
for folder, _folders, files in os.walk(root + "/processing/input/data"):
    for file in files:
        path = os.path.join(folder, file)
        found[os.path.relpath(path, root)] = open(path).read()
told = {
    "found": found,
    "arguments": sys.argv[1:],
    "environment": dict(os.environ),
    "config": json.load(open(root + "/config/processingjobconfig.json")),
    "resources": json.load(open(root + "/config/resourceconfig.json")),
    "python": sys.executable,
    "cwd": os.getcwd(),
}
os.makedirs(sys.argv[1] + "/below", exist_ok=True)
with open(sys.argv[1] + "/below/told.json", "w") as file:
    json.dump(told, file)
print("this job has", len(found), "files")
"""
SLEEP = """
import os, signal, subprocess, sys, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "child" in sys.argv:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "the-child-of-a-job"])
print("sleeping", flush=True)
time.sleep(600)
"""


@pytest.fixture
def jobs(cloud: Cloud) -> Jobs:
    return Jobs(cloud)


def tell(jobs: Jobs) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a job that tells what it sees, and return its description and what it told."""
    jobs.put("in/a.csv", "1")
    jobs.put("in/x/b.csv", "2")
    jobs.put("in/folder/", "")
    jobs.put("input-of-another/c.csv", "3")
    manifest = jobs.put("manifest", json.dumps([{"prefix": f"s3://{BUCKET}/in/"}, "x/b.csv"]))
    data = "/opt/ml/processing/input/data"
    name = jobs.create(
        WRITE,
        "/opt/ml/processing/output/out",
        "--at=/opt/ml/processing",
        "s3://bucket/opt/ml/x",
        inputs=[
            make_input("prefix", f"s3://{BUCKET}/in/", f"{data}/prefix"),
            make_input("one", f"s3://{BUCKET}/in/a.csv", f"{data}/one"),
            make_input("listed", manifest, f"{data}/listed", S3DataType="ManifestFile"),
        ],
        outputs=[make_output("out", "results/")],
        Environment={"WHERE": "/opt/ml/processing/input", "PLAIN": "text"},
        Tags=[{"Key": "of", "Value": "us"}],
    )
    job = jobs.wait(name)
    assert job["ProcessingJobStatus"] == "Completed", job
    assert list(jobs.read("results/")) == ["below/told.json"]
    return job, json.loads(jobs.read("results/")["below/told.json"])


def test_a_job_runs_with_its_inputs_and_stores_its_outputs(jobs: Jobs) -> None:
    job, told = tell(jobs)
    root = told["arguments"][0].removesuffix("/processing/output/out")
    assert told["found"] == {
        "processing/input/data/prefix/a.csv": "1",
        "processing/input/data/prefix/x/b.csv": "2",
        "processing/input/data/one/a.csv": "1",
        "processing/input/data/listed/x/b.csv": "2",
    }
    assert told["arguments"][1:] == [f"--at={root}/processing", "s3://bucket/opt/ml/x"]
    assert told["environment"]["WHERE"] == f"{root}/processing/input"
    assert told["environment"]["PLAIN"] == "text"
    assert told["environment"]["AWS_ENDPOINT_URL"] == jobs.cloud.aws.endpoint_url
    assert told["environment"]["KEDRO_AWS_STATE_DIR"] == os.environ["KEDRO_AWS_STATE_DIR"]
    assert "PYTEST_CURRENT_TEST" not in told["environment"]
    assert told["python"] == sys.executable
    assert told["resources"] == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert told["config"]["ProcessingJobName"] == job["ProcessingJobName"]
    assert told["config"]["AppSpecification"] == job["AppSpecification"]
    assert jobs.read_log(job["ProcessingJobName"]) == ["this job has 4 files"]
    assert not Path(root).exists()


def test_a_job_is_described_listed_and_tagged(jobs: Jobs) -> None:
    job, _told = tell(jobs)
    name = job["ProcessingJobName"]
    assert "FailureReason" not in job
    assert job["ProcessingJobArn"] == f"{ARN}:processing-job/{name}"
    assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}
    client = jobs.cloud.sagemaker
    tags = client.list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"]
    assert tags == [{"Key": "of", "Value": "us"}]
    (listed,) = client.list_processing_jobs(StatusEquals="Completed")["ProcessingJobSummaries"]
    assert listed["ProcessingJobName"] == name
    assert client.list_processing_jobs(StatusEquals="Failed")["ProcessingJobSummaries"] == []


MESSAGE = """
import os, sys
root = os.path.abspath(__file__).split("/processing/")[0]
open(root + "/output/message", "wb").write(eval(sys.argv[2]))
open(root + "/processing/output/end/x", "w").write("x")
open(root + "/processing/output/soon/x", "w").write("x")
sys.stdout.write("half a line")
sys.stdout.flush()
os.kill(os.getpid(), 9) if sys.argv[1] == "kill" else sys.exit(int(sys.argv[1]))
"""


def test_a_job_that_fails_says_so_in_awss_words(jobs: Jobs) -> None:
    def run(*arguments: str) -> dict[str, Any]:
        outputs = [make_output("end", "end"), make_output("soon", "soon", "Continuous")]
        return jobs.run(MESSAGE, *arguments, outputs=outputs)

    job = run("3", "b'node `train`: no column `price`'")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: , exit code: 3"
    assert job["ExitMessage"] == "node `train`: no column `price`"
    assert jobs.read_log(job["ProcessingJobName"]) == ["half a line"]
    assert list(jobs.read("soon/")) == ["x"]
    assert jobs.read("end/") == {}
    assert run("0", "'é'.encode() * 1000")["ExitMessage"] == "é" * 512
    assert list(jobs.read("end/")) == ["x"]
    long = run("0", "b'a' + 'é'.encode() * 1000")
    assert (long["ProcessingJobStatus"], long["ExitMessage"]) == ("Completed", "a" + "é" * 511)
    assert run("0", "b'\\xff'")["FailureReason"] == "ClientError: /opt/ml/output/message is not UTF-8."
    assert run("kill", "b''")["FailureReason"].endswith("on an instance., exit code: 137")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"inputs": [make_input("data", "s3://absent-bucket/x")]},
            'No S3 objects found under S3 URL "s3://absent-bucket/x"',
        ),
        ({"inputs": [make_input("data", f"s3://{BUCKET}/both/")]}, "is both a file and a folder"),
        ({"inputs": [make_input("data", f"s3://{BUCKET}/bad/")]}, "leads out of its folder"),
        (
            {
                "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["no-such-program"]},
            },
            "AlgorithmError: , exit code: 127",
        ),
    ],
)
def test_a_job_that_cannot_begin_says_why(jobs: Jobs, changes: dict[str, Any], reason: str) -> None:
    jobs.put("both/a", "1")
    jobs.put("both/a/b", "1")
    jobs.put("bad/../../../x", "1")
    job = jobs.run("print(1)", **changes)
    assert job["ProcessingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


def list_children() -> list[psutil.Process]:
    """List the processes that jobs have started."""
    return [
        each
        for each in psutil.process_iter(["cmdline"])
        if "the-child-of-a-job" in (each.info["cmdline"] or []) and each.status() != psutil.STATUS_ZOMBIE
    ]


def wait_until_childless() -> None:
    """Wait until nothing that jobs have started runs."""
    deadline = time.monotonic() + 20
    while list_children():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_job_is_stopped_with_its_children(jobs: Jobs) -> None:
    name = jobs.create(SLEEP, "child", outputs=[make_output("out", "results/")])
    jobs.wait_for_line(name, "sleeping")
    assert len(list_children()) == 1
    jobs.cloud.sagemaker.stop_processing_job(ProcessingJobName=name)
    job = jobs.wait(name)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "FailureReason" not in job
    wait_until_childless()
    code, message, _status = refused(jobs.cloud.sagemaker.stop_processing_job, ProcessingJobName=name)
    assert (code, message) == (
        "ValidationException",
        "The request was rejected because the processing job is in status Stopped.",
    )


def test_a_job_does_not_run_for_longer_than_it_may(jobs: Jobs) -> None:
    job = jobs.run(SLEEP, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert job["ProcessingJobStatus"] == "Stopped"
    took = job["ProcessingEndTime"] - job["ProcessingStartTime"]
    assert 1 <= took.total_seconds() < 20


def test_what_is_left_of_much_output_is_its_beginning_and_its_end(jobs: Jobs) -> None:
    script = "import sys\nfor i in range(40000): print(i, 'x' * 1000)\nprint('y' * 200_000)\nprint('end')"
    name = jobs.create(script)
    assert jobs.wait(name)["ProcessingJobStatus"] == "Completed"
    lines = jobs.read_log(name)
    assert lines[0].startswith("0 xxx")
    assert lines[-1] == "end"
    assert sum(map(len, lines)) < 20 * 1024**2
    assert any(line.startswith("[The local AWS has left out ") for line in lines)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process that kills itself needs SIGKILL")
def test_of_a_job_that_prints_much_and_is_killed_no_line_is_missing_but_those_that_are_counted(
    jobs: Jobs,
) -> None:
    """20 MB of short lines come faster than they can be delivered."""
    script = """
import os, signal, sys
for begin in range(0, 200_000, 10_000):
    sys.stdout.write("".join(f"{i:07} {'x' * 91}\\n" for i in range(begin, begin + 10_000)))
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    name = jobs.create(script)
    job = jobs.wait(name)
    assert job["FailureReason"].endswith(", exit code: 137")
    lines = jobs.read_log(name)
    [at] = [number for number, line in enumerate(lines) if line.startswith("[The local AWS has left out ")]
    numbers = [int(line.split()[0]) for line in lines[:at] + lines[at + 1 :]]
    assert at == 100_000
    assert lines[at].split()[6:8] == ["99800", "lines:"]
    assert numbers == [*range(at), *range(200_000 - 200, 200_000)]


def test_what_aws_or_the_local_aws_refuses_is_refused_at_once(jobs: Jobs) -> None:
    create = jobs.cloud.sagemaker.create_processing_job

    def refuse(**changes: Any) -> str:
        code, message, status = refused(create, **jobs.make_request("print(1)", **changes))
        assert (code, status) == ("ValidationException", 400)
        return message

    specified = {"ImageUri": "image"}
    assert "without AppSpecification.ContainerEntrypoint" in refuse(AppSpecification=specified)
    cluster = {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
    assert "set InstanceCount to 1" in refuse(ProcessingResources={"ClusterConfig": cluster})
    assert "EnableNetworkIsolation" in refuse(NetworkConfig={"EnableNetworkIsolation": True})
    uri = f"s3://{BUCKET}/x"
    assert "use File" in refuse(inputs=[make_input("a", uri, S3InputMode="Pipe")])
    assert "S3CompressionType Gzip of input a" in refuse(
        inputs=[make_input("a", uri, S3CompressionType="Gzip")]
    )
    assert "LocalPath /opt/ml/x of input a must begin with /opt/ml/processing/" in refuse(
        inputs=[make_input("a", uri, "/opt/ml/x")]
    )
    assert "must begin with" in refuse(inputs=[make_input("a", uri, "/opt/ml/processing/../x")])
    assert "InputName code is used more than once" in refuse(inputs=[make_input("code", uri)])
    assert "LocalPath /opt/ml/processing/input/code is used more than once" in refuse(
        inputs=[make_input("a", uri, "/opt/ml/processing/input/code/")]
    )
    assert "length less than or equal to 10" in refuse(inputs=[make_input(f"a{i}", uri) for i in range(10)])
    assert "length less than or equal to 256" in refuse(Environment={"A": "x" * 257})
    assert "DatasetDefinition" in refuse(
        inputs=[{"InputName": "a", "DatasetDefinition": {"LocalPath": "/opt/ml/processing/a"}}]
    )
    name = jobs.create("print(1)")
    code, message, _status = refused(create, **jobs.make_request("print(1)", name=name))
    assert code == "ResourceInUse"
    assert f"a processing job with this name already exists ({ARN}:processing-job/{name})" in message
    for call in (jobs.cloud.sagemaker.describe_processing_job, jobs.cloud.sagemaker.stop_processing_job):
        assert refused(call, ProcessingJobName="absent")[0] == "ResourceNotFound"
    assert jobs.wait(name)["RoleArn"] == ROLE


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / ".kedro-aws"
    yield path
    local_aws.stop(path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process group is needed")
def test_a_job_ends_with_the_local_aws_and_has_failed_then(folder: Path) -> None:
    def start() -> Jobs:
        aws, _ = local_aws.start(folder, region="eu-west-1")
        return Jobs(Cloud(aws, *(aws.client(each) for each in ("s3", "sagemaker", "sagemaker-runtime"))))

    jobs = start()
    jobs.cloud.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    done = jobs.run("print(1)", name="done")
    jobs.create(SLEEP, "child", "deaf", name="runs")
    jobs.create(SLEEP, "deaf", name="stops")
    for name in ("runs", "stops"):
        jobs.wait_for_line(name, "sleeping")
    jobs.cloud.sagemaker.stop_processing_job(ProcessingJobName="stops")
    assert jobs.wait("stops", "Stopping")
    os.kill(jobs.cloud.aws.pid, signal.SIGKILL)
    wait_until_childless()
    jobs = start()
    assert (
        jobs.cloud.sagemaker.describe_processing_job(ProcessingJobName="done")["ProcessingJobArn"]
        == (done["ProcessingJobArn"])
    )
    job = jobs.wait("runs")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: The local AWS ended")
    assert "ProcessingStartTime" in job
    assert jobs.wait("stops")["ProcessingJobStatus"] == "Stopped"
    jobs.create(SLEEP, "child", "deaf", name="again")
    jobs.wait_for_line("again", "sleeping")
    local_aws.stop(folder)
    wait_until_childless()
