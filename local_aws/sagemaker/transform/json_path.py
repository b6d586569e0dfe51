"""The part of JSONPath that AWS documents for the filters of transform jobs.

See https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"\.(\*|[^.\[\]'\"*\s]+)|\.?(?=\[)")
_BRACKETS = re.compile(r"\[([^\]]*)\]")
_QUOTED = re.compile(r"\s*'([^']*)'\s*")
_POSITION = re.compile(r"\s*(-?\d{1,9})\s*")
_SLICE = re.compile(r"\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*")


class BadPath(Exception):
    """A text is no path. The exception's text says why."""


class NotFound(Exception):
    """A record has nothing at a path. The exception's text says what it lacks."""


@dataclass(frozen=True)
class _Range:
    start: int | None
    end: int | None

    def select(self, size: int) -> range:
        """Select positions. AWS counts the end in."""
        end = size if self.end is None else _count_from_front(self.end, size) + 1
        return range(max(0, _count_from_front(self.start or 0, size)), min(end, size))


@dataclass(frozen=True)
class _Names:
    names: tuple[str, ...]

    def find(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise NotFound(f"{_describe(value)} has no attributes, such as {self.names[0]}")
        for name in self.names:
            if name not in value:
                raise NotFound(f"it has no attribute {name}")
        if len(self.names) == 1:
            return value[self.names[0]]
        return {name: value[name] for name in self.names}

    @property
    def is_definite(self) -> bool:
        """Whether it gives a value of the record, rather than a list of such values."""
        return True


@dataclass(frozen=True)
class _Positions:
    positions: tuple["int | _Range", ...]

    def find(self, value: Any) -> Any:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise NotFound(f"{_describe(value)} has no positions")
        found = [value[each] for each in self.list(len(value))]
        return found[0] if self.is_definite else found

    def list(self, size: int) -> list[int]:
        """List the positions of a list of some size."""
        return [each for position in self.positions for each in _select(position, size)]

    @property
    def is_definite(self) -> bool:
        """Whether it gives a value of the record, rather than a list of such values."""
        return len(self.positions) == 1 and isinstance(self.positions[0], int)


@dataclass(frozen=True)
class _All:
    is_definite = False

    def find(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return list(value.values())
        if isinstance(value, Sequence) and not isinstance(value, str):
            return list(value)
        raise NotFound(f"{_describe(value)} has nothing below it")


_Step = _Names | _Positions | _All


class JsonPath:
    """A path.

    Args:
        text: Such as ``$[1:]`` or ``$['id','SageMakerOutput']``.

    Raises:
        BadPath: If it is not of the part of JSONPath that AWS supports.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._steps = tuple(_parse(text))

    @property
    def is_all(self) -> bool:
        """Whether it selects the whole record."""
        return not self._steps

    @property
    def is_for_columns(self) -> bool:
        """Whether it can be applied to the row of a CSV file, which has no names."""
        return len(self._steps) < 2 and not any(isinstance(each, _Names) for each in self._steps)  # noqa: PLR2004

    def find(self, value: Any) -> Any:
        """Find what is at the path in a JSON value.

        Raises:
            NotFound: If there is nothing.
        """
        return _find(self._steps, value)

    def choose(self, row: Sequence[str]) -> Sequence[str]:
        """Choose columns of a row.

        Raises:
            NotFound: If it has too few.
        """
        step = self._steps[0] if self._steps else None
        return [row[each] for each in step.list(len(row))] if isinstance(step, _Positions) else row

    def __str__(self) -> str:
        return self._text


def _find(steps: Sequence[_Step], value: Any) -> Any:
    for number, step in enumerate(steps, 1):
        value = step.find(value)
        if not step.is_definite and number < len(steps):
            return [_find(steps[number:], each) for each in value]
    return value


def _select(position: int | _Range, size: int) -> Iterator[int]:
    chosen = position.select(size) if isinstance(position, _Range) else _select_one(position, size)
    if not chosen:
        raise NotFound(f"it has only {size} elements")
    yield from chosen


def _select_one(position: int, size: int) -> range:
    at = _count_from_front(position, size)
    return range(at, at + 1) if 0 <= at < size else range(0)


def _count_from_front(position: int, size: int) -> int:
    return position + size if position < 0 else position


def _describe(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _parse(text: str) -> Iterator[_Step]:
    if not text.startswith("$"):
        raise BadPath("it must begin with $")
    at, is_last = 1, False
    while at < len(text):
        if is_last:
            raise BadPath("nothing may follow several names in brackets")
        name = _NAME.match(text, at)
        if name is None:
            raise BadPath(f"{text[at:]} cannot be read")
        at = name.end()
        if name[1]:
            yield _All() if name[1] == "*" else _Names((name[1],))
            continue
        brackets = _BRACKETS.match(text, at)
        if brackets is None:
            raise BadPath(f"{text[at:]} has no closing bracket")
        at = brackets.end()
        step = _parse_brackets(brackets[1])
        is_last = isinstance(step, _Names) and len(step.names) > 1
        yield step


def _parse_brackets(inner: str) -> _Step:
    if inner.strip() == "*":
        return _All()
    parts = inner.split(",")
    quoted = [_QUOTED.fullmatch(part) for part in parts]
    if all(quoted):
        return _Names(tuple(found[1] for found in quoted if found))
    return _Positions(tuple(map(_parse_position, parts)))


def _parse_position(text: str) -> int | _Range:
    if one := _POSITION.fullmatch(text):
        return int(one[1])
    if several := _SLICE.fullmatch(text):
        start, end = (int(each) if each else None for each in several.groups())
        return _Range(start, end)
    raise BadPath(f"[{text}] has neither positions nor names in single quotes")
