"""EXPLAIN: what a query would read and write; its plan is DuckDB's."""

import json
from collections.abc import Iterator

from local_aws.athena.failures import unsupported
from local_aws.athena.session import Session
from local_aws.athena.statement import CreateTableAs, Explain, Insert, Name, Select, Unload
from local_aws.athena.submission import Outcome
from local_aws.trino import Column

_QUERIES = (Select, Insert, CreateTableAs, Unload)


def explain(session: Session, statement: Explain) -> Outcome:
    """The plan of a query, or with TYPE IO the tables that it reads and how much of them."""
    kind = statement.options.get("TYPE", "LOGICAL")
    written = statement.options.get("FORMAT", "TEXT")
    inner = statement.statement
    if not isinstance(inner, _QUERIES):
        raise unsupported("EXPLAIN of a statement that is no query")
    translated = session.translate(inner.sql, session.submission.parameters)
    if kind == "IO":
        lines = json.dumps(_io(session), indent=2)
    elif kind == "VALIDATE":
        return _answer("Valid", [("true",)])
    elif written == "TEXT" and kind in {"LOGICAL", "DISTRIBUTED"}:
        lines = session.execute(f"EXPLAIN {translated.sql}").fetchall()[0][1]
    else:
        raise unsupported(f"EXPLAIN (TYPE {kind}, FORMAT {written})")
    return _answer("Query Plan", [(line,) for line in lines.splitlines()])


def _answer(column: str, rows: list[tuple[str]]) -> Outcome:
    return Outcome("UTILITY", "EXPLAIN", (Column(column, "varchar"),), iter(rows), plain_text=True)


def _io(session: Session) -> dict[str, object]:
    return {"inputTableColumnInfos": list(_inputs(session))}


def _inputs(session: Session) -> Iterator[dict[str, object]]:
    for name, objects in session.relations.scanned.items():
        count = session.execute(f"SELECT count(*) FROM {session.relations.tables[name].sql}")  # noqa: S608 - quoted
        yield {
            "table": _qualified(name),
            "columnConstraints": [],
            "estimate": {
                "outputRowCount": float(count.fetchall()[0][0]),
                "outputSizeInBytes": float(sum(objects.values())),
                "cpuCost": "NaN",
                "maxMemory": 0.0,
                "networkCost": 0.0,
            },
        }


def _qualified(name: Name) -> dict[str, object]:
    return {"catalog": "awsdatacatalog", "schemaTable": {"schema": name.database, "table": name.table}}
