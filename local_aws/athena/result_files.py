"""The file of a query's rows, as Athena writes it.

CSV: every value in quotes, NULL as nothing at all, a header. Text: no header, columns joined by tabs.
"""

import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import cast

from local_aws.athena.executions import is_text
from local_aws.athena.failures import Cancelled, unsupported
from local_aws.athena.submission import Outcome, ResultFile

Row = Sequence[str | None]

_MOST_BYTES = 1 << 30
"""Nobody reads so much text, and UNLOAD writes more. It keeps a mistaken join from filling the disk."""

_BLOCK = 1000


def write_result(path: Path, statement_type: str, outcome: Outcome, cancelled: threading.Event) -> Outcome:
    """Write the rows of an outcome to a file, and return the outcome with this file in their place.

    If that fails, there is no file. CTAS, INSERT and UNLOAD have no rows, and get none.

    Args:
        path: The file to write.
        statement_type: DDL, DML or UTILITY.
        outcome: What the statement gave; its rows are computed here.
        cancelled: An event that is set when the query is cancelled.

    Raises:
        AthenaFailure: If a row cannot be computed, there are too many, or the query is cancelled.
    """
    if outcome.written is not None:
        return outcome
    try:
        rows = _write(path, statement_type, outcome, cancelled)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return replace(outcome, rows=iter(()), result_file=ResultFile(path, rows))


def _write(path: Path, statement_type: str, outcome: Outcome, cancelled: threading.Event) -> int:
    text = is_text(statement_type, outcome.plain_text)
    count = size = 0
    with path.open("wb") as file, closing(_blocks(outcome)) as blocks:
        if not text:
            file.write(_write_csv([tuple(each.name for each in outcome.columns)]).encode())
        for rows in blocks:
            if cancelled.is_set():
                raise Cancelled
            written = _write_text(rows, is_first=not count) if text else _write_csv(rows)
            size += file.write(written.encode())
            count += len(rows)
            if size > _MOST_BYTES:
                raise unsupported("a result of more than 1 GB: limit its rows, or write it with UNLOAD")
    return count


def _blocks(outcome: Outcome) -> Generator[Sequence[Row], None, None]:
    rows = iter(outcome.rows)
    try:
        while block := list(islice(rows, _BLOCK)):
            yield block
    finally:
        # The rows keep a DuckDB session open until they are closed.
        if isinstance(outcome.rows, Generator):
            outcome.rows.close()


def _write_csv(rows: Sequence[Row]) -> str:
    """Write lines of a CSV result."""
    try:
        joined = '"\n"'.join(map('","'.join, cast("Sequence[Sequence[str]]", rows)))
    except TypeError:  # a NULL
        return "".join(map(_write_csv_line, rows))
    if joined.count('"') == 2 * (len(rows) * len(rows[0]) - 1):  # most values have no quotation marks
        return f'"{joined}"\n'
    return "".join(map(_write_csv_line, rows))


def _write_csv_line(row: Row) -> str:
    return ",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in row) + "\n"


def _write_text(rows: Sequence[Row], *, is_first: bool) -> str:
    """Write lines of a text result."""
    joined = "\n".join(map(_write_text_line, rows))
    return joined if is_first else f"\n{joined}"


def _write_text_line(row: Row) -> str:
    return "\t".join("" if value is None else value for value in row)
