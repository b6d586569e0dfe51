r"""AWS's regular expressions, which are written for Java, translated to Python's.

The differences in botocore's service models are Unicode categories (``\p{L}``), surrogate pairs written
as ranges, ``\z``, and a quantifier after ``$`` (a slip of AWS's; the length is checked separately).
"""

import re
import sys
import unicodedata
from functools import lru_cache
from itertools import groupby

_ASCII = {
    "Alnum": "0-9A-Za-z",
    "Alpha": "A-Za-z",
    "ASCII": "\\x00-\\x7f",
    "Digit": "0-9",
    "Graph": "!-~",
    "Lower": "a-z",
    "Print": " -~",
    "Punct": "!-/:-@\\[-`{-~",
    "Space": " \\t\\n\\x0b\\f\\r",
    "Upper": "A-Z",
}
_CLASS = re.compile(r"\\p\{(\w+)\}")
_QUANTIFIED_END = re.compile(r"\$\{\d+,\d*\}$")
_ASTRAL = "\\uD800\\uDC00-\\uDBFF\\uDFFF"


def matches(pattern: str, value: str) -> bool:
    """Tell whether all of `value` matches AWS's `pattern`. Every value matches what Python cannot read."""
    compiled = _compile(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@lru_cache(maxsize=512)
def _compile(pattern: str) -> re.Pattern[str] | None:
    python = (
        _QUANTIFIED_END.sub("$", pattern).replace(_ASTRAL, "\\U00010000-\\U0010FFFF").replace("\\z", "\\Z")
    )
    try:
        return re.compile(_CLASS.sub(_expand_class, python))
    except re.error:
        return None


def _expand_class(found: re.Match[str]) -> str:
    r"""Write a class such as ``\p{L}`` as ranges, in brackets unless it already is within brackets."""
    name = found.group(1)
    inside = _ASCII.get(name) or _find_ranges(name)
    before = found.string[: found.start()]
    in_class = before.count("[") - before.count("\\[") > before.count("]") - before.count("\\]")
    return inside if in_class else f"[{inside}]"


@lru_cache(maxsize=32)
def _find_ranges(name: str) -> str:
    """Find the code points of a Unicode category, as ranges. ``L`` includes ``Lu``, ``Ll`` and so on."""
    ranges = []
    for is_inside, adjoining in groupby(_list_runs(), key=lambda run: run[0].startswith(name)):
        if is_inside:
            runs = list(adjoining)
            ranges.append(f"\\U{runs[0][1]:08x}-\\U{runs[-1][2]:08x}")
    return "".join(ranges)


@lru_cache(maxsize=1)
def _list_runs() -> list[tuple[str, int, int]]:
    """List runs of code points of one category, in order: the category, the first and the last of them."""
    runs = []
    first = 0
    # One pass for all categories, in C: a request that is checked first waits for it.
    for category, run in groupby(map(unicodedata.category, map(chr, range(sys.maxunicode + 1)))):
        following = first + sum(1 for _ in run)
        runs.append((category, first, following - 1))
        first = following
    return runs
