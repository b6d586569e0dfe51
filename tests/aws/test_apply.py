"""Steps as the requests they stand for; and no request that the source can make goes unseen."""

import ast
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import answers
import boto3
import pytest
from answers import ABSENT, ACCOUNT, GROUP_ARN, ROLE, STACK_ID, TAGS, package_arn
from botocore.response import StreamingBody
from stubbed import CLIENTS, FakeTime, Stubbed

import kedro_aws_plugin
from kedro_aws_plugin.apply import apply
from kedro_aws_plugin.aws import observe
from kedro_aws_plugin.aws.cloudformation import observe_foundation, wait_stack
from kedro_aws_plugin.aws.s3 import upload_file
from kedro_aws_plugin.aws.values import read_parameter, read_secret
from kedro_aws_plugin.errors import AwsError, ServingError
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


@pytest.mark.parametrize("kind", get_args(Step), ids=lambda kind: kind.__name__)
def test_a_step_sends_the_request_that_a_dry_run_shows(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, kind: type[Step]
) -> None:
    step = all_steps(tmp_path)[kind]
    expected = put_down(stubbed, step)
    assert applied(stubbed, time, step) == ([expected], [f"begin {step}", f"end {step}: {expected}"])


def test_the_first_error_ends_it_and_names_the_step(stubbed: Stubbed, time: FakeTime, tmp_path: Path) -> None:
    every = all_steps(tmp_path)
    put_down(stubbed, every[steps.CreateModel])
    stubbed.refuses("CreateEndpointConfig", "ResourceLimitExceeded", "The account-level service limit is 0")
    with pytest.raises(AwsError) as refused:
        applied(
            stubbed,
            time,
            *(every[kind] for kind in (steps.CreateModel, steps.CreateEndpointConfig, steps.CreateEndpoint)),
        )
    assert refused.value.message == (
        "Could not create endpoint config flights-1: an AWS quota is used up "
        "(The account-level service limit is 0). Delete what is not needed (kedro aws destroy), "
        "or raise the quota in Service Quotas."
    )
    assert stubbed.requests.changing == ["CreateModel", "CreateEndpointConfig"]


DELETIONS: dict[type[Step], str] = {
    steps.DeleteEndpoint: ABSENT["DescribeEndpoint"],
    steps.DeleteEndpointConfig: ABSENT["DescribeEndpointConfig"],
    steps.DeleteModel: ABSENT["DescribeModel"],
    steps.DeleteModelPackage: "ModelPackage flights/1 does not exist.",
    steps.DeleteModelPackageGroup: ABSENT["DescribeModelPackageGroup"],
}


@pytest.mark.parametrize("kind", DELETIONS, ids=lambda kind: kind.__name__)
def test_what_is_gone_already_need_not_be_deleted(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, kind: type[Step]
) -> None:
    step = all_steps(tmp_path)[kind]
    stubbed.refuses(step.operation, "ValidationException", DELETIONS[kind])
    assert applied(stubbed, time, step)[0] == [{"deleted": False}]
    stubbed.refuses(step.operation, "AccessDeniedException", "no", 403)
    with pytest.raises(AwsError, match=f"permission to call {step.operation}"):
        applied(stubbed, time, step)


def test_an_object_that_was_there_already_is_told_apart(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path
) -> None:
    stubbed.answers("HeadObject")
    results, _ = applied(stubbed, time, all_steps(tmp_path)[steps.UploadFile])
    assert results == [{"uri": "s3://flights-data/k", "written": False}]


@pytest.mark.parametrize("kind", [steps.CreateEndpointConfig, steps.CreateEndpoint, steps.UpdateEndpoint])
def test_what_was_made_a_moment_ago_may_not_be_seen_yet(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, kind: type[Step]
) -> None:
    step = all_steps(tmp_path)[kind]
    for _ in range(2):
        stubbed.refuses(step.operation, "ValidationException", ABSENT["DescribeModel"])
    expected = put_down(stubbed, step)
    assert applied(stubbed, time, step)[0] == [expected]
    assert time.seconds == 10
    for _ in range(8):
        stubbed.refuses(step.operation, "ValidationException", ABSENT["DescribeModel"])
    with pytest.raises(AwsError, match="Could not find model"):
        applied(stubbed, time, step)
    assert time.seconds == 45


def test_how_far_a_wait_is_is_told(stubbed: Stubbed, time: FakeTime, tmp_path: Path) -> None:
    step = all_steps(tmp_path)[steps.WaitForEndpoint]
    stubbed.answers("DescribeEndpoint", answers.endpoint("Creating"))
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    assert applied(stubbed, time, step)[1] == [f"begin {step}", "Creating", f"end {step}: {{}}"]


@pytest.mark.parametrize(
    ("answer", "shown"), [(b'{"p": [2]}', '{"p": [2]}'), (b"x" * 300, f"{'x' * 200}...")]
)
def test_another_answer_than_at_registration_is_an_error(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, answer: bytes, shown: str
) -> None:
    step = all_steps(tmp_path)[steps.InvokeEndpoint]
    stubbed.answers("InvokeEndpoint", body(answer))
    with pytest.raises(ServingError) as differs:
        applied(stubbed, time, step)
    assert differs.value.message == (
        "Endpoint flights is in service, but answers its sample payload differently than the model did "
        f'when it was registered: {shown} instead of {{"p": [1.0]}}. '
        "Compare the versions of Python and scikit-learn that register-model warned of."
    )


def test_an_answer_within_rounding_is_the_same(stubbed: Stubbed, time: FakeTime, tmp_path: Path) -> None:
    stubbed.answers("InvokeEndpoint", body(b'{"p":[1.0000000001]}'))
    results, _ = applied(stubbed, time, all_steps(tmp_path)[steps.InvokeEndpoint])
    assert results == [{"answer": '{"p":[1.0000000001]}'}]


def operations_in_the_source() -> set[tuple[str, str]]:
    """What is called on a client anywhere in aws/ and apply.py, pages included; read, not run."""
    session = boto3.Session(region_name="eu-west-1")
    known: dict[str, set[tuple[str, str]]] = {}
    for service in CLIENTS.values():
        client: Any = session.client(service, aws_access_key_id="a", aws_secret_access_key="b")
        for method, operation in client.meta.method_to_api_mapping.items():
            known.setdefault(method, set()).add((service, operation))
    package = Path(kedro_aws_plugin.__file__).parent
    found: set[tuple[str, str]] = set()
    for path in [*(package / "aws").glob("*.py"), package / "apply.py"]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                named = call.args[0] if call.func.attr == "get_paginator" else None
                method = named.value if isinstance(named, ast.Constant) else call.func.attr
                found |= known.get(str(method), set())
    return found


def observe_everything(stubbed: Stubbed) -> None:
    """Look up all there is to look up."""
    aws = stubbed.aws
    stubbed.answers("GetCallerIdentity", {"Account": "123456789012"})
    observe.caller_account(aws, "aws")
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    stubbed.answers("DescribeEndpointConfig", answers.config())
    stubbed.answers("DescribeModel", answers.model())
    observe.observe_deployed(aws, "flights")
    stubbed.answers("DescribeModelPackage", answers.package(2))
    stubbed.answers("GetObject", body(b"a"))
    stubbed.answers("GetObject", body(b"b"))
    observe.observe_sample(aws, package_arn(2))
    stubbed.answers("GetResources", {"ResourceTagMappingList": []})
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    stubbed.answers("ListTags", {"Tags": []})
    stubbed.answers("DescribeEndpointConfig", answers.config())
    owned = observe.observe_owned(aws, TAGS, "flights")
    stubbed.answers("GetResources", {"ResourceTagMappingList": [{"ResourceARN": GROUP_ARN}]})
    stubbed.answers("ListObjectsV2", {})
    stubbed.answers("DescribeModelPackageGroup", answers.group())
    stubbed.answers("ListModelPackages", {"ModelPackageSummaryList": []})
    observe.with_registry(aws, owned, TAGS, "flights-data")


def observe_a_stack(stubbed: Stubbed) -> None:
    """Look up one that is well, and one that is not."""
    stubbed.answers("DescribeStacks", {"Stacks": [answers.stack()]})
    stubbed.answers("GetTemplate", {"TemplateBody": "Resources: {}"})
    stubbed.answers("HeadBucket")
    stubbed.answers("ListObjectsV2", {})
    observe_foundation(stubbed.aws, "flights", "data/raw/")
    stubbed.answers("DescribeStacks", {"Stacks": [answers.stack("ROLLBACK_COMPLETE")]})
    stubbed.answers("DescribeStackEvents", {"StackEvents": []})
    with pytest.raises(AwsError, match="CloudFormation gives no reason"):
        wait_stack(stubbed.aws, steps.WaitForStack(name="kedro-aws-flights"), FakeTime().clock(), str)


def read_values(stubbed: Stubbed) -> None:
    """Look up what dynamic globals may ask for."""
    stubbed.answers("GetParameter", {"Parameter": {"Type": "String", "Value": "a"}})
    read_parameter(stubbed.aws, "/flights/level")
    stubbed.answers("GetSecretValue", {"SecretString": "a"})
    read_secret(stubbed.aws, "flights", None)


def upload_in_parts(stubbed: Stubbed, upload: Step) -> None:
    """Once to its end, and once not."""
    assert isinstance(upload, steps.UploadFile)
    finish: list[Callable[[], None]] = [
        lambda: stubbed.answers("CompleteMultipartUpload"),
        lambda: stubbed.refuses("CompleteMultipartUpload", "PreconditionFailed", status=412),
    ]
    for finished in finish:
        stubbed.refuses("HeadObject", "404", status=404)
        stubbed.answers("CreateMultipartUpload", {"UploadId": "u"})
        for _ in range(2):
            stubbed.answers("UploadPart", {"ETag": "e"})
        finished()
        if finished is finish[-1]:
            stubbed.answers("AbortMultipartUpload")
        upload_file(stubbed.aws.s3, replace(upload, part_size=4))


def test_every_operation_in_the_source_is_one_that_aws_takes(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path
) -> None:
    every = all_steps(tmp_path)
    for step in every.values():
        put_down(stubbed, step)
    applied(stubbed, time, *every.values())
    observe_everything(stubbed)
    observe_a_stack(stubbed)
    read_values(stubbed)
    upload_in_parts(stubbed, every[steps.UploadFile])
    assert stubbed.requests.operations == operations_in_the_source()
