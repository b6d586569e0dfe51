"""Handlers that answer requests with a model; a copy of this file is in every `model.tar.gz`.

It runs in AWS's scikit-learn containers, the oldest of which has Python 3.9. Nothing of ours is beside it but
`signature.json`: the model's input and output as `register-model` recorded them.

    request     text/csv, application/json, application/jsonlines, application/x-parquet, application/x-npy
    response    application/json, text/csv, application/jsonlines, application/x-parquet, application/x-npy

Columns go by name: their order is free, and unknown ones are ignored. Rows without names have the model's
columns in its order. Each value is converted to the type of its column: text stays text, and only an empty
cell of CSV, null and NaN are missing. A request that cannot be answered gets 400, 406 or 415 and a sentence.

A model without a recorded input is given what AWS's own handlers would give it: an array of numbers.
"""

from __future__ import annotations

import csv
import difflib
import importlib.util
import io
import json
import math
import os
import traceback
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd

JSON, CSV, JSON_LINES = "application/json", "text/csv", "application/jsonlines"
PARQUET, NPY = "application/x-parquet", "application/x-npy"
MOST_CELLS = 50_000_000
"""So many cells a Parquet file may have, or as many as it has bytes if these are more."""
_ALIASES = {
    "application/csv": CSV,
    "application/x-jsonlines": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-ndjson": JSON_LINES,
    "application/vnd.apache.parquet": PARQUET,
    "*/*": JSON,
    "application/*": JSON,
    "text/*": CSV,
}
_PLAIN_FLOATS = ("float64", "float32", "float16")
_WRAPPERS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_BESIDE_A_WRAPPER = frozenset({"params", "parameters", "signature_name"})
_TRUE, _FALSE = frozenset({"true", "1", "1.0", "yes"}), frozenset({"false", "0", "0.0", "no"})
_WORDS = {
    "text": "a text",
    "integer": "a number",
    "float": "a number",
    "boolean": "true or false",
    "datetime": "a date",
    "category": "a category",
}
_NAN = float("nan")
_SHOWN = 8  # names in a message
_TABLE = 2  # dimensions
_LARGE = 50_000  # characters
_PANDAS_WITH_STR = 3  # the major version


class Refusal(ValueError):
    """A request that cannot be answered: its status and one sentence for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def read_signature(folder: str) -> dict[str, Any] | None:
    """Read the model's signature from a folder; None if the model was registered without one."""
    path = os.path.join(folder, "signature.json")  # noqa: PTH118
    if not os.path.exists(path):  # noqa: PTH110
        return None
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        found: dict[str, Any] = json.load(file)
    return found


SIGNATURE = read_signature(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120


def model_fn(model_dir: str) -> Any:
    """Load the model."""
    return joblib.load(os.path.join(model_dir, "model.joblib"))  # noqa: PTH118


def input_fn(body: Any, content_type: str | None) -> Any:
    """Read a request into what the model takes: a frame, an array or texts, one row for each answer."""
    kind, parameters = _split_header(content_type or JSON)
    if kind not in _READERS:
        known = ", ".join(sorted(_READERS))
        raise Refusal(415, f"Content type {kind} is not supported; send one of {known}.{_example()}")
    if not body or not body.strip():
        raise Refusal(400, f"The request is empty; send at least one row as {kind}.{_example()}")
    if _input() is None:
        return _read_plainly(body, kind)
    table = _READERS[kind](body, parameters)
    if table.empty:
        raise Refusal(400, f"The request has no rows; send at least one as {kind}.{_example()}")
    return _to_input(_conform(table))


def predict_fn(data: Any, model: Any) -> Any:
    """Call the method of the model that the signature names; `predict` by default."""
    try:
        answers = getattr(model, _method())(data)
    except (TypeError, ValueError) as error:
        raise Refusal(400, f"The model cannot use these values: {_to_sentence(error)}") from error
    except Exception as error:  # a model's code may raise anything
        traceback.print_exc()  # for the endpoint's log
        raise Refusal(500, f"The model failed: {type(error).__name__}: {_to_sentence(error)}") from error
    rows = _by_row(answers)
    number = len(rows) if hasattr(rows, "__len__") else 1
    if _input() is not None and number != len(data):
        raise Refusal(500, f"The model gave {number} {_plural(number, 'answer')} for {len(data)} rows.")
    return answers


def output_fn(prediction: Any, accept: str | None) -> tuple[str | bytes, str]:
    """Write answers in the format that the client likes best."""
    for kind, asked in _order_by_preference(accept or "*/*"):
        if kind in _WRITERS:
            return _WRITERS[kind](_by_row(prediction)), kind if "*" in asked else asked
    raise Refusal(406, f"Cannot answer as {accept}; accept one of {', '.join(_WRITERS)}.")


def answer(
    model: Any,
    content: Any,
    content_type: str,
    accept: str,
    handlers: tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]] = (
        input_fn,
        predict_fn,
        output_fn,
    ),
) -> Any:
    """Answer a request by three handlers. A refusal becomes the status and the sentence that the client gets.

    AWS's server turns every exception of a handler into a page of HTML, so nothing is raised for a refusal.
    """
    read, predict, write = handlers
    try:
        return write(predict(read(content, content_type), model), accept)
    except Refusal as refusal:
        return _make_response(refusal)


def _make_response(refusal: Refusal) -> Any:
    try:
        from sagemaker_containers.beta.framework import worker  # an attribute, not a module
    except ImportError:
        try:  # the server of multi-model endpoints
            from sagemaker_inference.errors import GenericInferenceToolkitError
        except ImportError:
            raise refusal from None
        raise GenericInferenceToolkitError(refusal.status, refusal.message) from refusal
    return worker.Response(refusal.message, status=refusal.status, mimetype="text/plain")


def _method() -> str:
    return SIGNATURE["output"]["method"] if SIGNATURE else "predict"


def _input() -> dict[str, Any] | None:
    return SIGNATURE["input"] if SIGNATURE else None


def _columns() -> list[dict[str, Any]]:
    known = _input()
    return known["columns"] if known else []


# Reading: each reader gives rows of cells with names, or without (then the frame's columns are numbers).


def _read_csv(body: Any, parameters: dict[str, str]) -> pd.DataFrame:
    text = _to_text(body)
    columns = _split_simple_csv(text) if len(text) >= _LARGE else None
    if columns is None:
        columns = _split_csv(text)
    first = _clean([cells[0] for cells in columns])
    names: list[Any] = list(range(len(columns)))
    if _is_header(first, parameters.get("header"), alone=len(columns[0]) == 1):
        if len(set(first)) < len(first):
            raise Refusal(400, "The columns must have different names.")
        names, columns = first, [cells[1:] for cells in columns]
    for cells in columns:
        if "" in cells:
            cells[:] = [None if cell == "" else cell for cell in cells]
    frame = {name: pd.Series(cells, dtype=object) for name, cells in zip(names, columns)}  # noqa: B905
    return _restore_empty_texts(pd.DataFrame(frame))


def _split_csv(text: str) -> list[list[Any]]:
    """Split CSV into the cells of each column; those of the first line are the first."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        raise Refusal(400, f"The request is not CSV: {error}.{_example()}") from error
    width = len(rows[0])
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            cells = f"{len(row)} {_plural(len(row), 'cell')}"
            raise Refusal(400, f"The request is not CSV: row {number} has {cells}, not {width}.{_example()}")
    return [list(cells) for cells in zip(*rows)]  # noqa: B905 - Python 3.9


def _split_simple_csv(text: str) -> list[list[Any]] | None:
    """Split CSV as `_split_csv` does, and faster; None unless each line has as many cells, without quotes."""
    if any(mark in text for mark in ('"', "\r", "\0")):
        return None
    try:
        table = pd.read_csv(
            io.StringIO(text), header=None, dtype=object, na_filter=False, quoting=csv.QUOTE_NONE
        )
    except (ValueError, pd.errors.ParserError):
        return None
    lines = text.count("\n") + (not text.endswith("\n"))
    if len(table) != lines or text.count(",") != lines * (table.shape[1] - 1):
        return None  # an empty line, or one that is shorter than others
    return [table[name].tolist() for name in table.columns]


def _restore_empty_texts(table: pd.DataFrame) -> pd.DataFrame:
    """Read an empty cell as an empty text where the model knows empty texts and nothing missing."""
    by_name = all(isinstance(name, str) for name in table.columns)
    for place, column in enumerate(_columns()):
        key = column["name"] if by_name else place
        if column.get("empty") and key in table.columns:
            table[key] = ["" if cell is None else cell for cell in table[key]]
    return table


def _is_header(first: list[str], stated: str | None, *, alone: bool) -> bool:
    if stated in ("present", "absent"):
        return stated == "present"
    columns = _columns()
    known = {column["name"] for column in columns}
    if len(known & set(first)) * 2 >= len(known):
        return True
    if alone or any(_is_number(cell) for cell in first):
        return False
    if len(first) != len(columns):
        return True
    # Other names in a header: the line does not fit the types of the columns.
    return not all(cell == "" or _converts(cell, column) for cell, column in zip(first, columns))  # noqa: B905


def _read_json(body: Any, parameters: dict[str, str]) -> pd.DataFrame:
    del parameters
    return _to_table(_parse_json(_to_text(body), "JSON"))


def _read_jsonlines(body: Any, parameters: dict[str, str]) -> pd.DataFrame:
    del parameters
    # Not splitlines(): it splits at characters that JSON allows within texts.
    lines = [_parse_json(line, "JSON lines") for line in _to_text(body).split("\n") if line.strip()]
    return _to_table([line if isinstance(line, (dict, list)) else [line] for line in lines])


def _parse_json(text: str, kind: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"The request is not {kind}: {error}.{_example()}") from error


def _read_parquet(body: Any, parameters: dict[str, str]) -> pd.DataFrame:
    del parameters
    if importlib.util.find_spec("pyarrow") is None:
        raise Refusal(415, "Parquet needs pyarrow, which this container lacks; send CSV or JSON.")
    content = body.encode() if isinstance(body, str) else body
    try:
        _refuse_parquet_bomb(content)
        frame = pd.read_parquet(io.BytesIO(content))
        return frame if frame.index.name is None else frame.reset_index()
    except Refusal:
        raise
    except (ValueError, OSError, NotImplementedError) as error:
        raise Refusal(400, f"The request is not Parquet: {_to_sentence(error)}") from error


def _refuse_parquet_bomb(content: bytes) -> None:
    """Refuse a few bytes that stand for so many equal cells that they would fill the memory."""
    from pyarrow.parquet import ParquetFile

    found = ParquetFile(io.BytesIO(content)).metadata
    if found.num_rows * found.num_columns > max(MOST_CELLS, len(content)):
        raise Refusal(
            400,
            f"The Parquet has {found.num_rows} rows of {found.num_columns} columns in {len(content)} bytes. "
            "Send them in parts.",
        )


def _read_npy(body: Any, parameters: dict[str, str]) -> pd.DataFrame:
    del parameters
    array = _load_array(body)
    if array.dtype.names:
        return pd.DataFrame(array.reshape(-1)).astype(object)
    if array.ndim > _TABLE:
        raise Refusal(
            400, f"The array has {array.ndim} dimensions; send one row for each answer.{_example()}"
        )
    if array.ndim < _TABLE:
        array = array.reshape(-1, 1) if len(_columns()) == 1 else array.reshape(1, -1)
    return pd.DataFrame(array)


def _load_array(body: Any) -> Any:
    try:
        return np.lib.format.read_array(io.BytesIO(body), allow_pickle=False)
    except (ValueError, OSError, TypeError, EOFError, MemoryError) as error:
        raise Refusal(
            400, f"The request is not NPY without pickled objects: {_to_sentence(error)}"
        ) from error


_READERS: dict[str, Callable[[Any, dict[str, str]], pd.DataFrame]] = {
    CSV: _read_csv,
    JSON: _read_json,
    JSON_LINES: _read_jsonlines,
    PARQUET: _read_parquet,
    NPY: _read_npy,
}


def _to_table(value: Any) -> pd.DataFrame:
    """Make a table of any of the JSON forms that clients send.

    Rows as a list of objects or lists, alone or under `instances`, `inputs` or `dataframe_records`; pandas'
    `columns`, `index`, `split`, `values` and `table` orientations, the split one also as `dataframe_split`;
    columns of equal length; one row.
    """
    value, names = _unwrap(value), None
    if isinstance(value, dict):
        value, names = _rows_of_object(value)
    if not isinstance(value, list):
        raise Refusal(400, f"The request must be a JSON object or list that holds rows.{_example()}")
    if value and not any(isinstance(row, (dict, list)) for row in value):
        value = [[cell] for cell in value] if len(_columns()) == 1 else [value]
    value = [row["features"] if _is_features(row) else row for row in value]
    if names is None and all(isinstance(row, dict) for row in value):
        names = list(dict.fromkeys(name for row in value for name in row))
        value = [[row.get(name) for name in names] for row in value]
    elif not all(isinstance(row, list) for row in value):
        raise Refusal(400, f"The rows must all be JSON objects, or all be lists.{_example()}")
    _check_rows(value, names)
    return _make_frame(value, names)


def _unwrap(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    known = {column["name"] for column in _columns()}
    for key in _WRAPPERS:
        inner = value.get(key)
        if not isinstance(inner, (dict, list)) or set(value) - {key} - _BESIDE_A_WRAPPER:
            continue
        if key not in known or _holds_rows(inner, known):
            return inner
    return value


def _holds_rows(inner: Any, known: set[str]) -> bool:
    """Tell rows under a key that is also a column's name from that column's cells."""
    if isinstance(inner, dict):
        return bool(known & set(inner))
    return bool(inner) and all(isinstance(row, (dict, list)) for row in inner)


def _rows_of_object(value: dict[str, Any]) -> tuple[Any, list[str] | None]:
    if isinstance(value.get("columns"), list) and _is_list_of_lists(value.get("data")):
        return value["data"], [str(name) for name in value["columns"]]
    if isinstance(value.get("schema"), dict) and isinstance(value.get("data"), list):
        return value["data"], None
    cells = list(value.values())
    if cells and all(isinstance(cell, dict) for cell in cells):
        known = {column["name"] for column in _columns()}
        if not known & set(value) and known & set(cells[0]):
            return cells, None
        keys = list(dict.fromkeys(key for cell in cells for key in cell))
        return [[cell.get(key) for cell in cells] for key in keys], list(value)
    if not cells or not all(isinstance(cell, list) for cell in cells):
        return [value], None
    if len({len(cell) for cell in cells}) > 1:
        raise Refusal(400, f"The columns must all have the same length.{_example()}")
    return [list(row) for row in zip(*cells)], list(value)  # noqa: B905 - Python 3.9


def _is_list_of_lists(data: Any) -> bool:
    # A model may have columns that are named `columns` and `data`.
    return isinstance(data, list) and all(isinstance(row, list) for row in data)


def _is_features(row: Any) -> bool:
    # AWS's own algorithms take {"features": [...]} for a row.
    return isinstance(row, dict) and set(row) == {"features"} and isinstance(row["features"], list)


def _check_rows(rows: list[list[Any]], names: list[str] | None) -> None:
    widths = {len(row) for row in rows}
    if len(widths) > 1 or (names is not None and rows and widths != {len(names)}):
        sentence = "The rows must all have the same number of values, one for each column."
        raise Refusal(400, sentence + _example())
    if any(isinstance(cell, (dict, list)) for row in rows for cell in row):
        sentence = "The values must be numbers, strings, booleans or null, not objects or lists."
        raise Refusal(400, sentence + _example())


def _make_frame(rows: list[list[Any]], names: list[str] | None) -> pd.DataFrame:
    if names is not None and len(set(names)) < len(names):
        raise Refusal(400, "The columns must have different names.")
    return pd.DataFrame(rows, columns=names, dtype=object)


# Conforming: the signature's columns in its order, each value of its column's type.


def _conform(table: pd.DataFrame) -> pd.DataFrame:
    columns, names = _columns(), [column["name"] for column in _columns()]
    named = all(isinstance(name, str) for name in table.columns)
    if named:
        table = table.copy(deep=False)
        table.columns = pd.Index(_clean(list(table.columns)))
        if not table.columns.is_unique:
            raise Refusal(400, "The columns must have different names.")
    if named and not _goes_by_position(table, names):
        missing = [name for name in names if name not in table.columns]
        if missing and (_input() or {}).get("required", True):
            raise Refusal(400, _explain_missing(missing, table, names))
        columns = [column for column in columns if column["name"] not in missing]
    elif table.shape[1] == len(names):
        table = table.copy(deep=False)
        table.columns = pd.Index(names)
    else:
        takes = f"{len(names)} {_plural(len(names), 'column')} ({_list(names)})"
        raise Refusal(400, f"The model takes {takes}; each row has {table.shape[1]}.{_example()}")
    return pd.DataFrame({column["name"]: _convert(table[column["name"]], column) for column in columns})


def _clean(names: list[str]) -> list[str]:
    """Remove blanks around names, unless the model's own have them."""
    known = {column["name"] for column in _columns()}
    return [name if name in known else name.strip() for name in names]


def _goes_by_position(table: pd.DataFrame, names: list[str]) -> bool:
    """Tell whether names do not matter: a model of arrays, or of texts, knows none."""
    kind = (_input() or {})["kind"]
    return kind != "table" and table.shape[1] == len(names) and not set(names) & set(table.columns)


def _explain_missing(missing: list[str], table: pd.DataFrame, names: list[str]) -> str:
    nearest = difflib.get_close_matches(missing[0], list(table.columns), n=1)
    hint = f" (nearest given: {nearest[0]})" if nearest else ""
    lacks = f"The request lacks the {_plural(len(missing), 'column')} {_list(missing)}{hint}"
    return f"{lacks}; the model takes {_list(names)}.{_example()}"


def _convert(cells: pd.Series, column: dict[str, Any]) -> pd.Series:
    if (
        column["type"] != "category"
        and str(cells.dtype) not in ("object", "category")
        and _fits(cells, column)
    ):
        return cells.reset_index(drop=True)
    values = cells.tolist()
    if not _are_texts(values):
        values = [None if type(cell) is not str and _is_missing(cell) else cell for cell in values]
    try:
        return _CONVERTERS[column["type"]](values, column)
    except (ValueError, TypeError, OverflowError) as error:
        bad = next((value for value in values if not _converts(value, column)), values[0])
        sentence = f"Column {column['name']} has {bad!r}, which is not {_WORDS[column['type']]}."
        raise Refusal(400, sentence + _example()) from error


def _are_texts(values: list[Any]) -> bool:
    """Tell whether nothing but texts is among some values, which spares looking at each of them."""
    return set(map(type, values)) == {str}


def _fits(cells: pd.Series, column: dict[str, Any]) -> bool:
    return str(cells.dtype) == column.get("dtype") and column["type"] != "text"


def _converts(value: Any, column: dict[str, Any]) -> bool:
    try:
        _CONVERTERS[column["type"]]([value], column)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _is_missing(cell: Any) -> bool:
    return cell is None or cell is pd.NaT or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell))


def _get_missing(column: dict[str, Any]) -> Any:
    """Get what stands for a missing value in the model's own data."""
    return {"None": None, "NA": pd.NA, "NaT": pd.NaT}.get(column.get("missing", "NaN"), _NAN)


def _to_texts(values: list[Any], column: dict[str, Any]) -> pd.Series:
    missing, texts = _get_missing(column), values
    if not _are_texts(values):
        if any(isinstance(value, (list, dict, bytes, np.ndarray)) for value in values):
            raise TypeError("a text is wanted")
        texts = [missing if value is None else str(value) for value in values]
    dtype = column.get("dtype")
    if dtype == "string":
        return pd.Series(
            pd.array([pd.NA if value is None else str(value) for value in values], dtype="string")
        )
    if dtype == "str" and int(pd.__version__.partition(".")[0]) >= _PANDAS_WITH_STR:
        return pd.Series(texts, dtype="str")
    return pd.Series(texts, dtype=object)


def _to_numbers(values: list[Any], column: dict[str, Any]) -> pd.Series:
    dtype = column["dtype"]
    if dtype in _PLAIN_FLOATS and column["type"] == "float":
        plain = _to_floats(values)
        return pd.Series(plain, dtype="float64").astype(dtype)
    numbers = [None if value is None else _to_number(value) for value in values]
    whole = all(number is None or isinstance(number, int) or number.is_integer() for number in numbers)
    has_missing = None in numbers
    if dtype == "object":
        missing = _get_missing(column)
        return pd.Series([missing if number is None else number for number in numbers], dtype=object)
    nullable = dtype[:1].isupper() or "pyarrow" in dtype
    if column["type"] == "integer" and whole and (nullable or not has_missing):
        whole_numbers = [None if number is None else int(number) for number in numbers]
        return pd.Series(pd.array(whole_numbers, dtype=dtype))
    if column["type"] == "float" and nullable:
        return pd.Series(
            pd.array([None if number is None else float(number) for number in numbers], dtype=dtype)
        )
    floats = pd.Series([_NAN if number is None else float(number) for number in numbers], dtype="float64")
    # A column of whole numbers with fractions or missing values is one of floats.
    return floats.astype(dtype) if column["type"] == "float" else floats


def _to_floats(values: list[Any]) -> list[float]:
    """Convert as `_to_number` does; texts at once, without trying first whether each is a whole number."""
    if _are_texts(values) and "_" not in "".join(values):
        numbers = list(map(float, values))
        if not np.isinf(numbers).any():  # what is too large may be a whole number, which is refused
            return numbers
    return [_NAN if value is None else float(_to_number(value)) for value in values]


def _to_number(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return float(value)
    return value if isinstance(value, int) else float(value)


def _to_booleans(values: list[Any], column: dict[str, Any]) -> pd.Series:
    flags = [None if value is None else _to_boolean(value) for value in values]
    if column.get("dtype") == "boolean":
        return pd.Series(pd.array(flags, dtype="boolean"))
    if column.get("dtype") == "bool" and None not in flags:
        return pd.Series(flags, dtype=bool)
    missing = _get_missing(column)
    return pd.Series([missing if flag is None else flag for flag in flags], dtype=object)


def _to_boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(value)


def _to_datetimes(values: list[Any], column: dict[str, Any]) -> pd.Series:
    zone = column.get("timezone")
    moments = [_to_moment(value, bool(zone)) for value in values]
    if column.get("dtype") == "object":  # Python's dates
        missing = _get_missing(column)
        return pd.Series([missing if each is pd.NaT else each.date() for each in moments], dtype=object)
    series = pd.Series(pd.to_datetime(moments, utc=bool(zone)))
    try:
        return series.astype(column["dtype"])
    except (KeyError, TypeError, ValueError):  # pandas 1 knows nanoseconds only
        return series.dt.tz_convert(zone) if zone else series


def _to_moment(value: Any, zoned: bool) -> Any:
    if value is None:
        return pd.NaT
    if isinstance(value, bool):
        raise ValueError(value)
    if isinstance(value, (int, float)):  # pandas' JSON has milliseconds since 1970
        return pd.Timestamp(value, unit="ms", tz="UTC" if zoned else None)
    moment = pd.Timestamp(value)
    if moment.tzinfo is not None and not zoned:
        return moment.tz_convert("UTC").tz_localize(None)
    return moment.tz_localize("UTC") if zoned and moment.tzinfo is None else moment


def _to_categories(values: list[Any], column: dict[str, Any]) -> pd.Series:
    known = column["categories"]
    by_text = {str(each): each for each in known}
    numbers = {float(each): each for each in known if isinstance(each, (int, float))}
    found = [None if value is None else _find_category(value, by_text, numbers) for value in values]
    # A category that the sample lacks stays what it is: the model decides what it makes of it.
    new = [value for value in dict.fromkeys(found) if value is not None and value not in by_text.values()]
    return pd.Series(pd.Categorical(found, categories=[*known, *new], ordered=column.get("ordered", False)))


def _find_category(value: Any, by_text: dict[str, Any], numbers: dict[float, Any]) -> Any:
    if str(value) in by_text:
        return by_text[str(value)]
    return numbers.get(float(value), value) if numbers and _is_number(str(value)) else value


_CONVERTERS: dict[str, Callable[[list[Any], dict[str, Any]], pd.Series]] = {
    "text": _to_texts,
    "integer": _to_numbers,
    "float": _to_numbers,
    "boolean": _to_booleans,
    "datetime": _to_datetimes,
    "category": _to_categories,
}


def _to_input(frame: pd.DataFrame) -> Any:
    """Give the model what it was fitted with: a frame, an array, or texts."""
    kind = (_input() or {})["kind"]
    if kind == "texts":
        return frame[frame.columns[0]]
    return frame.to_numpy() if kind == "array" else frame


def _read_plainly(body: Any, kind: str) -> Any:
    """Read a request as AWS's own handler does: CSV and JSON as numbers of 32 bits, NPY as it is."""
    if kind == NPY:
        return _load_array(body)
    try:
        if kind == CSV:
            rows = [row for row in csv.reader(io.StringIO(_to_text(body)), strict=True) if row]
            return np.array(
                [[_NAN if cell == "" else float(cell) for cell in row] for row in rows], dtype=np.float32
            )
        if kind == JSON:
            return np.atleast_2d(np.array(json.loads(_to_text(body)), dtype=np.float32))
    except (ValueError, TypeError, csv.Error) as error:
        sentence = (
            f"The model was registered without a sample, so it takes numbers only: {_to_sentence(error)}"
        )
        raise Refusal(400, sentence) from error
    raise Refusal(
        415, f"The model was registered without a sample, so it takes {CSV}, {JSON} or {NPY}, not {kind}."
    )


# Writing: each writer gets one item for each row.


def _write_json(rows: Any) -> str:
    return json.dumps({"predictions": _to_cells(rows)}, default=str)


def _write_jsonlines(rows: Any) -> str:
    return "".join(json.dumps({"prediction": row}, default=str) + "\n" for row in _to_cells(rows))


def _write_csv(rows: Any) -> str:
    found = _to_cells(rows)
    if set(map(type, found)) == {float}:  # as below, and faster
        return "\n".join([*map(repr, found), ""])
    lines = io.StringIO()
    cells = [row if isinstance(row, list) else [row] for row in found]
    csv.writer(lines, lineterminator="\n").writerows(cells)
    return lines.getvalue()


def _write_npy(rows: Any) -> bytes:
    try:
        array = np.asarray(rows)
        array = np.array(_to_cells(rows)) if array.dtype == object else array
        if array.dtype == object:
            raise ValueError("objects")
    except ValueError as error:
        raise Refusal(406, f"These answers are not an array of one type; accept {JSON}.") from error
    written = io.BytesIO()
    np.save(written, array, allow_pickle=False)
    return written.getvalue()


def _write_parquet(rows: Any) -> bytes:
    if importlib.util.find_spec("pyarrow") is None:
        raise Refusal(406, f"Parquet needs pyarrow, which this container lacks; accept {JSON}.")
    cells = [row if isinstance(row, list) else [row] for row in _to_cells(rows)]
    width = len(cells[0])
    names = (SIGNATURE or {"output": {}})["output"].get("columns")
    if not names or len(names) != width:
        names = ["prediction"] if width == 1 else [f"prediction_{number}" for number in range(width)]
    written = io.BytesIO()
    try:
        pd.DataFrame(cells, columns=names).to_parquet(written, index=False)
    except (ValueError, TypeError) as error:
        raise Refusal(406, f"These answers do not fit into columns; accept {JSON}.") from error
    return written.getvalue()


_WRITERS: dict[str, Callable[[Any], str | bytes]] = {
    JSON: _write_json,
    CSV: _write_csv,
    JSON_LINES: _write_jsonlines,
    PARQUET: _write_parquet,
    NPY: _write_npy,
}


def _by_row(prediction: Any) -> Any:
    """Arrange answers so that there is one item for each row of the request."""
    if hasattr(prediction, "toarray"):  # a sparse matrix
        return prediction.toarray()
    if isinstance(prediction, (pd.DataFrame, pd.Series)):
        return prediction.to_numpy()
    if isinstance(prediction, list) and prediction and _method() == "predict_proba":
        # Several outputs: scikit-learn gives an array for each output.
        return [list(row) for row in zip(*prediction)]  # noqa: B905 - Python 3.9
    return prediction


def _to_cells(rows: Any) -> list[Any]:
    cells = _to_cell(rows)
    return cells if isinstance(cells, list) else [cells]


def _to_cell(value: Any) -> Any:
    if getattr(getattr(value, "dtype", None), "kind", "") == "M":
        value = value.astype("datetime64[us]") if "D" not in str(value.dtype) else value
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and np.isfinite(value).all():
        return value.tolist()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_to_cell(item) for item in value]
    # JSON has no word for NaN or infinity.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _to_text(body: Any) -> str:
    # AWS's server decodes JSON and CSV for the handlers, and replaces what is not UTF-8.
    text: str = body if isinstance(body, str) else body.decode("utf-8", errors="replace")
    return text.lstrip("\ufeff")


def _split_header(header: str) -> tuple[str, dict[str, str]]:
    """Split a header into its media type, by the name used here, and its parameters."""
    kind, *rest = (part.strip() for part in header.split(";"))
    pairs = (part.partition("=") for part in rest)
    parameters = {name.strip().lower(): value.strip().strip('"').lower() for name, _, value in pairs}
    return _ALIASES.get(kind.lower(), kind.lower()), parameters


def _order_by_preference(accept: str) -> list[tuple[str, str]]:
    """Order the media types of an Accept header: each by the name used here, and as the client wrote it."""
    choices = [
        (*_split_header(choice), choice.partition(";")[0].strip().lower()) for choice in accept.split(",")
    ]
    choices.sort(key=lambda choice: _read_quality(choice[1].get("q", "1")), reverse=True)
    return [(kind, asked) for kind, _, asked in choices]


def _read_quality(text: str) -> float:
    return float(text) if _is_number(text) else 1.0


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _to_sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") + "."


def _list(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if names[_SHOWN:] else "")


def _plural(number: int, word: str) -> str:
    return word if number == 1 else f"{word}s"


def _example() -> str:
    """Show one row as this very model takes it."""
    known = _input()
    if known is None or known.get("example") is None:
        return ""
    names = (column["name"] for column in known["columns"])
    row = dict(zip(names, known["example"]))  # noqa: B905 - Python 3.9
    return f" One row as JSON: {json.dumps([row])}"
