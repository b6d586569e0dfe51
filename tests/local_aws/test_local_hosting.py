"""Models and endpoint configs."""

import pytest
from local_cloud import BUCKET, ENVIRONMENT, IMAGE, ROLE, Cloud, refused, variant

ARN = "arn:aws:sagemaker:eu-west-1:123456789012"
SERVERLESS = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}


def register(cloud: Cloud, status: str, **inference) -> str:
    cloud.sagemaker.create_model_package_group(ModelPackageGroupName="flights")
    containers = [
        {
            "Image": IMAGE,
            "ModelDataUrl": cloud.put_model("packaged"),
            "Environment": {**ENVIRONMENT, "A": "1"},
        }
    ]
    package = cloud.sagemaker.create_model_package(
        ModelPackageGroupName="flights",
        ModelApprovalStatus=status,
        InferenceSpecification={"Containers": containers, **inference},
    )
    return str(package["ModelPackageArn"])


def test_a_model_is_described_listed_and_deleted(cloud: Cloud):
    arn = cloud.create_model("Regressor-1")
    assert arn == f"{ARN}:model/regressor-1"
    described = cloud.sagemaker.describe_model(ModelName="Regressor-1")
    assert described["ModelArn"] == arn
    assert described["PrimaryContainer"]["Mode"] == "SingleModel"
    assert described["PrimaryContainer"]["Environment"] == ENVIRONMENT
    assert described["EnableNetworkIsolation"] is False
    assert [each["ModelName"] for each in cloud.sagemaker.list_models()["Models"]] == ["Regressor-1"]
    cloud.sagemaker.delete_model(ModelName="Regressor-1")
    assert cloud.sagemaker.list_models()["Models"] == []


def test_models_are_listed_newest_first_by_default(cloud: Cloud):
    for name in ("b", "a", "c"):
        cloud.create_model(name)

    def names(**params):
        return [each["ModelName"] for each in cloud.sagemaker.list_models(**params)["Models"]]

    assert names() == ["c", "a", "b"]
    assert names(SortBy="Name", SortOrder="Ascending") == ["a", "b", "c"]
    assert names(NameContains="B") == ["b"]
    first = cloud.sagemaker.list_models(MaxResults=2)
    assert len(first["Models"]) == 2
    rest = cloud.sagemaker.list_models(MaxResults=2, NextToken=first["NextToken"])
    assert [each["ModelName"] for each in rest["Models"]] == ["b"]
    assert "NextToken" not in rest


def test_a_duplicate_and_a_missing_model_are_refused(cloud: Cloud):
    cloud.create_model("m")
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/m"}
    assert refused(
        cloud.sagemaker.create_model, ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container
    ) == ("ValidationException", f'Cannot create already existing model "{ARN}:model/m".', 400)
    missing = ("ValidationException", f'Could not find model "{ARN}:model/nope".', 400)
    assert refused(cloud.sagemaker.describe_model, ModelName="nope") == missing
    assert refused(cloud.sagemaker.delete_model, ModelName="nope") == missing


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "Exactly one of PrimaryContainer and Containers"),
        ({"PrimaryContainer": {"ModelDataUrl": f"s3://{BUCKET}/x"}}, "must have an Image"),
        (
            {"PrimaryContainer": {"Image": IMAGE, "ModelPackageName": f"{ARN}:model-package/flights/1"}},
            "Specify one of either Image and Model Data URL or ModelPackageName in container definition.",
        ),
        (
            {"PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/nope"}},
            f"Could not find model data at s3://{BUCKET}/nope.",
        ),
        (
            {"PrimaryContainer": {"ModelPackageName": f"{ARN}:model-package/flights/1"}},
            f"ModelPackage {ARN}:model-package/flights/1 does not exist.",
        ),
        (
            {"PrimaryContainer": {"Image": IMAGE}, "ExecutionRoleArn": "kedro-aws-service-role"},
            "Value 'kedro-aws-service-role' at 'executionRoleArn' failed to satisfy constraint",
        ),
    ],
)
def test_a_model_that_cannot_be_is_refused(cloud: Cloud, params, message):
    params = {"ExecutionRoleArn": ROLE, **params}
    code, answered, status = refused(cloud.sagemaker.create_model, ModelName="m", **params)
    assert (code, status) == ("ValidationException", 400)
    assert message in answered


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_a_package_that_is_not_approved_makes_no_model(cloud: Cloud, status):
    package = register(cloud, status)
    code, message, http = refused(
        cloud.sagemaker.create_model,
        ModelName="m",
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"ModelPackageName": package},
    )
    assert (code, http) == ("ValidationException", 400)
    assert package in message
    assert message.endswith(f"its ModelApprovalStatus is {status}, not Approved.")


def test_a_package_without_a_container_makes_no_model(cloud: Cloud):
    cloud.sagemaker.create_model_package_group(ModelPackageGroupName="flights")
    package = cloud.sagemaker.create_model_package(
        ModelPackageGroupName="flights", ModelApprovalStatus="Approved"
    )
    _, message, _ = refused(
        cloud.sagemaker.create_model,
        ModelName="m",
        Containers=[{"ModelPackageName": package["ModelPackageArn"]}],
    )
    assert "has no InferenceSpecification" in message


def test_an_approved_package_is_served_even_after_it_is_deleted(cloud: Cloud):
    script = """
import os
def model_fn(model_dir): return os.environ["A"] + os.environ["B"]
def transform_fn(model, data, content_type, accept): return model, accept
"""
    package = register(cloud, "Approved")
    cloud.put_model("packaged", script)
    container = {"ModelPackageName": package, "Environment": {"B": "2"}}
    cloud.sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, Containers=[container])
    assert cloud.sagemaker.describe_model(ModelName="m")["Containers"] == [container]
    cloud.sagemaker.delete_model_package(ModelPackageName=package)
    cloud.create_config("c", variant("m"))
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    assert cloud.wait_until_settled("e")["EndpointStatus"] == "InService"
    assert cloud.invoke("e") == "12"


def test_a_config_is_described_listed_and_deleted(cloud: Cloud):
    cloud.create_model("m")
    arn = cloud.create_config("C1", variant("m", InitialVariantWeight=2.0))
    assert arn == f"{ARN}:endpoint-config/c1"
    described = cloud.sagemaker.describe_endpoint_config(EndpointConfigName="C1")
    assert described["ProductionVariants"] == [variant("m", InitialVariantWeight=2.0)]
    cloud.create_config("c2", variant("m", ServerlessConfig=SERVERLESS))
    serverless = cloud.sagemaker.describe_endpoint_config(EndpointConfigName="c2")["ProductionVariants"][0]
    assert serverless["ServerlessConfig"] == SERVERLESS
    assert serverless["InitialVariantWeight"] == 1.0
    listed = cloud.sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert [each["EndpointConfigName"] for each in listed] == ["c2", "C1"]
    cloud.sagemaker.delete_endpoint_config(EndpointConfigName="C1")
    missing = f'Could not find endpoint configuration "{arn}".'
    assert refused(cloud.sagemaker.describe_endpoint_config, EndpointConfigName="C1")[1] == missing
    assert refused(cloud.sagemaker.delete_endpoint_config, EndpointConfigName="C1")[1] == missing


def test_network_keys_and_timeouts_are_described_as_they_were_given(cloud: Cloud):
    vpc = {"Subnets": ["subnet-0a1b2c3d"], "SecurityGroupIds": ["sg-0a1b2c3d"]}
    container = {"Image": IMAGE, "ModelDataUrl": cloud.put_model("m"), "Environment": ENVIRONMENT}
    cloud.sagemaker.create_model(
        ModelName="m",
        ExecutionRoleArn=ROLE,
        PrimaryContainer=container,
        VpcConfig=vpc,
        EnableNetworkIsolation=True,
    )
    described = cloud.sagemaker.describe_model(ModelName="m")
    assert (described["VpcConfig"], described["EnableNetworkIsolation"]) == (vpc, True)
    settings = {
        "VolumeSizeInGB": 40,
        "ModelDataDownloadTimeoutInSeconds": 1200,
        "ContainerStartupHealthCheckTimeoutInSeconds": 900,
    }
    cloud.sagemaker.create_endpoint_config(
        EndpointConfigName="c", ProductionVariants=[variant("m", **settings)], KmsKeyId="alias/k"
    )
    config = cloud.sagemaker.describe_endpoint_config(EndpointConfigName="c")
    assert config["KmsKeyId"] == "alias/k"
    assert config["ProductionVariants"] == [variant("m", InitialVariantWeight=1.0, **settings)]
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    assert cloud.wait_until_settled("e")["EndpointStatus"] == "InService"
    serverless = refused(
        cloud.sagemaker.create_endpoint_config,
        EndpointConfigName="s",
        ProductionVariants=[variant("m", ServerlessConfig=SERVERLESS)],
    )
    assert serverless[1] == (
        "Production variant AllTraffic is serverless, and serverless endpoints do not support VpcConfig."
    )


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ([variant("nope")], f'Could not find model "{ARN}:model/nope".'),
        ([variant("m"), variant("m")], "Each production variant must have its own VariantName."),
        (
            [{"VariantName": "AllTraffic", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}],
            "a ModelName",
        ),
        ([{"VariantName": "AllTraffic", "ModelName": "m"}], "must have either InstanceType"),
        (
            [{"VariantName": "AllTraffic", "ModelName": "m", "InstanceType": "ml.m5.large"}],
            "must have either",
        ),
        (
            [variant("m", ServerlessConfig={**SERVERLESS, "MemorySizeInMB": 3000})],
            "MemorySizeInMB must be one of",
        ),
        ([variant("m", InstanceType="ml.unknown.large")], "Member must satisfy enum value set: ["),
    ],
)
def test_a_config_that_cannot_be_is_refused(cloud: Cloud, variants, message):
    cloud.create_model("m")
    code, answered, status = refused(
        cloud.sagemaker.create_endpoint_config, EndpointConfigName="c", ProductionVariants=variants
    )
    assert (code, status) == ("ValidationException", 400)
    assert message in answered


def test_a_duplicate_config_is_refused(cloud: Cloud):
    cloud.create_model("m")
    arn = cloud.create_config("c", variant("m"))
    assert refused(
        cloud.sagemaker.create_endpoint_config, EndpointConfigName="c", ProductionVariants=[variant("m")]
    ) == ("ValidationException", f'Cannot create already existing endpoint configuration "{arn}".', 400)
