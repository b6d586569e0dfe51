"""Write rows as the lines of a batch transform's input, and read the lines of its predictions.

SageMaker divides the input at its line breaks and sends as many lines at once as a request may hold. So each
line is a row that stands alone: without a header, without a line break in a text.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.errors import ProjectError, first_line
from kedro_aws_plugin.model_artifact.payload import CSV, JSON_LINES
from kedro_aws_plugin.model_artifact.signature import to_json

if TYPE_CHECKING:
    import pandas as pd

WITHOUT_HEADER = f"{CSV}; header=absent"
"""The content type that tells the plugin's handlers not to take the first row for a header."""

PART_SIZE = 16 * 1024 * 1024
"""Bytes in a file of the input, about. Several files go to several instances."""

SUFFIXES = {CSV: ".csv", JSON_LINES: ".jsonl"}
_PLAIN = frozenset({"integer", "float", "boolean"})


@dataclass(frozen=True)
class LineFormat:
    """How rows become lines.

    Attributes:
        content_type: `text/csv`, with parameters or without, or JSON lines.
        columns: The columns of the model, in its order; None takes all of the table.
        required: Whether the table must have all of them.
        by_place: Whether the columns may have other names, since the model was fitted with an array.
    """

    content_type: str
    columns: tuple[str, ...] | None
    required: bool = True
    by_place: bool = False

    @property
    def is_csv(self) -> bool:
        """Whether the lines are CSV."""
        return self.content_type.startswith(CSV)


@dataclass(frozen=True)
class Part:
    """A file of lines.

    Attributes:
        path: The file.
        size: Its size in bytes.
        sha256: Its SHA-256 digest.
        rows: Its rows.
    """

    path: Path
    size: int
    sha256: str
    rows: int


def choose_format(signature: Mapping[str, Any] | None, summary: str, *, joined: bool) -> LineFormat:
    """Choose how rows become lines, by the signature that was recorded when the model was registered.

    CSV is the smaller one. JSON lines are for what CSV cannot tell: an empty text from a missing one, a text
    with a line break; and for rows that SageMaker joins with their predictions, which then have names.

    Args:
        signature: The signature; None if none was recorded, or if it was too long for the registry.
        summary: The signature in a few words, which the registry always has if there is one.
        joined: Whether SageMaker joins the predictions with these lines.
    """
    known = (signature or {}).get("input")
    if known is None and ": " in summary:
        return LineFormat(JSON_LINES, None)
    if known is None:  # the handlers are the project's own, or AWS's: they get plain numbers as CSV
        return LineFormat(CSV, None)
    columns = tuple(str(column["name"]) for column in known["columns"])
    required = bool(known.get("required", True))
    is_plain = required and all(column["type"] in _PLAIN for column in known["columns"])
    kind = WITHOUT_HEADER if is_plain and not joined else JSON_LINES
    return LineFormat(kind, columns, required, by_place=known["kind"] == "array")


def take_columns(table: "pd.DataFrame", form: LineFormat, source: str) -> "pd.DataFrame":
    """Take from a table what the model takes, in its order.

    Args:
        table: The table.
        form: What the model takes.
        source: What the table is called in a message.

    Raises:
        ProjectError: If it lacks a column.
    """
    table = table.set_axis([str(name) for name in table.columns], axis=1)
    if form.columns is None:
        return table
    missing = [name for name in form.columns if name not in table.columns]
    if not form.required:
        return table[[name for name in form.columns if name in table.columns]]
    if missing and form.by_place and len(table.columns) == len(form.columns):
        return table.set_axis(list(form.columns), axis=1)
    if missing:
        word = "column" if len(missing) == 1 else "columns"
        raise ProjectError(
            f"{source} has no {word} {', '.join(missing)}, which the model takes. "
            "Name a table with the columns that the model was fitted with."
        )
    return table[list(form.columns)]


def write_lines(
    tables: "Iterable[pd.DataFrame]", form: LineFormat, folder: Path, source: str, *, files: int = 1
) -> list[Part]:
    """Write tables as files of lines.

    Args:
        tables: The tables, in the order of their rows.
        form: How rows become lines.
        folder: The folder for the files.
        source: What the table is called in a message.
        files: How many files there should be at least, if there are as many rows.

    Raises:
        ProjectError: If a table lacks a column, or there are no rows.
    """
    lines = (line for table in tables for line in _format(take_columns(table, form, source), form, source))
    parts = _write_parts(lines, PART_SIZE, folder, SUFFIXES[CSV if form.is_csv else JSON_LINES])
    if not parts:
        raise ProjectError(f"{source} has no rows. Name another table.")
    rows = sum(part.rows for part in parts)
    if len(parts) >= min(files, rows):
        return parts
    paths = [part.path for part in parts]
    share = -(-rows // files)
    return _write_parts(_read_lines(paths), share, folder, paths[0].suffix, by_rows=True)


def read_predictions(paths: Sequence[Path]) -> list[Any]:
    """Read the predictions that a job wrote as JSON lines; a line of another form is a text.

    Args:
        paths: The files, in the order of their inputs.
    """
    found = []
    for line in _read_lines(paths):
        text = line.decode("utf-8", errors="replace").strip()
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        found.append(
            value["prediction"] if isinstance(value, dict) and set(value) == {"prediction"} else value
        )
    return found


def _read_lines(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            yield from (line for line in file if line.strip())


def _write_parts(
    lines: Iterable[bytes], limit: int, folder: Path, suffix: str, *, by_rows: bool = False
) -> list[Part]:
    """Write lines to files that end where they have so many bytes, or so many rows."""
    parts: list[Part] = []
    source = iter(lines)
    kind = "rows" if by_rows else "part"
    while (line := next(source, None)) is not None:
        path = folder / f"{kind}-{len(parts):05d}{suffix}"
        digest, size, rows = sha256(), 0, 0
        with path.open("wb") as file:
            while line is not None:
                file.write(line)
                digest.update(line)
                size, rows = size + len(line), rows + 1
                line = next(source, None) if (rows if by_rows else size) < limit else None
        parts.append(Part(path, size, digest.hexdigest(), rows))
    return parts


def _format(table: "pd.DataFrame", form: LineFormat, source: str) -> Iterator[bytes]:
    if form.is_csv:
        text = table.to_csv(index=False, header=False, lineterminator="\n")
        lines = text.split("\n")[:-1]
        if len(lines) != len(table) or "\r" in text:
            raise ProjectError(
                f"{source} has texts with line breaks, and the model was registered without a sample, so its "
                "rows go as lines of CSV. Set `registry.sample` in aws.yml and register the model again."
            )
        yield from (f"{line}\n".encode() for line in lines)
        return
    names = list(table.columns)
    for row in zip(*(_list_cells(table[name], source) for name in names), strict=True):
        yield (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n").encode()


def _list_cells(cells: "pd.Series[Any]", source: str) -> list[Any]:
    missing = cells.isna().tolist()
    values = cells.tolist()
    try:
        return [None if gone else to_json(value) for value, gone in zip(values, missing, strict=True)]
    except (TypeError, ValueError) as error:
        raise ProjectError(
            f"{source}: column {cells.name} has values that are no numbers, texts or dates: "
            f"{first_line(error)}. Convert the column."
        ) from error


def is_header(cells: Sequence[str], known: Sequence[str]) -> bool:
    """Tell whether the first line of CSV is a header.

    It is one if it names at least half of the model's columns, or has no number.

    Args:
        cells: The cells of the line.
        known: The columns of the model; none if they are not known.
    """
    named = set(known) & {cell.strip() for cell in cells}
    return (bool(known) and len(named) * 2 >= len(set(known))) or not any(map(_is_number, cells))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
