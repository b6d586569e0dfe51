r"""AWS's regular expressions are Java's; here they are read by Python.

Differences that occur in botocore's service models: Unicode categories (``\p{L}``), surrogate pairs written
as ranges, ``\z``, and a quantifier after ``$`` (AWS's own slip: the length is checked apart).
"""

import re
import sys
import unicodedata
from functools import lru_cache

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
    """Whether all of `value` matches AWS's `pattern`; a pattern that Python cannot read refuses nothing."""
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    python = (
        _QUANTIFIED_END.sub("$", pattern).replace(_ASTRAL, "\\U00010000-\\U0010FFFF").replace("\\z", "\\Z")
    )
    try:
        return re.compile(_CLASS.sub(_ranges, python))
    except re.error:
        return None


def _ranges(found: re.Match[str]) -> str:
    """The inside of a character class, with brackets where the pattern has it outside of one."""
    name = found.group(1)
    inside = _ASCII.get(name) or _category(name)
    before = found.string[: found.start()]
    in_class = before.count("[") - before.count("\\[") > before.count("]") - before.count("\\]")
    return inside if in_class else f"[{inside}]"


@lru_cache(maxsize=32)
def _category(name: str) -> str:
    """The code points of a Unicode category (``L`` holds ``Lu``, ``Ll``, ...) as ranges."""
    ranges: list[str] = []
    start = None
    for point in range(sys.maxunicode + 2):
        inside = point <= sys.maxunicode and unicodedata.category(chr(point)).startswith(name)
        if inside and start is None:
            start = point
        elif not inside and start is not None:
            ranges.append(f"\\U{start:08x}-\\U{point - 1:08x}")
            start = None
    return "".join(ranges)
