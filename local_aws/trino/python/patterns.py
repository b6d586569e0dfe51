"""Regular expressions in Java's syntax, and LIKE with an escape."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from unicodedata import category

from local_aws.trino.python.raising import Function, failure, unsupported

_CLASSES: dict[str, Callable[[str], bool]] = {
    "L": lambda letter: category(letter)[0] == "L",
    "Alpha": lambda letter: category(letter)[0] == "L" or category(letter) == "Nl",
    "Alnum": lambda letter: category(letter)[0] == "L" or category(letter) in {"Nl", "Nd"},
    "Digit": lambda letter: category(letter) == "Nd",
    "Lower": str.islower,
    "Upper": str.isupper,
    "Punct": lambda letter: category(letter)[0] == "P",
    "Space": lambda letter: category(letter)[0] == "Z" or letter in "\t\n\v\f\r\x85",
    "XDigit": set("0123456789abcdefABCDEF").__contains__,
}
"""What `\\p{...}` matches, which is more than ASCII. The marks that are letters for Trino are left out."""
_LETTERS = 0x33480
"""Beyond are neither letters nor digits."""
_ASCII = {"w": "a-zA-Z0-9_", "d": "0-9", "s": r" \t\n\v\f\r"}
"""What is in the classes within others: only ASCII's letters, digits and spaces. Yet `\\b` knows all."""
_OTHERS = {
    "W": r"\x00-/:-@\[-\^`{-\U0010ffff",
    "D": r"\x00-/:-\U0010ffff",
    "S": r"\x00-\x08\x0e-\x1f!-\U0010ffff",
}
"""What is in the classes within others, where they cannot be negated."""
_JAVA = re.compile(r"\\p\{(\w+)\}|\\[zZhHRQEGXNPkpuUx]|\\.|\(\?<(?=[A-Za-z])|\[\^?\]?|&&|\]", re.DOTALL)
_ITEM = re.compile(r"\\p\{\w+\}|\\.|.", re.DOTALL)
"""What is in a class: a class, or a letter."""
_RENAMED = {"(?<": "(?P<", r"\z": r"\Z"}
"""What Python writes otherwise."""
_REPLACEMENT = re.compile(r"\\(.)|\$(\d+)|\$\{(\w+)\}|\$", re.DOTALL)


@cache
def _list_letters(name: str) -> str:
    """List what is in a class of `_CLASSES`, as ranges for a class of Python's."""
    found, ranges = _CLASSES[name], list[tuple[int, int]]()
    for number in range(_LETTERS):
        if found(chr(number)):
            if ranges and ranges[-1][1] == number - 1:
                ranges[-1] = (ranges[-1][0], number)
            else:
                ranges.append((number, number))
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


def _refuse_ranges(before: str, after: str, pattern: str) -> None:
    """Refuse a range from or to a class in another class. At either end of that one, `-` is a letter.

    Joni, which reads patterns for Trino, fails at a range to a class. A range from a class it begins with
    an earlier letter, which nobody means.
    """
    opened = single = False
    for item in _ITEM.findall(before):
        opened, single = item == "-" and single and not opened, not opened
    if opened:
        raise failure(f"char-class value at end of range: {pattern}")
    if after.startswith("-") and not after.startswith("-]"):
        raise unsupported(r"a range from a class in a regular expression; write \- for a hyphen")


def _write_class(letter: str, *, inside: bool) -> str:
    """Write a class by its letter, perhaps inside another class: words, digits, spaces, or all others."""
    if inside:
        return _ASCII.get(letter) or _OTHERS[letter]
    return f"(?a:\\{letter})"


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> re.Pattern[str]:  # noqa: C901 - one branch a construct
    """Compile a Java pattern for Python, or refuse it if Python would read it differently."""
    inside, start = False, 0

    def python(found: re.Match[str]) -> str:
        nonlocal inside, start
        text = found[0]
        if inside and (found[1] or text[1:] in _ASCII or text[1:] in _OTHERS):
            _refuse_ranges(pattern[start : found.start()], pattern[found.end() :], pattern)
        if found[1] in _CLASSES:
            return _list_letters(found[1]) if inside else f"[{_list_letters(found[1])}]"
        if text.startswith("["):
            if inside:
                raise unsupported("nested classes in a regular expression")
            inside, start = True, found.start() + len(text.rstrip("]"))
        elif text == "]":
            inside = False
        elif text[1:] in _ASCII or text[1:] in _OTHERS:
            text = _write_class(text[1:], inside=inside)
        elif text in _RENAMED:
            return _RENAMED[text]
        elif text == r"\h" and not inside:
            return r"[ \t]"
        elif re.fullmatch(r"\\[ZHRQEGXNPkpuUh].*|\\p.*", text) or (text == "&&" and inside):
            raise unsupported(f"{text} in a regular expression")
        return text

    try:
        return re.compile(_JAVA.sub(python, pattern))
    except re.error as error:
        raise failure(f"{error.msg}: {pattern}") from error


def like(text: str, pattern: str) -> bool:
    """Tell whether the pattern occurs in the text."""
    return compile_pattern(pattern).search(text) is not None


def _group(pattern: re.Pattern[str], group: int) -> int:
    if group < 0:
        raise failure("Group cannot be negative")
    if group > pattern.groups:
        raise failure(f"Pattern has {pattern.groups} groups. Cannot access group {group}")
    return group


def extract(text: str, pattern: str, group: int) -> str | None:
    """Return a group of the first match."""
    regex = compile_pattern(pattern)
    number, found = _group(regex, group), regex.search(text)
    return found[number] if found else None


def extract_all(text: str, pattern: str, group: int) -> list[str | None]:
    """Return a group of every match."""
    regex = compile_pattern(pattern)
    number = _group(regex, group)
    return [found[number] for found in regex.finditer(text)]


def replace(text: str, pattern: str, replacement: str) -> str:
    """Replace every match; $1 and ${name} are groups."""
    regex = compile_pattern(pattern)
    for reference in _REPLACEMENT.finditer(replacement):
        if reference[0] == "$":
            raise failure(f"Illegal replacement sequence: {replacement}")
        if reference[2] and int(reference[2][:1]) > regex.groups:
            raise failure(f"Illegal replacement sequence: unknown group {{ {reference[2]} }}")
        if reference[3] and reference[3] not in regex.groupindex:
            raise failure(f"Illegal replacement sequence: unknown group {{ {reference[3]} }}")

    def new(found: re.Match[str]) -> str:
        return _REPLACEMENT.sub(lambda reference: _expand(reference, found), replacement)

    return regex.sub(new, text)


def _expand(reference: re.Match[str], found: re.Match[str]) -> str:
    if reference[1]:
        return reference[1]
    if reference[3]:
        return found[reference[3]] or ""
    # Only as many digits count as name a group; the rest is text.
    digits = reference[2]
    length = next(
        size for size in range(len(digits), 0, -1) if int(digits[:size]) <= found.re.groups or size == 1
    )
    return (found[int(digits[:length])] or "") + digits[length:]


def split(text: str, pattern: str) -> list[str]:
    """Return the texts between the matches."""
    parts, start = [], 0
    for found in compile_pattern(pattern).finditer(text):
        parts.append(text[start : found.start()])
        start = found.end()
    return [*parts, text[start:]]


def count(text: str, pattern: str) -> int:
    """Count the matches."""
    return sum(1 for _ in compile_pattern(pattern).finditer(text))


def position(text: str, pattern: str, start: int, occurrence: int) -> int:
    """Return where the n-th match begins, or -1 if there is none."""
    if start < 1:
        raise failure("start position cannot be smaller than 1")
    if occurrence < 1:
        raise failure("occurrence cannot be smaller than 1")
    found = list(compile_pattern(pattern).finditer(text, start - 1))
    return found[occurrence - 1].start() + 1 if len(found) >= occurrence and start <= len(text) + 1 else -1


def groups(text: str, pattern: str) -> list[list[str | None]]:
    """Return the groups of every match."""
    return [list(found.groups()) for found in compile_pattern(pattern).finditer(text)]


def join(parts: list[str], replacements: list[str | None]) -> str | None:
    """Join the parts with the replacements between them, or return NULL if one of those is NULL."""
    present = [new for new in replacements if new is not None]
    if len(present) < len(replacements):
        return None
    return "".join(part + new for part, new in zip(parts, [*present, ""], strict=True))


@lru_cache(maxsize=512)
def _like_pattern(pattern: str, escape: str) -> re.Pattern[str]:
    parts, escaped = [], False
    for letter in pattern:
        if escaped:
            if letter not in {"%", "_", escape}:
                raise failure("Escape character must be followed by '%', '_' or the escape character itself")
            parts.append(re.escape(letter))
            escaped = False
        elif letter == escape:
            escaped = True
        else:
            parts.append({"%": ".*", "_": "."}.get(letter) or re.escape(letter))
    if escaped:
        raise failure("Escape character must be followed by '%', '_' or the escape character itself")
    return re.compile("".join(parts), re.DOTALL)


def match_escaped_like(text: str, pattern: str, escape: str) -> bool:
    """Match LIKE ... ESCAPE."""
    return _like_pattern(pattern, escape).fullmatch(text) is not None


_TEXT = "VARCHAR"
FUNCTIONS: dict[str, Function] = {
    "trino_regexp_like": (like, [_TEXT, _TEXT], "BOOLEAN"),
    "trino_regexp_extract": (extract, [_TEXT, _TEXT, "BIGINT"], _TEXT),
    "trino_regexp_extract_all": (extract_all, [_TEXT, _TEXT, "BIGINT"], "VARCHAR[]"),
    "trino_regexp_replace": (replace, [_TEXT, _TEXT, _TEXT], _TEXT),
    "trino_regexp_split": (split, [_TEXT, _TEXT], "VARCHAR[]"),
    "trino_regexp_count": (count, [_TEXT, _TEXT], "BIGINT"),
    "trino_regexp_position": (position, [_TEXT, _TEXT, "BIGINT", "BIGINT"], "INTEGER"),
    "trino_regexp_groups": (groups, [_TEXT, _TEXT], "VARCHAR[][]"),
    "trino_regexp_joined": (join, ["VARCHAR[]", "VARCHAR[]"], _TEXT),
    "trino_like": (match_escaped_like, [_TEXT, _TEXT, _TEXT], "BOOLEAN"),
}
