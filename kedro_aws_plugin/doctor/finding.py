"""What an examination finds."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

import click

State = Literal["ok", "fixed", "warning", "problem", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One thing that was examined.

    Attributes:
        check: What was examined, in one word or two.
        state: `ok`; `fixed`, a problem that was mended; `warning`, something that can surprise; `problem`,
            something that will break; `unknown`, where it could not be found out.
        message: What was found, in one sentence.
        fix: What to do about it; empty if there is nothing to do.
        mend: Does it, where it concerns only this machine. Raises OSError or CalledProcessError.
    """

    check: str
    state: State
    message: str
    fix: str = ""
    mend: Callable[[], object] | None = field(default=None, repr=False, compare=False)

    def as_json(self) -> dict[str, str]:
        """Make what `-o json` prints."""
        return {"check": self.check, "state": self.state, "message": self.message, "fix": self.fix}


def blame(check: str, error: click.ClickException, state: State = "problem") -> Finding:
    """Make a finding of an error of ours, whose message is a sentence and then what to do."""
    message, *fix = re.split(r"(?<=[.?]) ", error.message.splitlines()[0], maxsplit=1)
    return Finding(check, state, message, "".join(fix))


def join_names(names: Iterable[str], most: int = 4) -> str:
    """Join names to a short list: of many, only the first are shown."""
    listed = sorted(names)
    shown = ", ".join(listed[:most])
    return shown if len(listed) <= most else f"{shown} and {len(listed) - most} more"
