"""Every call in the source is one that AWS takes: its name, its parameters and their limits."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import answers
import pytest
from answers import GROUP_ARN, TAGS, package_arn
from case_plans import step_classes
from every_step import all_steps, apply_steps, body, put_down
from stubbed import FakeTime, Stubbed, make_clients

import kedro_aws_plugin
from kedro_aws_plugin.aws.account import is_assumable, read_quotas, report_bucket
from kedro_aws_plugin.aws.cloudformation import observe_foundation, wait_for_stack
from kedro_aws_plugin.aws.ecr import check_image
from kedro_aws_plugin.aws.emr_serverless import get_job_run, list_applications, list_job_runs
from kedro_aws_plugin.aws.figures import observe_last_hour
from kedro_aws_plugin.aws.logs import LogSource, read_lines
from kedro_aws_plugin.aws.owned import add_registry, observe_owned
from kedro_aws_plugin.aws.s3 import upload_file
from kedro_aws_plugin.aws.sagemaker.endpoints import observe_configs_in_use, observe_deployed
from kedro_aws_plugin.aws.sagemaker.pipelines import (
    explain_failures,
    find_request,
    list_executions,
    list_pipelines,
    observe_pipeline,
)
from kedro_aws_plugin.aws.sagemaker.registry import observe_sample
from kedro_aws_plugin.aws.sagemaker.scaling import observe_all_scaling, observe_scaling
from kedro_aws_plugin.aws.sagemaker.serving import wait_for_update
from kedro_aws_plugin.aws.sagemaker.transform import observe_models_in_use, wait_for_transform
from kedro_aws_plugin.aws.scheduler import observe_schedules
from kedro_aws_plugin.aws.session import find_account
from kedro_aws_plugin.aws.state_machines import (
    list_machine_runs,
    list_state_machines,
    observe_state_machine,
)
from kedro_aws_plugin.aws.values import read_parameter, read_secret
from kedro_aws_plugin.errors import AwsError, ServingError
from kedro_aws_plugin.plan.execution import Execution, StepRun
from kedro_aws_plugin.plan.machine_run import ObservedStateMachine
from kedro_aws_plugin.plan.observed import Endpoint, Scaling
from kedro_aws_plugin.plan.steps import PlainStep, s3, serving, stack, transform
from kedro_aws_plugin.plan.steps.any_step import Step


def operations_in_the_source() -> set[tuple[str, str]]:
    """What is called on a client anywhere in aws/ and apply.py, pages included; read, not run.

    `apply.py` sends the operations of the plain steps by their names; nobody else may send one by a name
    that is not written out.
    """
    known: dict[str, set[tuple[str, str]]] = {}
    for service, client in make_clients().items():
        for method, operation in client.meta.method_to_api_mapping.items():
            known.setdefault(method, set()).add((service, operation))
    del known["get_session"]  # of EMR Serverless, whose sessions nothing uses; botocore has one too
    del known["get_query_results"]  # of Athena, for the datasets; CloudWatch Logs has one too
    known["list_tags_for_resource"] = {("stepfunctions", "ListTagsForResource")}  # many services have one
    package = Path(kedro_aws_plugin.__file__).parent
    plain = [kind for kind in step_classes().values() if issubclass(kind, PlainStep)]
    found: set[tuple[str, str]] = {(kind.service, kind.operation) for kind in plain}
    # Athena's client is the datasets'; it has methods of the same names as that of CloudWatch Logs.
    files = [path for path in (package / "aws").rglob("*.py") if path.stem != "athena"]
    for path in [*files, package / "apply.py"]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                if isinstance(call.func.value, ast.Name) and call.func.value.id.isupper():
                    continue  # a constant is no client: _PATTERN.search
                if call.func.attr == "call":
                    assert path.name == "apply.py"
                    assert ast.unparse(call).startswith("aws.call(step.service, step.operation,")
                named = call.args[0] if call.func.attr == "get_paginator" else None
                method = named.value if isinstance(named, ast.Constant) else call.func.attr
                found |= known.get(str(method), set())
    return found


def observe_everything(stubbed: Stubbed) -> None:
    """Look up all there is to look up."""
    aws = stubbed.aws
    stubbed.answers("GetCallerIdentity", {"Account": "123456789012"})
    find_account(aws, "aws")
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    stubbed.answers("DescribeEndpointConfig", answers.config())
    stubbed.answers("DescribeModel", answers.model())
    observe_deployed(aws, "flights")
    stubbed.answers("DescribeModelPackage", answers.package(2))
    stubbed.answers("GetObject", body(b"a"))
    stubbed.answers("GetObject", body(b"b"))
    observe_sample(aws, package_arn(2))
    stubbed.answers("GetResources", {"ResourceTagMappingList": []})
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    stubbed.answers("ListTags", {"Tags": []})
    owned = observe_owned(aws, TAGS, {"flights"})
    stubbed.answers("GetResources", {"ResourceTagMappingList": [{"ResourceARN": GROUP_ARN}]})
    stubbed.answers("ListObjectsV2", {})
    stubbed.answers("DescribeModelPackageGroup", answers.group())
    stubbed.answers("ListModelPackages", {"ModelPackageSummaryList": []})
    add_registry(aws, owned, TAGS, "flights-data")


def look_at_an_account(stubbed: Stubbed) -> None:
    """What `kedro aws doctor` and a registration ask of it."""
    stubbed.answers("HeadBucket")
    stubbed.answers("GetBucketLocation")
    stubbed.answers("GetPublicAccessBlock", {"PublicAccessBlockConfiguration": {}})
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    stubbed.answers("GetBucketEncryption", {"ServerSideEncryptionConfiguration": rules})
    report_bucket(stubbed.aws, "flights-data")
    stubbed.answers("DescribeImages", {"imageDetails": []})
    check_image(stubbed.aws, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/flights:1.0")
    stubbed.refuses("GetRole", "NoSuchEntity", status=404)
    assert is_assumable(stubbed.aws, "arn:aws:iam::123456789012:role/r") is None
    stubbed.answers("ListServiceQuotas", {"Quotas": []})
    read_quotas(stubbed.aws, ["ml.m5.large"])


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
        wait_for_stack(stubbed.aws, stack.WaitForStack(name="kedro-aws-flights"), FakeTime().clock(), str)


def look_at_pipelines(stubbed: Stubbed) -> None:
    """Their runs, and why one failed; the models that transform jobs use."""
    aws, arn = stubbed.aws, "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/flights"
    stubbed.answers("ListPipelineVersions", {"PipelineVersionSummaries": []})
    stubbed.answers(
        "DescribePipeline",
        {"PipelineArn": arn, "PipelineName": "flights", "PipelineDefinition": "{}", "RoleArn": answers.ROLE},
    )
    stubbed.answers("ListTags", {"Tags": []})
    observe_pipeline(aws, "flights")
    stubbed.answers("ListPipelines", {"PipelineSummaries": []})
    list_pipelines(aws, "flights", TAGS)
    stubbed.answers("ListPipelineExecutions", {"PipelineExecutionSummaries": []})
    assert list(list_executions(aws, "flights")) == []
    parameters = [{"Name": "Request", "Value": "s3://b/r.json"}, {"Name": "RunId", "Value": "1"}]
    stubbed.answers("ListPipelineParametersForExecution", {"PipelineParameters": parameters})
    assert find_request(aws, f"{arn}/execution/1") == "s3://b/r.json"
    stubbed.refuses("DescribeProcessingJob", "ValidationException", "Could not find")
    step = StepRun("train", "Failed", job="flights-1", reason="It failed.")
    failed = Execution(f"{arn}/execution/1", "flights", "1", "Failed", answers.THEN, steps=(step,))
    explain_failures(aws, failed)
    stubbed.refuses("DescribeTrainingJob", "ValidationException", "Could not find")
    explain_failures(aws, replace(failed, steps=(replace(step, is_training=True),)))
    stubbed.answers("ListTransformJobs", {"TransformJobSummaries": []})
    assert observe_models_in_use(aws) == frozenset()
    stubbed.answers("ListEndpoints", {"Endpoints": []})
    assert observe_configs_in_use(aws, "flights") == frozenset()


def look_at_spark(stubbed: Stubbed) -> None:
    """Its applications; the runs on one, the newest of which is somebody else's; one that is gone."""
    summary = {key: answers.APPLICATION[key] for key in answers.SUMMARY_OF_APPLICATION}
    gone = {**summary, "id": "00gone", "state": "TERMINATED"}
    stubbed.answers("ListApplications", {"applications": [gone, {**summary, "id": "00a"}]})
    stubbed.answers("GetApplication", {"application": answers.APPLICATION})
    assert [each.id for each in list_applications(stubbed.aws, TAGS)] == ["00a"]
    run = {key: value for key, value in answers.job_run().items() if key in answers.SUMMARY_OF_JOB_RUN}
    others = [{**run, "id": "00c", "name": "nightly"}, {**run, "id": "00b"}]
    stubbed.answers("ListJobRuns", {"jobRuns": others})
    assert [each.run_id for each in list_job_runs(stubbed.aws, "00a", "flights/dev")] == ["1"]
    stubbed.refuses("GetJobRun", "ResourceNotFoundException", "Job run 00b does not exist", 404)
    assert get_job_run(stubbed.aws, run["arn"]) is None


def look_at_state_machines(stubbed: Stubbed) -> None:
    """One with a version; its executions, of which a schedule has started one, and somebody another one."""
    listed = {"stateMachineArn": answers.MACHINE_ARN, "name": "flights", "creationDate": answers.THEN}
    version = f"{answers.MACHINE_ARN}:2"
    tags = {"tags": [{"key": "a", "value": "b"}]}
    stubbed.answers("ListStateMachines", {"stateMachines": [{**listed, "type": "STANDARD"}]})
    published = {"stateMachineVersionArn": version, "creationDate": answers.THEN}
    stubbed.answers("ListStateMachineVersions", {"stateMachineVersions": [published]})
    stubbed.answers("ListTagsForResource", tags, service="stepfunctions")
    described = {**listed, "type": "STANDARD", "definition": "{}", "roleArn": answers.ROLE}
    stubbed.answers("DescribeStateMachine", described, {"stateMachineArn": version})
    found = observe_state_machine(stubbed.aws, "flights")
    assert found == ObservedStateMachine(
        answers.MACHINE_ARN, "flights", version, "{}", answers.ROLE, {"a": "b"}
    )
    stubbed.answers("ListStateMachines", {"stateMachines": []})
    assert observe_state_machine(stubbed.aws, "flights") is None
    stubbed.answers("ListStateMachines", {"stateMachines": [{**listed, "type": "STANDARD"}]})
    stubbed.answers("ListTagsForResource", tags, service="stepfunctions")
    assert list_state_machines(stubbed.aws, "fl", {"a": "c"}) == []
    scheduled, other = (answers.machine_execution(name=name) for name in ("scheduled-0a1b2c3d", "by-hand"))
    stubbed.answers("ListExecutions", {"executions": [answers.machine_execution(), scheduled, other]})
    stubbed.answers("DescribeExecution", {**scheduled, "input": '{"Scheduled": "2026-01-02T06:00:00Z"}'})
    stubbed.answers("DescribeExecution", {**other, "input": "[]"})
    runs = [each.run_id for each in list_machine_runs(stubbed.aws, found)]
    assert runs == ["nightly", "2026-01-02T06.00.00.000Z", "by-hand"]


def look_at_schedules(stubbed: Stubbed) -> None:
    """One whose group has another that was deleted meanwhile; and a group that is being deleted."""
    group = {"Name": "flights", "State": "ACTIVE", "CreationDate": answers.THEN}
    target = {"Arn": "arn:t", "RoleArn": answers.ROLE, "Input": '{"PipelineName": "flights"}'}
    stubbed.answers("GetScheduleGroup", group)
    stubbed.answers("ListSchedules", {"Schedules": [{"Name": "a"}, {"Name": "b"}]})
    stubbed.refuses("GetSchedule", "ResourceNotFoundException", "Schedule a does not exist.")
    stubbed.answers(
        "GetSchedule",
        {
            "Name": "b",
            "State": "ENABLED",
            "ScheduleExpression": "rate(1 day)",
            "EndDate": answers.THEN,
            "Target": target,
            "LastModificationDate": answers.THEN,
        },
    )
    found = observe_schedules(stubbed.aws, "flights")
    assert found is not None
    [schedule] = found.schedules
    assert schedule.definition == {
        "ScheduleExpression": "rate(1 day)",
        "EndDate": "2026-01-02T03:04:05+00:00",
        "Target": {"Arn": "arn:t"},
    }
    assert (schedule.role_arn, schedule.start) == (answers.ROLE, {"PipelineName": "flights"})
    stubbed.answers("GetScheduleGroup", {**group, "State": "DELETING"})
    assert observe_schedules(stubbed.aws, "flights") is None
    stubbed.refuses("GetScheduleGroup", "ResourceNotFoundException", "Schedule group flights does not exist.")
    assert observe_schedules(stubbed.aws, "flights") is None


def look_at_a_failed_job(stubbed: Stubbed) -> None:
    """What a transform tells of it."""
    stubbed.answers("DescribeTransformJob", answers.transform_job("Failed"))
    stubbed.answers("DescribeLogStreams", {"logStreams": [{"logStreamName": "flights-1/i"}]})
    stubbed.answers("GetLogEvents", {"events": []})
    step = transform.WaitForTransform(name="flights-1", output="s3://f/p/", files=1, resume="")
    with pytest.raises(ServingError):
        wait_for_transform(stubbed.aws, step, FakeTime().clock(), str)


def read_a_log(stubbed: Stubbed) -> None:
    """What an endpoint has printed."""
    stubbed.answers("FilterLogEvents", {"events": []})
    source = LogSource("endpoint", "flights", "/aws/sagemaker/Endpoints/flights")
    assert list(read_lines(stubbed.aws, source, 0)) == []


def look_at_scaling(stubbed: Stubbed) -> None:
    """How endpoints are scaled."""
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/flights/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    made = {"RoleARN": "arn:aws:iam::1:role/r", "CreationTime": answers.THEN}
    waking = {"StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]}
    policy = {"PolicyARN": "arn:p", "PolicyName": "kedro-aws-waking", "PolicyType": "StepScaling", **made}
    policy.pop("RoleARN")
    stubbed.answers(
        "DescribeScalableTargets",
        {"ScalableTargets": [{**target, **made, "MinCapacity": 0, "MaxCapacity": 2}]},
        {"ServiceNamespace": "sagemaker", "ResourceIds": [target["ResourceId"]]},
    )
    stubbed.answers("DescribeEndpointConfig", answers.config())
    policies = {"ScalingPolicies": [{**target, **policy, "StepScalingPolicyConfiguration": waking}]}
    stubbed.answers("DescribeScalingPolicies", policies, target)
    alarm = {"MetricAlarms": [{"AlarmName": "kedro-aws-flights-waits"}]}
    stubbed.answers("DescribeAlarms", alarm, {"AlarmNames": ["kedro-aws-flights-waits"]})
    endpoint = Endpoint("flights", "InService", "flights-1", weights={"AllTraffic": 1.0})
    found = Scaling(target["ScalableDimension"], 0, 2, {"kedro-aws-waking": waking}, True, "ml.m5.large")
    assert observe_all_scaling(stubbed.aws, [endpoint]) == {"flights": {"AllTraffic": found}}
    stubbed.refuses("DescribeScalableTargets", "AccessDeniedException")
    assert observe_all_scaling(stubbed.aws, [endpoint]) == {}
    stubbed.refuses("DescribeScalableTargets", "AccessDeniedException")
    with pytest.raises(AwsError, match="look up the scaling of endpoint flights"):
        observe_scaling(stubbed.aws, endpoint)


def look_at_metrics_and_alarms(stubbed: Stubbed) -> None:
    """What an endpoint was asked, and why its update was ended."""
    stubbed.answers("GetMetricData", {"MetricDataResults": []})
    observe_last_hour(stubbed.aws, "flights", ["AllTraffic"], answers.THEN)
    stubbed.answers("DescribeEndpoint", answers.endpoint("InService", "flights-0", FailureReason="Alarms."))
    stubbed.answers("DescribeAlarms", {"MetricAlarms": []})
    step = serving.WaitForUpdate(name="flights", config_name="flights-1", alarms=("errors",))
    with pytest.raises(ServingError):
        wait_for_update(stubbed.aws, step, FakeTime().clock(), str)


def read_values(stubbed: Stubbed) -> None:
    """Look up what dynamic globals may ask for."""
    stubbed.answers("GetParameter", {"Parameter": {"Type": "String", "Value": "a"}})
    read_parameter(stubbed.aws, "/flights/level")
    stubbed.answers("GetSecretValue", {"SecretString": "a"})
    read_secret(stubbed.aws, "flights", None)


def upload_in_parts(stubbed: Stubbed, upload: Step) -> None:
    """Once to its end, and once not."""
    assert isinstance(upload, s3.UploadFile)
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
    apply_steps(stubbed, time, *every.values())
    observe_everything(stubbed)
    observe_a_stack(stubbed)
    look_at_an_account(stubbed)
    look_at_a_failed_job(stubbed)
    look_at_pipelines(stubbed)
    look_at_spark(stubbed)
    look_at_schedules(stubbed)
    look_at_state_machines(stubbed)
    read_a_log(stubbed)
    look_at_scaling(stubbed)
    look_at_metrics_and_alarms(stubbed)
    read_values(stubbed)
    upload_in_parts(stubbed, every[s3.UploadFile])
    assert stubbed.requests.operations == operations_in_the_source()
