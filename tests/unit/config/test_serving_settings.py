"""The settings of endpoints and transforms in aws.yml, against AWS's rules."""

import botocore.session
import pytest
from aws_yml_files import BASE, Read, loaded, refusal
from pydantic import ValidationError

from kedro_aws_plugin.config import merge_deploy, merge_transform
from kedro_aws_plugin.config.serving_settings import (
    ContainerSettings,
    HostingSettings,
    JobSettings,
    has_local_storage,
)
from kedro_aws_plugin.errors import ConfigError

KEY = "01234567-89ab-cdef-0123-456789abcdef"
NETWORK = "vpc: {subnets: [subnet-0a1b2c3d], security_groups: [sg-0a1b2c3d]}"


def _metadata(shape: str) -> dict[str, int]:
    model = botocore.session.get_session().get_service_model("sagemaker")
    return dict(model.shape_for(shape).metadata)


@pytest.mark.parametrize(
    ("settings", "key", "shape"),
    [
        (HostingSettings, "volume_gb", "ProductionVariantVolumeSizeInGB"),
        (HostingSettings, "startup_timeout", "ProductionVariantContainerStartupHealthCheckTimeoutInSeconds"),
        (HostingSettings, "download_timeout", "ProductionVariantModelDataDownloadTimeoutInSeconds"),
    ],
)
def test_the_limits_of_numbers_are_aws_own(settings: type[HostingSettings], key: str, shape: str) -> None:
    limits = _metadata(shape)
    for fits in (limits["min"], limits["max"]):
        assert getattr(settings.model_validate({key: fits}), key) == fits
    for wrong in (limits["min"] - 1, limits["max"] + 1):
        with pytest.raises(ValidationError, match=key):
            settings.model_validate({key: wrong})


@pytest.mark.parametrize(
    ("settings", "shape"), [(HostingSettings, "EnvironmentMap"), (JobSettings, "TransformEnvironmentMap")]
)
def test_the_number_and_length_of_variables_are_aws_own(
    settings: type[ContainerSettings], shape: str
) -> None:
    most = _metadata(shape)["max"]
    variables = {f"V{number}": "x" for number in range(most)}
    assert len(settings.model_validate({"environment": variables}).environment) == most
    with pytest.raises(ValidationError):
        settings.model_validate({"environment": {**variables, "ONE_MORE": "x"}})
    longest = "x" * _metadata("EnvironmentValue")["max"]
    settings.model_validate({"environment": {"V": longest}})
    with pytest.raises(ValidationError, match="the value of `V` has 1025 characters"):
        settings.model_validate({"environment": {"V": f"{longest}x"}})


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        "mrk-0123456789abcdef0123456789abcdef",
        "alias/flights/of_ours",
        f"arn:aws:kms:eu-west-1:111122223333:key/{KEY}",
        "arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/flights",
    ],
)
def test_every_form_of_a_key_is_taken(key: str) -> None:
    assert JobSettings.model_validate({"output_kms_key": key, "volume_kms_key": key}).output_kms_key == key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "volume_kms_key: my-key",
            "`deploy.volume_kms_key`: `my-key` is not a KMS key: its id, its ARN, or an alias like "
            "alias/my-key.",
        ),
        (
            "vpc: {subnets: [sg-0a1b2c3d], security_groups: [sg-0a1b2c3d]}",
            "`deploy.vpc.subnets.0`: `sg-0a1b2c3d` is not the id of a subnet; one looks like "
            "subnet-0a1b2c3d4e5f60718.",
        ),
        ("vpc: {subnets: [subnet-0a1b2c3d]}", "`deploy.vpc.security_groups` is missing. Add it."),
        (
            "vpc: {subnets: [], security_groups: [sg-0a1b2c3d]}",
            "`deploy.vpc.subnets`: `[]` is wrong: it should not be empty.",
        ),
        (
            "environment: {WORKERS: 2}",
            "`deploy.environment`: the value of `WORKERS` is `2`, which is no text; write it in quotes.",
        ),
        (
            "environment: {my-var: x}",
            "`deploy.environment`: `my-var` is not the name of a variable: letters, digits and underscores, "
            "no "
            "digit first.",
        ),
        (
            "environment: {SAGEMAKER_PROGRAM: x.py}",
            "`deploy.environment`: `SAGEMAKER_PROGRAM` cannot be set here: `kedro aws register-model` sets "
            "it "
            "for each version.",
        ),
        (
            "environment: {AWS_SECRET_ACCESS_KEY: x}",
            "`deploy.environment`: `AWS_SECRET_ACCESS_KEY` cannot be set here: the container has the "
            "credentials "
            "of its role (`role_arn`).",
        ),
        (
            "environment: {KEDRO_AWS_MODEL_DATA: x}",
            "`deploy.environment`: `KEDRO_AWS_MODEL_DATA` cannot be set here: names that begin with "
            "KEDRO_AWS_ "
            "are the plugin's.",
        ),
        (
            "tags: {'aws:team': x}",
            "`deploy.tags`: the tag `aws:team` cannot be set: tags that begin with aws: are AWS's own.",
        ),
        (
            "tags: {'kedro-aws:env': x}",
            "`deploy.tags`: the tag `kedro-aws:env` cannot be set: tags that begin with kedro-aws: are the "
            "plugin's own.",
        ),
        (
            "tags: {team: 'a & b'}",
            "`deploy.tags`: the tag `team: a & b` is not one that AWS takes: a key of 1 to 128 characters "
            "and a "
            "value of up to 256; letters, digits, spaces and _ . : / = + - @.",
        ),
    ],
)
def test_what_aws_does_not_take_is_refused_with_its_key(read: Read, text: str, message: str) -> None:
    assert refusal(read, {"base/aws.yml": f"{BASE}deploy:\n  endpoint: e\n  {text}\n"}) == (
        f"conf/base/aws.yml: {message}"
    )


def test_there_are_not_more_groups_and_tags_than_fit(read: Read) -> None:
    groups = ", ".join(f"sg-0000000{number}" for number in range(6))
    text = (
        f"{BASE}deploy: {{endpoint: e, vpc: {{subnets: [subnet-0a1b2c3d], security_groups: [{groups}]}}}}\n"
    )
    assert refusal(read, {"base/aws.yml": text}).endswith(" is wrong: it should have 5 entries at most.")
    tags = ", ".join(f"t{number}: x" for number in range(41))
    text = f"{BASE}deploy: {{endpoint: e, tags: {{{tags}}}}}\n"
    assert refusal(read, {"base/aws.yml": text}).endswith(" is wrong: it should have 40 entries at most.")


def test_an_endpoint_adds_to_variables_and_tags_and_replaces_the_rest(read: Read) -> None:
    config = loaded(
        read,
        {
            "base/aws.yml": f"{BASE}deploy:\n  {NETWORK}\n  environment: {{A: a, B: b}}\n  tags: "
            "{team: x}\n"
            "  volume_gb: 10\n  endpoints:\n    e: {environment: {B: c}, volume_gb: 20, vpc: null}\n    f:\n"
        },
    )
    e, f = merge_deploy(config, {"endpoint": "e"}), merge_deploy(config, {"endpoint": "f"})
    assert (e.environment, e.tags, e.volume_gb, e.vpc) == ({"A": "a", "B": "c"}, {"team": "x"}, 20, None)
    assert f.vpc is not None
    assert (f.environment, f.volume_gb, f.vpc.subnets) == ({"A": "a", "B": "b"}, 10, ("subnet-0a1b2c3d",))


def test_the_disks_of_an_instance_type() -> None:
    # Source: "Instance store volumes" in AWS's list of instance types.
    for built_in in ("m5d.large", "c6gd.xlarge", "g4dn.xlarge", "g5.2xlarge", "p4d.24xlarge", "r5dn.large"):
        assert has_local_storage(f"ml.{built_in}")
    for attached in ("m5.large", "c6i.xlarge", "t2.medium", "inf1.xlarge", "p3.2xlarge", "m4.xlarge"):
        assert not has_local_storage(f"ml.{attached}")


def test_a_transform_on_built_in_disks_takes_no_key(read: Read) -> None:
    config = loaded(read, {"base/aws.yml": f"{BASE}transform: {{volume_kms_key: alias/k}}\n"})
    assert merge_transform(config, {}).volume_kms_key == "alias/k"
    with pytest.raises(ConfigError) as refused:
        merge_transform(config, {"instance_type": "ml.m5d.large"})
    assert refused.value.message == (
        "conf/local/aws.yml: `transform.volume_kms_key`: the disks of ml.m5d.large are built in and "
        "encrypted by "
        "their hardware, and SageMaker takes no key for them. Remove the key, or choose another instance "
        "type."
    )
