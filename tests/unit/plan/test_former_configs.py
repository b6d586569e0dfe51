"""What an endpoint served before, kept in one tag."""

import pytest

from kedro_aws_plugin.plan.tags import FORMER_CONFIG, find_former, write_former


@pytest.mark.parametrize(
    ("value", "serves", "former"),
    [
        ("a", "b", "a"),
        ("a z", "b", "a"),
        ("a z", "a", "z"),  # the update to b was ended by an alarm, or is yet to begin
        ("a", "a", None),
        ("", "a", None),
    ],
)
def test_the_config_before_is_the_first_that_does_not_serve(
    value: str, serves: str, former: str | None
) -> None:
    assert find_former({FORMER_CONFIG: value} if value else {}, serves) == former


@pytest.mark.parametrize(
    ("value", "written"), [("", "b"), ("a", "b a"), ("a z", "b a"), ("b a", "b a"), ("a b", "b a")]
)
def test_two_configs_are_kept(value: str, written: str) -> None:
    assert write_former({FORMER_CONFIG: value} if value else {}, "b") == written


def test_two_names_of_the_longest_kind_fit_into_a_tag() -> None:
    longest = "x" * 63  # the pattern of EndpointConfigName in botocore's model
    assert len(write_former({FORMER_CONFIG: longest}, "y" * 63)) <= 256
