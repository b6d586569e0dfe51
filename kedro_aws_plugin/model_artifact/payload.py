"""Requests to a model, and the comparison of answers."""

import csv
import io
import itertools
import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.errors import ProjectError

if TYPE_CHECKING:
    import pandas as pd

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
PARQUET = "application/x-parquet"
NPY = "application/x-npy"
CONTENT_TYPES = (CSV, JSON, JSON_LINES, PARQUET, NPY)
"""The content types that a registered model accepts, and those that it answers in."""

SAMPLE_ROWS = 5
"""The rows of a registered sample payload."""

CHECKED_ROWS = 200
"""The rows by which a model is checked before it is registered."""

_SEED = 20260101

_BY_SUFFIX = {
    ".csv": CSV,
    ".json": JSON,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".parquet": PARQUET,
    ".npy": NPY,
}
_WORDS = {CSV: "CSV", JSON: "JSON", JSON_LINES: "JSON lines", PARQUET: "Parquet", NPY: "NPY"}
_NPY_MAGIC = b"\x93NUMPY"

_RELATIVE_TOLERANCE = 1e-6  # other builds of numpy add in another order
_ABSOLUTE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Payload:
    """The body of a request to a model, and its content type."""

    body: bytes
    content_type: str

    @classmethod
    def from_frame(cls, frame: Any, *, columns: Sequence[str] | None = None, rows: int = 5) -> "Payload":
        """Make CSV of the first rows of a table.

        Args:
            frame: A pandas frame, or a frame with a method that converts it, like Spark's and Polars'.
            columns: The columns of the model; None takes all.
            rows: The number of rows, at most.

        Raises:
            ProjectError: If it is not a table, has no rows, or lacks a column.
        """
        table = _take_first_rows(frame, rows)
        missing = [column for column in columns or () if column not in table.columns]
        if missing:
            word = "column" if len(missing) == 1 else "columns"
            raise ProjectError(
                f"The sample has no {word} {', '.join(missing)}, which the model takes. Name the table"
                " that the model was fitted with in registry.sample of conf/base/aws.yml."
            )
        if table.empty:
            raise ProjectError(
                "The sample has no rows. Name another table in registry.sample of conf/base/aws.yml."
            )
        wanted = table if columns is None else table[list(columns)]
        return cls(wanted.to_csv(index=False, lineterminator="\n").encode(), CSV)

    @classmethod
    def from_file(cls, path: Path) -> "Payload":
        """Read a request from a `.csv`, `.json`, `.jsonl`, `.parquet` or `.npy` file.

        JSON lines may be in a `.json` file too.

        Raises:
            ProjectError: If the file does not exist, or its content does not fit its name.
        """
        content_type = _BY_SUFFIX.get(path.suffix.lower())
        if content_type is None:
            raise ProjectError(
                f"{path}: unknown kind of file. "
                f"Give its name the suffix of its content: {', '.join(_BY_SUFFIX)}."
            )
        try:
            body = path.read_bytes()
        except OSError as error:
            raise ProjectError(
                f"{path} cannot be read: {error.strerror}. Check its name and access."
            ) from error
        return cls.from_bytes(body, name=str(path), content_type=content_type)

    @classmethod
    def from_bytes(
        cls, body: bytes, *, name: str = "Standard input", content_type: str | None = None
    ) -> "Payload":
        """Check a request, and find its content type if it is not given.

        Raises:
            ProjectError: If it is empty, or neither JSON, JSON lines, Parquet, NPY nor CSV.
        """
        if not body.strip():
            raise ProjectError(
                f"{name} is empty. Send at least one row, as CSV, JSON, JSON lines, Parquet or NPY."
            )
        found = content_type or _sniff(body)
        if found == JSON and _is_json_lines(body):
            found = JSON_LINES
        problem = _find_problem(body, found)
        if problem:
            raise ProjectError(f"{name} is not {_WORDS[found]}: {problem}. Correct it, and send it again.")
        return cls(body, found)


def draw_rows(frame: Any, rows: int = CHECKED_ROWS) -> "pd.DataFrame":
    """Draw rows over the whole of a table, in its order, the same ones each time.

    A row is drawn from each of as many parts of equal length, so that a sorted table shows all its values.
    Of a Spark frame, the first rows are taken.

    Args:
        frame: A pandas frame, or a frame with a method that converts it, like Spark's and Polars'.
        rows: The number of rows, at most.

    Returns:
        The rows, numbered anew. The names of columns are texts, as in every request.

    Raises:
        ProjectError: If it is not a table.
    """
    table = _take_first_rows(frame, rows) if hasattr(frame, "toPandas") else _take_first_rows(frame, None)
    if len(table) > rows:
        chance = random.Random(_SEED)  # noqa: S311 - nothing secret
        bounds = [len(table) * part // rows for part in range(rows + 1)]
        table = table.iloc[[chance.randrange(*pair) for pair in itertools.pairwise(bounds)]]
    return table.reset_index(drop=True).set_axis([str(name) for name in table.columns], axis=1)


def is_same_answer(expected: bytes, got: bytes, content_type: str) -> bool:
    """Tell whether two answers are the same. Numbers may differ as far as builds of numpy do."""
    if expected == got:
        return True
    try:
        return is_same_value(_parse(expected, content_type), _parse(got, content_type))
    except (ValueError, csv.Error):  # Not in that format, so only equal bytes are the same answer.
        return False


def _take_first_rows(frame: Any, rows: int | None) -> "pd.DataFrame":
    if hasattr(frame, "toPandas"):  # Spark
        frame = frame.limit(rows).toPandas()
    elif hasattr(frame, "to_pandas"):  # Polars, Arrow
        frame = frame.to_pandas()
    if not (hasattr(frame, "head") and hasattr(frame, "columns")):
        raise ProjectError(
            f"The sample is a {type(frame).__name__}, not a table. Name a catalog entry that loads as a"
            " data frame in registry.sample of conf/base/aws.yml."
        )
    table: pd.DataFrame = frame if rows is None else frame.head(rows)
    return table


def _sniff(body: bytes) -> str:
    if body.startswith(b"PAR1"):
        return PARQUET
    if body.startswith(_NPY_MAGIC):
        return NPY
    return JSON if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else CSV


def _is_json_lines(body: bytes) -> bool:
    lines = body.splitlines()
    return (
        len(lines) > 1 and _find_problem(body, JSON) is not None and _find_problem(body, JSON_LINES) is None
    )


def _find_problem(body: bytes, content_type: str) -> str | None:
    if content_type == PARQUET:
        whole = body.startswith(b"PAR1") and body.endswith(b"PAR1") and len(body) > len(b"PAR1PAR1")
        return None if whole else "it does not begin and end like Parquet, or is cut short"
    if content_type == NPY:
        return None if body.startswith(_NPY_MAGIC) else "it does not begin like NPY"
    try:
        value = _parse(body, content_type)
    except (ValueError, csv.Error) as error:
        return str(error)
    if content_type == JSON and not isinstance(value, (dict, list)):
        return "it must be an object or a list"
    return _find_ragged_line(value) if content_type == CSV else None


def _find_ragged_line(lines: list[list[str]]) -> str | None:
    width = len(lines[0])
    for number, line in enumerate(lines, start=1):
        if line and len(line) != width:
            return f"line {number} has {len(line)} values, the first line {width}"
    return None


def _parse(body: bytes, content_type: str) -> Any:
    text = body.decode("utf-8-sig")
    if "\0" in text:
        raise ValueError("it has bytes that are not text")
    if content_type == CSV:
        return list(csv.reader(io.StringIO(text)))
    if content_type == JSON_LINES:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return json.loads(text)


def is_same_value(one: Any, other: Any) -> bool:
    """Tell whether two values of JSON are the same. Numbers may differ as far as builds of numpy do."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same_value(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same_value, one, other))
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    try:
        return math.isclose(
            float(one), float(other), rel_tol=_RELATIVE_TOLERANCE, abs_tol=_ABSOLUTE_TOLERANCE
        ) or (one == other)
    except (TypeError, ValueError):
        return bool(one == other)
