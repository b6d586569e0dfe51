"""Answers of AWS, as its API reference shows them."""

import json
from datetime import datetime, timezone
from typing import Any

ACCOUNT = "arn:aws:sagemaker:eu-west-1:123456789012"
ENDPOINT_ARN = f"{ACCOUNT}:endpoint/flights"
GROUP_ARN = f"{ACCOUNT}:model-package-group/flights"
ROLE = "arn:aws:iam::123456789012:role/kedro-aws"
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
TAGS = {"kedro-aws:project": "my_flights", "kedro-aws:env": "aws"}
PIPELINE_ARN = f"{ACCOUNT}:pipeline/flights"
MACHINE_ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:flights"
MACHINE_EXECUTIONS = "arn:aws:states:eu-west-1:123456789012:execution:flights"
MACHINE_EXECUTION_ARN = f"{MACHINE_EXECUTIONS}:nightly-0a1b2c3d"
EXECUTION_ARN = f"{PIPELINE_ARN}/execution/abcdef123456"
STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/kedro-aws-flights/0a1b"


def package_arn(version: int) -> str:
    return f"{ACCOUNT}:model-package/flights/{version}"


def group() -> dict[str, Any]:
    return {
        "ModelPackageGroupName": "flights",
        "ModelPackageGroupArn": GROUP_ARN,
        "CreationTime": THEN,
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
    }


def package_summary(version: int, approval: str = "Approved") -> dict[str, Any]:
    return {
        "ModelPackageArn": package_arn(version),
        "ModelPackageGroupName": "flights",
        "ModelPackageVersion": version,
        "ModelPackageDescription": f"regressor, content {version}",
        "ModelApprovalStatus": approval,
        "ModelPackageStatus": "Completed",
        "CreationTime": THEN,
    }


def package(version: int, url: str = "s3://flights-data/sagemaker/flights/0a/model.tar.gz") -> dict[str, Any]:
    container = {"Image": "image:1", **({"ModelDataUrl": url} if url else {})}
    return {
        "ModelPackageName": f"flights/{version}",
        "ModelPackageArn": package_arn(version),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CreationTime": THEN,
        "InferenceSpecification": {"Containers": [container]},
    }


def transform_job(status: str = "Completed", **others: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://flights-data/i/"}
    return {
        "TransformJobName": "flights-1",
        "TransformJobArn": f"{ACCOUNT}:transform-job/flights-1",
        "TransformJobStatus": status,
        "ModelName": "flights-m",
        "TransformInput": {"DataSource": {"S3DataSource": source}},
        "TransformOutput": {"S3OutputPath": "s3://flights-data/p"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "CreationTime": THEN,
        **others,
    }


def execution(status: str = "Succeeded", **others: Any) -> dict[str, Any]:
    return {
        "PipelineArn": PIPELINE_ARN,
        "PipelineExecutionArn": EXECUTION_ARN,
        "PipelineExecutionDisplayName": "2026-01-02T03-04-05-000Z",
        "PipelineExecutionDescription": "Kedro run 2026-01-02T03.04.05.000Z",
        "PipelineExecutionStatus": status,
        "CreationTime": THEN,
        "LastModifiedTime": THEN,
        **others,
    }


def pipeline_step(status: str = "Succeeded", **others: Any) -> dict[str, Any]:
    job = {"ProcessingJob": {"Arn": f"{ACCOUNT}:processing-job/pipelines-abcdef123456-data-science-x"}}
    return {"StepName": "data_science", "StepStatus": status, "Metadata": job, "StartTime": THEN, **others}


def machine_execution(
    status: str = "SUCCEEDED", name: str = "nightly-0a1b2c3d", **others: Any
) -> dict[str, Any]:
    return {
        "executionArn": f"{MACHINE_EXECUTIONS}:{name}",
        "stateMachineArn": MACHINE_ARN,
        "stateMachineVersionArn": f"{MACHINE_ARN}:2",
        "name": name,
        "status": status,
        "startDate": THEN,
        **others,
    }


def machine_events(*ends: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The history of an execution with one step, which ends in these ways, one after the other."""
    request = {"AppSpecification": {"ContainerArguments": ["--step", "data_science"]}}
    made = {"ProcessingJobArn": f"{ACCOUNT}:processing-job/flights-data-science-1"}
    task = {"resourceType": "sagemaker", "resource": "createProcessingJob.sync"}
    events: list[dict[str, Any]] = []

    def add(kind: str, before: int, details: dict[str, Any] | None = None) -> int:
        number = len(events) + 1
        event = {"timestamp": THEN, "type": kind, "id": number, "previousEventId": before}
        name = "stateEntered" if kind == "TaskStateEntered" else f"{kind[0].lower()}{kind[1:]}"
        events.append(event if details is None else {**event, f"{name}EventDetails": details})
        return number

    last = add("TaskStateEntered", add("ExecutionStarted", 0, {}), {"name": "data_science"})
    for kind, details in ends or (("TaskSucceeded", {"output": json.dumps(made)}),):
        scheduled = {**task, "region": "eu-west-1", "parameters": json.dumps(request)}
        last = add("TaskScheduled", last, scheduled)
        last = add("TaskSubmitted", last, {**task, "output": json.dumps(made)})
        last = add(
            kind, last, {**task, **details} if kind.startswith("TaskF") or kind == "TaskSucceeded" else None
        )
    return events


def endpoint(status: str = "InService", config: str = "flights-1", **others: Any) -> dict[str, Any]:
    return {
        "EndpointName": "flights",
        "EndpointArn": f"{ACCOUNT}:endpoint/flights",
        "EndpointConfigName": config,
        "EndpointStatus": status,
        "CreationTime": THEN,
        "LastModifiedTime": THEN,
        **others,
    }


def model(package: str | None = package_arn(2)) -> dict[str, Any]:
    container = {"ModelPackageName": package} if package else {"Image": "image:1"}
    return {
        "ModelName": "flights-m",
        "ModelArn": f"{ACCOUNT}:model/flights-m",
        "PrimaryContainer": container,
        "ExecutionRoleArn": ROLE,
        "CreationTime": THEN,
    }


def config(**variant: Any) -> dict[str, Any]:
    realtime = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    return {
        "EndpointConfigName": "flights-1",
        "EndpointConfigArn": f"{ACCOUNT}:endpoint-config/flights-1",
        "ProductionVariants": [
            {"VariantName": "AllTraffic", "ModelName": "flights-m", **(variant or realtime)}
        ],
        "CreationTime": THEN,
    }


ABSENT = {
    "DescribeEndpoint": f'Could not find endpoint "{ACCOUNT}:endpoint/flights".',
    "DescribeEndpointConfig": 'Could not find endpoint configuration "arn:...:endpoint-config/flights-1".',
    "DescribeTransformJob": "Could not find requested job with name: flights",
    "DescribeModel": 'Could not find model "arn:aws:sagemaker:eu-west-1:123456789012:model/flights-m".',
    "DescribeModelPackageGroup": f"ModelPackageGroup {GROUP_ARN} does not exist.",
}


def stack(status: str = "CREATE_COMPLETE", **others: Any) -> dict[str, Any]:
    return {
        "StackName": "kedro-aws-flights",
        "StackId": STACK_ID,
        "StackStatus": status,
        "CreationTime": THEN,
        "Tags": [{"Key": key, "Value": value} for key, value in TAGS.items()],
        "Outputs": [{"OutputKey": "RoleArn", "OutputValue": ROLE}],
        **others,
    }


def stack_event(status: str, resource: str = "", reason: str = "") -> dict[str, Any]:
    """An event of a resource; of the stack itself if none is named."""
    about = {"LogicalResourceId": resource, "ResourceType": "AWS::S3::Bucket", "PhysicalResourceId": resource}
    own = {
        "LogicalResourceId": "kedro-aws-flights",
        "ResourceType": "AWS::CloudFormation::Stack",
        "PhysicalResourceId": STACK_ID,
    }
    return {
        "StackId": STACK_ID,
        "EventId": f"{resource}-{status}",
        "StackName": "kedro-aws-flights",
        "Timestamp": THEN,
        "ResourceStatus": status,
        **(about if resource else own),
        **({"ResourceStatusReason": reason} if reason else {}),
    }


APPLICATION: dict[str, Any] = {
    "applicationId": "00a",
    "name": "flights",
    "arn": "arn:aws:emr-serverless:eu-west-1:123456789012:/applications/00a",
    "releaseLabel": "emr-spark-8.1.0",
    "type": "Spark",
    "state": "CREATED",
    "createdAt": THEN,
    "updatedAt": THEN,
    "tags": TAGS,
}


def job_run(state: str = "SUCCESS", **others: Any) -> dict[str, Any]:
    return {
        "applicationId": "00a",
        "jobRunId": "00b",
        "name": "Kedro run 1 of flights-default-dev (flights/dev)",
        "arn": f"{APPLICATION['arn']}/jobruns/00b",
        "createdBy": ROLE,
        "createdAt": THEN,
        "updatedAt": THEN,
        "executionRole": ROLE,
        "state": state,
        "stateDetails": "-",
        "releaseLabel": "emr-spark-8.1.0",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/e.py", "entryPointArguments": ["--step", "all"]}},
        **others,
    }


SUMMARY_OF_APPLICATION = ("name", "arn", "releaseLabel", "type", "state", "createdAt", "updatedAt")
SUMMARY_OF_JOB_RUN = (
    *("applicationId", "name", "arn", "createdBy", "createdAt", "updatedAt"),
    *("executionRole", "state", "stateDetails", "releaseLabel"),
)
