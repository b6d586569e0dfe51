"""AWS's own SDK on jobs and pipelines of the local AWS: a client nobody here wrote."""

import json
import uuid
from typing import Any

import pytest

ROLE = "arn:aws:iam::123456789012:role/service-role/any"
SCRIPT = "import sys, time\nprint('runs')\ntime.sleep(float(sys.argv[1]))\nsys.exit(int(sys.argv[2]))\n"
ENTRYPOINT = ["python3", "/opt/ml/processing/input/code/script.py"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def bucket(local_aws: Any) -> str:
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="code", Key="script.py", Body=SCRIPT)
    return "code"


@pytest.mark.usefixtures("bucket")
def test_sagemaker_core_runs_and_awaits_a_processing_job() -> None:
    from sagemaker.core.resources import ProcessingJob
    from sagemaker.core.shapes import (
        AppSpecification,
        ProcessingClusterConfig,
        ProcessingInput,
        ProcessingResources,
        ProcessingS3Input,
    )

    source = ProcessingS3Input(
        s3_uri="s3://code/script.py",
        local_path="/opt/ml/processing/input/code",
        s3_data_type="S3Prefix",
        s3_input_mode="File",
    )
    cluster = ProcessingClusterConfig(instance_count=1, instance_type="ml.m5.large", volume_size_in_gb=10)
    jobs = [
        ProcessingJob.create(
            processing_job_name=name,
            role_arn=ROLE,
            app_specification=AppSpecification(
                image_uri="image", container_entrypoint=ENTRYPOINT, container_arguments=arguments
            ),
            processing_resources=ProcessingResources(cluster_config=cluster),
            processing_inputs=[ProcessingInput(input_name="code", s3_input=source)],
        )
        for name, arguments in (("good", ["0", "0"]), ("stopped", ["600", "0"]))
    ]
    jobs[0].wait(poll=1)
    assert jobs[0].processing_job_status == "Completed"
    jobs[1].stop()
    jobs[1].wait(poll=1)
    assert jobs[1].processing_job_status == "Stopped"
    assert [each.processing_job_name for each in ProcessingJob.get_all(status_equals="Completed")] == ["good"]


def define(seconds: str) -> str:
    """Define a pipeline whose second step fails with the exit code that a parameter gives."""

    def step(name: str, *arguments: Any, **others: Any) -> dict[str, Any]:
        source = {
            "S3Uri": "s3://code/script.py",
            "LocalPath": "/opt/ml/processing/input/code",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        }
        cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        request = {
            "RoleArn": ROLE,
            "AppSpecification": {
                "ImageUri": "image",
                "ContainerEntrypoint": ENTRYPOINT,
                "ContainerArguments": list(arguments),
            },
            "ProcessingResources": {"ClusterConfig": cluster},
            "ProcessingInputs": [{"InputName": "code", "S3Input": source}],
        }
        return {"Name": name, "Type": "Processing", "Arguments": request, **others}

    parameters = [{"Name": "Code", "Type": "String", "DefaultValue": "3"}]
    steps = [
        step("first", "0", "0"),
        step("second", seconds, {"Get": "Parameters.Code"}, DependsOn=["first"]),
    ]
    return json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": steps})


@pytest.mark.usefixtures("bucket")
def test_sagemaker_core_starts_lists_stops_and_retries_executions() -> None:
    import boto3
    from sagemaker.core.resources import Pipeline, PipelineExecution
    from sagemaker.core.utils.exceptions import FailedStatusError

    for name, seconds in (("fails", "0"), ("stops", "600")):
        Pipeline.create(
            pipeline_name=name,
            role_arn=ROLE,
            client_request_token=uuid.uuid4().hex,
            pipeline_definition=define(seconds),
        )
    fails, stops = Pipeline.get(pipeline_name="fails"), Pipeline.get(pipeline_name="stops")
    assert json.loads(fails.pipeline_definition)["Steps"][0]["Name"] == "first"
    execution = start(fails)
    with pytest.raises(FailedStatusError, match="One or multiple steps failed"):
        execution.wait_for_status("Succeeded", poll=1)
    steps = {each.step_name: each for each in execution.get_all_steps()}
    assert {name: each.step_status for name, each in steps.items()} == {
        "first": "Succeeded",
        "second": "Failed",
    }
    assert steps["second"].failure_reason.endswith("exit code: 3")
    assert [each.value for each in execution.get_all_parameters()] == ["3"]
    execution.retry(client_request_token=uuid.uuid4().hex)
    with pytest.raises(FailedStatusError):
        execution.wait_for_status("Succeeded", poll=1)
    stopped = start(stops)
    # Not `stopped.stop()`, which reads an attribute that the class does not have (sagemaker-core 2.27).
    boto3.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=stopped.pipeline_execution_arn)
    stopped.wait_for_status("Stopped", poll=1)
    found = [each.pipeline_execution_arn for each in PipelineExecution.get_all(pipeline_name="fails")]
    assert found == [execution.pipeline_execution_arn]
    fails.delete(client_request_token=uuid.uuid4().hex)


def start(pipeline: Any) -> Any:
    """Start an execution of a pipeline."""
    import boto3
    from sagemaker.core.resources import PipelineExecution

    answer = boto3.client("sagemaker").start_pipeline_execution(PipelineName=pipeline.pipeline_name)
    return PipelineExecution.get(pipeline_execution_arn=answer["PipelineExecutionArn"])
