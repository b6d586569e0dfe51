"""Training jobs of the local AWS, which run as processes."""

import io
import json
import tarfile
import time
from typing import Any

import pytest
from container_jobs import ENDED, IMAGE, Jobs
from local_cloud import ARN, BUCKET, ROLE, Cloud, refused

TRAIN = """
import json, os, sys, time
root = os.path.abspath(__file__).split("/input/data/")[0]
read = lambda path: json.load(open(root + "/input/config/" + path))
told = {
    "hyperparameters": read("hyperparameters.json"),
    "channels": read("inputdataconfig.json"),
    "resources": read("resourceconfig.json"),
    "data": open(root + "/input/data/train/a.csv").read(),
    "job": [os.environ["TRAINING_JOB_NAME"], os.environ["TRAINING_JOB_ARN"]],
    "checkpoints": sorted(os.listdir(sys.argv[2])) if len(sys.argv) > 2 else [],
}
json.dump(told, open(root + "/model/model.json", "w"))
if len(sys.argv) > 2:
    open(sys.argv[2] + "/epoch-1", "w").write("1")
if sys.argv[1] == "sleep":
    print("sleeping", flush=True)
    time.sleep(600)
if sys.argv[1] == "fail":
    open(root + "/output/failure", "w").write("no rows in train")
    open(root + "/output/data/why.txt", "w").write("why")
    sys.exit(2)
"""


@pytest.fixture
def jobs(cloud: Cloud) -> Jobs:
    return Jobs(cloud)


def make_request(jobs: Jobs, name: str, *arguments: str, **changes: Any) -> dict[str, Any]:
    """Make a CreateTrainingJob request that trains on one file."""

    def channel(name: str, uri: str) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": uri}
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}}

    jobs.put("train/a.csv", "1,2")
    request = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/train.py"],
            "ContainerArguments": list(arguments) or ["train"],
        },
        "InputDataConfig": [
            channel("code", jobs.put("code/train.py", TRAIN)),
            channel("train", f"s3://{BUCKET}/train/"),
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
        "HyperParameters": {"depth": "3"},
    }
    return {**request, **changes}


def wait(jobs: Jobs, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        job: dict[str, Any] = jobs.cloud.sagemaker.describe_training_job(TrainingJobName=name)
        if job["TrainingJobStatus"] in ENDED:
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.05)


def run(jobs: Jobs, name: str, *arguments: str, **changes: Any) -> dict[str, Any]:
    jobs.cloud.sagemaker.create_training_job(**make_request(jobs, name, *arguments, **changes))
    return wait(jobs, name)


def unpack(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar if each.isfile()}  # type: ignore[union-attr]


def test_a_training_job_stores_its_model(jobs: Jobs) -> None:
    spot = {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600}
    job = run(jobs, "train-1", EnableManagedSpotTraining=True, StoppingCondition=spot)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed"
    assert job["EnableManagedSpotTraining"]
    assert job["StoppingCondition"] == spot
    phases = [each["Status"] for each in job["SecondaryStatusTransitions"]]
    assert phases == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["CreationTime"] <= job["TrainingStartTime"] <= job["TrainingEndTime"]
    uri = f"s3://{BUCKET}/models/train-1/output/model.tar.gz"
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": uri}
    stored = jobs.read("models/")
    assert list(stored) == ["train-1/output/model.tar.gz"]
    told = json.loads(unpack(stored["train-1/output/model.tar.gz"])["model.json"])
    assert told["hyperparameters"] == {"depth": "3"}
    assert told["data"] == "1,2"
    assert told["job"] == ["train-1", f"{ARN}:training-job/train-1"]
    assert told["resources"]["hosts"] == ["algo-1"]
    assert told["channels"]["train"] == {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }
    (listed,) = jobs.cloud.sagemaker.list_training_jobs(NameContains="train")["TrainingJobSummaries"]
    assert listed["SecondaryStatus"] == "Completed"


def test_a_training_job_that_fails_says_why(jobs: Jobs) -> None:
    job = run(jobs, "fails", "fail")
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: no rows in train, exit code: 2"
    assert "ModelArtifacts" not in job
    stored = jobs.read("models/")
    assert list(stored) == ["fails/output/output.tar.gz"]
    assert unpack(stored["fails/output/output.tar.gz"]) == {"why.txt": b"why"}


def test_a_training_job_that_is_stopped_or_late_stores_what_it_has(jobs: Jobs) -> None:
    checkpoints = {"S3Uri": f"s3://{BUCKET}/checkpoints"}
    arguments = ("sleep", "/opt/ml/checkpoints")
    late = run(
        jobs, "late", *arguments, CheckpointConfig=checkpoints, StoppingCondition={"MaxRuntimeInSeconds": 1}
    )
    assert (late["TrainingJobStatus"], late["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert jobs.read("checkpoints/") == {"epoch-1": b"1"}
    output = {"S3OutputPath": f"s3://{BUCKET}/models", "CompressionType": "NONE"}
    request = make_request(jobs, "stops", *arguments, CheckpointConfig=checkpoints, OutputDataConfig=output)
    jobs.cloud.sagemaker.create_training_job(**request)
    group = "/aws/sagemaker/TrainingJobs"
    while "sleeping" not in jobs.read_log("stops", group):
        time.sleep(0.05)
    jobs.cloud.sagemaker.stop_training_job(TrainingJobName="stops")
    job = wait(jobs, "stops")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/models/stops/output/model/"
    told = json.loads(jobs.read("models/stops/output/model/")["model.json"])
    assert told["checkpoints"] == ["epoch-1"]


def test_what_training_jobs_do_not_do_is_refused_by_name(jobs: Jobs) -> None:
    create = jobs.cloud.sagemaker.create_training_job

    def refuse(**changes: Any) -> str:
        code, message, status = refused(create, **make_request(jobs, "refused", **changes))
        assert (code, status) == ("ValidationException", 400)
        return message

    xgboost = {
        "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/xgboost:1",
        "TrainingInputMode": "File",
    }
    assert "CreateTrainingJob without AlgorithmSpecification.ContainerEntrypoint" in refuse(
        AlgorithmSpecification=xgboost
    )
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10}
    assert "set InstanceCount to 1" in refuse(ResourceConfig=resources)
    assert "EnableNetworkIsolation" in refuse(EnableNetworkIsolation=True)
    assert "Invalid MaxWaitTimeInSeconds" in refuse(EnableManagedSpotTraining=True)
    warm = {
        "InstanceType": "ml.m5.large",
        "InstanceCount": 1,
        "VolumeSizeInGB": 10,
        "KeepAlivePeriodInSeconds": 60,
    }
    spot = {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600}
    assert "KeepAlivePeriodInSeconds" in refuse(
        EnableManagedSpotTraining=True, ResourceConfig=warm, StoppingCondition=spot
    )
    source = {"S3DataType": "AugmentedManifestFile", "S3Uri": f"s3://{BUCKET}/x"}
    channel = {"ChannelName": "a", "DataSource": {"S3DataSource": source}}
    assert "AugmentedManifestFile of channel a" in refuse(InputDataConfig=[channel])
    assert "RetryStrategy" not in refuse(InputDataConfig=[channel], RetryStrategy={"MaximumRetryAttempts": 1})
    assert refused(jobs.cloud.sagemaker.describe_training_job, TrainingJobName="absent")[:2] == (
        "ResourceNotFound",
        "Requested resource not found.",
    )
