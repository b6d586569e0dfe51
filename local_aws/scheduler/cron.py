"""AWS's cron expressions: six fields, with ``?``, ``L``, ``W`` and ``#``."""

import calendar
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

_MONTHS = [name.upper() for name in calendar.month_abbr]
_DAYS = ["", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_BOUNDS = {"minutes": (0, 59), "hours": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (1, 7)}
_YEARS = (1970, 2199)
_HORIZON = 10
_FIELDS = 6
_SATURDAY, _SUNDAY = 6, 7
_STEP = re.compile(r"(\*|\d+(?:-\d+)?)/(\d+)")
_RANGE = re.compile(r"(\d+)-(\d+)")
_DAY_WORDS = re.compile(r"L|LW|\d{1,2}W")
_WEEKDAY_WORDS = re.compile(r"[1-7]L|[1-7]#[1-5]|L")


class BadExpression(ValueError):
    """An expression is not one of AWS's."""


class Cron:
    """A cron expression.

    Args:
        text: Its six fields: minutes, hours, day of month, month, day of week, year.

    Raises:
        BadExpression: If it is not one.
    """

    def __init__(self, text: str) -> None:
        fields = text.upper().split()
        if len(fields) != _FIELDS:
            raise BadExpression("cron takes six fields: minutes hours day-of-month month day-of-week year")
        minutes, hours, self._day, month, self._weekday, year = fields
        if (self._day == "?") == (self._weekday == "?"):
            raise BadExpression("exactly one of day-of-month and day-of-week must be ?")
        self._minutes = sorted(_parse(minutes, *_BOUNDS["minutes"]))
        self._hours = sorted(_parse(hours, *_BOUNDS["hours"]))
        self._months = _parse(_name(month, _MONTHS), *_BOUNDS["month"])
        self._years = _parse(year, *_YEARS)
        self._weekday = _name(self._weekday, _DAYS)
        self._check_days()

    def _check_days(self) -> None:
        if self._weekday == "?":
            if not _DAY_WORDS.fullmatch(self._day):
                _parse(self._day, *_BOUNDS["day"])
        elif not _WEEKDAY_WORDS.fullmatch(self._weekday):
            _parse(self._weekday, *_BOUNDS["weekday"])

    def list_after(self, moment: datetime) -> Iterator[datetime]:
        """List the local times after a moment, for the next ten years."""
        day = moment.date()
        last = day + timedelta(days=366 * _HORIZON)
        while day <= last:
            if day.year in self._years and day.month in self._months and self._is_day(day):
                for hour in self._hours:
                    for minute in self._minutes:
                        found = datetime(day.year, day.month, day.day, hour, minute)
                        if found > moment:
                            yield found
            day += timedelta(days=1)

    def _is_day(self, day: date) -> bool:
        return self._is_day_of_month(day) if self._weekday == "?" else self._is_weekday(day)

    def _is_day_of_month(self, day: date) -> bool:
        last = calendar.monthrange(day.year, day.month)[1]
        if self._day == "L":
            return day.day == last
        if self._day == "LW":
            return day == _find_nearest_workday(day.replace(day=last))
        if self._day.endswith("W"):
            return day == _find_nearest_workday(day.replace(day=min(int(self._day[:-1]), last)))
        return day.day in _parse(self._day, *_BOUNDS["day"])

    def _is_weekday(self, day: date) -> bool:
        number = day.isoweekday() % 7 + 1  # Sunday is 1
        if self._weekday == "L":
            return number == _BOUNDS["weekday"][1]
        if self._weekday.endswith("L"):
            is_last = (day + timedelta(days=7)).month != day.month
            return is_last and number == int(self._weekday[0])
        if "#" in self._weekday:
            wanted, place = map(int, self._weekday.split("#"))
            return number == wanted and (day.day - 1) // 7 + 1 == place
        return number in _parse(self._weekday, *_BOUNDS["weekday"])


def _find_nearest_workday(day: date) -> date:
    """Find the nearest weekday of the same month."""
    if day.isoweekday() == _SATURDAY:
        return day - timedelta(days=1) if day.day > 1 else day + timedelta(days=2)
    if day.isoweekday() == _SUNDAY:
        following = day + timedelta(days=1)
        return following if following.month == day.month else day - timedelta(days=2)
    return day


def _name(field: str, names: list[str]) -> str:
    """Write numbers in the place of names such as JAN and MON."""
    for number, name in enumerate(names):
        if name:
            field = re.sub(rf"\b{name}(?=\b|[L#])", str(number), field)
    return field


def _parse(field: str, low: int, high: int) -> frozenset[int]:
    """List the values of a field.

    Raises:
        BadExpression: If it is not written as AWS's are.
    """
    values: set[int] = set()
    for part in field.split(","):
        if part == "*":
            values |= set(range(low, high + 1))
        elif found := _STEP.fullmatch(part):
            first, end = _find_bounds(found.group(1), low, high)
            step = int(found.group(2))
            if step == 0:
                raise BadExpression(f"{part} has a step of 0")
            values |= set(range(first, end + 1, step))
        elif found := _RANGE.fullmatch(part):
            first, end = int(found.group(1)), int(found.group(2))
            wrapped = (
                [*range(first, high + 1), *range(low, end + 1)] if first > end else range(first, end + 1)
            )
            values |= set(wrapped)
        elif part.isdigit():
            values.add(int(part))
        else:
            raise BadExpression(f"{part} is not a value")
    if not values or min(values) < low or max(values) > high:
        raise BadExpression(f"{field} is not within {low} and {high}")
    return frozenset(values)


def _find_bounds(text: str, low: int, high: int) -> tuple[int, int]:
    if text == "*":
        return low, high
    first, _, end = text.partition("-")
    return int(first), int(end) if end else high
