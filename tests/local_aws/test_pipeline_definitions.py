"""Definitions of pipelines, as CreatePipeline checks them."""

import json
import time
from typing import Any

import pytest
from local_cloud import ROLE

from local_aws.protocol.messages import AwsFault
from local_aws.sagemaker.pipelines.definition import parse

WRONG = "Unable to parse pipeline definition. "


def get(reference: str) -> dict[str, str]:
    return {"Get": reference}


def make_step(name: str = "one", **changes: Any) -> dict[str, Any]:
    arguments = {
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["python3", "x.py"]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        },
        **changes.pop("arguments", {}),
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **changes}


def make_condition(*conditions: Any, **branches: Any) -> dict[str, Any]:
    return {"Name": "check", "Type": "Condition", "Arguments": {"Conditions": list(conditions), **branches}}


def refuse(*steps: Any, **others: Any) -> str:
    with pytest.raises(AwsFault) as caught:
        parse(json.dumps({"Version": "2020-12-01", "Steps": list(steps), **others}))
    assert caught.value.code == "ValidationException"
    return caught.value.message


EQUAL = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
SECONDS = {"StoppingCondition": {"MaxRuntimeInSeconds": get("Parameters.Seconds")}}


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], WRONG + "A pipeline must have at least one step."),
        ([make_step(), make_step()], WRONG + "Step names must be unique. Duplicate step name 'one'."),
        ([make_step("a b")], "must satisfy regular expression pattern"),
        ([make_step("a" * 65)], "must satisfy regular expression pattern"),
        (
            [make_step(Type="Lambda")],
            "The local AWS does not support pipeline steps of type Lambda, such as step one",
        ),
        ([make_step(Type="Callback")], "pipeline steps of type Callback"),
        ([make_step(Type="EMRServerless")], "pipeline steps of type EMRServerless"),
        ([make_step(Type="Magic")], WRONG + "Unknown step type 'Magic' of step 'one'."),
        ([make_step(Name2="x")], WRONG + "Unknown member 'Name2'."),
        ([make_step(arguments={"Stray": 1})], WRONG + "Unknown Argument member 'Stray'."),
        (
            [make_step(arguments={"ProcessingJobName": "x"})],
            WRONG + "Unknown Argument member 'ProcessingJobName'.",
        ),
        (
            [make_step(arguments={"RoleArn": "x"})],
            "Model Validation failed: Value 'x' at 'roleArn' failed to satisfy",
        ),
        ([make_step(arguments={"Environment": {"A": "x" * 257}})], "length less than or equal to 256"),
        (
            [make_step(arguments={"AppSpecification": {"ImageUri": "image"}})],
            "without AppSpecification.Container",
        ),
        (
            [make_step(arguments={"NetworkConfig": {"EnableNetworkIsolation": True}})],
            "EnableNetworkIsolation",
        ),
        (
            [make_step(arguments={"Environment": get("Parameters.X")})],
            WRONG + "Expecting start of Json Object.",
        ),
        (
            [make_step(arguments={"ProcessingInputs": get("Parameters.X")})],
            WRONG + "Expecting start of Json Array.",
        ),
        (
            [make_step(arguments={"Environment": {"A": get("Parameters.X")}})],
            "parameter reference 'Parameters.X'",
        ),
        (
            [make_step(arguments={"Environment": {"A": get("Execution.X")}})],
            "variable reference 'Execution.X'",
        ),
        ([make_step(arguments={"Environment": {"A": get("Globals.X")}})], "Invalid reference 'Globals.X'"),
        (
            [make_step(arguments={"Environment": {"A": get("Steps.two.X")}})],
            "step 'two', which does not exist",
        ),
        ([make_step(DependsOn=["two"])], "depends on step 'two', which does not exist"),
        (
            [make_step(), make_step("two", arguments={"Environment": {"A": get("Steps.one.NoMember")}})],
            WRONG + "Invalid property reference 'Steps.one.NoMember' in step 'two'.",
        ),
        (
            [
                make_step(),
                make_step("two", arguments={"Environment": {"A": get("Steps.one.PropertyFiles.x")}}),
            ],
            "Invalid property reference 'Steps.one.PropertyFiles.x'",
        ),
        (
            [
                make_step(DependsOn=["two"]),
                make_step("two", DependsOn=["three"]),
                make_step("three", DependsOn=["one"]),
            ],
            WRONG + "Steps must not depend on each other in a cycle: one, two, three.",
        ),
        ([make_step(DependsOn=["one"])], "in a cycle: one."),
        ([make_step(CacheConfig={"Enabled": True, "ExpireAfter": "30d"})], "does not support CacheConfig"),
        (
            [make_step(RetryPolicies=[{"ExceptionType": ["Other"], "MaxAttempts": 1}])],
            "ExceptionType must be of",
        ),
        ([make_step(RetryPolicies=[{"ExceptionType": ["Step.THROTTLING"]}])], "either MaxAttempts or"),
        (
            [make_step(RetryPolicies=[{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 21}])],
            "MaxAttempts must be at most 20",
        ),
        ([make_condition()], "must have Conditions"),
        ([make_condition({"Type": "Almost"})], WRONG + "Unknown condition type 'Almost' in step 'check'."),
        (
            [make_condition({"Type": "Not", "Expression": {"Type": "In"}})],
            "Condition In must have the members",
        ),
        ([make_condition(EQUAL, IfSteps=[make_step("check")])], "Duplicate step name 'check'"),
        (
            [make_condition(EQUAL, IfSteps=[make_step()]), make_step("two", DependsOn=["one"])],
            "depends on step 'one', which is in a branch of a condition",
        ),
        ([{"Name": "no", "Type": "Fail", "Arguments": {}}], "must have the Argument ErrorMessage"),
        (
            [make_step(arguments={"Environment": {"A": {"Std:Join": {"On": 1, "Values": []}}}})],
            "Std:Join must have",
        ),
    ],
)
def test_what_is_wrong_is_refused(steps: list[Any], message: str) -> None:
    assert message in refuse(*steps)


def test_what_is_wrong_with_the_whole_is_refused() -> None:
    for text in ("{not json", "[]", "1"):
        with pytest.raises(AwsFault, match=r"Expecting start of Json Object\."):
            parse(text)
    assert refuse(make_step(), Version="1") == WRONG + "Version must be 2020-12-01, not 1."
    assert "Unknown member 'Stages'" in refuse(make_step(), Stages=[])
    assert "MlflowConfig" in refuse(make_step(), MlflowConfig={"MlflowResourceArn": "x"})

    def refuse_parameter(**parameter: Any) -> str:
        return refuse(make_step(), Parameters=[parameter])

    assert "must have a Type of String, Integer, Float, Boolean" in refuse_parameter(Name="A", Type="Date")
    assert "must be of type Integer" in refuse_parameter(Name="A", Type="Integer", DefaultValue="1")
    assert "must be of type Integer" in refuse_parameter(Name="A", Type="Integer", DefaultValue=True)
    assert "must be one of its EnumValues" in refuse_parameter(
        Name="A", Type="String", DefaultValue="x", EnumValues=["y"]
    )
    assert "Duplicate parameter name 'A'" in refuse(
        make_step(), Parameters=2 * [{"Name": "A", "Type": "String"}]
    )
    assert "can have 200 parameters" in refuse(
        make_step(), Parameters=[{"Name": f"A{i}", "Type": "String"} for i in range(201)]
    )


def test_steps_within_conditions_are_parsed_with_what_they_need() -> None:
    inner = make_condition(EQUAL, ElseSteps=[make_step("deep", DependsOn=["one"])])
    steps = [make_step(), make_condition(EQUAL, IfSteps=[{**inner, "Name": "inner"}])]
    text = json.dumps(
        {"Version": "2020-12-01", "Metadata": {}, "Steps": steps, "PipelineExperimentConfig": None}
    )
    found = parse(text).steps
    assert list(found) == ["one", "check", "inner", "deep"]
    assert found["deep"].branch == (("check", True), ("inner", False))
    assert found["deep"].parents == {"one", "check", "inner"}
    where = "Steps.one.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"
    joined = {"Std:Join": {"On": "", "Values": [get(where), get("Execution.StartDateTime")]}}
    steps = [make_step(), make_step("two", arguments={"Environment": {"A": joined}, **SECONDS})]
    parameters = [{"Name": "Seconds", "Type": "Integer", "DefaultValue": 1}]
    found = parse(json.dumps({"Version": "2020-12-01", "Steps": steps, "Parameters": parameters})).steps
    assert found["two"].parents == {"one"}


def test_five_hundred_steps_are_parsed_in_a_moment() -> None:

    steps = [make_step("s0")]
    steps += [make_step(f"s{i}", DependsOn=[f"s{i - 1}"]) for i in range(1, 500)]
    text = json.dumps({"Version": "2020-12-01", "Steps": steps})
    began = time.process_time()
    assert len(parse(text).steps) == 500
    assert time.process_time() - began < 5
