"""Handlers that answer requests with a scikit-learn model; a copy of this file is in every `model.tar.gz`.

It runs in AWS's scikit-learn containers, the oldest of which has Python 3.9, with nothing of ours beside it.

    request     text/csv (header or not), application/json, application/jsonlines, application/x-parquet
    response    application/json, text/csv, application/jsonlines

Columns go by name: their order is free, and those the model does not know are ignored. Rows without names
must have the model's columns in its order. CSV cannot tell the string "7" from the number. A request that
cannot be answered is the client's error (400, 415 or 406) in one sentence.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import math
import os
from typing import Any

import joblib
import pandas as pd

_CSV = "csv"  # key in a frame's attrs: the text it was read from


def model_fn(model_dir: str) -> Any:
    """Load the model."""
    return joblib.load(os.path.join(model_dir, "model.joblib"))  # noqa: PTH118


def input_fn(body: str | bytes, content_type: str | None) -> pd.DataFrame:
    """Read a request into a frame, one row for each prediction; columns without names are numbered."""
    kind = _media_type(content_type or "application/json")
    if kind not in _READERS:
        known = ", ".join(sorted(_READERS))
        raise _refusal(415, f"Content type {kind} is not supported; send one of {known}.")
    if not body or not body.strip():
        raise _refusal(400, f"The request is empty; send at least one row as {kind}.")
    frame = _READERS[kind](body)
    if frame.empty:
        raise _refusal(400, f"The request has no rows; send at least one as {kind}.")
    return _with_plain_missing_values(frame)


def predict_fn(data: pd.DataFrame, model: Any) -> Any:
    """Give the model its columns, in its order, and predict."""
    names = feature_names(model)
    features = _by_position(data, model) if names is None else _by_name(data, names)
    try:
        return model.predict(features)
    except (TypeError, ValueError) as error:
        raise _refusal(400, f"The model cannot use these values: {' '.join(str(error).split())}") from error


def output_fn(prediction: Any, accept: str | None) -> tuple[str, str]:
    """Write predictions in the format that the client likes best."""
    rows = _rows(prediction)
    for kind in _by_preference(accept or "*/*"):
        if kind in ("application/json", "application/*", "*/*"):
            return json.dumps({"predictions": rows}, default=str), "application/json"
        if kind in ("text/csv", "text/*"):
            return _csv_lines(rows), "text/csv"
        if kind in ("application/jsonlines", "application/x-jsonlines"):
            return "".join(json.dumps({"prediction": row}, default=str) + "\n" for row in rows), kind
    raise _refusal(
        406, f"Cannot answer as {accept}; accept application/json, text/csv or application/jsonlines."
    )


def feature_names(model: Any) -> list[str] | None:
    """Names of the columns that a model was fitted with; None if it was fitted with an array."""
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        return [str(name) for name in names]
    steps = [step for _, step in getattr(model, "steps", []) if step not in (None, "passthrough")]
    inner = getattr(model, "best_estimator_", steps[0] if steps else None)
    return None if inner is None else feature_names(inner)


def _read_csv(body: str | bytes) -> pd.DataFrame:
    text = _text(body)
    frame = _parse_csv(text, named=_looks_like_names(_first_line(text)))
    frame.attrs[_CSV] = text
    return frame


def _parse_csv(text: str, named: bool) -> pd.DataFrame:
    try:
        frame = pd.read_csv(io.StringIO(text), header=0 if named else None)
    except ValueError as error:  # pandas.errors.ParserError among them
        raise _refusal(400, f"The request is not CSV: {' '.join(str(error).split())}.") from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise _refusal(400, "The request is not CSV: its rows have more cells than its header.")
    return frame


def _first_line(text: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader(io.StringIO(text.lstrip())), [])]


def _looks_like_names(cells: list[str]) -> bool:
    return len(set(cells)) == len(cells) and not any(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _read_json(body: str | bytes) -> pd.DataFrame:
    return _frame(_parse_json(_text(body), "JSON"))


def _read_jsonlines(body: str | bytes) -> pd.DataFrame:
    lines = [_parse_json(line, "JSON lines") for line in _text(body).splitlines() if line.strip()]
    return _frame([line if isinstance(line, (dict, list)) else [line] for line in lines])


def _parse_json(text: str, kind: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _refusal(400, f"The request is not {kind}: {error}.") from error


def _read_parquet(body: str | bytes) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(io.BytesIO(body.encode() if isinstance(body, str) else body))
    except ImportError as error:
        raise _refusal(415, "Parquet needs pyarrow in the container; send CSV or JSON.") from error
    except (ValueError, OSError) as error:
        raise _refusal(400, f"The request is not Parquet: {error}") from error
    return frame if frame.index.name is None else frame.reset_index()


_READERS = {
    "text/csv": _read_csv,
    "application/json": _read_json,
    "application/jsonlines": _read_jsonlines,
    "application/x-jsonlines": _read_jsonlines,
    "application/x-parquet": _read_parquet,
}


def _frame(value: Any) -> pd.DataFrame:
    """A table out of any of the JSON forms that clients send: records, rows, columns, or pandas' split."""
    if isinstance(value, dict):
        value = value["instances"] if isinstance(value.get("instances"), list) else value
    value, columns = _rows_of_object(value) if isinstance(value, dict) else (value, None)
    if not isinstance(value, list):
        raise _refusal(400, "The request must be a JSON object or list that holds rows.")
    if value and not any(isinstance(row, (dict, list)) for row in value):
        value = [value]
    value = [row["features"] if _is_features(row) else row for row in value]
    if not (all(isinstance(row, dict) for row in value) or all(isinstance(row, list) for row in value)):
        raise _refusal(400, "The rows must all be JSON objects, or all be lists.")
    _check_rows(value, columns)
    return pd.DataFrame(value, columns=columns)


def _rows_of_object(value: dict[str, Any]) -> tuple[Any, list[str] | None]:
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        return value["data"], [str(name) for name in value["columns"]]
    cells = list(value.values())
    if not cells or not all(isinstance(cell, list) for cell in cells):
        return [value], None
    if len({len(cell) for cell in cells}) > 1:
        raise _refusal(400, "The columns must all have the same length.")
    return [dict(zip(value, row)) for row in zip(*cells)], None  # noqa: B905 - Python 3.9


def _is_features(row: Any) -> bool:
    # AWS's own algorithms take {"features": [...]} for a row.
    return isinstance(row, dict) and set(row) == {"features"} and isinstance(row["features"], list)


def _check_rows(rows: list[Any], columns: list[str] | None) -> None:
    widths = {len(row) for row in rows if isinstance(row, list)}
    if len(widths) > 1 or (columns is not None and rows and widths != {len(columns)}):
        raise _refusal(400, "The rows must all have the same number of values, one for each column.")
    if columns is not None and len(set(columns)) < len(columns):
        raise _refusal(400, "The columns must have different names.")
    cells = (cell for row in rows for cell in (row.values() if isinstance(row, dict) else row))
    if any(isinstance(cell, (dict, list)) for cell in cells):
        raise _refusal(400, "The values must be numbers, strings, booleans or null, not objects or lists.")


def _with_plain_missing_values(frame: pd.DataFrame) -> pd.DataFrame:
    """Put NaN for all that is missing, as scikit-learn's transformers expect."""
    for column in frame.columns:
        missing = frame[column].isna()
        # An empty column could be of any type. NaN objects suit encoders, and become floats where needed.
        if missing.all() or frame[column].dtype == "object":
            frame[column] = frame[column].astype("object").where(~missing, float("nan"))
    return frame


def _by_name(data: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    if not all(isinstance(column, str) for column in data.columns):
        if set(names) <= set(_first_line(data.attrs.get(_CSV, ""))):  # names such as "2024"
            data = _with_plain_missing_values(_parse_csv(data.attrs[_CSV], named=True))
        elif data.shape[1] == len(names):
            return data.set_axis(names, axis=1)
        else:
            raise _refusal(
                400,
                f"The model takes {len(names)} {_columns(len(names))} ({_listed(names)}); each row has"
                f" {data.shape[1]}.",
            )
    data = data.rename(columns=lambda name: str(name).strip())
    missing = [name for name in names if name not in data.columns]
    if missing:
        nearest = difflib.get_close_matches(missing[0], [str(name) for name in data.columns], n=1)
        hint = f" (nearest given: {nearest[0]})" if nearest else ""
        raise _refusal(
            400,
            f"The request lacks the {_columns(len(missing))} {_listed(missing)}{hint}; the model takes"
            f" {_listed(names)}.",
        )
    return data[names]


def _by_position(data: pd.DataFrame, model: Any) -> Any:
    expected = getattr(model, "n_features_in_", None)
    if expected is None:  # no scikit-learn model, or one that takes any frame
        return data
    if data.shape[1] != expected:
        raise _refusal(400, f"The model takes {expected} {_columns(expected)}; each row has {data.shape[1]}.")
    return data.to_numpy()


def _rows(prediction: Any) -> list[Any]:
    if hasattr(prediction, "toarray"):  # a sparse matrix
        prediction = prediction.toarray()
    if isinstance(prediction, (pd.DataFrame, pd.Series)):
        prediction = prediction.to_numpy()
    cells = _cell(prediction)
    return cells if isinstance(cells, list) else [cells]


def _cell(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_cell(item) for item in value]
    # JSON has no word for NaN or infinity.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _csv_lines(rows: list[Any]) -> str:
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(row if isinstance(row, list) else [row] for row in rows)
    return lines.getvalue()


def _text(body: str | bytes) -> str:
    try:
        return (body if isinstance(body, str) else body.decode("utf-8")).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise _refusal(400, f"The request is not UTF-8 text: {error}.") from error


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _by_preference(accept: str) -> list[str]:
    return [_media_type(choice) for choice in sorted(accept.split(","), key=_quality, reverse=True)]


def _quality(choice: str) -> float:
    for parameter in choice.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip() == "q" and _is_number(value):
            return float(value)
    return 1.0


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if names[8:] else "")


def _columns(number: int) -> str:
    return "column" if number == 1 else "columns"


def _refusal(status: int, message: str) -> Exception:
    """An error that SageMaker's model server gives the client with `status`, instead of a 500."""
    try:
        from sagemaker_inference import errors
    except ImportError:
        return ValueError(message)
    return errors.GenericInferenceToolkitError(status, message)  # type: ignore[no-any-return]
