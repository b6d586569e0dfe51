"""`deploy.variants`, `deploy.shadow`, `deploy.capture`: what an endpoint does with its requests."""

import pytest
from aws_yml_files import BASE, Read

from kedro_aws_plugin.config import AwsConfig, merge_deploy
from kedro_aws_plugin.errors import ConfigError


def configure(read: Read, deploy: str) -> AwsConfig:
    registry = "registry: {group: price, model: regressor}\n"
    config = read({"base/aws.yml": f"{BASE}{registry}deploy: {deploy}\n"}, "local")
    assert config is not None
    return config


def test_captures_go_to_the_bucket_unless_another_folder_is_named(read: Read) -> None:
    config = configure(
        read,
        "{capture: {percent: 20}, endpoints: "
        "{a: , b: {capture: {}}, c: {capture: }, d: {mode: serverless, capture: }}}",
    )
    a, b, c, d = (merge_deploy(config, {"endpoint": name}).capture for name in "abcd")
    assert (a and a.percent, b and b.percent, c, d) == (20, 100, None, None)
    assert a
    assert a.destination == f"s3://{config.bucket}/captured/"
    elsewhere = configure(read, "{endpoint: a, capture: {destination: 's3://acme-captures/x/'}}")
    capture = merge_deploy(elsewhere, {}).capture
    assert capture
    assert capture.destination == "s3://acme-captures/x/"


def test_serverless_endpoints_capture_nothing(read: Read) -> None:
    config = configure(read, "{endpoint: a, capture: {}}")
    with pytest.raises(ConfigError) as refused:
        merge_deploy(config, {"mode": "serverless"})
    assert refused.value.message == (
        "aws.yml: `deploy.capture`: SageMaker has no `capture` on serverless endpoints."
    )


@pytest.mark.parametrize(
    ("capture", "message"),
    [
        (
            "{percent: 101}",
            "`deploy.capture.percent`: `101` is wrong: input should be less than or equal to 100.",
        ),
        ("{input: false, output: false}", "`input` and `output` are both false; remove the section"),
        ("{destination: 's3://acme'}", "`s3://acme` is not a folder on S3"),
    ],
)
def test_what_cannot_be_captured_is_refused(read: Read, capture: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        configure(read, f"{{endpoint: a, capture: {capture}}}")
    assert message in refused.value.message


def test_variants_take_a_version_by_number_or_arn(read: Read) -> None:
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/score/7"
    config = configure(
        read, f"{{endpoint: a, variants: {{x: {{package: 3, weight: 9}}, y: {{package: '{arn}'}}, z: }}}}"
    )
    deploy = merge_deploy(config, {})
    assert [(name, each.package, each.weight) for name, each in deploy.variants.items()] == [
        ("x", "3", 9.0),
        ("y", arn, 1.0),
        ("z", None, 1.0),
    ]
    assert deploy.may_replace is False
    named = configure(read, "{endpoint: a, variants: {x: {group: score}, y: {group: price}}}")
    assert merge_deploy(named, {}).may_replace is True


@pytest.mark.parametrize(
    ("deploy", "message"),
    [
        ("variants: {x: {weight: 0}, y: {weight: 0}}", "`deploy.variants`: all weights are 0"),
        ("mode: serverless, variants: {x: , y: }", "SageMaker has no `variants` on serverless endpoints"),
        ("mode: serverless, shadow: {}", "SageMaker has no `shadow` on serverless endpoints"),
        ("variants: {x: , y: }, shadow: {}", "`variants` has 2; leave one of them, or leave `shadow` out"),
        ("variants: {shadow: }, shadow: {}", "`shadow` is the name of the shadow variant; rename"),
        (
            "update: {strategy: rolling, percent: 10}, variants: {x: , y: }",
            "no `rolling` updates of several variants",
        ),
    ],
)
def test_what_sagemaker_does_not_serve_together_is_refused(read: Read, deploy: str, message: str) -> None:
    config = configure(read, f"{{endpoint: a, {deploy}}}")
    with pytest.raises(ConfigError) as refused:
        merge_deploy(config, {})
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("deploy", "message"),
    [
        ("variants: {x_y: }", "`x_y` is not a variant's name"),
        ("variants: {x: {package: 0}}", "`0` is not a version: its number, or its ARN"),
        ("variants: {x: {package: newest}}", "`newest` is not a version: its number, or its ARN"),
        ("variants: {x: {weight: -1}}", "`deploy.variants.x.weight`: `-1` is wrong"),
        ("shadow: {share: 0}", "`deploy.shadow.share`: `0` is wrong"),
        ("shadow: {weight: 1}", "unknown key `deploy.shadow.weight`"),
    ],
)
def test_what_is_no_variant_is_refused(read: Read, deploy: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        configure(read, f"{{endpoint: a, {deploy}}}")
    assert message in refused.value.message


def test_a_place_without_a_value_is_the_default_one(read: Read) -> None:
    capture = merge_deploy(configure(read, "{endpoint: a, capture: {destination: }}"), {}).capture
    config = configure(read, "{endpoint: a, mode: async, async: {input: , output: , failure: }}")
    deploy = merge_deploy(config, {})
    assert capture
    assert capture.destination == f"s3://{config.bucket}/captured/"
    assert (deploy.async_.input, deploy.async_.output, deploy.async_.failure) == (
        f"s3://{config.bucket}/async/a/input/",
        f"s3://{config.bucket}/async/a/output/",
        f"s3://{config.bucket}/async/a/failure/",
    )


def test_the_instances_of_each_variant_are_checked(read: Read) -> None:
    key = "endpoint: a, volume_kms_key: alias/k"
    for variants in (
        "variants: {x: , y: {instance_type: ml.g5.xlarge}}",
        "shadow: {instance_type: ml.g5.xlarge}",
    ):
        with pytest.raises(ConfigError, match=r"`deploy\.volume_kms_key` of endpoint a: the disks of ml\.g5"):
            merge_deploy(configure(read, f"{{{key}, {variants}}}"), {})
    own = "instance_type: ml.g5.xlarge, variants: {x: {instance_type: ml.m5.large}}"
    assert merge_deploy(configure(read, f"{{{key}, {own}}}"), {}).instance_type == "ml.g5.xlarge"
    update = "instance_count: 4, update: {strategy: canary, instances: 2}"
    with pytest.raises(ConfigError) as refused:
        merge_deploy(
            configure(read, f"{{endpoint: a, {update}, variants: {{x: , y: {{instance_count: 3}}}}}}"), {}
        )
    assert refused.value.message.startswith(
        "aws.yml: `deploy.variants`: with `deploy.update` and the instances of `y`, a step of 2 of 3 "
    )
