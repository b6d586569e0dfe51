"""The notation of functions: `substr(varchar, bigint) -> varchar = trino_substr({0}, {1})`.

In a signature a capital letter stands for any type: N for any number, I for a whole,
F for a floating one, D for a decimal, M for a timestamp, Z for a timestamp with time zone, all others for
whatever type there is.
`function(T, boolean)` is a lambda from T to boolean. A last type with `...` may be repeated.

In the SQL, `{0}` is the first argument, `{all}` are all of them with commas, `{T}` is DuckDB's type for T.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from local_aws.trino.typed import (
    FLOATING,
    MOST_DIGITS,
    WHOLE,
    Typed,
    can_coerce,
    coerce,
    common_type,
    is_numeric,
)
from local_aws.trino.types import DATE, TIMESTAMP, UNKNOWN, Type, decimal, duckdb_type

_LINE = re.compile(r"(\w+)\((.*?)\) -> (\S.*?) = (.*)")
_PLACE = re.compile(r"\{(\d+|all|piped|distinct|order|tail|result|scale|[A-Z])\}")
_WORDS = re.compile(r"[\w ]+|[(),]")
_KINDS: dict[str, Callable[[Type], bool]] = {
    "N": is_numeric,
    "I": lambda kind: kind in WHOLE,
    "F": lambda kind: kind in FLOATING,
    "D": lambda kind: kind.name == "decimal",
    "M": lambda kind: kind.name == "timestamp",
    "Z": lambda kind: kind.name == "timestamp with time zone",
}

_DECIMALS: dict[str, Callable[[int, int], tuple[int, int]]] = {
    "widest": lambda _, scale: (MOST_DIGITS, scale),
    "whole": lambda precision, scale: (min(MOST_DIGITS, precision - scale + min(scale, 1)), 0),
    "rounded": lambda precision, scale: (min(MOST_DIGITS, precision + 1), scale),
    "truncated": lambda precision, scale: (max(precision - scale, 1), 0),
}
"""The decimals that come of a decimal: `whole(D)`."""
LAMBDAS = {"function", "entry", "pair", "triple"}
"""How a lambda is written down.

`entry` takes a map's key and value, `pair` two elements side by side, `triple` a key and two values.
"""

Bindings = dict[str, Type]


@dataclass(frozen=True)
class Signature:
    """One form of one function."""

    name: str
    arguments: tuple[Type, ...]
    variadic: bool
    result: Type
    sql: str

    def __str__(self) -> str:
        """Write the form as Trino lists it in failures."""
        return f"{self.name}({', '.join(map(str, self.arguments))})"

    def patterns(self, count: int) -> tuple[Type, ...] | None:
        """Return the argument types for a number of arguments, or None if there cannot be so many."""
        if not self.variadic:
            return self.arguments if len(self.arguments) == count else None
        fixed = self.arguments[:-1]
        return (*fixed, *(self.arguments[-1:] * (count - len(fixed)))) if count > len(fixed) else None


def read_signatures(table: str) -> dict[str, list[Signature]]:
    """Read a table of functions. Blank lines and those with a # are skipped; a backslash continues a line."""
    found: dict[str, list[Signature]] = {}
    for line in re.sub(r"\\\n\s*", "", table).splitlines():
        if line.strip() and not line.startswith("#"):
            signature = _signature(line.strip())
            found.setdefault(signature.name, []).append(signature)
    return found


def _signature(line: str) -> Signature:
    matched = _LINE.fullmatch(line)
    if matched is None:
        raise ValueError(f"not a function: {line}")
    name, arguments, result, sql = matched.groups()
    variadic = arguments.endswith("...")
    words = _WORDS.findall(f"row({arguments.removesuffix('...')})")
    listed = _pattern(words).arguments if arguments else ()
    kinds = tuple(kind for kind in listed if isinstance(kind, Type))
    return Signature(name, kinds, variadic, _pattern(_WORDS.findall(result)), sql)


def _pattern(words: list[str]) -> Type:
    name = words.pop(0).strip()
    inner: list[Type | int] = []
    if words and words[0] == "(":
        while words and words[0] != ")":
            words.pop(0)
            following = words[0].strip()
            inner.append(int(words.pop(0)) if following.isdigit() else _pattern(words))
        words.pop(0)
        if name.startswith(("timestamp", "time")) and words and words[0].strip() == "with time zone":
            name += f" {words.pop(0).strip()}"
    return Type(name, tuple(inner), (None,) * len(inner) if name == "row" else ())


def is_variable(pattern: Type) -> bool:
    """Tell whether a pattern stands for any type."""
    return len(pattern.name) == 1


def unify(pattern: Type, kind: Type, bound: Bindings, *, exactly: bool) -> bool:
    """Tell whether a type fits a pattern; the types of the pattern's letters are added to `bound`."""
    if is_variable(pattern):
        return _bind(pattern.name, kind, bound, exactly=exactly)
    if kind == UNKNOWN:
        return not exactly
    if pattern.name in {"array", "map", "row"}:
        pairs = zip(pattern.inner, kind.inner, strict=False)
        fits = pattern.name == kind.name and len(pattern.inner) == len(kind.inner)
        return fits and all(unify(one, other, bound, exactly=exactly) for one, other in pairs)
    if pattern.name == kind.name == "varchar":
        return True
    return kind == pattern or (not exactly and can_coerce(kind, pattern))


def _bind(letter: str, kind: Type, bound: Bindings, *, exactly: bool) -> bool:
    known = bound.get(letter)
    fits = _KINDS.get(letter)
    if letter == "M" and kind == DATE and not exactly:
        kind = TIMESTAMP
    if fits and not fits(kind):
        return kind == UNKNOWN and known is not None
    if known is None or known == UNKNOWN:
        bound[letter] = kind
        return True
    common = common_type(known, kind)
    if common is None or (exactly and known != kind and common.name != "varchar"):
        return False
    bound[letter] = common
    return True


def substitute(pattern: Type, bound: Bindings) -> Type:
    """Replace the letters of a pattern by their types."""
    if is_variable(pattern):
        return bound.get(pattern.name, UNKNOWN)
    if pattern.name in _DECIMALS:
        return decimal(*_DECIMALS[pattern.name](*bound["D"].numbers))
    inner = tuple(substitute(one, bound) if isinstance(one, Type) else one for one in pattern.arguments)
    return Type(pattern.name, inner, pattern.fields)


def fill_in(signature: Signature, arguments: list[str], bound: Bindings, parts: Mapping[str, str]) -> Typed:
    """Write the call in DuckDB's SQL."""
    values = {str(index): argument for index, argument in enumerate(arguments)}
    values |= {letter: duckdb_type(kind) for letter, kind in bound.items()}
    values |= {"all": ", ".join(arguments), "piped": " || ".join(arguments), **parts}
    kind = substitute(signature.result, bound)
    values["result"] = duckdb_type(kind)
    values["scale"] = str(kind.numbers[-1] if kind.numbers else 0)
    return Typed(_PLACE.sub(lambda place: values[place[1]], signature.sql), kind)


def find_form(known: Iterable[Signature], arguments: list[Typed | None]) -> tuple[Signature, Bindings] | None:
    """Find the form for some arguments (None for a lambda): an exact one, else one that needs coercion."""
    for exactly in (True, False):
        for signature in known:
            patterns = signature.patterns(len(arguments))
            if patterns is None:
                continue
            bound: Bindings = {}
            if all(
                pattern.name in LAMBDAS
                if value is None
                else unify(pattern, value.type, bound, exactly=exactly)
                for pattern, value in zip(patterns, arguments, strict=True)
            ):
                return signature, bound
    return None


def coerce_argument(value: Typed, pattern: Type, bound: Bindings) -> str:
    """Coerce an argument to the type that the form takes."""
    return coerce(value, substitute(pattern, bound)).sql
