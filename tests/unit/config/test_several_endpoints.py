"""`deploy.endpoints`: which endpoint a command works on, with which keys, for which group."""

from collections.abc import Mapping

import pytest
from aws_yml_files import BASE, Read

from kedro_aws_plugin.config import AwsConfig, choose_group, find_endpoint_groups, merge_deploy
from kedro_aws_plugin.errors import ConfigError

REGISTRY = "registry: {group: price, model: regressor}\n"
SEVERAL = """
deploy:
  instance_type: ml.c5.large
  serverless: {max_concurrency: 9}
  endpoints:
    price:
    score: {group: score, mode: serverless, serverless: {memory_mb: 1024}}
    score-large: {group: score, instance_count: 4}
"""
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package"


def several(read: Read, section: str = SEVERAL, registry: str = REGISTRY) -> AwsConfig:
    config = read({"base/aws.yml": f"{BASE}{registry}{section}"}, "local")
    assert config is not None
    return config


def test_keys_beside_endpoints_are_the_defaults_of_each(read: Read) -> None:
    config = several(read)
    price = merge_deploy(config, {"endpoint": "price"})
    assert (price.group, price.mode, price.instance_type, price.instance_count) == (
        *("price", "realtime", "ml.c5.large"),
        1,
    )
    score = merge_deploy(config, {"endpoint": "score"})
    assert (score.group, score.mode, score.instance_type) == ("score", "serverless", "ml.c5.large")
    assert (score.serverless.memory_mb, score.serverless.max_concurrency) == (1024, 9)
    large = merge_deploy(config, {"endpoint": "score-large", "mode": "serverless", "memory_mb": 3072})
    assert (large.mode, large.instance_count, large.serverless.memory_mb) == ("serverless", 4, 3072)


def test_an_endpoint_that_aws_yml_does_not_name_has_the_defaults(read: Read) -> None:
    canary = merge_deploy(several(read), {"endpoint": "canary"})
    assert (canary.endpoint, canary.group, canary.mode) == ("canary", "price", "realtime")
    assert (canary.instance_type, canary.serverless.max_concurrency) == ("ml.c5.large", 9)


def test_the_groups_of_the_endpoints(read: Read) -> None:
    assert find_endpoint_groups(several(read)) == {"price": "price", "score": "score", "score-large": "score"}
    own = several(read, "deploy: {group: tips, endpoints: {a: {}, b: {group: score}}}\n")
    assert find_endpoint_groups(own) == {"a": "tips", "b": "score"}
    assert find_endpoint_groups(several(read, "deploy: {endpoint: e}\n")) == {"e": "price"}
    assert find_endpoint_groups(several(read, "deploy: {endpoint: e}\n", "")) == {"e": None}
    assert find_endpoint_groups(several(read, "")) == {}


@pytest.mark.parametrize(
    ("section", "changes", "endpoint", "group"),
    [
        (SEVERAL, {"group": "price"}, "price", "price"),
        (SEVERAL, {"package": f"{ARN}/price/3"}, "price", "price"),
        (SEVERAL, {"endpoint": "score", "package": f"{ARN}/price/3"}, "score", "price"),
        (SEVERAL, {"endpoint": "score", "package": "3"}, "score", "score"),
        ("deploy: {endpoint: e}\n", {"package": "3"}, "e", "price"),
        ("deploy: {endpoints: {e: {}}}\n", {}, "e", "price"),
        ("deploy: {endpoint: e, group: score}\n", {}, "e", "score"),
    ],
)
def test_the_endpoint_is_the_named_one_or_the_only_one_of_the_group(
    read: Read, section: str, changes: Mapping[str, str], endpoint: str, group: str
) -> None:
    chosen = merge_deploy(several(read, section), changes)
    assert (chosen.endpoint, chosen.group) == (endpoint, group)


def test_an_endpoint_for_no_group_in_particular_serves_any(read: Read) -> None:
    config = several(read, "deploy: {endpoint: e}\n", registry="")
    assert merge_deploy(config, {"package": f"{ARN}/score/3"}).group == "score"
    assert merge_deploy(config, {}).group is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {},
            "conf/base/aws.yml has several endpoints: price, score, score-large. Choose one with --endpoint.",
        ),
        (
            {"group": "score"},
            "conf/base/aws.yml has several endpoints for model package group score: score, score-large. "
            "Choose one with --endpoint.",
        ),
        (
            {"package": f"{ARN}/tips/1"},
            "conf/base/aws.yml has no endpoint for model package group tips; it has price (for price), "
            "score (for score), score-large (for score). Choose one with --endpoint, or add one to "
            "`deploy.endpoints`.",
        ),
        (
            {"endpoint": "price", "group": "My Group"},
            "--group: `My Group` is not a name: 1 to 63 lower-case letters, digits and inner hyphens.",
        ),
    ],
)
def test_it_is_said_which_endpoints_there_are(read: Read, changes: Mapping[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        merge_deploy(several(read), changes)
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("section", "changes", "may_replace"),
    [
        ("deploy: {endpoint: e}\n", {}, False),
        ("deploy: {endpoint: e}\n", {"endpoint": "e"}, False),
        ("deploy: {endpoint: e}\n", {"endpoint": "f", "group": "price"}, True),
        ("deploy: {endpoint: e}\n", {"group": "price"}, False),
        ("deploy: {endpoint: e, group: price}\n", {}, True),
        ("deploy: {endpoint: e, group: price}\n", {"endpoint": "f"}, False),
        ("deploy: {endpoint: e, group: price}\n", {"package": f"{ARN}/score/1", "endpoint": "e"}, False),
        (SEVERAL, {"endpoint": "score"}, True),
        (SEVERAL, {"endpoint": "price"}, False),
        (SEVERAL, {"endpoint": "score", "package": f"{ARN}/price/1"}, False),
    ],
)
def test_a_model_may_take_anothers_place_where_both_names_are_written_down(
    read: Read, section: str, changes: Mapping[str, str], may_replace: bool
) -> None:
    assert merge_deploy(several(read, section), changes).may_replace is may_replace


def test_the_group_that_a_command_works_on(read: Read) -> None:
    config = several(read)
    assert choose_group(config) == "price"
    assert choose_group(config, "3", "score") == "score"
    assert choose_group(config, f"{ARN}/tips/3") == "tips"
    assert choose_group(config, f"{ARN}/tips/3", "tips") == "tips"
    with pytest.raises(ConfigError) as refused:
        choose_group(config, f"{ARN}/tips/3", "score")
    assert refused.value.message == (
        f"{ARN}/tips/3 is in model package group tips, and --group is score. Leave one of the two out."
    )
    with pytest.raises(ConfigError) as refused:
        choose_group(several(read, registry=""))
    assert refused.value.message == (
        "conf/base/aws.yml: `registry.group` is missing. Add it, or give --group."
    )
