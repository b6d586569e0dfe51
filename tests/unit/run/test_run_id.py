"""The run id of an execution that was started without one."""

import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.run.run_id import make_run_id


@pytest.mark.parametrize(
    "time",
    [
        "2022-03-22T18:59:43Z",  # <aws.scheduler.scheduled-time> in EventBridge Scheduler's user guide
        "2022-03-22T19:59:43+01:00",
        "2022-03-22T18:59:43",
        "1647975583",
        "1647975583.0004",
    ],
)
def test_a_time_becomes_kedros_run_id(time: str) -> None:
    assert make_run_id(time) == "2022-03-22T18.59.43.000Z"


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ProjectError, match=r"`<aws\.scheduler\.scheduled-time>`, is none"):
        make_run_id("<aws.scheduler.scheduled-time>")
