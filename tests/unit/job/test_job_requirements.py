"""A job that installs nothing says what it lacks."""

import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.job.requirements import check_requirements


def test_what_is_there_is_enough() -> None:
    check_requirements(["kedro>=1.4", "boto3", "winner; sys_platform == 'win99'"])


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        ("no-such-thing>=2", "`no-such-thing>=2` is not installed where the step runs"),
        ("kedro<1", "`kedro<1` does not fit kedro 1"),
    ],
)
def test_what_is_missing_is_named(needed: str, said: str) -> None:
    with pytest.raises(ProjectError, match=f"^{said}.* Install it there: on this machine"):
        check_requirements(["boto3", needed])
