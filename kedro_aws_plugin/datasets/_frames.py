"""Conversion of Arrow tables to the frames of nodes, and back."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
from kedro.io import DatasetError

if TYPE_CHECKING:
    import pandas as pd

Engine = Literal["pandas", "pyarrow", "polars", "spark"]


def to_frame(read: Callable[[], pa.Table], engine: Engine) -> Any:
    """Convert a table into a frame.

    Args:
        read: Returns the table. It must keep no reference, so that memory is freed column by column.
        engine: The library of the frame.
    """
    match engine:
        case "pandas":
            return _to_pandas(read)
        case "polars":
            import polars as pl

            return pl.from_arrow(read())
        case _:
            return read()


def _to_pandas(read: Callable[[], pa.Table]) -> Any:
    """Convert a table without changing the meaning of a value.

    Dates and decimals become Python's own, and maps become dicts. Integers and booleans with NULLs get
    pandas' nullable types, because floats would change large integers. Columns are converted and freed one by
    one, so that memory never holds table and frame at once.
    """
    import pandas as pd

    table = read()
    names, rows, columns = table.column_names, table.num_rows, table.columns
    give_back(table.nbytes)
    del table
    series = {}
    for place in range(len(names)):
        column = columns.pop(0)
        series[place] = column.to_pandas(
            types_mapper=_nullable_type() if _needs_nullable(column) else None,
            maps_as_pydicts="strict",
            date_as_object=True,
        )
        size = column.nbytes
        del column
        give_back(size)
    frame = pd.DataFrame(series, index=range(rows), copy=False)
    frame.columns = pd.Index(names)
    return frame


def _needs_nullable(column: pa.ChunkedArray) -> bool:
    simple = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
    return bool(simple and column.null_count)


def _nullable_type() -> Callable[[pa.DataType], Any]:
    import pandas as pd

    dtypes = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }
    return dtypes.get


def to_json_table(frame: Any) -> dict[str, Any]:
    """Convert a small pandas frame to JSON for Kedro-Viz. Values without a JSON type become text."""
    rows = [[_to_json(value) for value in row] for row in frame.astype(object).itertuples(index=False)]
    return {"columns": list(frame.columns), "index": list(range(len(rows))), "data": rows}


def _to_json(value: Any) -> Any:
    import pandas as pd

    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if pd.isna(value):
        return None
    return value if isinstance(value, bool | int | float | str) else str(value)


def to_arrow(frame: Any) -> pa.Table:
    """Convert a pandas, pyarrow or polars frame into an Arrow table.

    Raises:
        DatasetError: If it is another object, or a pandas frame has an index or names that would be lost.
    """
    if isinstance(frame, pa.Table):
        return frame
    if _is_instance(frame, "pandas", "DataFrame"):
        return _from_pandas(frame)
    if _is_instance(frame, "polars", "DataFrame"):
        return frame.to_arrow()
    if _is_instance(frame, "polars", "LazyFrame"):
        raise DatasetError("A polars LazyFrame has no rows yet. Return `frame.collect()` from the node.")
    kind = type(frame)
    raise DatasetError(
        f"A {kind.__module__.partition('.')[0]}.{kind.__qualname__} cannot be saved as a table. "
        "Return a pandas or polars DataFrame, a pyarrow Table or a Spark DataFrame from the node."
    )


def is_spark(frame: Any) -> bool:
    """Tell whether a frame is a Spark DataFrame, which only Spark can write."""
    return _is_instance(frame, "pyspark.sql", "DataFrame")


def _is_instance(frame: Any, module: str, name: str) -> bool:
    """Check a frame's type without importing its library, which is loaded if there is such a frame."""
    return module in sys.modules and isinstance(frame, getattr(sys.modules[module], name))


def _from_pandas(frame: "pd.DataFrame") -> pa.Table:
    named = [name for name in frame.index.names if name is not None]
    if named or frame.index.nlevels > 1:
        raise DatasetError(
            f"The index {named[0] if named else 'with several levels'!r} would be lost, "
            "since a table has columns only. Call reset_index() before saving."
        )
    other = [name for name in frame.columns if not isinstance(name, str)]
    if other:
        raise DatasetError(f"The name of the column {other[0]!r} is not a text. Rename it before saving.")
    _check_unique(frame)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        texts = [str(text).rstrip(".") for text in error.args]
        raise DatasetError(
            f"The frame cannot be saved: {'; '.join(texts)}. "
            "Give that column values of one type before saving."
        ) from error


def _check_unique(frame: "pd.DataFrame") -> None:
    if not frame.columns.is_unique:
        name = frame.columns[frame.columns.duplicated()][0]
        raise DatasetError(f"The frame has more than one column `{name}`. Rename one before saving.")


_WORTH_IT = 1_000_000


def give_back(freed: int) -> None:
    """Return freed memory to the system, which Arrow's allocators would keep for their next read.

    Args:
        freed: About how many bytes were freed. Below a megabyte nothing is done, since the call takes up to a
            millisecond.
    """
    if freed >= _WORTH_IT:
        pa.default_memory_pool().release_unused()
        pa.system_memory_pool().release_unused()  # the S3 client's


def split_rows(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Split and join batches into tables of a number of rows; the last may be shorter."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        rest = batch
        while count + rest.num_rows >= rows:
            cut = rows - count
            yield pa.Table.from_batches([*held, rest.slice(0, cut)])
            rest = rest.slice(cut)
            held, count = [], 0
        if rest.num_rows:
            held.append(rest)
            count += rest.num_rows
    if held:
        yield pa.Table.from_batches(held)
