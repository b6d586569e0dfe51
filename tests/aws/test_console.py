"""The address of AWS's console in each partition."""

import pytest

from kedro_aws_plugin.aws.console import find_console


@pytest.mark.parametrize(
    ("region", "address"),
    [
        ("eu-west-1", "https://eu-west-1.console.aws.amazon.com"),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com"),
        ("us-iso-east-1", None),
        ("nowhere", None),
    ],
)
def test_a_region_has_the_console_of_its_partition(region: str, address: str | None) -> None:
    assert find_console(region) == address
