"""Result files as Athena writes them, one row at a time, so that a large result needs little memory.

CSV: every value in quotes, NULL as nothing at all, a header. Text: no header, columns joined by tabs.
"""

import re
from collections.abc import Iterator, Sequence
from typing import IO

Row = Sequence[str | None]

_FIELD = re.compile(r'"((?:[^"]|"")*)"')


def csv_line(row: Row) -> str:
    """A line of a CSV result."""
    return ",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in row) + "\n"


def text_line(row: Row) -> str:
    """A line of a text result."""
    return "\t".join("" if value is None else value for value in row)


def csv_rows(file: IO[bytes]) -> Iterator[Row]:
    """The rows of a CSV result from where the file stands; a value may hold line ends.

    Read with `readline` alone, so that `file.tell()` is the start of the next row.
    """
    while line := file.readline():
        while line.count(b'"') % 2 and (rest := file.readline()):
            line += rest
        yield _values(line.decode().removesuffix("\n"))


def _values(line: str) -> Row:
    values: list[str | None] = []
    position = 0
    while True:
        found = _FIELD.match(line, position)
        quoted = found.group(1) if found is not None else None
        values.append(None if quoted is None else quoted.replace('""', '"'))
        position = (found.end() if found is not None else _next_comma(line, position)) + 1
        if position > len(line):
            return values


def _next_comma(line: str, position: int) -> int:
    comma = line.find(",", position)
    return len(line) if comma < 0 else comma


def text_rows(file: IO[bytes]) -> Iterator[Row]:
    """The rows of a text result; Athena gives each line as one value, also where there are more columns."""
    while line := file.readline():
        yield [line.decode().removesuffix("\n")]
