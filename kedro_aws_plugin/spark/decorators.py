"""Decorators for nodes that return Spark frames: they repartition the frames, or cache them.

A node keeps its name, docstring and signature, so Kedro checks its inputs as before. It may return one frame,
or several in a tuple, list or dict. Other values among them are returned unchanged.

Example:
    >>> @repartition_by("species")
    ... def parse(iris: DataFrame) -> DataFrame:
    ...     return iris.withColumn("petal_area", iris.petal_length * iris.petal_width)
    >>> # catalog.yml, save_args: {partitionBy: species}: now one file for each species
"""

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from kedro_aws_plugin.errors import SparkError, suggest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

P = ParamSpec("P")
R = TypeVar("R")
_PARAMETER = "params:"
_Change = Callable[["DataFrame", str], "DataFrame"]


def repartition_by(*by: str | int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Repartition the frames that a node returns: by columns, to a number of partitions, or both.

    Before a write with `partitionBy`, repartition by the same columns: all rows of a value are then in one
    partition and become one file, instead of one file for each task that has rows of that value.

    Args:
        by: Names of columns, a number of partitions, or the number and then names. ``params:<name>`` stands
            for the value of that parameter in the node's run: a name, a number, or a list of them.

    Raises:
        SparkError: At once, if `by` is none of these; when the node has run, if a frame lacks a column or no
            frame was returned.

    Example:
        >>> @repartition_by("year", "month")
        ... def parse(flights: DataFrame) -> DataFrame: ...
        >>> @repartition_by(16, "species")
        ... def split(iris: DataFrame) -> tuple[DataFrame, DataFrame]: ...
        >>> @repartition_by("params:partitions.parsed")
        ... def parse(iris: DataFrame) -> DataFrame: ...
    """
    if not any(_is_parameter(each) for each in by):
        _check_by(by, "@repartition_by")

    def change(frame: "DataFrame", where: str) -> "DataFrame":
        wanted = _resolve_parameters(by)
        columns = [each for each in wanted if isinstance(each, str)]
        _check_columns(frame, columns, f"@repartition_by({', '.join(map(repr, by))}): {where}")
        return frame.repartition(*cast("tuple[str, ...]", wanted))

    return functools.partial(_decorate, change=change)


def coalesce_to(partitions: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Merge the partitions of the frames that a node returns, without a shuffle.

    Before a write without `partitionBy`, the number of partitions is the number of files. The node's own
    computation then runs in as few tasks: if it is heavy, `repartition_by` with a number is quicker.

    Args:
        partitions: The greatest number of partitions, at least 1.

    Raises:
        SparkError: At once, if `partitions` is not a number from 1; when the node has run, if no frame was
            returned.

    Example:
        >>> @coalesce_to(1)
        ... def summarise(iris: DataFrame) -> DataFrame: ...
    """
    _check_number("coalesce_to", partitions)
    return functools.partial(_decorate, change=lambda frame, _: frame.coalesce(partitions))


def cached(function: Callable[P, R]) -> Callable[P, R]:
    """Cache the frames that a node returns, so that the nodes which read them compute them only once.

    They stay in memory and on the executors' disks until the session ends or ``spark.catalog.clearCache()``
    is called.

    Raises:
        SparkError: When the node has run, if no frame was returned.

    Example:
        >>> @cached
        ... def features(iris: DataFrame) -> DataFrame: ...
    """
    return _decorate(function, change=lambda frame, _: frame.cache())


def _decorate(function: Callable[P, R], change: _Change) -> Callable[P, R]:
    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        return cast("R", _change_frames(function(*args, **kwargs), change, function.__qualname__))

    # Kedro reads the signature of the wrapper itself, not of what it wraps.
    setattr(wrapper, "__signature__", inspect.signature(function))  # noqa: B010
    return wrapper


def _change_frames(returned: Any, change: _Change, node: str) -> Any:
    from pyspark.sql import DataFrame

    def change_value(value: Any, where: str) -> Any:
        return change(value, where) if isinstance(value, DataFrame) else value

    if isinstance(returned, DataFrame):
        return change(returned, f"what {node} returns")
    values = list(returned.values() if isinstance(returned, dict) else _list_items(returned))
    if not any(isinstance(value, DataFrame) for value in values):
        raise SparkError(
            f"{node} should return a Spark frame, or a tuple, list or dict with frames; it returned "
            f"{type(returned).__name__}. Return a frame, or remove the decorator."
        )
    if isinstance(returned, dict):
        return {
            key: change_value(value, f"`{key}` of what {node} returns") for key, value in returned.items()
        }
    numbered = [change_value(value, f"output {n} of {node}") for n, value in enumerate(values, start=1)]
    return numbered if isinstance(returned, list) else tuple(numbered)


def _list_items(returned: Any) -> tuple[Any, ...]:
    return tuple(returned) if isinstance(returned, tuple | list) else ()


def _is_parameter(each: Any) -> bool:
    return isinstance(each, str) and each.startswith(_PARAMETER)


def _resolve_parameters(by: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Replace each `params:<name>` by the value that the parameter has in this run."""
    names = [str(each) for each in by if _is_parameter(each)]
    if not names:
        return by
    from kedro_aws_plugin.session.parameters import parameters

    wanted: list[str | int] = []
    for each in by:
        value = parameters[str(each).removeprefix(_PARAMETER)] if _is_parameter(each) else each
        wanted += value if isinstance(value, list) else [value]
    _check_by(tuple(wanted), f"{' and '.join(names)} is {wanted}, and @repartition_by")
    return tuple(wanted)


def _check_by(by: tuple[Any, ...], who: str) -> None:
    numbered = bool(by) and isinstance(by[0], int)
    if not by or not all(isinstance(column, str) for column in by[numbered:]):
        raise SparkError(
            f"{who} takes names of columns, a number of partitions, or the number and then names."
        )
    if numbered:
        _check_number("repartition_by", by[0])


def _check_number(decorator: str, partitions: Any) -> None:
    if isinstance(partitions, bool) or not isinstance(partitions, int) or partitions < 1:
        raise SparkError(f"@{decorator} takes a number of partitions from 1, not {partitions!r}.")


def _check_columns(frame: "DataFrame", columns: list[str], where: str) -> None:
    """Raise if a frame lacks a column. Spark would raise too, with a page of its plan and a stack trace."""
    known = {name.lower() for name in frame.columns}
    for column in columns:
        # As in Spark, case does not matter, backticks enclose a name, and a field follows after a dot.
        name = column.replace("`", "").lower()
        if name in known or name.split(".")[0] in known:
            continue
        hint = suggest(column, frame.columns, otherwise=f". Its columns are {', '.join(frame.columns)}.")
        raise SparkError(f"{where} has no column `{column}`{hint}")
