"""OR: what all its alternatives have in common, and what they say about one table alone.

DuckDB finds both in an optimisation that is switched off (`macros.prepare`). Without them, the keys of a join
that stand in every alternative are not found, and each row of one table meets each of the other; and tables
are joined whole where each alternative needs few of their rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from local_aws.trino import nodes
from local_aws.trino.typed import Typed

Condition = tuple[str, nodes.Node]
"""A condition's SQL and its node."""
Find = Callable[[nodes.Name], Typed | None]
_COLUMN = re.compile(r'(\w+)\.(?:\w+|"(?:[^"]|"")+")')
_COMPARISONS = {"=", "<>", "<", "<=", ">", ">="}
_SIMPLE = (
    nodes.Between,
    nodes.Binary,
    nodes.InList,
    nodes.IsNull,
    nodes.Literal,
    nodes.Name,
    nodes.TypedLiteral,
)


def split(node: nodes.Node, operator: str) -> list[nodes.Node]:
    """List the operands of a chain of AND or of OR."""
    found: list[nodes.Node] = []
    while isinstance(node, nodes.Binary) and node.operator == operator:
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]


def write(ways: Sequence[Sequence[Condition]], find: Find) -> str:
    """Write OR of alternatives.

    Args:
        ways: The alternatives, each with the conditions that it connects by AND.
        find: Finds the column of a table in FROM.
    """
    shared = 0
    for same in zip(*(way[:-1] for way in ways), strict=False):
        if len({sql for sql, _ in same}) > 1 or not _is_plain(same[0][1]):
            break
        shared += 1
    first = [sql for sql, _ in ways[0][:shared]]
    rest = [way[shared:] for way in ways]
    return f"({' AND '.join([*first, _join(rest), *_imply(rest, find)])})"


def _join(ways: Sequence[Sequence[Condition]]) -> str:
    written = (f"({' AND '.join(sql for sql, _ in way)})" for way in ways)
    return f"({' OR '.join(written)})"


def _is_plain(node: nodes.Node) -> bool:
    """Tell whether a condition always gives the same, without a call or a query inside."""
    return not any(isinstance(one, nodes.Call | nodes.Query) for one in nodes.walk(node))


def _imply(ways: Sequence[Sequence[Condition]], find: Find) -> list[str]:
    """Write for each table what holds for its rows wherever one of the alternatives holds.

    It has a part of the conditions of each alternative. So it is true where the whole is, and no less than
    unknown where the whole is unknown: the whole AND this is the whole.
    """
    placed = [[(_table_of(condition, find), condition) for condition in way] for way in ways]
    everywhere = set.intersection(*({table for table, _ in way} for way in placed)) - {None}
    if len({table for way in placed for table, _ in way}) == 1:
        return []
    return [
        _join([[condition for table, condition in way if table == one] for way in placed])
        for one in sorted(filter(None, everywhere))
    ]


def _table_of(condition: Condition, find: Find) -> str | None:
    """Return the one table whose columns a condition compares with constants.

    None if it is another condition, or one that could fail: it will be asked of rows that would not have
    reached it.
    """
    sql, node = condition
    parts = list(nodes.walk(node))
    if not all(isinstance(part, _SIMPLE) for part in parts):
        return None
    if any(isinstance(part, nodes.Binary) and part.operator not in _COMPARISONS for part in parts):
        return None
    tables = set()
    for name in (part for part in parts if isinstance(part, nodes.Name)):
        found = find(name)
        column = found and _COLUMN.fullmatch(found.sql)
        if not found or not column or f"CAST({found.sql}" in sql:
            return None
        tables.add(column[1])
    return tables.pop() if len(tables) == 1 else None
