"""What was seen of commands with faults, and the table of it in a page."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from fault_commands import COMMANDS
from fault_proxy import FAULTS

THROUGH, AGAIN = "went on", "again"
TWICE = "two in a row"
_BEGIN, _END = "<!-- faults: begin -->", "<!-- faults: end -->"


@dataclass
class Results:
    """What was seen.

    Attributes:
        calls: The calls of each command.
        outcomes: Of each trial the command, the fault, and whether the command went on by itself, or ended
            and did the rest when it was run again.
        problems: What must not be.
        answers: How many answers clients got meanwhile.
    """

    calls: dict[str, list[str]] = field(default_factory=dict)
    outcomes: list[tuple[str, str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    answers: int = 0


def join_results(parts: Sequence[Mapping[str, Any]]) -> Results:
    """Put together what several processes have seen."""
    whole = Results()
    for each in parts:
        whole.calls.update(each["calls"])
        whole.outcomes += each["outcomes"]
        whole.problems += each["problems"]
        whole.answers += each["answers"]
    return whole


def write_rows(results: Results, before: Mapping[str, Mapping[str, str]]) -> str:
    """Write the table.

    Args:
        results: What was seen.
        before: The cells of what was not tried now.
    """
    faults = [*(fault.name for fault in FAULTS), TWICE]
    lines = [f"| command | calls | {' | '.join(faults)} |", "|---|---|" + "---|" * len(faults)]
    counts = Counter(tuple(outcome) for outcome in results.outcomes)
    for name in [command.name for command in COMMANDS if command.name in {*results.calls, *before}]:
        cells = []
        known = before.get(name, {})
        for fault in faults:
            seen = [(counts[name, fault, word], word) for word in (THROUGH, AGAIN)]
            now = ", ".join(f"{count} {word}" for count, word in seen if count)
            cells.append(now or known.get(fault, "-"))
        calls = str(len(results.calls[name])) if name in results.calls else known["calls"]
        lines.append(f"| {name} | {calls} | {' | '.join(cells)} |")
    return "\n".join(lines)


def read_rows(page: Path) -> dict[str, dict[str, str]]:
    """Read the table of a page: the cells of each command by their columns."""
    text = page.read_text(encoding="utf-8").partition(_BEGIN)[2].partition(_END)[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
    head, _, *body = rows
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in body}


def compare(results: Results, rows: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Compare how commands of a sample went with a page's table. Its numbers are of the day of its making."""
    return [
        f"{name}, {fault}: the page shows {rows[name][fault]!r}, and a command {outcome}"
        for name, fault, outcome in results.outcomes
        if rows[name].get(fault, "-") != "-" and outcome not in rows[name][fault]
    ]


def write_table(page: Path, rows: str, answers: int, *, add: bool) -> None:
    """Write the table into a page, with its day and its numbers."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(_BEGIN)
    former, _, tail = rest.partition(_END)
    counted = re.search(r"clients got (\d+) answers", former)
    answers += int(counted[1]) if add and counted else 0
    trials = sum(int(count) for count in re.findall(rf"(\d+) (?:{THROUGH}|{AGAIN})", rows))
    date = datetime.now(timezone.utc).date().isoformat()
    made = f"{trials} trials on {date}; clients got {answers} answers meanwhile, and no failure."
    page.write_text(f"{head}{_BEGIN}\n{rows}\n\n{made}\n{_END}{tail}", encoding="utf-8")
