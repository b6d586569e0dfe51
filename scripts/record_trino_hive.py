"""Record what the real Trino answers about Hive tables, and compare the local Athena's answers.

    python scripts/record_trino_hive.py --record     # needs Java 25 (JAVA_HOME) and Maven; takes some minutes
    python scripts/record_trino_hive.py --compare    # needs neither

Trino writes the tables of scripts/record_trino.py into files of each format, as plain, partitioned and
bucketed tables. The files are kept, so that both engines read the same ones. Further tables are text
files written by hand. The statements are those of the other recording that read tables, queries with
conditions on partition keys and buckets, and a SELECT of each table that was written by hand.
"""

from __future__ import annotations

import argparse
import datetime
import random
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from record_trino import CLIENTS, ROOT, TESTS, Client, Server, print_score, running_trino

sys.path[:0] = [str(ROOT), str(TESTS / "oracle")]

from hive_lake import RECORDED_HIVE, HiveLake, read_written_statements  # noqa: E402
from hive_tables import (  # noqa: E402
    FILES,
    HiveTable,
    digest_hive_tables,
    fixture_tables,
    quote,
    read_files,
    written_tables,
)
from trino_fixtures import FIXTURES, create_in_trino  # noqa: E402
from trino_generator import Generator  # noqa: E402
from trino_recording import Recorded, read_recording, write_recording  # noqa: E402

VERSION = "483"
"""The newest whose jars are all published. Version 435, of the other recording, lacks those of Hive."""
SEED, OF_A_SCHEMA, OF_A_TABLE = 12, 240, 70
ROOT_OF_FILES = "local:///data"
_READS_A_TABLE = re.compile(
    r"\b(FROM|JOIN)\s+(" + "|".join(fixture.name for fixture in FIXTURES) + r")\b", re.I
)


def main() -> None:
    """Record, or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="ask Trino and write the recording")
    parser.add_argument("--compare", action="store_true", help="compare the local Athena with the recording")
    parser.add_argument("--files", action="store_true", help="let Trino write the files of the tables anew")
    parser.add_argument("--texts", action="store_true", help="ask only about the files written by hand")
    parser.add_argument("--parts", nargs="+", metavar="PART", help="compare these parts only")
    parser.add_argument("--version", default=VERSION, help="the version of Trino")
    parser.add_argument("--show", type=int, default=20, help="how many differences to print")
    options = parser.parse_args()
    if options.record:
        record(options)
    if options.compare or not options.record:
        with tempfile.TemporaryDirectory() as folder:
            header, recorded = read_recording(RECORDED_HIVE)
            recorded = [one for one in recorded if not options.parts or one.part in options.parts]
            lake = HiveLake(Path(folder))
            sys.exit(print_score(header, recorded, lake.compare, options.show))


def record(options: argparse.Namespace) -> None:
    """Ask Trino about every statement, and write its answers."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(
            options.version,
            ("trino-testing", "trino-memory", "trino-hive"),
            ("TrinoHiveServer.java", folder),
            ("--add-modules", "jdk.incubator.vector"),
        )
        with running_trino(server) as address:
            Recording(address, Path(folder), options).complete()


class Recording:
    """What Trino answers about Hive tables.

    Args:
        address: The server's.
        folder: Where its files are.
        options: The version, and whether it writes the files anew.
    """

    def __init__(self, address: str, folder: Path, options: argparse.Namespace) -> None:
        self._address = address
        self._data = folder / "data"
        self._options = options
        self._memory = Client(address)

    def complete(self) -> None:
        """Make the tables, ask, and write the recording."""
        for sql in create_in_trino():
            self._memory.must(sql)
        if self._options.files or not FILES.exists():
            self._write_files()
        self._make_tables()
        if self._options.texts:
            kept = [one for one in read_recording(RECORDED_HIVE)[1] if one.part != "texts"]
            self._write([*self._ask(list(read_written_statements()), None), *kept])
            return
        recorded = list(self._ask([*read_written_statements(), *conditions()], None))
        self._write(recorded)
        recorded += self._ask(list(self._of_the_other_recording()), self._is_of_every_version)
        self._write(recorded)

    def _write(self, recorded: list[Recorded]) -> None:
        header = {
            "version": self._options.version,
            "recorded": datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat(),
            "seed": SEED,
            "tables": digest_hive_tables(),
        }
        write_recording(header, recorded, RECORDED_HIVE)

    def _write_files(self) -> None:
        """Let Trino write the files of the fixtures, and keep them."""
        client = Client(self._address, ("hive", "written"))
        client.must("CREATE SCHEMA hive.written")
        for table in fixture_tables():
            columns = ", ".join(f'{_value(table, name)} AS "{name}"' for name in table.columns)
            given = {
                "external_location": quote(f"{ROOT_OF_FILES}/{table.folder}"),
                **table.trino_properties(),
            }
            if table.buckets:
                # Only a table of Trino's own can be written in buckets.
                del given["external_location"]
            listed = ", ".join(f"{name} = {value}" for name, value in given.items())
            name = f"{table.schema}_{table.name}"
            select = f"SELECT {columns} FROM memory.default.{table.name}"
            client.must(f"CREATE TABLE {name} WITH ({listed}) AS {select}")
            if table.buckets:
                found = client.must(f'SELECT DISTINCT "$path" FROM {name}')
                self._take(table, [str(path) for (path,) in found])
        with zipfile.ZipFile(FILES, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(self._data.rglob("*")):
                if path.is_file() and not path.name.startswith("."):
                    archive.writestr(
                        zipfile.ZipInfo(str(path.relative_to(self._data))),
                        path.read_bytes(),
                        zipfile.ZIP_DEFLATED,
                    )

    def _take(self, table: HiveTable, paths: list[str]) -> None:
        folder = self._data / table.folder
        folder.mkdir(parents=True)
        for path in paths:
            source = self._data.parent / path.partition("///")[2]
            (folder / source.name).write_bytes(source.read_bytes())

    def _make_tables(self) -> None:
        tables = [*fixture_tables(), *written_tables()]
        for path, content in read_files().items():
            target = self._data / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        client = Client(self._address, ("hive", "default"))
        for schema in dict.fromkeys(table.schema for table in tables):
            client.must(f"CREATE SCHEMA hive.{schema}")
        for table in tables:
            client.must(table.create_in_trino(f"{ROOT_OF_FILES}/{table.folder}"))
            if table.keys:
                client.must(f"CALL system.sync_partition_metadata('{table.schema}', '{table.name}', 'ADD')")

    def _of_the_other_recording(self) -> Iterator[tuple[str, str]]:
        """Choose statements of the other recording for each schema, and all of its conformance statements."""
        _, recorded = read_recording()
        reading = [one for one in recorded if _READS_A_TABLE.search(one.sql)]
        fixed = [one.sql for one in reading if one.part == "conformance"]
        others = [one.sql for one in reading if one.part == "generated"]
        for schema in dict.fromkeys(table.schema for table in fixture_tables()):
            chosen = random.Random(f"{SEED} {schema}").sample(others, OF_A_SCHEMA)
            yield from ((schema, sql) for sql in (*fixed, *chosen))

    def _is_of_every_version(self, sql: str) -> bool:
        """Tell whether this version answers as the other recording's about tables in memory."""
        if not hasattr(self, "_known"):
            self._known = {one.sql: one for one in read_recording()[1]}
        before = self._known[sql]
        return self._memory.ask(sql) == (before.types, before.rows, before.error)

    def _ask(self, statements: list[tuple[str, str]], wanted: Any) -> Iterator[Recorded]:
        def ask(statement: tuple[str, str]) -> Recorded | None:
            schema, sql = statement
            if wanted is not None and not wanted(sql):
                return None
            client = Client(self._address, ("hive", schema), ("USER_ERROR", "EXTERNAL"))
            answer = client.ask(sql)
            return None if answer is None else Recorded(schema, sql, *answer)

        with ThreadPoolExecutor(CLIENTS) as clients:
            for number, one in enumerate(clients.map(ask, statements), 1):
                if number % 500 == 0:
                    print(f"{number} of {len(statements)}", flush=True)
                if one is not None:
                    yield one


def _value(table: HiveTable, name: str) -> str:
    kind = table.columns[name]
    if "JSON" in table.format and kind in {"real", "double"}:
        # JSON has no word for the others.
        return f'if(is_finite("{name}"), CAST("{name}" AS {kind}))'
    return f'CAST("{name}" AS {kind})'


def conditions() -> Iterator[tuple[str, str]]:
    """Make queries with conditions on partition keys, and on the columns of buckets."""
    rows = {fixture.name: fixture for fixture in FIXTURES}
    for table in fixture_tables():
        asked = table.keys or (table.buckets[0] if table.buckets else ())
        if not asked:
            continue
        fixture = rows[table.name]
        values = {key: _literals(fixture, key) for key in asked}
        made = Generator(f"{SEED} {table.folder}").conditions(table.name, dict(table.columns), asked, values)
        for sql in islice(dict.fromkeys(islice(made, 4 * OF_A_TABLE)), OF_A_TABLE):
            yield table.schema, sql


def _literals(fixture: Any, key: str) -> list[str]:
    position = list(fixture.columns).index(key)
    kind = fixture.columns[key]
    found = dict.fromkeys(row[position] for row in fixture.rows if row[position] is not None)
    return [f"CAST({quote(value)} AS {kind})" if kind != "varchar" else quote(value) for value in found] + (
        ["DATE '2024-02-01'"] if kind == "date" else []
    )


if __name__ == "__main__":
    main()
