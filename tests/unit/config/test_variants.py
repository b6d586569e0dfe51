"""`deploy.capture`: what an endpoint keeps of its requests."""

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
