"""Expressions of schedules: the moments that AWS's documents and calendars give for them."""

from datetime import datetime, timezone
from itertools import islice

import pytest

from local_aws.scheduler.cron import BadExpression, Cron
from local_aws.scheduler.expressions import parse


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def list_next(expression: str, after: str, count: int = 3, zone: str = "UTC") -> list[str]:
    """List the next moments in UTC."""
    parsed = parse(expression, zone, moment(after))
    found: list[str] = []
    at = moment(after)
    while len(found) < count and (following := parsed.find_next(at)) is not None:
        at = following
        found.append(f"{datetime.fromtimestamp(at, timezone.utc):%Y-%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # From 2026-11-30, a Monday.
        ("cron(0 10 * * ? *)", ["2026-11-30 10:00", "2026-12-01 10:00", "2026-12-02 10:00"]),
        ("cron(15 12 * * ? *)", ["2026-11-30 12:15", "2026-12-01 12:15", "2026-12-02 12:15"]),
        ("cron(0 18 ? * MON-FRI *)", ["2026-11-30 18:00", "2026-12-01 18:00", "2026-12-02 18:00"]),
        ("cron(0 8 1 * ? *)", ["2026-12-01 08:00", "2027-01-01 08:00", "2027-02-01 08:00"]),
        ("cron(0/15 * * * ? *)", ["2026-11-30 00:15", "2026-11-30 00:30", "2026-11-30 00:45"]),
        ("cron(0 0 L * ? *)", ["2026-12-31 00:00", "2027-01-31 00:00", "2027-02-28 00:00"]),
        ("cron(0 0 ? * 6L *)", ["2026-12-25 00:00", "2027-01-29 00:00", "2027-02-26 00:00"]),
        ("cron(0 0 ? * 3#2 *)", ["2026-12-08 00:00", "2027-01-12 00:00", "2027-02-09 00:00"]),
        ("cron(0 0 ? * SUN *)", ["2026-12-06 00:00", "2026-12-13 00:00", "2026-12-20 00:00"]),
        ("cron(0 0 1W * ? *)", ["2026-12-01 00:00", "2027-01-01 00:00", "2027-02-01 00:00"]),
        ("cron(0 0 1W 5 ? *)", ["2027-05-03 00:00", "2028-05-01 00:00", "2029-05-01 00:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("cron(0 6 1 JAN,JUL ? 2027)", ["2027-01-01 06:00", "2027-07-01 06:00"]),
        ("cron(0 22-1 1 1 ? 2027)", ["2027-01-01 00:00", "2027-01-01 01:00", "2027-01-01 22:00"]),
        ("at(2026-12-24T18:00:00)", ["2026-12-24 18:00"]),
        ("rate(5 minutes)", ["2026-11-30 00:05", "2026-11-30 00:10", "2026-11-30 00:15"]),
        ("rate(1 day)", ["2026-12-01 00:00", "2026-12-02 00:00", "2026-12-03 00:00"]),
    ],
)
def test_an_expression_has_its_next_moments(expression: str, expected: list[str]) -> None:
    assert list_next(expression, "2026-11-30T00:00:00") == expected


def test_a_time_zone_keeps_the_local_time_over_clock_changes() -> None:
    zone = "Europe/Berlin"
    assert list_next("cron(0 6 * * ? *)", "2026-10-24T00:00:00", zone=zone) == [
        "2026-10-24 04:00",
        "2026-10-25 05:00",
        "2026-10-26 05:00",
    ]
    # 02:30 does not exist on 2027-03-28, and exists twice on 2026-10-25.
    assert list_next("cron(30 2 * * ? *)", "2027-03-27T00:00:00", zone=zone) == [
        "2027-03-27 01:30",
        "2027-03-29 00:30",
        "2027-03-30 00:30",
    ]
    assert list_next("cron(30 2 * * ? *)", "2026-10-25T00:00:00", count=2, zone=zone) == [
        "2026-10-25 00:30",
        "2026-10-26 01:30",
    ]
    assert list_next("at(2026-12-24T18:00:00)", "2026-11-30T00:00:00", zone="Asia/Tokyo") == [
        "2026-12-24 09:00"
    ]


def test_the_latest_moment_is_found_however_many_have_passed() -> None:
    first = moment("2026-11-30T00:00:00")
    rate = parse("rate(1 minute)", "UTC", first)
    assert rate.find_latest(first - 1, first + 10**9 + 59) == first + 10**9 // 60 * 60 + (
        60 if 10**9 % 60 else 0
    )
    assert rate.find_latest(first, first + 59) is None
    assert rate.find_latest(first - 10, first - 5) is None
    daily = parse("cron(0 6 * * ? *)", "UTC", first)
    assert daily.find_latest(first, moment("2026-12-03T05:59:00")) == moment("2026-12-02T06:00:00")
    assert daily.find_latest(first, moment("2026-11-30T05:59:00")) is None


@pytest.mark.parametrize(
    "expression",
    [
        "every day",
        "rate(0 minutes)",
        "rate(1 week)",
        "at(2026-12-24)",
        "cron(0 6 * * ?)",
        "cron(0 6 * * * *)",
        "cron(0 6 ? * ? *)",
        "cron(60 6 * * ? *)",
        "cron(0 6 32 * ? *)",
        "cron(0 6 ? * 8 *)",
        "cron(0 6 ? * MON#6 *)",
        "cron(*/0 6 * * ? *)",
        "cron(x 6 * * ? *)",
    ],
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(BadExpression):
        parse(expression, "UTC", 0)


def test_what_is_no_time_zone_is_refused() -> None:
    with pytest.raises(BadExpression, match="Europe/Atlantis is not a time zone"):
        parse("rate(1 day)", "Europe/Atlantis", 0)


def test_a_cron_that_never_comes_ends() -> None:
    assert list(islice(Cron("0 0 31 2 ? *").list_after(datetime(2026, 1, 1)), 1)) == []
