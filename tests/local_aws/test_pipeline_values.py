"""Conditions, expressions, parameters and retry policies of pipelines, without a server."""

from typing import Any

import pytest

from local_aws.protocol.messages import AwsFault
from local_aws.sagemaker.pipelines.conditions import holds
from local_aws.sagemaker.pipelines.expressions import CannotResolve, follow, parse_path, resolve
from local_aws.sagemaker.pipelines.parameters import Parameter, assign
from local_aws.sagemaker.pipelines.retry_policies import choose_pause, classify_failure, classify_fault


def compare(kind: str, left: Any, right: Any) -> dict[str, Any]:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


TRUE, FALSE = compare("Equals", 1, 1), compare("Equals", 1, 2)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (TRUE, True),
        (FALSE, False),
        (compare("Equals", "a", "a"), True),
        (compare("Equals", 1, 1.0), True),
        (compare("GreaterThan", 1, 1), False),
        (compare("GreaterThan", 1.5, 1), True),
        (compare("GreaterThanOrEqualTo", 1, 1), True),
        (compare("LessThan", 1, 1), False),
        (compare("LessThanOrEqualTo", 1, 1), True),
        (compare("LessThan", "2026-11-29", "2026-11-30"), True),
        ({"Type": "In", "QueryValue": "a", "Values": ["b", "a"]}, True),
        ({"Type": "In", "QueryValue": "a", "Values": ["b"]}, False),
        ({"Type": "Not", "Expression": FALSE}, True),
        ({"Type": "Or", "Conditions": [FALSE, TRUE]}, True),
        ({"Type": "Or", "Conditions": [FALSE, {"Type": "Not", "Expression": TRUE}]}, False),
    ],
)
def test_a_condition_holds_or_not(condition: dict[str, Any], expected: bool) -> None:
    assert holds(condition) is expected


def test_what_cannot_be_compared_is_said() -> None:
    with pytest.raises(CannotResolve, match="cannot compare 'a' and 1"):
        holds(compare("LessThan", "a", 1))


def test_expressions_are_resolved_wherever_they_are() -> None:
    value = {
        "List": [{"Get": "Parameters.A"}, "x"],
        "Joined": {"Std:Join": {"On": "-", "Values": [{"Get": "Parameters.A"}, 1.5, False]}},
        "Read": {"Std:JsonGet": {"S3Uri": {"Get": "Parameters.A"}, "Path": "$.m['a b'][1].c"}},
        "Plain": {"Get": "x", "Other": 1},
    }

    def read(where: dict[str, Any]) -> bytes:
        assert where == {"S3Uri": "a"}
        return b'{"m": {"a b": [0, {"c": 7}]}}'

    assert resolve(value, lambda reference: {"Parameters.A": "a"}[reference], read) == {
        "List": ["a", "x"],
        "Joined": "a-1.5-false",
        "Read": 7,
        "Plain": {"Get": "x", "Other": 1},
    }
    with pytest.raises(CannotResolve, match="is not JSON"):
        resolve({"Std:JsonGet": {"S3Uri": "a", "Path": "x"}}, str, lambda _where: b"x")


def test_a_path_finds_items_by_position_or_name() -> None:
    outputs = {"Outputs": [{"OutputName": "a", "Uri": "x"}, {"OutputName": "b", "Uri": "y"}]}
    for path in ("Outputs['b'].Uri", "Outputs[1].Uri", 'Outputs["b"].Uri'):
        assert follow(outputs, parse_path(path), path) == "y"
    for path in ("Outputs['c'].Uri", "Outputs[2].Uri", "None.Uri"):
        with pytest.raises(CannotResolve, match="has no value"):
            follow(outputs, parse_path(path), path)
    with pytest.raises(CannotResolve, match="is not a path"):
        parse_path("a[")


def test_parameters_have_their_types_and_choices() -> None:
    parameters = {
        "i": Parameter("i", "Integer", 1),
        "f": Parameter("f", "Float"),
        "b": Parameter("b", "Boolean", False),
        "s": Parameter("s", "String", "x", ("x", "y")),
    }

    def give(**values: str) -> dict[str, Any]:
        return assign(parameters, [{"Name": name, "Value": value} for name, value in values.items()])

    assert give(f="2", b="true", s="y") == {"i": 1, "f": 2.0, "b": True, "s": "y"}
    for values, message in (
        ({}, r"\['f'\] have no default value"),
        ({"f": "1", "i": "1.5"}, "'i' must be of type Integer"),
        ({"f": "1", "b": "yes"}, "'b' must be of type Boolean"),
        ({"f": "1", "s": "z"}, "'s' must be one of"),
        ({"f": "1", "q": "z"}, r"\['q'\] are not in the pipeline definition"),
    ):
        with pytest.raises(AwsFault, match=message):
            give(**values)


def test_retry_policies_choose_pauses() -> None:
    internal = "SageMaker.JOB_INTERNAL_ERROR"
    assert classify_failure("InternalServerError: x") == internal
    assert classify_failure("CapacityError: x") == "SageMaker.CAPACITY_ERROR"
    assert classify_failure("AlgorithmError: , exit code: 1") == ""
    assert classify_fault(AwsFault("ThrottlingException", "x")) == "Step.THROTTLING"
    assert classify_fault(AwsFault("InternalFailure", "x", 500)) == "Step.SERVICE_FAULT"
    assert classify_fault(AwsFault("ResourceLimitExceeded", "x")) == "SageMaker.RESOURCE_LIMIT"
    assert classify_fault(AwsFault("ValidationException", "x")) == ""
    twice = {"ExceptionType": [internal], "IntervalSeconds": 10, "BackoffRate": 3.0, "MaxAttempts": 2}
    assert [choose_pause([twice], internal, attempt, 0) for attempt in (1, 2, 3)] == [10, 30, None]
    assert choose_pause([twice], "Step.THROTTLING", 1, 0) is None
    assert choose_pause([twice], "", 1, 0) is None
    hour = {"ExceptionType": internal, "IntervalSeconds": 600, "BackoffRate": 1.0, "ExpireAfterMin": 60}
    assert choose_pause([hour], internal, 5, 2400) == 600
    assert choose_pause([hour], internal, 6, 3100) is None
