"""Search finds what exists: by name, tag, time and status."""

from typing import Any

import pytest
from local_cloud import Cloud, refused

TEAM = [{"Key": "team", "Value": "pricing"}]


def condition(name: str, value: str | None = None, operator: str | None = None) -> dict[str, str]:
    given = {"Name": name, "Operator": operator, "Value": value}
    return {key: part for key, part in given.items() if part is not None}


def find(cloud: Cloud, kind: str, *filters: dict[str, str], **params: Any) -> list[dict[str, Any]]:
    if filters:
        params["SearchExpression"] = {"Filters": list(filters)}
    return [each[kind] for each in cloud.sagemaker.search(Resource=kind, **params)["Results"]]


@pytest.fixture
def registry(cloud: Cloud) -> Cloud:
    """Two groups with three packages, of which one is approved."""
    for name in ("fares", "delays"):
        cloud.sagemaker.create_model_package_group(
            ModelPackageGroupName=name, Tags=TEAM if name == "fares" else []
        )
    for name, status in (("fares", "Approved"), ("fares", "Rejected"), ("delays", "Approved")):
        cloud.sagemaker.create_model_package(
            ModelPackageGroupName=name,
            ModelApprovalStatus=status,
            CustomerMetadataProperties={"run.id": f"{name}-{status}"},
            InferenceSpecification={
                "Containers": [{"Image": f"{name}:1"}, {"Image": "other:2", "Framework": name.upper()}]
            },
        )
    return cloud


def versions(found: list[dict[str, Any]]) -> set[tuple[str, int]]:
    return {(each["ModelPackageGroupName"], each["ModelPackageVersion"]) for each in found}


FIRST, SECOND, OTHER = ("fares", 1), ("fares", 2), ("delays", 1)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], {FIRST, SECOND, OTHER}),
        ([condition("ModelPackageGroupName", "fares")], {FIRST, SECOND}),
        ([condition("ModelPackageGroupName", "fares", "NotEquals")], {OTHER}),
        ([condition("ModelPackageGroupName", "are", "Contains")], {FIRST, SECOND}),
        ([condition("ModelPackageGroupName", "delays, none", "In")], {OTHER}),
        (
            [condition("ModelPackageGroupName", "fares"), condition("ModelApprovalStatus", "Approved")],
            {FIRST},
        ),
        ([condition("ModelPackageVersion", "1", "GreaterThan")], {SECOND}),
        ([condition("ModelPackageVersion", "1.0", "LessThanOrEqualTo")], {FIRST, OTHER}),
        ([condition("CustomerMetadataProperties.run.id", "fares-Rejected")], {SECOND}),
        ([condition("InferenceSpecification.Containers.Image", "delays:1")], {OTHER}),
        ([condition("ApprovalDescription", operator="NotExists")], {FIRST, SECOND, OTHER}),
        ([condition("ModelPackageDescription", operator="Exists")], set()),
    ],
)
def test_packages(registry: Cloud, filters: list[dict[str, str]], expected: set[tuple[str, int]]) -> None:
    assert versions(find(registry, "ModelPackage", *filters)) == expected


def test_expressions_are_joined(registry: Cloud) -> None:
    either = {
        "Operator": "Or",
        "Filters": [condition("ModelPackageGroupName", "delays")],
        "SubExpressions": [{"Filters": [condition("ModelApprovalStatus", "Rejected")]}],
    }
    assert versions(find(registry, "ModelPackage", SearchExpression=either)) == {SECOND, OTHER}


@pytest.mark.parametrize(("image", "expected"), [("other:2", {FIRST, SECOND}), ("fares:1", set())])
def test_a_nested_filter_is_satisfied_by_one_item_alone(registry: Cloud, image: str, expected: Any) -> None:
    nested = {
        "NestedPropertyName": "InferenceSpecification.Containers",
        "Filters": [
            condition("InferenceSpecification.Containers.Image", image),
            condition("InferenceSpecification.Containers.Framework", "FARES"),
        ],
    }
    found = find(registry, "ModelPackage", SearchExpression={"NestedFilters": [nested]})
    assert versions(found) == expected


def test_groups_by_tag_and_time(registry: Cloud) -> None:
    (tagged,) = find(registry, "ModelPackageGroup", condition("Tags.team", "pricing"))
    assert (tagged["ModelPackageGroupName"], tagged["Tags"]) == ("fares", TEAM)
    later = tagged["CreationTime"].isoformat()
    others = find(registry, "ModelPackageGroup", condition("CreationTime", later, "GreaterThan"))
    assert [each["ModelPackageGroupName"] for each in others] == ["delays"]
    early = condition("CreationTime", "2020-01-01T00:00:00", "LessThan")
    assert find(registry, "ModelPackageGroup", early) == []


def test_sorting_and_pages(registry: Cloud) -> None:
    newest_first = find(registry, "ModelPackage")
    assert [*versions(newest_first[:1])] == [OTHER]
    pages = registry.sagemaker.get_paginator("search").paginate(
        Resource="ModelPackage",
        SortBy="ModelPackageVersion",
        SortOrder="Ascending",
        PaginationConfig={"PageSize": 1},
    )
    read = list(pages)
    assert [len(page["Results"]) for page in read] == [1, 1, 1]
    assert {page["TotalHits"]["Value"] for page in read} == {3}
    numbers = [page["Results"][0]["ModelPackage"]["ModelPackageVersion"] for page in read]
    assert numbers == [1, 1, 2]
    registry.sagemaker.update_model_package(
        ModelPackageArn=newest_first[-1]["ModelPackageArn"], ModelApprovalStatus="Rejected"
    )
    assert [*versions(find(registry, "ModelPackage")[:1])] == [FIRST]  # by LastModifiedTime


def test_models_and_the_endpoints_that_serve_them(cloud: Cloud) -> None:
    cloud.deploy("served", "fares")
    cloud.create_model("gone")
    cloud.create_config("gone")
    cloud.sagemaker.delete_model(ModelName="gone")
    cloud.sagemaker.create_endpoint(EndpointName="broken", EndpointConfigName="gone", Tags=TEAM)
    cloud.wait_until_settled("broken")
    (failed,) = find(cloud, "Endpoint", condition("EndpointStatus", "Failed"))
    assert failed["EndpointName"] == "broken"
    assert "Could not find model" in failed["FailureReason"]
    (serving,) = find(cloud, "Endpoint", condition("ProductionVariants.VariantName", "AllTraffic"))
    assert (serving["EndpointName"], serving["EndpointConfigName"]) == ("served", "fares")
    (tagged,) = find(cloud, "Endpoint", condition("Tags.team", "pricing"))
    assert tagged["EndpointName"] == "broken"
    for name in ("ModelName", "Model.ModelName"):
        (model,) = find(cloud, "Model", condition(name, "fares"))
        assert model["Model"]["ModelName"] == "fares"
        assert [each["EndpointName"] for each in model["Endpoints"]] == ["served"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"Resource": "TrainingJob"}, "The local AWS does not support Search for TrainingJob."),
        (
            {"SearchExpression": {"Filters": [condition("Colour", "red")]}},
            "Unknown property name: Colour",
        ),
        ({"SortBy": "Colour"}, "Unknown property name: Colour"),
        (
            {"SearchExpression": {"Filters": [condition("ModelPackageGroupName", "a", "GreaterThan")]}},
            "The operator GreaterThan is not supported for the property ModelPackageGroupName.",
        ),
        (
            {"SearchExpression": {"Filters": [condition("CreationTime", "yesterday")]}},
            "The value 'yesterday' is no timestamp, as CreationTime is.",
        ),
        (
            {"SearchExpression": {"Filters": [condition("CreationTime", operator="Equals")]}},
            "The filter for CreationTime with the operator Equals must have a Value.",
        ),
        (
            {"SearchExpression": {"Filters": [condition("ModelPackageGroupName", "a", "Contains")] * 2}},
            "'CONTAINS' operator usage limit of 1 exceeded.",
        ),
        (
            {"SearchExpression": {"Operator": "Or"}},
            "You must specify at least one subexpression, filter, or nested filter.",
        ),
        ({"NextToken": "bm9uc2Vuc2U="}, "Invalid NextToken."),
    ],
)
def test_what_is_wrong_is_refused(registry: Cloud, params: dict[str, Any], message: str) -> None:
    search = registry.sagemaker.search
    assert refused(search, **{"Resource": "ModelPackage", **params}) == ("ValidationException", message, 400)
