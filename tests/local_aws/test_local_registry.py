"""Model package groups and model packages, as boto3 sees them."""

import boto3
import pytest
from local_cloud import IMAGE, Cloud, refused

ARN = "arn:aws:sagemaker:eu-west-1:123456789012"
GROUP = f"{ARN}:model-package-group/flights"
INFERENCE = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://models-bucket/m"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


@pytest.fixture
def sagemaker(cloud: Cloud):
    cloud.sagemaker.create_model_package_group(
        ModelPackageGroupName="flights",
        ModelPackageGroupDescription="prices",
        Tags=[{"Key": "team", "Value": "ml"}],
    )
    return cloud.sagemaker


def register(sagemaker, **params) -> str:
    params = {"ModelPackageGroupName": "flights", "InferenceSpecification": INFERENCE, **params}
    return sagemaker.create_model_package(**params)["ModelPackageArn"]


def test_a_group_is_described_listed_and_deleted(sagemaker):
    described = sagemaker.describe_model_package_group(ModelPackageGroupName="flights")
    assert described["ModelPackageGroupArn"] == GROUP
    assert described["ModelPackageGroupDescription"] == "prices"
    assert described["ModelPackageGroupStatus"] == "Completed"
    assert (
        sagemaker.describe_model_package_group(ModelPackageGroupName=GROUP)["ModelPackageGroupName"]
        == "flights"
    )
    summary = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert [each["ModelPackageGroupName"] for each in summary] == ["flights"]
    assert (
        sagemaker.list_model_package_groups(CrossAccountFilterOption="CrossAccount")[
            "ModelPackageGroupSummaryList"
        ]
        == []
    )
    sagemaker.delete_model_package_group(ModelPackageGroupName="flights")
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_a_duplicate_group_is_refused(sagemaker):
    assert refused(sagemaker.create_model_package_group, ModelPackageGroupName="flights") == (
        "ValidationException",
        f"Model Package Group already exists: {GROUP}",
        400,
    )


def test_a_group_with_packages_is_not_deleted(sagemaker):
    package = register(sagemaker)
    code, message, status = refused(sagemaker.delete_model_package_group, ModelPackageGroupName="flights")
    assert (code, status) == ("ConflictException", 400)
    assert GROUP in message
    sagemaker.delete_model_package(ModelPackageName=package)
    sagemaker.delete_model_package_group(ModelPackageGroupName="flights")


def test_what_does_not_exist_is_named_by_its_arn(sagemaker):
    assert refused(sagemaker.describe_model_package_group, ModelPackageGroupName="nope") == (
        "ValidationException",
        f"ModelPackageGroup {ARN}:model-package-group/nope does not exist.",
        400,
    )
    missing = f"{ARN}:model-package/flights/7"
    for call in (sagemaker.describe_model_package, sagemaker.delete_model_package):
        assert refused(call, ModelPackageName=missing) == (
            "ValidationException",
            f"ModelPackage {missing} does not exist.",
            400,
        )
    elsewhere = missing.replace("eu-west-1", "us-east-1")
    assert refused(sagemaker.describe_model_package, ModelPackageName=elsewhere)[1] == (
        "ARN should be scoped to correct region: eu-west-1"
    )


def test_a_package_is_a_version_of_its_group(sagemaker):
    package = register(
        sagemaker,
        ModelPackageDescription="first",
        CustomerMetadataProperties={"git_sha": "abc"},
        ModelMetrics={
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b-b-b/k"}}
        },
    )
    assert package == f"{ARN}:model-package/flights/1"
    described = sagemaker.describe_model_package(ModelPackageName=package)
    assert described["ModelPackageVersion"] == 1
    assert described["ModelPackageGroupName"] == "flights"
    assert described["ModelPackageStatus"] == "Completed"
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert described["InferenceSpecification"] == INFERENCE
    assert described["CustomerMetadataProperties"] == {"git_sha": "abc"}
    assert described["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == "s3://b-b-b/k"
    assert register(sagemaker).endswith("flights/2")


def test_a_deleted_version_number_is_not_used_again(sagemaker):
    register(sagemaker)
    sagemaker.delete_model_package(ModelPackageName=register(sagemaker))
    assert register(sagemaker).endswith("flights/3")


def test_approval_and_properties_are_updated(sagemaker):
    package = register(sagemaker, CustomerMetadataProperties={"a": "1", "b": "2"})
    sagemaker.update_model_package(
        ModelPackageArn=package,
        ModelApprovalStatus="Approved",
        ApprovalDescription="fine",
        CustomerMetadataProperties={"c": "3"},
        CustomerMetadataPropertiesToRemove=["a"],
        AdditionalInferenceSpecificationsToAdd=[{"Name": "more", "Containers": [{"Image": IMAGE}]}],
    )
    described = sagemaker.describe_model_package(ModelPackageName=package)
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ApprovalDescription"] == "fine"
    assert described["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    assert described["AdditionalInferenceSpecifications"][0]["Name"] == "more"
    assert described["LastModifiedTime"] > described["CreationTime"]
    many = {f"k{number}": "v" for number in range(50)}
    _, message, _ = refused(
        sagemaker.update_model_package, ModelPackageArn=package, CustomerMetadataProperties=many
    )
    assert message == "CustomerMetadataProperties can have at most 50 entries, not 52."


def test_packages_are_filtered_sorted_and_paged(sagemaker):
    packages = [register(sagemaker) for _ in range(12)]
    sagemaker.update_model_package(ModelPackageArn=packages[3], ModelApprovalStatus="Approved")

    def listed(**params):
        pages = sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName="flights", **params
        )
        return [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]

    assert listed() == packages
    assert listed(SortBy="CreationTime", SortOrder="Descending") == packages[::-1]
    assert listed(ModelApprovalStatus="Approved") == [packages[3]]
    first = sagemaker.list_model_packages(ModelPackageGroupName="flights")
    assert len(first["ModelPackageSummaryList"]) == 10
    assert "NextToken" in first
    assert len(listed(PaginationConfig={"PageSize": 5})) == 12
    since = sagemaker.describe_model_package(ModelPackageName=packages[9])["CreationTime"]
    assert listed(CreationTimeAfter=since) == packages[10:]
    assert listed(ModelPackageType="Unversioned") == []
    assert sagemaker.list_model_packages()["ModelPackageSummaryList"] == []
    assert refused(sagemaker.list_model_packages, NextToken="garbage")[1] == "Invalid NextToken."
    assert refused(sagemaker.list_model_packages, NextToken="MQ==")[1] == "Invalid NextToken."


def test_packages_are_described_in_one_call(sagemaker):
    package, missing = register(sagemaker), f"{ARN}:model-package/flights/9"
    answer = sagemaker.batch_describe_model_package(ModelPackageArnList=[package, missing])
    assert answer["ModelPackageSummaries"][package]["InferenceSpecification"] == INFERENCE
    assert answer["BatchDescribeModelPackageErrorMap"][missing]["ErrorCode"] == "ValidationException"


def test_a_client_token_makes_creation_idempotent(sagemaker):
    package = register(sagemaker, ClientToken="t" * 36)
    assert register(sagemaker, ClientToken="t" * 36) == package
    code, _, _ = refused(
        sagemaker.create_model_package,
        ModelPackageGroupName="flights",
        InferenceSpecification=INFERENCE,
        ModelPackageDescription="other",
        ClientToken="t" * 36,
    )
    assert code == "ConflictException"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "Missing ARN."),
        ({"ModelPackageName": "alone"}, "The local AWS does not support unversioned model packages"),
        (
            {"ModelPackageName": "alone", "ModelPackageGroupName": "flights"},
            "Both ModelPackageName and ModelPackageGroupName are provided in the input.",
        ),
        (
            {"ModelPackageGroupName": "flights", "Tags": [{"Key": "a", "Value": "b"}]},
            "Tags cannot be given to a versioned model package",
        ),
        (
            {
                "ModelPackageGroupName": "flights",
                "CustomerMetadataProperties": {f"k{n}": "v" for n in range(51)},
            },
            "Member must have length less than or equal to 50",
        ),
        ({"ModelPackageGroupName": "nope"}, "does not exist."),
    ],
)
def test_a_package_that_cannot_be_is_refused(sagemaker, params, message):
    code, answered, status = refused(sagemaker.create_model_package, **params)
    assert (code, status) == ("ValidationException", 400)
    assert message in answered


def test_requests_are_held_against_the_service_model(sagemaker):
    code, message, status = refused(
        sagemaker.create_model_package_group, ModelPackageGroupName="no_underscore"
    )
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith(
        "1 validation error detected: Value 'no_underscore' at 'modelPackageGroupName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: "
    )
    code, message, _ = refused(
        sagemaker.update_model_package, ModelPackageArn="wrong", ModelApprovalStatus="Perhaps"
    )
    assert message.startswith("2 validation errors detected: ")
    assert "Member must satisfy enum value set: [Approved, Rejected, PendingManualApproval]" in message


@pytest.mark.usefixtures("sagemaker")
def test_regions_are_apart():
    other = boto3.client("sagemaker", region_name="us-west-2")
    assert other.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    other.create_model_package_group(ModelPackageGroupName="flights")
    assert other.describe_model_package_group(ModelPackageGroupName="flights")["ModelPackageGroupArn"] == (
        GROUP.replace("eu-west-1", "us-west-2")
    )
    china = boto3.client("sagemaker", region_name="cn-north-1").create_model_package_group(
        ModelPackageGroupName="g"
    )
    assert china["ModelPackageGroupArn"].startswith("arn:aws-cn:")
