"""Arrow tables as the frames that nodes ask for."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import pyarrow as pa

from kedro_aws_plugin.datasets._memory import give_back

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
