"""What is given to a Create operation comes back from its Describe operation: every member that both have."""

from datetime import datetime
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from local_cloud import BUCKET, IMAGE, ROLE, Cloud
from sample_requests import make_request_without_refused

from local_aws import LocalAws
from local_aws.protocol.service_model import load_service_model

SCHEMA = '{"type": "record", "name": "r", "fields": []}'
GROUP = {"ModelPackageGroupName": "g"}


def find_lost(service: str, describe: str, given: Any, got: Any, inside: str = "") -> dict[str, Any]:
    """Find the members that were given, that the description can have, and that it has not as given."""
    shape: Any = load_service_model(service).operation_model(describe).output_shape
    members = shape.members[inside].members if inside else shape.members
    shown = got[inside] if inside else got
    lost = {}
    for name in set(given) & set(members):
        value = shown.get(name)
        plain = value.timestamp() if isinstance(value, datetime) else value
        if plain != given[name]:
            lost[name] = (given[name], value)
    return lost


def give(cloud: Cloud, create: str, drop: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    """Create a resource with every setting that is not refused, and return what was given."""
    params = {**make_request_without_refused("sagemaker", create), **changes}
    params = {name: value for name, value in params.items() if name not in drop}
    getattr(cloud.sagemaker, xform_name(create))(**params)
    return params


def test_a_package_group(cloud: Cloud) -> None:
    given = give(cloud, "CreateModelPackageGroup", **GROUP)
    got = cloud.sagemaker.describe_model_package_group(**GROUP)
    assert find_lost("sagemaker", "DescribeModelPackageGroup", given, got) == {}


def test_a_package_and_its_changes(cloud: Cloud) -> None:
    cloud.sagemaker.create_model_package_group(**GROUP)
    given = give(cloud, "CreateModelPackage", drop=("ModelPackageName", "Tags"), **GROUP)
    arn = f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/{GROUP['ModelPackageGroupName']}/1"
    got = cloud.sagemaker.describe_model_package(ModelPackageName=arn)
    assert find_lost("sagemaker", "DescribeModelPackage", given, got) == {}
    cloud.sagemaker.create_model_package(**GROUP)
    second = f"{arn[:-1]}2"
    changed = give(
        cloud, "UpdateModelPackage", drop=("CustomerMetadataPropertiesToRemove",), ModelPackageArn=second
    )
    got = cloud.sagemaker.describe_model_package(ModelPackageName=second)
    assert find_lost("sagemaker", "DescribeModelPackage", changed, got) == {}
    assert got["AdditionalInferenceSpecifications"] == changed["AdditionalInferenceSpecificationsToAdd"]


def test_a_model(cloud: Cloud) -> None:
    uri = cloud.put_model("m")
    container = make_request_without_refused("sagemaker", "CreateModel")["PrimaryContainer"]
    container.pop("ModelPackageName")
    container.pop("ModelDataUrl")
    source = container.pop("ModelDataSource")["S3DataSource"]
    source.update(S3Uri=uri, S3DataType="S3Object", CompressionType="Gzip")
    places = {"url": {"ModelDataUrl": uri}, "source": {"ModelDataSource": {"S3DataSource": source}}}
    for name, place in places.items():
        primary = {**container, "Image": IMAGE, "Mode": "SingleModel", **place}
        names = {"ModelName": name, "ExecutionRoleArn": ROLE}
        given = give(cloud, "CreateModel", drop=("Containers",), PrimaryContainer=primary, **names)
        got = cloud.sagemaker.describe_model(ModelName=name)
        assert find_lost("sagemaker", "DescribeModel", given, got) == {}


_OF_INSTANCES = (
    "VolumeSizeInGB",
    "ModelDataDownloadTimeoutInSeconds",
    "ContainerStartupHealthCheckTimeoutInSeconds",
)


@pytest.mark.parametrize(
    "without",
    [("ServerlessConfig",), ("InitialInstanceCount", "InstanceType")],
    ids=["instances", "serverless"],
)
def test_an_endpoint_config(cloud: Cloud, without: tuple[str, ...]) -> None:
    cloud.create_model("m")
    variant = make_request_without_refused("sagemaker", "CreateEndpointConfig")["ProductionVariants"][0]
    variant = {key: value for key, value in variant.items() if key not in without}
    variant["ModelName"] = "m"
    beside = {"ShadowProductionVariants": [{**variant, "VariantName": "shadow"}]}
    dropped: tuple[str, ...] = ("AsyncInferenceConfig",)
    if "ServerlessConfig" in variant:  # with which AWS takes fewer settings
        dropped += ("ShadowProductionVariants", "DataCaptureConfig", "KmsKeyId")
        for member in _OF_INSTANCES:
            variant.pop(member, None)
    given = give(
        cloud,
        "CreateEndpointConfig",
        drop=dropped,
        **{"EndpointConfigName": "c", "ProductionVariants": [variant], **beside},
    )
    got = cloud.sagemaker.describe_endpoint_config(EndpointConfigName="c")
    assert find_lost("sagemaker", "DescribeEndpointConfig", given, got) == {}


def test_a_workgroup(local_aws: LocalAws) -> None:
    athena = local_aws.client("athena")
    given = make_request_without_refused("athena", "CreateWorkGroup")
    given["Configuration"].pop("ManagedQueryResultsConfiguration")
    given["Configuration"]["EngineVersion"] = {"SelectedEngineVersion": "AUTO"}
    given["Configuration"]["ResultConfiguration"]["OutputLocation"] = f"s3://{BUCKET}/"
    athena.create_work_group(**given)
    got = athena.get_work_group(WorkGroup=given["Name"])["WorkGroup"]
    got["Configuration"]["EngineVersion"].pop("EffectiveEngineVersion")
    assert {name: got["Configuration"].get(name) for name in given["Configuration"]} == given["Configuration"]
    assert got["Description"] == given["Description"]


GLUE = [
    ("CreateDatabase", "DatabaseInput", "GetDatabase", "Database", {"Name": "a"}),
    ("CreateTable", "TableInput", "GetTable", "Table", {"DatabaseName": "a", "Name": "a"}),
    (
        "CreatePartition",
        "PartitionInput",
        "GetPartition",
        "Partition",
        {"DatabaseName": "a", "TableName": "a", "PartitionValues": ["a"]},
    ),
    ("CreateCrawler", "", "GetCrawler", "Crawler", {"Name": "a"}),
    ("CreateJob", "", "GetJob", "Job", {"JobName": "a"}),
    ("CreateSecurityConfiguration", "", "GetSecurityConfiguration", "SecurityConfiguration", {"Name": "a"}),
    ("CreateRegistry", "", "GetRegistry", "", {"RegistryId": {"RegistryName": "a"}}),
    ("CreateSchema", "", "GetSchema", "", {"SchemaId": {"RegistryName": "a", "SchemaName": "a"}}),
]


def test_what_glue_keeps(local_aws: LocalAws) -> None:
    glue = local_aws.client("glue")
    changes: dict[str, Any] = {
        "CreateSchema": {
            "RegistryId": {"RegistryName": "a"},
            "DataFormat": "AVRO",
            "Compatibility": "NONE",
            "SchemaDefinition": SCHEMA,
        }
    }
    lost = {}
    for create, wrapped, get, inside, key in GLUE:
        given = {**make_request_without_refused("glue", create), **changes.get(create, {})}
        getattr(glue, xform_name(create))(**given)
        got = getattr(glue, xform_name(get))(**key)
        if found := find_lost("glue", get, given[wrapped] if wrapped else given, got, inside):
            lost[create] = found
    assert lost == {}


def test_a_table_of_another_version_is_not_updated(local_aws: LocalAws) -> None:
    glue = local_aws.client("glue")
    table = {"DatabaseName": "shop", "Name": "t"}
    glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(DatabaseName="shop", TableInput={"Name": "t"})
    read = glue.get_table(**table)["Table"]["VersionId"]
    update = {"DatabaseName": "shop", "TableInput": {"Name": "t", "Description": "mine"}, "VersionId": read}
    glue.update_table(**update, SkipArchive=True)
    with pytest.raises(ClientError, match="Update table failed due to concurrent modifications"):
        glue.update_table(**update)
    assert glue.get_table(**table)["Table"]["Description"] == "mine"
    assert len(glue.get_table_versions(DatabaseName="shop", TableName="t")["TableVersions"]) == 1


def test_each_partition_is_in_one_segment(local_aws: LocalAws) -> None:
    glue = local_aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    storage = {"Columns": [{"Name": "x", "Type": "int"}], "Location": "s3://lake/t/"}
    keys = [{"Name": "day", "Type": "string"}]
    glue.create_table(
        DatabaseName="shop", TableInput={"Name": "t", "PartitionKeys": keys, "StorageDescriptor": storage}
    )
    days = [str(day) for day in range(20)]
    glue.batch_create_partition(
        DatabaseName="shop", TableName="t", PartitionInputList=[{"Values": [day]} for day in days]
    )

    def read(number: int, total: int) -> list[str]:
        segment = {"SegmentNumber": number, "TotalSegments": total}
        found = glue.get_partitions(DatabaseName="shop", TableName="t", Segment=segment)["Partitions"]
        return [partition["Values"][0] for partition in found]

    assert sorted(read(0, 1)) == sorted(days)
    thirds = [read(number, 3) for number in range(3)]
    assert sorted(day for third in thirds for day in third) == sorted(days)
    assert all(thirds)


def test_tables_are_found_by_a_text_in_their_description(local_aws: LocalAws) -> None:
    glue = local_aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    for name, column in (("orders", "id"), ("prices", "amount"), ("stock", "Amount_left")):
        storage = {"Columns": [{"Name": column, "Type": "int"}], "Location": f"s3://lake/{name}/"}
        glue.create_table(DatabaseName="shop", TableInput={"Name": name, "StorageDescriptor": storage})

    first = glue.search_tables(SearchText="amount", MaxResults=1)
    rest = glue.search_tables(SearchText="amount", MaxResults=1, NextToken=first["NextToken"])

    assert [each["Name"] for each in (*first["TableList"], *rest["TableList"])] == ["prices", "stock"]
    assert "NextToken" not in rest
    assert len(glue.search_tables()["TableList"]) == 3
