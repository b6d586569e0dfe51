"""One step of every kind, what AWS answers to it, and applying it."""

import io
from pathlib import Path
from typing import Any, get_args

import answers
from answers import ABSENT, ACCOUNT, GROUP_ARN, ROLE, STACK_ID, TAGS, package_arn
from botocore.response import StreamingBody
from stubbed import FakeTime, Stubbed

from kedro_aws_plugin.apply import apply
from kedro_aws_plugin.plan import steps
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import Step

CONTAINER = {"Image": "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"}
INFERENCE = {"Containers": [CONTAINER], "SupportedContentTypes": ["text/csv"]}
VARIANT = {"VariantName": "AllTraffic", "ModelName": "flights-m", "InstanceType": "ml.m5.large"}


class Told:
    """Remembers what a command would have shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, step: Step) -> None:
        self.lines.append(f"begin {step}")

    def note(self, text: str) -> None:
        self.lines.append(text)

    def end(self, step: Step, result: dict[str, Any]) -> None:
        self.lines.append(f"end {step}: {result}")


def body(content: bytes) -> dict[str, Any]:
    return {"Body": StreamingBody(io.BytesIO(content), len(content))}


def all_steps(folder: Path) -> dict[type[Step], Step]:
    """One of each."""
    archive = folder / "model.tar.gz"
    archive.write_bytes(b"archive")
    upload = steps.UploadFile(
        path=archive, size=7, sha256="0" * 64, bucket="flights-data", key="k", content_type="application/gzip"
    )
    invoke = steps.InvokeEndpoint(
        name="flights",
        body=b"1\n",
        content_type="text/csv",
        accept="application/json",
        expected=b'{"p": [1.0]}',
    )
    made: list[Step] = [
        upload,
        steps.PutObject(bucket="flights-data", key="k", body=b"1", content_type="text/csv"),
        steps.DeleteObjects(bucket="flights-data", keys=("a", "b")),
        steps.CreateModelPackageGroup(group="flights", description="d", tags=TAGS),
        steps.CreateModelPackage(
            group="flights",
            description="d",
            approval="Approved",
            inference=INFERENCE,
            metrics={
                "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b-b/q"}}
            },
            properties={"git_sha": "0a"},
        ),
        steps.UpdateModelPackage(arn=package_arn(1), approval="Rejected", reason="drift"),
        steps.DeleteModelPackage(arn=package_arn(1)),
        steps.DeleteModelPackageGroup(group="flights"),
        steps.CreateModel(name="flights-m", package=package_arn(1), role_arn=ROLE, tags=TAGS),
        steps.CreateEndpointConfig(
            name="flights-1", variant={**VARIANT, "InitialInstanceCount": 1}, tags=TAGS
        ),
        steps.CreateEndpoint(name="flights", config_name="flights-1", tags=TAGS),
        steps.UpdateEndpoint(name="flights", config_name="flights-1"),
        steps.WaitForEndpoint(name="flights", config_name="flights-1"),
        steps.WaitForDeletion(name="flights"),
        invoke,
        steps.DeleteEndpoint(name="flights"),
        steps.DeleteEndpointConfig(name="flights-1"),
        steps.DeleteModel(name="flights-m"),
        steps.CreateStack(name="kedro-aws-flights", template="Resources: {}", tags=TAGS),
        steps.UpdateStack(name="kedro-aws-flights", template="Resources: {}", tags=TAGS),
        steps.WaitForStack(name="kedro-aws-flights"),
    ]
    assert {type(step) for step in made} == set(get_args(Step))
    return {type(step): step for step in made}


ANSWERS: dict[type[Step], tuple[dict[str, Any], dict[str, Any]]] = {
    steps.UploadFile: ({}, {"uri": "s3://flights-data/k", "written": True}),
    steps.PutObject: ({}, {"uri": "s3://flights-data/k", "written": True}),
    steps.DeleteObjects: ({}, {}),
    steps.CreateModelPackageGroup: ({"ModelPackageGroupArn": GROUP_ARN}, {"arn": GROUP_ARN}),
    steps.CreateModelPackage: ({"ModelPackageArn": package_arn(1)}, {"arn": package_arn(1)}),
    steps.UpdateModelPackage: ({"ModelPackageArn": package_arn(1)}, {"arn": package_arn(1)}),
    steps.DeleteModelPackage: ({}, {"deleted": True}),
    steps.DeleteModelPackageGroup: ({}, {"deleted": True}),
    steps.CreateModel: ({"ModelArn": f"{ACCOUNT}:model/m"}, {"arn": f"{ACCOUNT}:model/m"}),
    steps.CreateEndpointConfig: (
        {"EndpointConfigArn": f"{ACCOUNT}:endpoint-config/c"},
        {"arn": f"{ACCOUNT}:endpoint-config/c"},
    ),
    steps.CreateEndpoint: ({"EndpointArn": f"{ACCOUNT}:endpoint/e"}, {"arn": f"{ACCOUNT}:endpoint/e"}),
    steps.UpdateEndpoint: ({"EndpointArn": f"{ACCOUNT}:endpoint/e"}, {"arn": f"{ACCOUNT}:endpoint/e"}),
    steps.WaitForEndpoint: (answers.endpoint(), {}),
    steps.DeleteEndpoint: ({}, {"deleted": True}),
    steps.DeleteEndpointConfig: ({}, {"deleted": True}),
    steps.DeleteModel: ({}, {"deleted": True}),
    steps.CreateStack: ({"StackId": STACK_ID}, {"arn": STACK_ID}),
    steps.UpdateStack: ({"StackId": STACK_ID}, {"written": True}),
    steps.WaitForStack: ({"Stacks": [answers.stack()]}, {"outputs": {"RoleArn": ROLE}}),
}


def put_down(stubbed: Stubbed, step: Step) -> dict[str, Any]:
    """AWS's answer to a step; returns what `apply` must make of it."""
    if isinstance(step, steps.WaitForDeletion):
        stubbed.refuses("DescribeEndpoint", "ValidationException", ABSENT["DescribeEndpoint"])
        return {}
    if isinstance(step, steps.InvokeEndpoint):
        stubbed.answers("InvokeEndpoint", body(b'{"p": [1.0]}'), step.request())
        return {"answer": '{"p": [1.0]}'}
    response, result = ANSWERS[type(step)]
    request = step.request()
    if isinstance(step, steps.UploadFile):
        request = {**request, "Body": step.path.read_bytes()}
        stubbed.refuses("HeadObject", "404", "Not Found", 404)
    stubbed.answers(step.operation, response, request)
    return result


def applied(stubbed: Stubbed, time: FakeTime, *these: Step) -> tuple[list[dict[str, Any]], list[str]]:
    told = Told()
    results = apply(Plan(title="t", steps=these, unchanged=""), stubbed.aws, told, time.clock())
    return results, told.lines
