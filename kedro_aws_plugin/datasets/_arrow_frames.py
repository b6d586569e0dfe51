"""The frames that nodes return, as Arrow tables."""

import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from kedro.io import DatasetError

if TYPE_CHECKING:
    import pandas as pd


def to_arrow(frame: Any) -> pa.Table:
    """Take over a pandas, pyarrow or polars frame.

    Raises:
        DatasetError: If it is something else, or a pandas frame says more than its columns do.
    """
    if isinstance(frame, pa.Table):
        return frame
    if _is(frame, "pandas", "DataFrame"):
        return _from_pandas(frame)
    if _is(frame, "polars", "DataFrame"):
        return frame.to_arrow()
    if _is(frame, "polars", "LazyFrame"):
        raise DatasetError("A polars LazyFrame has no rows yet. Return `frame.collect()` from the node.")
    kind = type(frame)
    raise DatasetError(
        f"A {kind.__module__.partition('.')[0]}.{kind.__qualname__} cannot be saved as a table. "
        "Return a pandas or polars DataFrame, a pyarrow Table or a Spark DataFrame from the node."
    )


def is_spark(frame: Any) -> bool:
    """Whether Spark has to write the frame."""
    return _is(frame, "pyspark.sql", "DataFrame")


def _is(frame: Any, module: str, name: str) -> bool:
    """Without an import: whoever made such a frame has imported its library."""
    return module in sys.modules and isinstance(frame, getattr(sys.modules[module], name))


def _from_pandas(frame: "pd.DataFrame") -> pa.Table:
    named = [name for name in frame.index.names if name is not None]
    if named or frame.index.nlevels > 1:
        raise DatasetError(
            f"The index {named[0] if named else 'with several levels'!r} would be lost: "
            "a table has columns only. Call reset_index() before saving."
        )
    other = [name for name in frame.columns if not isinstance(name, str)]
    if other:
        raise DatasetError(f"The column {other[0]!r} has no name. Rename it to a text before saving.")
    _check_twice(frame)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        texts = [str(text).rstrip(".") for text in error.args]
        raise DatasetError(
            f"The frame cannot be saved: {'; '.join(texts)}. "
            "Give the column values of one type before saving."
        ) from error


def _check_twice(frame: "pd.DataFrame") -> None:
    if not frame.columns.is_unique:
        name = frame.columns[frame.columns.duplicated()][0]
        raise DatasetError(f"The column `{name}` is there more than once. Rename one.")
