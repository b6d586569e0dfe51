"""Record which SQL Trino's own grammar accepts and refuses, for the test of the local Athena's grammar.

Trino's ANTLR grammar comes with the package `trino-query-parser` (Apache 2.0; its version is that of Trino).
It is slow and pins an ANTLR runtime, so it is not a dependency of this project. Install it in an environment
of its own:

    pip install trino-query-parser pyyaml
    python scripts/record_trino_grammar.py

The statements are those under tests/local_aws/athena/grammar/*.sql, the conformance statements, and mutations
of the accepted ones by one token. The mutations are the same in every run.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

antlr4: Any = import_module("antlr4")
GRAMMAR_LEXER: Any = import_module("trino_query_parser.SqlBaseLexer").SqlBaseLexer
GRAMMAR_PARSER: Any = import_module("trino_query_parser.SqlBaseParser").SqlBaseParser

TESTS = Path(__file__).parents[1] / "tests/local_aws/athena"
FOLDER = TESTS / "grammar"
PACKAGE = "trino-query-parser"
SEED, MUTATIONS = 20, 4
TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[\w.]+|<>|!=|<=|>=|\|\||->|\S")
POOL = (
    *(
        "SELECT",
        "FROM",
        "WHERE",
        "AS",
        "ON",
        "BY",
        "ALL",
        "DISTINCT",
        "NOT",
        "IN",
        "NULL",
        "CASE",
        "END",
        "ROW",
    ),
    *(
        "OVER",
        "ORDER",
        "LIMIT",
        "WITH",
        "JOIN",
        "LEFT",
        "a",
        "b",
        "1",
        "'x'",
        "*",
        "+",
        "-",
        "=",
        ",",
        "(",
        ")",
        "[",
    ),
    *(
        "]",
        "?",
        ":",
        "||",
        "->",
        "ARRAY",
        "INTERVAL",
        "DATE",
        "UNION",
        "VALUES",
        "TABLE",
        "KEY",
        "FILTER",
        ".",
    ),
)


def main() -> None:
    """Ask Trino's grammar about every statement and write the answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=FOLDER / "recorded.json")
    output = parser.parse_args().output
    written = dict.fromkeys([*read_statements(), *read_conformance()])
    accepted = [sql for sql in written if is_accepted(sql)]
    chance = random.Random(SEED)
    mutated = dict.fromkeys(mutation for sql in accepted for mutation in mutate(sql, chance))
    answers = {True: list(accepted), False: [sql for sql in written if sql not in set(accepted)]}
    for sql in mutated:
        if sql not in written:
            answers[is_accepted(sql)].append(sql)
    recorded: dict[str, Any] = {
        "grammar": f"{PACKAGE} {version(PACKAGE)}",
        "recorded": datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat(),
        "accepted": answers[True],
        "refused": answers[False],
    }
    output.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(answers[True])} accepted, {len(answers[False])} refused: {output}")


def read_statements() -> Iterator[str]:
    """Read the statements of the corpus: one a line, or separated by empty lines."""
    for path in sorted(FOLDER.glob("*.sql")):
        header, _, text = path.read_text(encoding="utf-8").partition("\n")
        separator = "\n\n" if "empty line" in header else "\n"
        yield from (statement.strip("\n") for statement in text.split(separator) if statement.strip())


def read_conformance() -> Iterator[str]:
    """Read the statements whose answers are pinned."""
    for path in sorted((TESTS / "conformance").glob("*.yml")):
        yield from (case["sql"] for case in yaml.safe_load(path.read_text(encoding="utf-8")))


def mutate(sql: str, chance: random.Random) -> Iterator[str]:
    """Change one token of a statement, in several ways."""
    if "--" in sql or "/*" in sql:
        return
    spans = [found.span() for found in TOKEN.finditer(sql)]
    for _ in range(MUTATIONS):
        start, end = chance.choice(spans)
        token = chance.choice(POOL)
        way = chance.randrange(4)
        middle = {0: "", 1: f"{sql[start:end]} {token}", 2: token, 3: f"{sql[start:end]} {sql[start:end]}"}[
            way
        ]
        yield f"{sql[:start]}{middle} {sql[end:].lstrip()}".strip()


def is_accepted(sql: str) -> bool:
    """Tell whether Trino parses a statement as a query.

    Names in back quotes or with a digit in front are in the grammar only for the sake of a better message:
    Trino refuses them right after.
    """
    lexer = GRAMMAR_LEXER(antlr4.InputStream(sql.upper()))
    lexer.removeErrorListeners()
    tokens = antlr4.CommonTokenStream(lexer)
    parser = GRAMMAR_PARSER(tokens)
    parser.removeErrorListeners()
    statement = parser.singleStatement().statement()
    refused = {GRAMMAR_LEXER.BACKQUOTED_IDENTIFIER, GRAMMAR_LEXER.DIGIT_IDENTIFIER}
    return (
        parser.getNumberOfSyntaxErrors() == 0
        and isinstance(statement, GRAMMAR_PARSER.StatementDefaultContext)
        and not any(token.type in refused for token in tokens.tokens)
    )


if __name__ == "__main__":
    main()
