"""One step of every kind, what AWS answers to it, and applying it."""

import io
from pathlib import Path
from typing import Any

import answers
from answers import ABSENT, ACCOUNT, ENDPOINT_ARN, GROUP_ARN, ROLE, STACK_ID, TAGS, package_arn
from botocore.response import StreamingBody
from case_plans import plain_steps
from stubbed import FakeTime, Stubbed

from kedro_aws_plugin.apply import apply
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import (
    PlainStep,
    asynchronous,
    emr_serverless,
    pipelines,
    registry,
    s3,
    scaling,
    schedules,
    serving,
    stack,
    state_machines,
    transform,
)
from kedro_aws_plugin.plan.steps.any_step import Step
from local_aws.protocol.service_model import load_service_model

CONTAINER = {"Image": "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"}
INFERENCE = {"Containers": [CONTAINER], "SupportedContentTypes": ["text/csv"]}
ANSWER_KEY = "async/flights/output/0a.out"
VARIANT = {"VariantName": "AllTraffic", "ModelName": "flights-m", "InstanceType": "ml.m5.large"}

SCHEDULE: dict[str, Any] = {
    "name": "daily",
    "group": "flights",
    "definition": {
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution"},
    },
    "role_arn": ROLE,
    "start": {"PipelineName": "flights", "PipelineVersionId": 1},
    "state": "ENABLED",
    "token": "t",
}
APPLICATION: dict[str, Any] = {"name": "flights", "releaseLabel": "emr-spark-8.1.0", "type": "SPARK"}
JOB: dict[str, Any] = {
    "executionRoleArn": ROLE,
    "jobDriver": {"sparkSubmit": {"entryPoint": "s3://flights-data/main.py"}},
}
CHECK = serving.CheckEndpoint(
    sent=serving.InvokeEndpoint(
        name="flights",
        body=b"1\n",
        content_type="text/csv",
        accept="application/json",
        expected=b'{"p": [1.0]}',
    ),
    arn=ENDPOINT_ARN,
    config_name="flights-2",
    version="Version 2 of flights",
    log="Its log: kedro aws logs flights",
    former="flights-1",
    former_checks=(
        serving.InvokeEndpoint(
            name="flights",
            body=b"2\n",
            content_type="text/csv",
            accept="application/json",
            expected=b'{"p": [2.0]}',
            variant="champion",
        ),
    ),
)


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
    """One of each: those listed here, and for every other plain step the one that a case plans."""
    archive = folder / "model.tar.gz"
    archive.write_bytes(b"archive")
    upload = s3.UploadFile(
        path=archive, size=7, sha256="0" * 64, bucket="flights-data", key="k", content_type="application/gzip"
    )
    invoke = CHECK.sent
    ask = asynchronous.InvokeAsync(
        name="flights",
        body=b"1\n",
        content_type="text/csv",
        accept="application/json",
        bucket="flights-data",
        key="async/flights/input/0a",
        seconds=60,
        expected=b'{"p": [1.0]}',
    )
    made: list[Step] = [
        upload,
        s3.PutObject(bucket="flights-data", key="k", body=b"1", content_type="text/csv"),
        s3.DeleteObjects(bucket="flights-data", keys=("a", "b")),
        registry.CreateModelPackageGroup(group="flights", description="d", tags=TAGS),
        registry.CreateModelPackage(
            group="flights",
            description="d",
            mark="content 0a",
            token="t",
            approval="Approved",
            inference=INFERENCE,
            metrics={
                "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b-b/q"}}
            },
            properties={"git_sha": "0a"},
        ),
        registry.UpdateModelPackage(arn=package_arn(1), approval="Rejected", reason="drift"),
        registry.DeleteModelPackage(arn=package_arn(1)),
        registry.DeleteModelPackageGroup(group="flights"),
        serving.CreateModel(name="flights-m", package=package_arn(1), role_arn=ROLE, tags=TAGS),
        serving.CreateEndpointConfig(
            name="flights-1",
            definition={"ProductionVariants": [{**VARIANT, "InitialInstanceCount": 1}]},
            tags=TAGS,
        ),
        serving.CreateEndpoint(name="flights", config_name="flights-1", tags=TAGS),
        serving.UpdateEndpoint(name="flights", config_name="flights-1"),
        serving.UpdateWeights(name="flights", weights={"champion": 9.0, "challenger": 1.0}),
        serving.WaitForEndpoint(name="flights", config_name="flights-1"),
        serving.WaitForUpdate(name="flights", config_name="flights-1", alarms=("errors",)),
        serving.WaitForDeletion(name="flights"),
        invoke,
        ask,
        CHECK,
        serving.AddTags(arn=ENDPOINT_ARN, tags={"kedro-aws:former-config": "flights-0"}),
        serving.DeleteTags(arn=ENDPOINT_ARN, keys=("b", "a")),
        serving.DeleteEndpoint(name="flights"),
        serving.DeleteEndpointConfig(name="flights-1"),
        serving.DeleteModel(name="flights-m"),
        scaling.PutMetricAlarm(
            name="kedro-aws-flights-waits",
            endpoint="flights",
            policy="arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:1:resource/sagemaker/e:policyName/p",
        ),
        stack.CreateStack(name="kedro-aws-flights", template="Resources: {}", tags=TAGS),
        stack.UpdateStack(name="kedro-aws-flights", template="Resources: {}", tags=TAGS),
        stack.WaitForStack(name="kedro-aws-flights"),
        transform.WaitForTransform(
            name="flights-1", output="s3://flights-data/p/", files=1, resume="kedro aws transform --job x"
        ),
        transform.CollectPredictions(job="flights-1", output="s3://flights-data/p/", rows={"a.csv": 2}),
        pipelines.StartPipelineExecution(
            name="flights",
            version=1,
            run_id="2026-01-02T03.04.05.000Z",
            display_name="2026-01-02T03-04-05-000Z",
            parameters={"RunId": "2026-01-02T03.04.05.000Z"},
            token="t" * 32,
        ),
        *(kind(**SCHEDULE) for kind in (schedules.CreateSchedule, schedules.UpdateSchedule)),
        pipelines.WaitForExecution(arn=answers.EXECUTION_ARN, run_id="2026-01-02T03.04.05.000Z"),
        emr_serverless.CreateApplication(definition=APPLICATION, token="t"),
        emr_serverless.WaitForApplication(application="00a", states=("CREATED",)),
        emr_serverless.StartJobRun(application="00a", run_id="1", definition=JOB, token="t"),
        emr_serverless.WaitForJobRun(
            application="00a", job_run="00b", run_id="1", folder="s3://flights-data/r"
        ),
        emr_serverless.CancelJobRun(application="00a", job_run="00b", run_id="1"),
        emr_serverless.StopApplication(application="00a"),
        emr_serverless.DeleteApplication(application="00a"),
        state_machines.StartExecution(
            "flights", f"{answers.MACHINE_ARN}:1", "nightly", "nightly-0a1b2c3d", "{}"
        ),
        state_machines.WaitForStateMachine(answers.MACHINE_EXECUTION_ARN, "nightly"),
    ]
    planned: dict[type[Step], Step] = {type(step): step for step in plain_steps().values()}
    return {**planned, **{type(step): step for step in made}}


ANSWERS: dict[type[Step], tuple[dict[str, Any], dict[str, Any]]] = {
    s3.UploadFile: ({}, {"uri": "s3://flights-data/k", "written": True}),
    s3.PutObject: ({}, {"uri": "s3://flights-data/k", "written": True}),
    s3.DeleteObjects: ({}, {}),
    registry.CreateModelPackageGroup: ({"ModelPackageGroupArn": GROUP_ARN}, {"arn": GROUP_ARN}),
    registry.CreateModelPackage: ({"ModelPackageArn": package_arn(1)}, {"arn": package_arn(1)}),
    registry.UpdateModelPackage: ({"ModelPackageArn": package_arn(1)}, {"arn": package_arn(1)}),
    registry.DeleteModelPackage: ({}, {"deleted": True}),
    registry.DeleteModelPackageGroup: ({}, {"deleted": True}),
    serving.CreateModel: ({"ModelArn": f"{ACCOUNT}:model/m"}, {"arn": f"{ACCOUNT}:model/m"}),
    serving.CreateEndpointConfig: (
        {"EndpointConfigArn": f"{ACCOUNT}:endpoint-config/c"},
        {"arn": f"{ACCOUNT}:endpoint-config/c"},
    ),
    serving.CreateEndpoint: ({"EndpointArn": f"{ACCOUNT}:endpoint/e"}, {"arn": f"{ACCOUNT}:endpoint/e"}),
    serving.UpdateEndpoint: ({"EndpointArn": f"{ACCOUNT}:endpoint/e"}, {"arn": f"{ACCOUNT}:endpoint/e"}),
    serving.UpdateWeights: ({"EndpointArn": f"{ACCOUNT}:endpoint/e"}, {"arn": f"{ACCOUNT}:endpoint/e"}),
    serving.UpdateCounts: ({"EndpointArn": f"{ACCOUNT}:endpoint/e"}, {"arn": f"{ACCOUNT}:endpoint/e"}),
    serving.WaitForEndpoint: (answers.endpoint(), {}),
    serving.WaitForUpdate: (answers.endpoint(), {}),
    serving.AddTags: ({"Tags": []}, {}),
    serving.DeleteTags: ({}, {}),
    serving.DeleteEndpoint: ({}, {"deleted": True}),
    serving.DeleteEndpointConfig: ({}, {"deleted": True}),
    serving.DeleteModel: ({}, {"deleted": True}),
    stack.CreateStack: ({"StackId": STACK_ID}, {"arn": STACK_ID}),
    stack.UpdateStack: ({"StackId": STACK_ID}, {"written": True}),
    transform.WaitForTransform: (answers.transform_job(), {}),
    pipelines.ListPipelineVersions: (
        {"PipelineVersionSummaries": [{"PipelineArn": answers.PIPELINE_ARN, "PipelineVersionId": 1}]},
        {"version": 1},
    ),
    pipelines.WaitForExecution: (
        answers.execution(),
        {"arn": answers.EXECUTION_ARN, "status": "Succeeded", "steps": {"data_science": "Succeeded"}},
    ),
    emr_serverless.CreateApplication: (
        {"applicationId": "00a", "arn": answers.APPLICATION["arn"]},
        {"application": "00a"},
    ),
    emr_serverless.StartJobRun: (
        {"applicationId": "00a", "jobRunId": "00b", "arn": answers.job_run()["arn"]},
        {"arn": answers.job_run()["arn"], "job_run": "00b"},
    ),
    emr_serverless.CancelJobRun: ({"applicationId": "00a", "jobRunId": "00b"}, {"job_run": "00b"}),
    emr_serverless.WaitForApplication: ({"application": answers.APPLICATION}, {}),
    emr_serverless.WaitForJobRun: (
        {"jobRun": answers.job_run()},
        {"arn": answers.job_run()["arn"], "status": "Succeeded", "steps": {"all": "Succeeded"}},
    ),
    state_machines.WaitForStateMachine: (
        answers.machine_execution(),
        {"arn": answers.MACHINE_EXECUTION_ARN, "status": "Succeeded", "steps": {"data_science": "Succeeded"}},
    ),
    stack.WaitForStack: ({"Stacks": [answers.stack()]}, {"outputs": {"RoleArn": ROLE}}),
}


def answer_plainly(step: Step) -> tuple[dict[str, Any], dict[str, Any]]:
    """What AWS answers to a plain step that is not in `ANSWERS`, and the result of that."""
    assert isinstance(step, PlainStep)
    shape: Any = load_service_model(step.service).operation_model(step.operation).output_shape
    examples = {"string": "example", "integer": 1, "long": 1, "boolean": True, "timestamp": answers.THEN}
    needed = [*(shape.required_members if shape is not None else ()), *step.results.values()]
    response = {key: examples[shape.members[key].type_name] for key in needed}
    result = {name: response[key] for name, key in step.results.items()}
    return response, {"deleted": True} if step.absent_is_done else result


def put_down(stubbed: Stubbed, step: Step) -> dict[str, Any]:
    """AWS's answer to a step; returns what `apply` must make of it."""
    if isinstance(step, serving.WaitForDeletion):
        stubbed.refuses("DescribeEndpoint", "ValidationException", ABSENT["DescribeEndpoint"])
        return {}
    if isinstance(step, serving.InvokeEndpoint | serving.CheckEndpoint):
        stubbed.answers("InvokeEndpoint", body(b'{"p": [1.0]}'), step.request())
        return {"answer": '{"p": [1.0]}'}
    if isinstance(step, asynchronous.InvokeAsync):
        place = f"s3://flights-data/{ANSWER_KEY}"
        stubbed.answers("PutObject", {}, step.put())
        stubbed.answers("InvokeEndpointAsync", {"OutputLocation": place}, step.request())
        stubbed.answers("GetObject", body(b'{"p": [1.0]}'), {"Bucket": "flights-data", "Key": ANSWER_KEY})
        return {"answer": '{"p": [1.0]}', "location": place}
    if isinstance(step, transform.CollectPredictions):
        stubbed.answers("ListObjectsV2", {"Contents": [{"Key": "p/a.csv.out"}]})
        stubbed.answers("GetObject", body(b"1\n2"), step.request())
        return {"rows": 2, "files": {}}
    response, result = ANSWERS.get(type(step)) or answer_plainly(step)
    request = step.request()
    if isinstance(step, s3.UploadFile):
        request = {**request, "Body": step.path.read_bytes()}
        stubbed.refuses("HeadObject", "404", "Not Found", 404)
    stubbed.answers(step.operation, response, request)
    if isinstance(step, pipelines.WaitForExecution):
        stubbed.answers("ListPipelineExecutionSteps", {"PipelineExecutionSteps": [answers.pipeline_step()]})
    if isinstance(step, state_machines.WaitForStateMachine):
        stubbed.answers("GetExecutionHistory", {"events": answers.machine_events()})
    if isinstance(step, registry.CreateModelPackage):
        stubbed.answers("DescribeModelPackage", answers.package(1))
    return result


def apply_steps(stubbed: Stubbed, time: FakeTime, *these: Step) -> tuple[list[dict[str, Any]], list[str]]:
    told = Told()
    results = apply(Plan(title="t", steps=these, unchanged=""), stubbed.aws, told, time.clock())
    return results, told.lines
