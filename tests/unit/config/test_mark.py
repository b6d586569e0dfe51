"""`metadata.sagemaker` of a catalog entry: what it adds to aws.yml, and how it may be wrong."""

from types import SimpleNamespace
from typing import Any

import pytest

from kedro_aws_plugin.config import AwsConfig, Registry, merge_registry, read_mark
from kedro_aws_plugin.errors import ConfigError

STATED = Registry(group="flights", model="regressor", metrics="metrics", sample="table", on_run=True)


MISSING = "`metadata.sagemaker.group` is missing. Add the model package group to register the model in."


def config(registry: Registry | None = STATED) -> AwsConfig:
    return AwsConfig(env="local", target="local", region="eu-west-1", bucket="flights", registry=registry)


@pytest.mark.parametrize(
    ("entry", "mark", "expected"),
    [
        pytest.param(
            "regressor",
            {"group": "cheap"},
            Registry(group="cheap", model="regressor", metrics="metrics", sample="table"),
            id="the model of aws.yml, in another group",
        ),
        pytest.param(
            "regressor",
            {"metrics": "other", "sample": None},
            Registry(group="flights", model="regressor", metrics="other"),
            id="the model of aws.yml, with other metrics and no sample",
        ),
        pytest.param(
            "classifier",
            {"group": "classes", "requirements": ["lightgbm==4.6.0"]},
            Registry(group="classes", model="classifier", requirements=("lightgbm==4.6.0",)),
            id="another model takes nothing from aws.yml",
        ),
        pytest.param(
            "classifier",
            None,
            STATED.model_copy(update={"model": "classifier"}),
            id="no mark: all of aws.yml",
        ),
    ],
)
def test_what_a_model_is_registered_with(entry: str, mark: Any, expected: Registry) -> None:
    assert merge_registry(config(), entry, mark) == expected


def test_a_mark_needs_no_registry_in_aws_yml() -> None:
    assert merge_registry(config(None), "model", {"group": "g"}) == Registry(group="g", model="model")
    with pytest.raises(ConfigError, match="`registry` is missing"):
        merge_registry(config(None), "model", None)


@pytest.mark.parametrize(
    ("mark", "problem"),
    [
        (
            {"grop": "flights"},
            "unknown key `metadata.sagemaker.grop`; did you mean `group`? "
            "Known keys here: group, metrics, sample, method, requirements, include_project, bundle, image.",
        ),
        (
            {"group": "flights", "on_run": True},
            "unknown key `metadata.sagemaker.on_run`. "
            "Known keys here: group, metrics, sample, method, requirements, include_project, bundle, image.",
        ),
        (
            {},
            MISSING,
        ),
        (
            {"group": None},
            MISSING,
        ),
        (
            True,
            "`metadata.sagemaker` is `True`; it should be keys and values, with a `group`.",
        ),
        (
            {"group": "My Flights"},
            "`metadata.sagemaker.group`: `My Flights` is not a name: 1 to 63 lower-case letters, digits and "
            "inner hyphens. Correct it in the catalog.",
        ),
        (
            {"group": "flights", "metrics": 3},
            "`metadata.sagemaker.metrics`: `3` is wrong: input should be a valid string. "
            "Correct it in the catalog.",
        ),
    ],
)
def test_wrong_marks_are_refused_in_one_sentence(mark: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        merge_registry(config(), "classifier", mark)
    assert refused.value.message == f"The catalog entry `classifier`: {problem}"


def test_a_mark_is_found_on_a_dataset_and_on_what_it_caches() -> None:
    marked = SimpleNamespace(metadata={"sagemaker": {"group": "g"}, "kedro-viz": {}})
    cached = SimpleNamespace(metadata=None, _dataset=marked)
    assert read_mark(marked) == read_mark(cached) == {"group": "g"}
    assert read_mark(SimpleNamespace(metadata={"sagemaker": None})) == {}
    for other in (
        SimpleNamespace(),
        SimpleNamespace(metadata={"kedro-viz": {}}),
        SimpleNamespace(metadata="x"),
    ):
        assert read_mark(other) is None


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            {"image": "flights:1.0"},
            "`flights:1.0` is not an image in ECR with its tag or digest; one looks like",
        ),
        (
            {"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/flights"},
            "is not an image in ECR with its tag",
        ),
        (
            {"bundle": True, "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/flights:1.0"},
            "wheels can be bundled for AWS's images alone",
        ),
    ],
)
def test_an_own_image_is_one_in_ecr(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Registry.model_validate({"model": "regressor", "group": "flights", **more})
