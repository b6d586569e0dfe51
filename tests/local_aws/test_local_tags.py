"""Tags of every kind of resource, and GetResources."""

import pytest
from local_cloud import BUCKET, Cloud, refused, variant

ARN = "arn:aws:sagemaker:eu-west-1:123456789012"
MINE = [{"Key": "kedro:project", "Value": "flights"}]


@pytest.fixture
def arns(cloud: Cloud) -> dict[str, str]:
    """Create one resource of each kind."""
    cloud.sagemaker.create_model_package_group(ModelPackageGroupName="g", Tags=MINE)
    package = cloud.sagemaker.create_model_package(ModelPackageGroupName="g")
    cloud.create_model("m")
    cloud.create_config("m")
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="m")
    cloud.wait_until_settled("e")
    return {
        "model-package-group": f"{ARN}:model-package-group/g",
        "model-package": package["ModelPackageArn"],
        "model": f"{ARN}:model/m",
        "endpoint-config": f"{ARN}:endpoint-config/m",
        "endpoint": f"{ARN}:endpoint/e",
    }


def test_each_kind_of_resource_is_tagged(cloud: Cloud, arns):
    sagemaker = cloud.sagemaker
    for kind, arn in arns.items():
        sagemaker.add_tags(
            ResourceArn=arn, Tags=[{"Key": "kind", "Value": kind}, {"Key": "gone", "Value": "x"}]
        )
        sagemaker.delete_tags(ResourceArn=arn, TagKeys=["gone", "never-there"])
        tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
        assert tags.pop("kind") == kind
        assert tags == ({"kedro:project": "flights"} if kind == "model-package-group" else {})


def test_tags_go_with_their_resource(cloud: Cloud, arns):
    cloud.sagemaker.delete_model(ModelName="m")
    for call, params in (
        (cloud.sagemaker.list_tags, {}),
        (cloud.sagemaker.add_tags, {"Tags": MINE}),
        (cloud.sagemaker.delete_tags, {"TagKeys": ["a"]}),
    ):
        assert refused(call, ResourceArn=arns["model"], **params) == (
            "ValidationException",
            f"Could not find resource {arns['model']}.",
            400,
        )


def test_names_that_differ_by_case_alone_are_one_resource(cloud: Cloud):
    sagemaker = cloud.sagemaker
    cloud.deploy("Flights", "Regressor")
    arns = [f"{ARN}:endpoint-config/regressor", f"{ARN}:endpoint/flights", f"{ARN}:model/regressor"]
    for arn in arns:
        sagemaker.add_tags(ResourceArn=arn, Tags=MINE)
    already = "Cannot create already existing"
    for create, message in (
        (lambda: cloud.create_model("regressor"), f'{already} model "{ARN}:model/regressor".'),
        (lambda: cloud.create_config("regressor", variant("Regressor")), f"{already} endpoint configuration"),
        (
            lambda: sagemaker.create_endpoint(EndpointName="flights", EndpointConfigName="Regressor"),
            f'{already} endpoint "{ARN}:endpoint/flights".',
        ),
    ):
        assert message in refused(create)[1]
    # A name keeps its case, and is found only in that case.
    assert sagemaker.describe_endpoint(EndpointName="Flights")["EndpointName"] == "Flights"
    assert "Could not find endpoint" in refused(sagemaker.delete_endpoint, EndpointName="flights")[1]
    assert "Could not find model" in refused(sagemaker.delete_model, ModelName="regressor")[1]
    tagging = cloud.aws.client("resourcegroupstaggingapi")
    assert [each["ResourceARN"] for each in tagging.get_resources()["ResourceTagMappingList"]] == arns
    sagemaker.delete_endpoint(EndpointName="Flights")
    sagemaker.delete_endpoint_config(EndpointConfigName="Regressor")
    sagemaker.delete_model(ModelName="Regressor")
    cloud.wait_until_deleted("Flights")
    for arn in arns:
        assert "Could not find resource" in refused(sagemaker.list_tags, ResourceArn=arn)[1]
    cloud.create_model("regressor")
    assert sagemaker.list_tags(ResourceArn=f"{ARN}:model/regressor")["Tags"] == []


def test_there_are_at_most_fifty_tags(cloud: Cloud, arns):
    tags = [{"Key": f"k{n}", "Value": "v"} for n in range(50)]
    cloud.sagemaker.add_tags(ResourceArn=arns["model"], Tags=tags)
    assert "limit of 50" in refused(cloud.sagemaker.add_tags, ResourceArn=arns["model"], Tags=MINE)[1]


def test_get_resources_finds_sagemakers_beside_motos(cloud: Cloud, arns):
    for arn in arns.values():
        cloud.sagemaker.add_tags(ResourceArn=arn, Tags=MINE)
    cloud.s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": MINE})
    tagging = cloud.aws.client("resourcegroupstaggingapi")

    def found(**params):
        pages = tagging.get_paginator("get_resources").paginate(**params)
        return [each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]]

    bucket = f"arn:aws:s3:::{BUCKET}"
    filters = [{"Key": "kedro:project", "Values": ["flights"]}]
    assert found() == found(TagFilters=filters) == sorted([*arns.values(), bucket])
    assert found(TagFilters=[{"Key": "kedro:project"}], PaginationConfig={"PageSize": 2}) == found()
    assert found(TagFilters=[{"Key": "kedro:project", "Values": ["other"]}]) == []
    assert found(ResourceTypeFilters=["sagemaker"]) == sorted(arns.values())
    assert found(ResourceTypeFilters=["sagemaker:endpoint"]) == [arns["endpoint"]]
    assert found(ResourceTypeFilters=["sagemaker:model", "s3"]) == [bucket, arns["model"]]
    assert found(ResourceARNList=[arns["model"]]) == [arns["model"]]
    mapping = tagging.get_resources(ResourceTypeFilters=["sagemaker:model"])["ResourceTagMappingList"]
    assert mapping == [{"ResourceARN": arns["model"], "Tags": MINE}]
    code, _, status = refused(tagging.get_resources, PaginationToken="%")
    assert (code, status) == ("PaginationTokenExpiredException", 400)
