"""Names against AWS's rules: what passes here is what AWS takes."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from kedro_aws_plugin.config.models import AwsConfig, EndpointName, Name, RoleArn
from local_aws.protocol.service_model import find_violations

_AWS_ALPHABET = "abzAZ09-._/:+=,@ \u00e9\uff11\n"


def accepts(key: str, value: str) -> bool:
    values = {"env": "local", "target": "local", "region": "eu-west-1", "bucket": "abc", key: value}
    try:
        AwsConfig.model_validate(values)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    "name",
    [
        "abc",
        "a" * 63,
        "1ab",
        "0.0",
        "my-flights-data",
        "my.flights.data",
        "my-.flights",
        "192.168.5",
        "2024.01.02.x",
    ],
)
def test_a_bucket_name_that_s3_takes(name: str) -> None:
    assert accepts("bucket", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 64,
        "My-Flights",
        "my_flights",
        "my flights",
        "flüge",
        "-flights",
        "flights-",
        ".flights",
        "flights.",
        "my..flights",
        "192.168.5.4",
        "xn--flights",
        "sthree-flights",
        "amzn-s3-demo-flights",
        "flights-s3alias",
        "flights--ol-s3",
        "flights.mrap",
        "flights--x-s3",
        "flights--table-s3",
        "flights\n",
        "s3://flights",
        "flights/data",
    ],
)
def test_a_bucket_name_that_s3_refuses(name: str) -> None:
    assert not accepts("bucket", name)


@given(st.text(alphabet="ab0-._A", max_size=70))
def test_bucket_names_keep_to_the_rules_of_s3(name: str) -> None:
    """The rules once more, as AWS's documentation lists them."""
    allowed = (
        3 <= len(name) <= 63
        and set(name) <= set("ab0-.")
        and name[0].isalnum()
        and name[-1].isalnum()
        and ".." not in name
        and not re.fullmatch(r"0+\.0+\.0+\.0+", name)
    )
    assert accepts("bucket", name) == allowed


@pytest.mark.parametrize(
    ("region", "there_is"),
    [
        ("eu-west-1", True),
        ("us-gov-west-1", True),
        ("us-iso-east-1", True),
        ("ap-southeast-7", True),
        ("mx-central-1", True),
        ("cn-north-1", True),
        ("", False),
        ("Ireland", False),
        ("eu-west", False),
        ("eu-west-1a", False),
        ("EU-WEST-1", False),
        ("eu_west_1", False),
        ("eu-west-1 ", False),
        ("eu-west-\uff11", False),
        ("euwest1", False),
    ],
)
def test_regions_look_like_regions(region: str, there_is: bool) -> None:
    assert accepts("region", region) == there_is


def test_every_region_that_botocore_knows_for_sagemaker_passes() -> None:
    import boto3

    session = boto3.Session()
    regions = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("sagemaker", partition_name=partition)
    ]
    assert len(regions) > 20
    assert [region for region in regions if not accepts("region", region)] == []


@pytest.mark.parametrize(
    ("arn", "is_role"),
    [
        ("arn:aws:iam::123456789012:role/kedro-aws", True),
        ("arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole_1", True),
        ("arn:aws-cn:iam::123456789012:role/kedro", True),
        ("arn:aws-us-gov:iam::123456789012:role/kedro", True),
        ("kedro-aws", False),
        ("arn:aws:iam::123456789012:user/kedro", False),
        ("arn:aws:iam::12345678901:role/kedro", False),
        ("arn:aws:iam::\uff11\uff12\uff13456789012:role/kedro", False),
        ("arn:aws:iam::123456789012:role/", False),
        ("arn:aws:iam::123456789012:role/a b", False),
        ("arn:aws:sts::123456789012:assumed-role/kedro/me", False),
        (f"arn:aws:iam::123456789012:role/{'r' * 2048}", False),
    ],
)
def test_roles_are_arns_of_roles(arn: str, is_role: bool) -> None:
    assert accepts("role_arn", arn) == is_role


def _passes(kind: object, value: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.slow
@given(st.text(alphabet=_AWS_ALPHABET, max_size=70) | st.from_regex(r"\A[ab](-{0,40}[ab]){0,70}\Z"))
@settings(max_examples=100)
def test_an_endpoint_name_that_passes_leaves_room_for_what_is_named_after_it(name: str) -> None:
    if _passes(EndpointName, name):
        for operation, key in {
            "CreateEndpoint": "EndpointName",
            "CreateEndpointConfig": "EndpointConfigName",
            "CreateModel": "ModelName",
        }.items():
            broken = find_violations("sagemaker", operation, {key: f"{name}-0123abcd"})
            assert [each for each in broken if "Member must not be null" not in each] == []


@given(st.text(alphabet=_AWS_ALPHABET, max_size=70) | st.from_regex(r"\A[ab](-{0,40}[ab]){0,70}\Z"))
@settings(max_examples=100)
def test_a_group_name_passes_exactly_where_sagemaker_takes_it_in_lower_case(name: str) -> None:
    """SageMaker writes ARNs in lower case, so that two names which differ in case alone would clash."""
    request = {"ModelPackageGroupName": name}
    taken = find_violations("sagemaker", "CreateModelPackageGroup", request) == []
    assert _passes(Name, name) == (taken and name == name.lower())


@given(st.from_regex(r"\Aarn:aws[a-z-]{0,3}:iam::\d{12}:role/[\w+=,.@/-]{0,5}\Z"))
def test_a_role_that_passes_is_one_that_sagemaker_takes(arn: str) -> None:
    if _passes(RoleArn, arn):
        broken = find_violations("sagemaker", "CreateModel", {"ModelName": "m", "ExecutionRoleArn": arn})
        assert broken == []


def test_a_long_run_of_hyphens_counts() -> None:
    assert not _passes(EndpointName, f"a{'-' * 60}b")
    assert not _passes(Name, f"a{'-' * 70}b")
