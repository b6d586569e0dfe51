"""Executions of pipelines on the local AWS, whose steps are processes."""

import json
import uuid
from datetime import datetime
from typing import Any

import pytest
from local_cloud import ARN, BUCKET, ROLE, Cloud, refused
from pipelines import Pipelines, define


@pytest.fixture
def pipelines(cloud: Cloud) -> Pipelines:
    return Pipelines(cloud)


def get(reference: str) -> dict[str, str]:
    return {"Get": reference}


def test_steps_run_after_those_that_they_need(pipelines: Pipelines) -> None:
    make = pipelines.make_step
    pipelines.create(
        "Flights",
        make("last", after=("left", "right")),
        make("left", after=("first",)),
        make("right", "sleep=0.2", after=("first",)),
        make("first", "sleep=0.2", DisplayName="The first", Description="It is first"),
    )
    execution = pipelines.run("Flights", PipelineExecutionDisplayName="run-1")
    arn = execution["PipelineExecutionArn"]
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert execution["PipelineArn"] == f"{ARN}:pipeline/flights"
    assert arn.startswith(f"{ARN}:pipeline/flights/execution/")
    assert execution["PipelineExecutionDisplayName"] == "run-1"
    steps = pipelines.list_steps(arn)
    assert next(iter(steps)) == "first"
    assert list(steps)[-1] == "last"
    assert {each["StepStatus"] for each in steps.values()} == {"Succeeded"}
    assert steps["first"]["StepDisplayName"] == "The first"
    assert steps["first"]["StepDescription"] == "It is first"
    for before, after in (("first", "left"), ("first", "right"), ("left", "last"), ("right", "last")):
        assert steps[before]["EndTime"] <= steps[after]["StartTime"]
    job = steps["last"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    assert job.startswith(f"pipelines-{arn.rpartition('/')[2]}-last-")
    described = pipelines.client.describe_processing_job(ProcessingJobName=job)
    assert described["ProcessingJobStatus"] == "Completed"
    assert pipelines.list_runs() == ["first", "last", "left", "right"]
    (listed,) = pipelines.client.list_pipeline_executions(PipelineName="Flights")[
        "PipelineExecutionSummaries"
    ]
    assert (listed["PipelineExecutionArn"], listed["PipelineExecutionStatus"]) == (arn, "Succeeded")
    definition = pipelines.client.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert len(json.loads(definition["PipelineDefinition"])["Steps"]) == 4


def create_with_expressions(pipelines: Pipelines) -> None:
    """Create a pipeline with every kind of expression, and a condition on the file of its first step."""
    report = json.dumps({"metrics": [{"name": "r2", "value": 0.75}]})
    output = {
        "OutputName": "out",
        "S3Output": {
            "S3Uri": {
                "Std:Join": {
                    "On": "/",
                    "Values": [f"s3://{BUCKET}/out", get("Execution.PipelineExecutionId")],
                }
            },
            "LocalPath": "/opt/ml/processing/output/out",
            "S3UploadMode": "EndOfJob",
        },
    }
    parameters = [
        {"Name": "RunId", "Type": "String", "DefaultValue": "none"},
        {"Name": "Seconds", "Type": "Integer", "DefaultValue": 600},
        {"Name": "Least", "Type": "Float", "DefaultValue": 0.7},
    ]
    file = {"PropertyFileName": "report", "OutputName": "out", "FilePath": "report.json"}
    first = pipelines.make_step(
        "first",
        f"write={report}",
        get("Parameters.RunId"),
        get("Execution.StartDateTime"),
        request={
            "outputs": [output],
            "StoppingCondition": {"MaxRuntimeInSeconds": get("Parameters.Seconds")},
        },
        PropertyFiles=[file],
    )
    where = "Steps.first.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"
    second = pipelines.make_step("second", get(where), {"Std:Join": {"On": "=", "Values": ["a", 1, True]}})
    value = {
        "Std:JsonGet": {"PropertyFile": get("Steps.first.PropertyFiles.report"), "Path": "metrics[0].value"}
    }
    check = {
        "Name": "check",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [
                {"Type": "GreaterThanOrEqualTo", "LeftValue": value, "RightValue": get("Parameters.Least")}
            ],
            "IfSteps": [pipelines.make_step("good")],
            "ElseSteps": [
                {
                    "Name": "bad",
                    "Type": "Fail",
                    "Arguments": {"ErrorMessage": {"Std:Join": {"On": " ", "Values": ["r2 is only", value]}}},
                }
            ],
        },
    }
    pipelines.create("expressions", first, second, check, parameters=parameters)


def test_expressions_have_the_values_of_the_execution(pipelines: Pipelines) -> None:
    create_with_expressions(pipelines)
    given = [{"Name": "RunId", "Value": "2026-11-30"}, {"Name": "Seconds", "Value": "300"}]
    execution = pipelines.run("expressions", PipelineParameters=given)
    arn = execution["PipelineExecutionArn"]
    assert execution["PipelineExecutionStatus"] == "Succeeded", pipelines.list_steps(arn)
    steps = pipelines.list_steps(arn)
    assert set(steps) == {"first", "second", "check", "good"}
    assert steps["check"]["Metadata"] == {"Condition": {"Outcome": "True"}}

    def describe(step: str) -> dict[str, Any]:
        name = steps[step]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
        described: dict[str, Any] = pipelines.client.describe_processing_job(ProcessingJobName=name)
        return described

    identifier = arn.rpartition("/")[2]
    assert describe("first")["StoppingCondition"] == {"MaxRuntimeInSeconds": 300}
    assert describe("first")["AppSpecification"]["ContainerArguments"][2] == "2026-11-30"
    started = describe("first")["AppSpecification"]["ContainerArguments"][3]
    assert datetime.fromisoformat(started.replace("Z", "+00:00")) == execution["CreationTime"]
    assert describe("second")["AppSpecification"]["ContainerArguments"][1:] == [
        f"s3://{BUCKET}/out/{identifier}",
        "a=1=true",
    ]
    parameters_of = pipelines.client.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
    assert {each["Name"]: each["Value"] for each in parameters_of["PipelineParameters"]} == {
        "RunId": "2026-11-30",
        "Seconds": "300",
        "Least": "0.7",
    }


def test_a_condition_chooses_the_steps_and_a_fail_step_fails(pipelines: Pipelines) -> None:
    create_with_expressions(pipelines)
    given = [{"Name": "Least", "Value": "0.9"}]
    failed = pipelines.run("expressions", PipelineParameters=given)
    assert failed["PipelineExecutionStatus"] == "Failed"
    assert failed["FailureReason"] == "Step failure: One or multiple steps failed."
    steps = pipelines.list_steps(failed["PipelineExecutionArn"])
    assert steps["bad"]["FailureReason"] == "r2 is only 0.75"
    assert steps["bad"]["Metadata"] == {"Fail": {"ErrorMessage": "r2 is only 0.75"}}
    assert "good" not in steps


def test_a_failed_execution_goes_on_where_it_was(pipelines: Pipelines) -> None:
    pipelines.create(
        "fails",
        pipelines.make_step("first"),
        pipelines.make_step("second", "fail_unless=repaired", after=("first",)),
        pipelines.make_step("third", after=("second",)),
    )
    execution = pipelines.run("fails")
    arn = execution["PipelineExecutionArn"]
    assert execution["PipelineExecutionStatus"] == "Failed"
    steps = pipelines.list_steps(arn)
    assert {name: each["StepStatus"] for name, each in steps.items()} == {
        "first": "Succeeded",
        "second": "Failed",
    }
    assert steps["second"]["FailureReason"] == "ClientError: AlgorithmError: , exit code: 5"
    assert pipelines.list_runs() == ["first"]
    pipelines.jobs.put("repaired", "")
    token = uuid.uuid4().hex
    for _ in range(2):
        pipelines.client.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=token)
    again = pipelines.wait(arn)
    assert (again["PipelineExecutionStatus"], "FailureReason" in again) == ("Succeeded", False)
    assert again["CreationTime"] == execution["CreationTime"]
    assert pipelines.list_runs() == ["first", "second", "third"]
    code, message, _status = refused(pipelines.client.retry_pipeline_execution, PipelineExecutionArn=arn)
    assert code == "ConflictException"
    assert "is Succeeded" in message


def test_an_execution_is_stopped_and_retried(pipelines: Pipelines) -> None:
    pipelines.create(
        "stops",
        pipelines.make_step("first"),
        pipelines.make_step("second", "sleep=600", after=("first",)),
        pipelines.make_step("third", after=("second",)),
    )
    arn = pipelines.start("stops")
    pipelines.wait_for_step(arn, "second")
    assert refused(pipelines.client.delete_pipeline, PipelineName="stops")[0] == "ConflictException"
    pipelines.client.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert pipelines.wait(arn)["PipelineExecutionStatus"] == "Stopped"
    steps = pipelines.list_steps(arn)
    assert {name: each["StepStatus"] for name, each in steps.items()} == {
        "first": "Succeeded",
        "second": "Stopped",
    }
    job = steps["second"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    assert pipelines.client.describe_processing_job(ProcessingJobName=job)["ProcessingJobStatus"] == "Stopped"
    pipelines.client.retry_pipeline_execution(PipelineExecutionArn=arn)
    pipelines.wait_for_step(arn, "second")
    assert pipelines.list_runs() == ["first"]
    pipelines.client.stop_pipeline_execution(PipelineExecutionArn=arn)
    pipelines.wait(arn, "Stopped")
    pipelines.client.delete_pipeline(PipelineName="stops")
    assert refused(pipelines.client.describe_pipeline_execution, PipelineExecutionArn=arn)[0] == (
        "ResourceNotFound"
    )


def create_versions(pipelines: Pipelines) -> str:
    """Create a pipeline of two versions, and return its ARN."""
    token = uuid.uuid4().hex
    request = {
        "PipelineName": "versions",
        "RoleArn": ROLE,
        "ClientRequestToken": token,
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    first = define(pipelines.make_step("one"))
    arn = pipelines.client.create_pipeline(**request, PipelineDefinition=first)["PipelineArn"]
    again = pipelines.client.create_pipeline(**request, PipelineDefinition=first)["PipelineArn"]
    assert again == arn == f"{ARN}:pipeline/versions"
    code, message, _status = refused(
        pipelines.client.create_pipeline,
        **{**request, "ClientRequestToken": uuid.uuid4().hex},
        PipelineDefinition=first,
    )
    assert code == "ValidationException"
    assert "Pipeline names must be unique within an AWS account and region" in message
    pipelines.jobs.put("definitions/two.json", define(pipelines.make_step("two")))
    updated = pipelines.client.update_pipeline(
        PipelineName="versions",
        PipelineDefinitionS3Location={"Bucket": BUCKET, "ObjectKey": "definitions/two.json"},
        PipelineDescription="with two",
    )
    assert updated["PipelineVersionId"] == 2
    only_described = pipelines.client.update_pipeline(
        PipelineName="versions", PipelineDescription="described"
    )
    assert only_described["PipelineVersionId"] == 2
    latest = pipelines.client.describe_pipeline(PipelineName="versions")
    assert json.loads(latest["PipelineDefinition"])["Steps"][0]["Name"] == "two"
    assert latest["PipelineDescription"] == "described"
    of_first = pipelines.client.describe_pipeline(PipelineName="versions", PipelineVersionId=1)
    assert of_first["PipelineDefinition"] == first
    return str(arn)


def test_versions_are_started_by_their_numbers(pipelines: Pipelines) -> None:
    arn = create_versions(pipelines)
    execution = pipelines.run("versions", PipelineVersionId=1)
    assert execution["PipelineVersionId"] == 1
    assert pipelines.list_runs() == ["one"]
    pipelines.client.update_pipeline_version(
        PipelineArn=arn, PipelineVersionId=2, PipelineVersionDisplayName="better"
    )
    versions = pipelines.client.list_pipeline_versions(PipelineName="versions")["PipelineVersionSummaries"]
    assert [each["PipelineVersionId"] for each in versions] == [2, 1]
    assert versions[0]["PipelineVersionDisplayName"] == "better"
    assert versions[1]["LastExecutionPipelineExecutionArn"] == execution["PipelineExecutionArn"]
    assert pipelines.client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    (listed,) = pipelines.client.list_pipelines(PipelineNamePrefix="ver")["PipelineSummaries"]
    assert listed["LastExecutionTime"] == execution["CreationTime"]
    pipelines.client.delete_pipeline(PipelineName="versions")
    for call in (pipelines.client.describe_pipeline, pipelines.client.start_pipeline_execution):
        code, message, _status = refused(call, PipelineName="versions")
        assert (code, message) == ("ResourceNotFound", f"Pipeline '{arn}' does not exist.")


def test_a_token_starts_one_execution(pipelines: Pipelines) -> None:
    pipelines.create("once", pipelines.make_step("one"))
    token = uuid.uuid4().hex
    arns = {pipelines.start("once", ClientRequestToken=token) for _ in range(3)}
    assert len(arns) == 1
    pipelines.wait(arns.pop())
    assert pipelines.list_runs() == ["one"]


def test_selected_steps_take_the_others_from_an_earlier_execution(pipelines: Pipelines) -> None:
    parameters = [{"Name": "X", "Type": "String"}]
    pipelines.create(
        "selective",
        pipelines.make_step("first"),
        pipelines.make_step("second", get("Steps.first.ProcessingJobName"), get("Parameters.X")),
        pipelines.make_step("third", after=("second",)),
        parameters=parameters,
    )
    code, message, _status = refused(pipelines.client.start_pipeline_execution, PipelineName="selective")
    assert (code, "['X'] have no default value" in message) == ("ValidationException", True)
    source = pipelines.run("selective", PipelineParameters=[{"Name": "X", "Value": "x"}])
    config = {"SelectedSteps": [{"StepName": "second"}]}
    execution = pipelines.run("selective", SelectiveExecutionConfig=config)
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert pipelines.list_runs() == ["first", "second", "second", "third"]
    steps = pipelines.list_steps(execution["PipelineExecutionArn"])
    assert set(steps) == {"first", "second"}
    assert steps["first"]["SelectiveExecutionResult"] == {
        "SourcePipelineExecutionArn": source["PipelineExecutionArn"]
    }
    config = {"SelectedSteps": [{"StepName": "nothing"}]}
    assert (
        "['nothing'] are not in the pipeline"
        in (
            refused(
                pipelines.client.start_pipeline_execution,
                PipelineName="selective",
                SelectiveExecutionConfig=config,
            )[1]
        )
    )
