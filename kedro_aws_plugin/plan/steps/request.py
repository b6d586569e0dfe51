"""What requests are made of, and how they are summed up."""

from typing import Any

Request = dict[str, Any]


def size(count: float) -> str:
    """A number of bytes, readable."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
