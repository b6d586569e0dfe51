"""Dictionaries and lists that may be read only, and are dictionaries and lists all the same.

pandas, PySpark and JSON tell a list from a tuple, and a dictionary from any other mapping.
"""

import copy
from typing import Any, NoReturn

_ADVICE = "Parameters are read-only. Make a copy that may be changed: copy.deepcopy(...)."


def read_only(value: Any) -> Any:
    """Copy dictionaries and lists, nested ones too, into ones that cannot be changed."""
    if isinstance(value, dict):
        return ReadOnlyDict({key: read_only(each) for key, each in value.items()})
    if isinstance(value, list):
        return ReadOnlyList([read_only(each) for each in value])
    return value


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise TypeError(_ADVICE)


class ReadOnlyDict(dict[Any, Any]):
    """A dictionary that refuses changes."""

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnlyDict, (dict(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return copy.deepcopy(dict(self), memo)


class ReadOnlyList(list[Any]):
    """A list that refuses changes."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnlyList, (list(self),)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return copy.deepcopy(list(self), memo)
