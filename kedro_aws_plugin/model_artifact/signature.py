"""Describe what a model takes and what it answers, from the model and a sample of its rows.

The description is a file of the artifact, `code/signature.json`:

```
{"version": 1,
 "input": {"kind": "table", "columns": [{"name": "country", "type": "text", "dtype": "str"}, ...],
           "example": ["DE", ...]},
 "output": {"method": "predict", "classes": [...]}}
```

`input` is null if there is no sample, or if the project's own handlers read the requests. This module runs in
the process that loads the model; all others handle the JSON.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.errors import ProjectError

if TYPE_CHECKING:
    import pandas as pd

VERSION = 1

Description = dict[str, Any]

_TRIED_ROWS = 20
"""Rows that are used to find out which columns a model needs, if it does not name them."""

_INFERRED = {
    "string": "text",
    "empty": "text",
    "boolean": "boolean",
    "integer": "integer",
    "floating": "float",
    "mixed-integer-float": "float",
    "decimal": "float",
    "date": "datetime",
}
_EXAMPLES = {"integer": 1, "float": 1.5, "boolean": True, "datetime": "2024-01-31T00:00:00"}
_WAY_OUT = "Convert it before the model is fitted, or write an input_fn in the project's inference.py."


def write_signature(known: Description | None, output: Description) -> Description:
    """Write a signature of the descriptions of a model's input and output."""
    return {"version": VERSION, "input": known, "output": output}


def describe_input(model: Any, frame: "pd.DataFrame", method: str) -> Description:
    """Describe the columns that a model takes: kind, names, types and a row as an example.

    Args:
        model: The model.
        frame: Rows as the model was fitted with, maybe with more columns.
        method: The method of the model that answers.

    Raises:
        ProjectError: If the rows do not fit the model, or have values that no request can carry.
    """
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise ProjectError(
            f"The sample has two columns `{twice}`. Rename one in the table of registry.sample."
        )
    kind, names = _choose_columns(model, frame, method)
    missing = [name for name in names if name not in frame.columns]
    if missing:
        word = "column" if len(missing) == 1 else "columns"
        raise ProjectError(
            f"The sample has no {word} {', '.join(missing)}, which the model takes. Name the table"
            " that the model was fitted with in registry.sample of conf/base/aws.yml."
        )
    columns = [_describe_column(name, frame[name]) for name in names]
    return {"kind": kind, "columns": columns, "example": _make_example(frame, columns)}


def describe_rows(frame: "pd.DataFrame") -> Description:
    """Describe all columns of a table that requests can carry, none of which they must have.

    This is for a predict_fn of the project's own, which may use other columns than the model.
    """
    kept = frame[[name for name in frame.columns if _find_type(frame[name]) is not None]]
    columns = [_describe_column(str(name), kept[name]) for name in kept.columns]
    return {"kind": "table", "columns": columns, "example": _make_example(kept, columns), "required": False}


def describe_output(model: Any, method: str) -> Description:
    """Describe what a model answers: its method, its classes, and the names of several columns."""
    described: Description = {"method": method}
    classes = _find_attribute(model, "classes_")
    if method in ("predict", "predict_proba", "decision_function") and classes is not None:
        several = isinstance(classes, list)
        known = [list(each.tolist()) for each in classes] if several else classes.tolist()
        described["classes"] = json.loads(json.dumps(known, default=str))
        if method == "predict_proba" and not several:
            described["columns"] = [str(each) for each in described["classes"]]
    if method == "transform" and callable(get_names := getattr(model, "get_feature_names_out", None)):
        try:
            described["columns"] = [str(name) for name in get_names()]
        except Exception:  # noqa: BLE001 - a model's code may raise anything; the names are a convenience
            described.pop("columns", None)
    return described


def take_input(frame: "pd.DataFrame", known: Mapping[str, Any]) -> Any:
    """Take from the sample what the model was fitted with: a frame, an array or texts."""
    wanted = frame[[column["name"] for column in known["columns"]]]
    if known["kind"] == "texts":
        return wanted.iloc[:, 0]
    return wanted.to_numpy() if known["kind"] == "array" else wanted


def summarize(signature: Mapping[str, Any]) -> str:
    """Summarize a signature in a few words, e.g. `predict: table of 4 columns`."""
    known, method = signature["input"], signature["output"]["method"]
    if known is None:
        return str(method)
    number = len(known["columns"])
    size = f"{number} column" if number == 1 else f"{number} columns"
    return f"{method}: texts" if known["kind"] == "texts" else f"{method}: {known['kind']} of {size}"


def find_feature_names(model: Any) -> list[str] | None:
    """Find the names of the columns that a model was fitted with; None if it was fitted with an array."""
    names = _find_attribute(model, "feature_names_in_")
    if names is not None:
        return [str(name) for name in names]
    inner = _find_first_step(model)
    return None if inner is None else find_feature_names(inner)


def _choose_columns(model: Any, frame: "pd.DataFrame", method: str) -> tuple[str, list[str]]:
    """Choose the kind of the input, and the columns of the sample that make it."""
    frame_columns = [str(name) for name in frame.columns]
    names = find_feature_names(model)
    if names is not None:
        return "table", names
    if _takes_texts(model):
        return "texts", [_choose_texts(frame)]
    number = _find_attribute(model, "n_features_in_")
    if number is not None:
        if len(frame_columns) != number:
            raise ProjectError(
                f"The model was fitted with an array of {number} columns, and the sample has"
                f" {len(frame_columns)}. Fit it with a data frame, or name a table of exactly its columns in"
                " registry.sample of conf/base/aws.yml."
            )
        return "array", frame_columns
    return "table", _find_needed_columns(model, frame, method)


def _takes_texts(model: Any) -> bool:
    """Tell whether a model takes texts, one for each answer, as scikit-learn's text vectorizers do."""
    inner = _find_first_step(model)
    return hasattr(model, "build_analyzer") if inner is None else _takes_texts(inner)


def _find_first_step(model: Any) -> Any:
    steps = [step for _, step in getattr(model, "steps", []) if step not in (None, "passthrough")]
    return getattr(model, "best_estimator_", steps[0] if steps else None)


def _find_attribute(model: Any, name: str) -> Any:
    try:
        return getattr(model, name, None)
    except Exception:  # noqa: BLE001 - properties of a model may raise anything
        return None


def _choose_texts(frame: "pd.DataFrame") -> str:
    names = [str(name) for name in frame.columns]
    texts = [name for name in names if len(names) == 1 or _find_type(frame[name]) == "text"]
    if len(texts) != 1:
        found = f"several columns of texts: {', '.join(texts)}" if texts else "no column of texts"
        raise ProjectError(
            f"The model takes texts, and the sample has {found}. Name a table with one column of texts in"
            " registry.sample of conf/base/aws.yml."
        )
    return texts[0]


def _find_needed_columns(model: Any, frame: "pd.DataFrame", method: str) -> list[str]:
    """Find the columns without which a model gives no answers, or other ones.

    Models whose first step is a class of the project's own often name no columns.
    """
    rows = frame.head(_TRIED_ROWS)
    ask = getattr(model, method)
    try:
        answers = ask(rows)
    except Exception:  # noqa: BLE001 - a model's code may raise anything; the trial of the sample names it
        return list(frame.columns)
    needed = list(frame.columns)
    for name in frame.columns:
        kept = [each for each in needed if each != name]
        if kept and _answers_same(ask, rows[kept], answers):
            needed = kept
    return needed


def _answers_same(ask: Any, rows: "pd.DataFrame", answers: Any) -> bool:
    import numpy as np

    try:
        return bool(np.array_equal(np.asarray(ask(rows)), np.asarray(answers)))
    except Exception:  # noqa: BLE001 - a model's code may raise anything
        return False


def _describe_column(name: str, cells: "pd.Series[Any]") -> Description:
    import pandas as pd

    kind = _find_type(cells)
    if kind is None:
        raise ProjectError(
            f"Column `{name}` of the sample has {_name_values(cells)}, which no request can carry. {_WAY_OUT}"
        )
    column: Description = {"name": name, "type": kind, "dtype": str(cells.dtype)}
    if kind == "category":
        column |= {"categories": cells.cat.categories.tolist(), "ordered": bool(cells.cat.ordered)}
    if kind == "datetime" and isinstance(cells.dtype, pd.DatetimeTZDtype):
        column["timezone"] = str(cells.dtype.tz)
    if cells.dtype == object and (missing := _find_missing(cells)) != "NaN":
        column["missing"] = missing
    if kind == "text" and (cells == "").any() and not cells.isna().any():
        column["empty"] = True
    return column


def _find_type(cells: "pd.Series[Any]") -> str | None:
    """Find the type of a column; None if no request can carry its values."""
    import pandas as pd

    types = pd.api.types
    if isinstance(cells.dtype, pd.CategoricalDtype):
        plain = _find_type(pd.Series(cells.cat.categories)) in ("text", "integer", "float", "boolean")
        return "category" if plain else None
    for kind, is_kind in (
        ("boolean", types.is_bool_dtype),
        ("integer", types.is_integer_dtype),
        ("float", types.is_float_dtype),
        ("datetime", types.is_datetime64_any_dtype),
    ):
        if is_kind(cells.dtype) and not isinstance(cells.dtype, pd.SparseDtype):
            return kind
    if cells.dtype == object or types.is_string_dtype(cells.dtype):
        return _INFERRED.get(types.infer_dtype(cells, skipna=True))
    return None


def _name_values(cells: "pd.Series[Any]") -> str:
    present = cells.dropna()
    if cells.dtype != object or present.empty:
        return f"values of type {cells.dtype}"
    kinds = sorted({type(value).__name__ for value in present})
    return f"values of type {kinds[0]}" if len(kinds) == 1 else f"values of the types {', '.join(kinds)}"


def _find_missing(cells: "pd.Series[Any]") -> str:
    """Find what stands for a missing value in a column of objects."""
    import pandas as pd

    for value in cells[cells.isna()]:
        return "None" if value is None else "NA" if value is pd.NA else "NaT" if value is pd.NaT else "NaN"
    return "NaN"


def _make_example(frame: "pd.DataFrame", columns: list[Description]) -> list[Any]:
    """Make a row for messages, as JSON has it.

    It is not a row of the data: clients must not see those, and other samples should give the same signature.
    """
    return [_make_value(frame[str(column["name"])], column) for column in columns]


def _make_value(cells: "pd.Series[Any]", column: Description) -> Any:
    if column["type"] == "category":
        return next(iter(column["categories"]), None)
    if column["type"] == "text":
        counts = cells.dropna().value_counts()
        frequent = sorted(counts.index[counts == counts.max()]) if len(counts) and counts.max() > 1 else []
        return str(frequent[0]) if frequent else "text"
    return _EXAMPLES[column["type"]]


def to_json(value: Any) -> Any:
    """Convert a cell to what JSON has: dates to ISO 8601."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return float(value)  # a decimal
