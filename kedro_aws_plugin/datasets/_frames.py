"""The frames that nodes take and return, as Arrow tables and back."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
from kedro.io import DatasetError

if TYPE_CHECKING:
    import pandas as pd

Engine = Literal["pandas", "pyarrow", "polars", "spark"]


def to_frame(read: Callable[[], pa.Table], engine: Engine) -> Any:
    """Turn a table into a frame.

    Args:
        read: Gives the table. Nobody else holds it then, so that its memory is let go of column by column.
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
    """Keep what every value means.

    Dates and decimals stay Python's own, maps become dicts, and integers and booleans with NULLs among them
    get pandas' nullable types: as floats, large integers would change. One column after the other is
    converted and let go of, so that table and frame are never both in memory.
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


def shown(frame: Any) -> dict[str, Any]:
    """A small pandas frame as JSON has it, for Kedro-Viz: what JSON does not know, as text."""
    rows = [[_json(value) for value in row] for row in frame.astype(object).itertuples(index=False)]
    return {"columns": list(frame.columns), "index": list(range(len(rows))), "data": rows}


def _json(value: Any) -> Any:
    import pandas as pd

    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    if pd.isna(value):
        return None
    return value if isinstance(value, bool | int | float | str) else str(value)


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


_WORTH_IT = 1_000_000


def give_back(freed: int) -> None:
    """Return freed pages: Arrow's allocators keep them for their next read, beside the frame.

    Args:
        freed: About how many bytes were freed; for few it is not done, since it takes up to a millisecond.
    """
    if freed >= _WORTH_IT:
        pa.default_memory_pool().release_unused()
        pa.system_memory_pool().release_unused()  # what the S3 client has used


def in_chunks(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Put batches together, or cut them, into tables of equal length."""
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
