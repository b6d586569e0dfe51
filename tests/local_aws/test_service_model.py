"""Requests against botocore's service model: no server, no network."""

from datetime import datetime, timezone

import pytest

from local_aws.protocol.patterns import matches
from local_aws.protocol.service_model import find_violations

MODEL = {"ModelName": "m", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/r"}


def sentence(value, path, constraint):
    return f"Value {value} at '{path}' failed to satisfy constraint: {constraint}"


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        (
            "sagemaker",
            "CreateModel",
            {**MODEL, "PrimaryContainer": {"Image": "i", "Environment": {"A": "1"}}},
        ),
        (
            "sagemaker",
            "ListModels",
            {"CreationTimeAfter": datetime(2026, 1, 1, tzinfo=timezone.utc), "MaxResults": 5},
        ),
        ("sagemaker", "ListModels", {"CreationTimeAfter": 1767225600.5}),
        (
            "sagemaker",
            "CreateModelPackageGroup",
            {"ModelPackageGroupName": "g", "ModelPackageGroupDescription": "é€"},
        ),
        ("s3", "PutObject", {"Bucket": "bucket", "Key": "k", "Body": b"x"}),
        ("sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "e", "Body": b"x", "InferenceId": "id-1"}),
        ("sts", "GetCallerIdentity", {}),
        ("athena", "StartQueryExecution", {"QueryString": "select 1"}),
    ],
)
def test_good_requests_have_none(service, operation, params):
    assert find_violations(service, operation, params) == []


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        ("DescribeModel", {}, sentence("null", "modelName", "Member must not be null")),
        ("DescribeModel", {"ModelName": None}, sentence("null", "modelName", "Member must not be null")),
        ("DescribeModel", {"ModelName": 1}, sentence("'1'", "modelName", "Member must be of type string")),
        (
            "DescribeModel",
            {"ModelName": "no_underscore"},
            sentence(
                "'no_underscore'",
                "modelName",
                r"Member must satisfy regular expression pattern: [a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?",
            ),
        ),
        (
            "ListModels",
            {"MaxResults": 101},
            sentence("'101'", "maxResults", "Member must have value less than or equal to 100"),
        ),
        (
            "ListModels",
            {"MaxResults": True},
            sentence("'True'", "maxResults", "Member must be of type integer"),
        ),
        (
            "ListModels",
            {"SortBy": "Size"},
            sentence("'Size'", "sortBy", "Member must satisfy enum value set: [Name, CreationTime]"),
        ),
        (
            "CreateModel",
            {**MODEL, "PrimaryContainer": {"Environment": {"1A": "x"}}},
            sentence(
                "'{1A}'",
                "primaryContainer.environment",
                "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: "
                "[a-zA-Z_][a-zA-Z0-9_]*]",
            ),
        ),
        (
            "DeleteTags",
            {"ResourceArn": "arn:aws:sagemaker:eu-west-1:123456789012:model/m", "TagKeys": ["k" * 129]},
            sentence(
                f"'[{'k' * 129}]'",
                "tagKeys",
                "Member must satisfy constraint: [Member must have length less than or equal to 128]",
            ),
        ),
        (
            "CreateEndpointConfig",
            {"EndpointConfigName": "c", "ProductionVariants": [{"VariantName": "v", "ModelName": "a_b"}]},
            sentence(
                "'a_b'",
                "productionVariants.1.member.modelName",
                r"Member must satisfy regular expression pattern: [a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?",
            ),
        ),
        (
            "UpdateModelPackage",
            {
                "ModelPackageArn": "arn:aws:sagemaker:eu-west-1:123456789012:model-package/g/1",
                "CustomerMetadataProperties": {"key": "bad*value"},
            },
            sentence(
                "'{key}'",
                "customerMetadataProperties",
                "Map value must satisfy constraint: [Member must satisfy regular expression pattern: "
                r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256}]",
            ),
        ),
        ("DescribeModel", {"ModelName": "m", "Extra": 1}, "Value at 'extra' failed to satisfy constraint: "),
        ("DescribeModel", {"ModelName": ["m"]}, "Member must be of type string"),
        (
            "CreateModel",
            {**MODEL, "Tags": {"a": "b"}},
            "at 'tags' failed to satisfy constraint: Member must be of",
        ),
    ],
)
def test_each_mistake_is_named_in_awss_words(operation, params, expected):
    (found,) = find_violations("sagemaker", operation, params)
    assert found.startswith(expected) or expected in found


def test_exactly_one_member_of_a_union_is_set():
    job = {
        "AutoMLJobName": "j",
        "AutoMLJobInputDataConfig": [{"ChannelType": "training"}],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "RoleArn": "arn:aws:iam::123456789012:role/role",
    }
    tabular = {"TabularJobConfig": {"TargetAttributeName": "price"}}
    assert (
        find_violations("sagemaker", "CreateAutoMLJobV2", {**job, "AutoMLProblemTypeConfig": tabular}) == []
    )
    (none,) = find_violations("sagemaker", "CreateAutoMLJobV2", {**job, "AutoMLProblemTypeConfig": {}})
    assert "at 'autoMLProblemTypeConfig' failed to satisfy constraint: Exactly one of [" in none


def test_maps_of_structures_are_looked_into():
    (found,) = find_violations(
        "sagemaker",
        "CreateTrialComponent",
        {"TrialComponentName": "t", "InputArtifacts": {"data": {"MediaType": "text/csv"}}},
    )
    assert found == sentence("null", "inputArtifacts.data.member.value", "Member must not be null")


def test_a_member_that_the_api_does_not_know_is_one():
    assert find_violations("athena", "GetSession", {"SessionId": "s"}) == []
    assert find_violations("s3", "ListBuckets", {"Nonsense": 1}) == [
        "Value at 'nonsense' failed to satisfy constraint: the API knows no such member"
    ]


def test_several_mistakes_are_all_found():
    found = find_violations("sagemaker", "CreateModel", {"ModelName": "a_b", "ExecutionRoleArn": "short"})
    assert len(found) == 3


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*", "Größe €5!", "tab\there"),
        (r"\p{Lu}+", "ÄB", "äb"),
        (r"\A\S[\p{Print}]*\z", "abc", "ab\x01"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "x😀", "a\x00"),
        (r"([\p{L}_.]*)${1,128}", "key", "k*"),
        (r"^[a-z]+$", "abc", "abc1"),
    ],
)
def test_javas_patterns_are_read_by_python(pattern, good, bad):
    assert matches(pattern, good)
    assert not matches(pattern, bad)


def test_a_pattern_that_python_cannot_read_refuses_nothing():
    assert matches(r"[\w-_]*", "anything at all")
