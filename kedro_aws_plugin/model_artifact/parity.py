"""Prove that the packed handlers answer what the model answers, whatever the format of the request.

The same rows go to the model itself and, in each format that an endpoint accepts, to the handlers. All of it
happens in the process that loads the model.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.payload import CSV, JSON, JSON_LINES, NPY, PARQUET, is_same_value
from kedro_aws_plugin.model_artifact.signature import take_input, to_json

if TYPE_CHECKING:
    import pandas as pd

Ask = Callable[[Any, bytes, str], bytes]
"""Lets the handlers answer a request with a model: (model, body, content type) -> JSON."""

_WAY_OUT = (
    "Convert the columns to plain numbers, texts or dates before the model is fitted, or write handlers of"
    " your own in the project's inference.py."
)

_EXACT = 2**53  # up to here, floats of 64 bits have all whole numbers
_MILLISECOND = 1_000_000  # nanoseconds


def check_parity(model: Any, frame: "pd.DataFrame", default: ModuleType, ask: Ask) -> None:
    """Compare the handlers' answers with the model's own, for the same rows in each format.

    Args:
        model: The model.
        frame: The sample.
        default: The packed module of the plugin's handlers, with the model's signature.
        ask: Sends a request to the handlers, and returns their answer in JSON.

    Raises:
        ProjectError: If an answer differs. It names the format, the row and the column.
    """
    known, method = default.SIGNATURE["input"], default.SIGNATURE["output"]["method"]
    expected = _list_answers(getattr(model, method)(take_input(frame, known)), method)
    if len(expected) != len(frame):
        raise ProjectError(
            f"The model gives {len(expected)} answers for the {len(frame)} rows of the sample. Register a"
            " model that gives one answer for each row."
        )
    remembering = _Remembering(model, method)
    for form, body, content_type in build_requests(frame[[each["name"] for each in known["columns"]]], known):
        try:
            answers = json.loads(ask(remembering, body, content_type))["predictions"]
        except Exception as error:
            raise ProjectError(
                f"The endpoint would refuse the sample as {form}: {str(error).rstrip(' .')}. {_WAY_OUT}"
            ) from error
        row = _find_difference(expected, answers)
        if row is not None:
            got, wanted = (each[row] if row < len(each) else "nothing" for each in (answers, expected))
            parsed = default.input_fn(body, content_type)
            raise ProjectError(
                f"The endpoint would not answer what the model answers: row {row + 1} of the sample as {form}"
                f" gives {got!r} instead of {wanted!r}.{_explain_row(frame, row, parsed, known)} {_WAY_OUT}"
            )


def build_requests(frame: "pd.DataFrame", known: Mapping[str, Any]) -> Iterator[tuple[str, bytes, str]]:
    """Write a table in each form that an endpoint accepts: its name, the body and the content type."""
    names = [str(name) for name in frame.columns]
    plain = frame.set_axis(names, axis=1)
    yield from _build_csv(plain, known)
    rows = [[_to_cell(cell) for cell in row] for row in _list_rows(plain)]
    records = [dict(zip(names, row, strict=True)) for row in rows]
    split = {"columns": names, "data": rows}
    in_columns = {
        name: {
            str(number): _to_cell(cell, milliseconds=True) for number, cell in enumerate(plain[name].tolist())
        }
        for name in names
    }
    for form, value in {
        "JSON records": records,
        "JSON rows": rows,
        "JSON split": split,
        "JSON columns": in_columns,
        "JSON dataframe_split": {"dataframe_split": split},
        "JSON dataframe_records": {"dataframe_records": records},
        "JSON instances": {"instances": rows},
        "JSON inputs": {"inputs": {name: [row[place] for row in rows] for place, name in enumerate(names)}},
    }.items():
        yield form, json.dumps(value).encode(), JSON
    yield "JSON lines", "\n".join(json.dumps(record) for record in records).encode(), JSON_LINES
    yield from _build_binary(plain, known)


def _build_csv(plain: "pd.DataFrame", known: Mapping[str, Any]) -> Iterator[tuple[str, bytes, str]]:
    """Write CSV with and without a header, if it can tell an empty text from a missing value."""
    both = [
        name
        for name, column in zip(plain.columns, known["columns"], strict=True)
        if column["type"] == "text" and not column.get("empty") and (plain[name] == "").any()
    ]
    if both:
        return
    for form, content_type, header in (
        ("CSV", CSV, True),
        ("CSV without a header", f"{CSV}; header=absent", False),
    ):
        text = plain.to_csv(index=False, header=header, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        yield form, text.encode(), content_type


def _build_binary(plain: "pd.DataFrame", known: Mapping[str, Any]) -> Iterator[tuple[str, bytes, str]]:
    import numpy as np

    if find_spec("pyarrow"):
        with suppress(ValueError, TypeError, NotImplementedError):  # then no client can send it either
            yield "Parquet", plain.to_parquet(index=False), PARQUET
    types = [column["type"] for column in known["columns"]]
    if not {*types} <= {"integer", "float", "boolean"}:
        return
    array = plain.astype(object).where(plain.notna(), float("nan")).to_numpy(dtype="float64")
    whole = array[:, [kind == "integer" for kind in types]]
    if not (np.abs(whole) > _EXACT).any():
        written = io.BytesIO()
        np.save(written, array, allow_pickle=False)
        yield "NPY", written.getvalue(), NPY


class _Remembering:
    """A model that is asked once for the same input: what is read from the formats seldom differs."""

    def __init__(self, model: Any, method: str) -> None:
        self._ask = getattr(model, method)
        self._known: list[tuple[Any, Any]] = []
        setattr(self, method, self._answer)

    def _answer(self, data: Any) -> Any:
        for seen, answers in self._known:
            if _is_identical(seen, data):
                return answers
        answers = self._ask(data)
        self._known.append((data, answers))
        return answers


def _is_identical(one: Any, other: Any) -> bool:
    """Tell whether two inputs are the same in values, types and what stands for missing values."""
    import numpy as np
    import pandas as pd

    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and _is_identical(pd.DataFrame(one), pd.DataFrame(other))
    if isinstance(one, pd.Series):
        return _is_identical(one.to_frame(), other.to_frame())
    if not one.equals(other) or list(one.dtypes) != list(other.dtypes):
        return False
    objects = [name for name in one.columns if one[name].dtype == object]
    return all([*map(type, one[name])] == [*map(type, other[name])] for name in objects)


def _list_answers(answers: Any, method: str) -> list[Any]:
    """List a model's own answers by rows, as JSON has them."""
    import numpy as np

    if hasattr(answers, "toarray"):
        answers = answers.toarray()
    if isinstance(answers, list) and method == "predict_proba":  # an array for each output
        return [[output[row].tolist() for output in answers] for row in range(len(answers[0]))]
    return [_to_answer(row) for row in np.asarray(answers)]


def _to_answer(value: Any) -> Any:
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list | tuple):
        return [_to_answer(each) for each in value]
    if isinstance(value, float):
        return value if value - value == 0 else None  # JSON has neither NaN nor infinity
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _find_difference(expected: list[Any], answers: list[Any]) -> int | None:
    for row, wanted in enumerate(expected):
        if row >= len(answers) or not is_same_value(wanted, answers[row]):
            return row
    return None if len(answers) == len(expected) else len(expected)


def _explain_row(frame: "pd.DataFrame", row: int, parsed: Any, known: Mapping[str, Any]) -> str:
    """Name the first column of a row whose value the handlers read otherwise; nothing if there is none."""
    import pandas as pd

    read = parsed.to_frame() if isinstance(parsed, pd.Series) else pd.DataFrame(parsed)
    if row >= len(read):
        return ""
    for place, column in enumerate(known["columns"]):
        sent, got = frame[column["name"]].tolist()[row], read.iloc[:, place].tolist()[row]
        if type(sent) is not type(got) or not (sent == got or (pd.isna(sent) and pd.isna(got))):
            return f" Column `{column['name']}` has {sent!r} there, and {got!r} would reach the model."
    return ""


def _list_rows(frame: "pd.DataFrame") -> Iterator[tuple[Any, ...]]:
    return zip(*(frame[name].tolist() for name in frame.columns), strict=True)


def _to_cell(cell: Any, *, milliseconds: bool = False) -> Any:
    """Convert a cell to what JSON has; dates to ISO 8601, or to milliseconds as pandas does."""
    import pandas as pd

    if pd.isna(cell):
        return None
    if milliseconds and isinstance(cell, pd.Timestamp) and cell.as_unit("ns").value % _MILLISECOND == 0:
        return cell.as_unit("ns").value // _MILLISECOND
    return to_json(cell)
