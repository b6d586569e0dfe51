"""`kedro aws schedule`: what it refuses before it opens the project, and when a schedule is due."""

from datetime import datetime, timedelta, timezone

import pytest
from click.testing import CliRunner

from kedro_aws_plugin.actions.scheduling import Timetable, find_next
from kedro_aws_plugin.cli.schedule import schedule
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.plan.schedule import make_group_name

NOW = datetime(2026, 11, 30, 6, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "given", [[], ["--list", "--delete", "a"], ["--cron", "0 6 * * ? *", "--rate", "1 day"]]
)
def test_one_thing_is_done_at_a_time(given: list[str]) -> None:
    result = CliRunner().invoke(schedule, given)
    assert result.exit_code == 2
    assert "Give one of --cron, --rate, --list, --pause, --resume, --delete." in result.output


@pytest.mark.parametrize(
    ("expression", "zone", "due"),
    [
        ("cron(0 6 * * ? *)", "UTC", NOW + timedelta(hours=23, minutes=30)),
        ("cron(0 8 * * ? *)", "Europe/Berlin", NOW + timedelta(minutes=30)),  # UTC+1 in November
        ("rate(1 day)", "UTC", NOW),  # begins at once
        ("cron(0 6 1 1 ? 2020)", "UTC", None),
    ],
)
def test_a_schedule_is_due(expression: str, zone: str, due: datetime | None) -> None:
    assert find_next(Timetable(expression, zone), NOW) == due


@pytest.mark.parametrize(
    ("expression", "zone"), [("cron(0 6 * *)", "UTC"), ("rate(1 week)", "UTC"), ("rate(1 day)", "Berlin")]
)
def test_what_is_no_schedule_is_refused(expression: str, zone: str) -> None:
    with pytest.raises(ProjectError, match=r"in the time zone \w+ is no schedule: .*--rate \"1 day\"\."):
        find_next(Timetable(expression, zone), NOW)


def test_the_groups_of_two_environments_have_two_names() -> None:
    long = "e" * 80
    names = {
        make_group_name(package, env, bucket)
        for package in ("flights", "f" * 80)
        for env in ("a_b", "a-b", long, f"{long}2")
        for bucket in ("one", "two")
    }
    assert len(names) == 16
    assert max(map(len, names)) <= 64
