"""Change entries in the text of a catalog file, and leave comments and everything else as they are."""

import re
from collections.abc import Callable

_KEY = re.compile(r"^(?P<indent> +)(?P<key>filepath|path)\s*:\s*(?P<value>[^#\n]*?)(?P<rest>\s*(?:#.*)?)$")


def add_version(text: str, entry: str) -> str:
    """Add `versioned: true` to an entry that lacks it; the text unchanged if it has no such entry.

    Args:
        text: The text of a catalog file.
        entry: The name of the entry.
    """
    lines = text.splitlines(keepends=True)
    begin, end = _find_block(lines, entry)
    block = lines[begin:end]
    if not block or any(re.match(r"\s+versioned\s*:", line) for line in block):
        return text
    indent = next((re.match(r" +", line) for line in block[1:] if line.strip()), None)
    if indent is None:
        return text
    last = max(number for number, line in enumerate(block) if line.strip())
    line = block[last] if block[last].endswith("\n") else f"{block[last]}\n"
    block[last : last + 1] = [line, f"{indent.group()}versioned: true\n"]
    return "".join([*lines[:begin], *block, *lines[end:]])


def replace_paths(text: str, entry: str, replace: Callable[[str], str]) -> str:
    """Replace the paths of an entry.

    Args:
        text: The text of a catalog file.
        entry: The name of the entry.
        replace: Makes the new path of an old one.
    """
    lines = text.splitlines(keepends=True)
    begin, end = _find_block(lines, entry)
    for number in range(begin, end):
        found = _KEY.match(lines[number].rstrip("\n"))
        if found:
            old = found["value"].strip()
            quote = old[:1] if old[:1] in ("'", '"') else ""
            new = replace(old.strip("'\""))
            lines[number] = f"{found['indent']}{found['key']}: {quote}{new}{quote}{found['rest']}\n"
    return "".join(lines)


def _find_block(lines: list[str], entry: str) -> tuple[int, int]:
    """Find the first and the last line of an entry; an empty range if there is none."""
    head = re.compile(rf"^(['\"]?){re.escape(entry)}\1\s*:\s*(?:&\w+\s*)?(?:#.*)?$")
    begin = next((number for number, line in enumerate(lines) if head.match(line.rstrip("\n"))), len(lines))
    end = begin + 1
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith((" ", "#"))):
        end += 1
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return begin, min(end, len(lines))
