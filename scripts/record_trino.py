"""Record what the real Trino answers, and compare the local Athena's answers with the recording.

    python scripts/record_trino.py --record     # needs Java 17 or later, and Maven; takes some minutes
    python scripts/record_trino.py --compare    # needs neither

Trino's jars come from Maven Central into .cache/trino-<version>. The server listens on 127.0.0.1 and ends
with this script. It is not run in CI. The statements are the conformance statements of the local Athena, our
own queries over tables of TPC-H and TPC-DS, and statements made at random from a seed.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests/local_aws/athena"
sys.path[:0] = [str(ROOT), str(TESTS / "oracle")]

from trino_fixtures import create_in_trino  # noqa: E402
from trino_generator import Generator  # noqa: E402
from trino_recording import (  # noqa: E402
    BENCHMARKS,
    RECORDED,
    SEED,
    LocalAthena,
    Recorded,
    Verdict,
    arrange,
    digest_tables,
    read_fixed_statements,
    read_recording,
    sort_map,
    write_recording,
)

from local_aws.trino.failures import TrinoError  # noqa: E402
from local_aws.trino.translate import show_type  # noqa: E402
from local_aws.trino.types import Type, read_type  # noqa: E402

VERSION = "435"
"""Athena's engine version 3 is older than today's Trino; later ones divide decimals otherwise."""
GENERATED, MOST_ROWS, CLIENTS = 10_200, 200, 4
BATCH, WRITTEN_AFTER = 1000, 300
NO_ANSWER = "no answer"
"""Stands for mistakes in Trino and for a machine that is too busy, which say nothing about what is right."""
_DECIMAL_LITERAL = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | [A-Za-z_][\w$]*
    | \d+(?:\.\d*)?[eE][+-]?\d+ | \.\d+[eE][+-]?\d+ | (?P<number>\d+\.\d* | \.\d+)""",
    re.VERBOSE | re.DOTALL,
)
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>recording</groupId><artifactId>recording</artifactId><version>1</version>
<dependencyManagement><dependencies><dependency><groupId>io.trino</groupId><artifactId>trino-root</artifactId>
<version>{version}</version><type>pom</type><scope>import</scope></dependency></dependencies>
</dependencyManagement>
<dependencies>{dependencies}</dependencies></project>"""
DEPENDENCY = (
    "<dependency><groupId>io.trino</groupId><artifactId>{}</artifactId><version>{}</version>"
    "<scope>compile</scope></dependency>"
)


def main() -> None:
    """Record, or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="ask Trino and write the recording")
    parser.add_argument("--compare", action="store_true", help="compare the local Athena with the recording")
    parser.add_argument("--version", default=VERSION, help="the version of Trino")
    parser.add_argument("--server", help="the address of a Trino that runs already")
    parser.add_argument("--generated", type=int, default=GENERATED, help="how many statements to make")
    parser.add_argument("--anew", action="store_true", help="keep nothing of the recording that is there")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--show", type=int, default=20, help="how many differences to print")
    parser.add_argument("--output", type=Path, default=RECORDED)
    options = parser.parse_args()
    if options.record:
        record(options)
    if options.compare or not options.record:
        sys.exit(compare(options.output, options.show))


def compare(path: Path, show: int) -> int:
    """Compare every recorded statement, print the score and return how many are wrong."""
    header, recorded = read_recording(path)
    return print_score(header, recorded, LocalAthena().compare, show)


def print_score(
    header: Mapping[str, Any], recorded: Sequence[Recorded], judge: Callable[[Recorded], Verdict], show: int
) -> int:
    """Judge every recorded statement, print the score and return how many are wrong."""
    counted: Counter[tuple[str, str]] = Counter()
    refused: Counter[str] = Counter()
    wrong = []
    for one in recorded:
        verdict = judge(one)
        counted[one.part, verdict.kind] += 1
        if verdict.kind == "refused":
            refused[verdict.detail] += 1
        if verdict.kind in {"wrong", "other error"}:
            wrong.append((verdict, one))
    kinds = ("equal", "last digit", "known", "stricter", "refused", "other error", "wrong")
    print(f"Trino {header['version']}, recorded {header['recorded']}: {len(recorded)} statements")
    print("| part | statements | " + " | ".join(kinds) + " |")
    print("|---" * (len(kinds) + 2) + "|")
    for part in dict.fromkeys(one.part for one in recorded):
        numbers = [counted[part, kind] for kind in kinds]
        print(f"| {part} | {sum(numbers)} | " + " | ".join(map(str, numbers)) + " |")
    print("Refused:", ", ".join(f"{what} {count}" for what, count in refused.most_common()))
    for verdict, one in wrong[:show]:
        print(f"{verdict.kind}: {one.part}: {one.sql}\n    {verdict.detail}")
    return sum(verdict.kind == "wrong" for verdict, _ in wrong)


def record(options: argparse.Namespace) -> None:
    """Ask Trino about every statement that is not recorded yet, and write its answers."""
    recording = Recording(options)
    if options.server:
        recording.complete(Client(options.server))
    else:
        with running_trino(Server(options.version)) as address:
            recording.complete(Client(address))


class Recording:
    """What Trino answered: kept from an earlier run of the same version and tables where there is one.

    A statement that was made at random stays when the generator makes others: its answer is still true.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._kept: dict[str, Recorded] = {}
        self._wanted = {sql: part for part, sql in read_fixed_statements()}
        if options.output.exists() and not options.anew:
            header, recorded = read_recording(options.output)
            if (header["version"], header.get("tables")) == (options.version, digest_tables()):
                self._kept = {
                    one.sql: one for one in recorded if one.part == "generated" or one.sql in self._wanted
                }
        random = [one.sql for one in self._kept.values() if one.part == "generated"]
        made = (sql for sql in Generator(options.seed).statements() if sql not in self._kept)
        for sql in (*random, *islice(made, max(0, options.generated - len(random)))):
            self._wanted.setdefault(sql, "generated")

    def complete(self, client: Client) -> None:
        """Ask about every statement that is missing, and write the recording from time to time."""
        if not client.must("SHOW TABLES"):
            for sql in create_in_trino():
                client.must(sql)
            make_benchmark_tables(client)
        missing = [sql for sql in self._wanted if sql not in self._kept]
        with ThreadPoolExecutor(CLIENTS) as clients:
            for number, (sql, answer) in enumerate(
                zip(missing, clients.map(client.ask, missing), strict=True), 1
            ):
                if answer is not None:
                    self._kept[sql] = Recorded(self._wanted[sql], sql, *answer)
                if number % WRITTEN_AFTER == 0:
                    print(f"{number} of {len(missing)}", flush=True)
                    self.write()
        self.write()

    def write(self) -> None:
        """Write what is known of today's statements."""
        recorded = [
            replace(self._kept[sql], part=part) for sql, part in self._wanted.items() if sql in self._kept
        ]
        header = {
            "version": self._options.version,
            "recorded": datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat(),
            "seed": self._options.seed,
            "tables": digest_tables(),
            "unanswered": [sql for _, sql in read_fixed_statements() if sql not in self._kept],
        }
        write_recording(header, recorded, self._options.output)


def write_literals_as_athena_reads_them(sql: str) -> str:
    """Give decimal literals an exponent: `1.5` is a DOUBLE on Athena, and a DECIMAL for Trino."""
    return _DECIMAL_LITERAL.sub(lambda found: f"{found[0]}E0" if found["number"] else found[0], sql)


class Client:
    """Trino's protocol over HTTP.

    Args:
        address: The server's.
        schema: The catalog and the schema of tables that are named without one.
        errors: The types of errors that say what is right.
    """

    def __init__(
        self,
        address: str,
        schema: tuple[str, str] = ("memory", "default"),
        errors: Collection[str] = ("USER_ERROR",),
    ) -> None:
        self._address = address
        self._schema = schema
        self._errors = errors

    def must(self, sql: str) -> list[list[Any]]:
        """Run a statement that cannot fail."""
        _, rows, error = self._run(sql)
        if error is not None:
            raise SystemExit(f"Trino refuses {sql[:200]}: {error}")
        return rows

    def ask(self, sql: str) -> tuple[list[str], list[list[str | None]], str | None] | None:
        """Return the types, the rows and the error of a query; None if they cannot be kept."""
        columns, rows, error = self._run(write_literals_as_athena_reads_them(sql))
        if error == NO_ANSWER:
            return None
        if error is not None:
            return [], [], error
        if len(rows) > MOST_ROWS:
            return None
        kinds = [read_trino_type(column) for column in columns]
        written = [[write(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in rows]
        return [show_type(kind) for kind in kinds], arrange(sql, written), None

    def _run(self, sql: str) -> tuple[list[str], list[list[Any]], str | None]:
        headers = {
            "X-Trino-User": "recording",
            "X-Trino-Catalog": self._schema[0],
            "X-Trino-Schema": self._schema[1],
            "X-Trino-Time-Zone": "UTC",
            "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
        }
        request = urllib.request.Request(f"{self._address}/v1/statement", sql.encode(), headers)
        columns: list[str] = []
        rows: list[list[Any]] = []
        while True:
            with urllib.request.urlopen(request, timeout=120) as response:
                # A text can have bytes that are not UTF-8.
                answer = json.loads(response.read().decode(errors="replace"))
            columns = [column["type"] for column in answer.get("columns", [])] or columns
            rows += answer.get("data", [])
            if "error" in answer:
                error = answer["error"]
                return columns, rows, error["errorName"] if error["errorType"] in self._errors else NO_ANSWER
            if "nextUri" not in answer:
                return columns, rows, None
            request = urllib.request.Request(answer["nextUri"], headers=headers)


def read_trino_type(text: str) -> Type:
    """Read a type as Trino's protocol writes it."""
    try:
        return read_type(text)
    except TrinoError:
        return Type(text.lower())


def write(value: Any, kind: Type) -> str | None:  # noqa: PLR0911 - one a type
    """Write a value of Trino's JSON as Athena prints it."""
    if value is None:
        return None
    match kind.name:
        case "array":
            return f"[{', '.join(_null(write(one, kind.inner[0])) for one in value)}]"
        case "map":
            key, item = kind.inner
            pairs = (f"{write_key(one, key)}={_null(write(other, item))}" for one, other in value.items())
            return sort_map("{" + ", ".join(pairs) + "}")
        case "row":
            names = (field or f"field{position}" for position, field in enumerate(kind.fields))
            parts = (_null(write(one, inner)) for one, inner in zip(value, kind.inner, strict=True))
            return "{" + ", ".join(f"{name}={part}" for name, part in zip(names, parts, strict=True)) + "}"
        case "boolean":
            return str(value).lower()
        case "real" | "double":
            return write_double(float(value))
        case "varbinary":
            return base64.b64decode(value).hex(" ")
        case "time" | "timestamp" | "timestamp with time zone" | "time with time zone":
            return to_milliseconds(str(value))
    return str(value)


def _null(text: str | None) -> str:
    return "null" if text is None else text


def write_key(text: str, kind: Type) -> str:
    """Write a map's key, which JSON holds as a text."""
    if kind.name in {"real", "double"}:
        return write_double(float(text))
    return write(text, kind) or ""


def to_milliseconds(text: str) -> str:
    """Write at least three digits of a second, as Athena does."""
    found = re.fullmatch(r"(.*?\d\d:\d\d:\d\d)(?:\.(\d+))?( .*|[+-].*)?", text)
    if found is None:
        return text
    return f"{found[1]}.{(found[2] or '').ljust(3, '0')}{found[3] or ''}"


def write_double(value: float) -> str:
    """Write a number as Java's Double.toString does."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    if abs(value) == 5e-324:  # noqa: PLR2004 - Java has one digit more here
        return "4.9E-324" if value > 0 else "-4.9E-324"
    _, digits, exponent = Decimal(repr(abs(value))).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + int(exponent)
    minus = "-" if value < 0 else ""
    if 1e-3 <= abs(value) < 1e7:  # noqa: PLR2004 - Java's bounds
        plain = f"{Decimal(repr(abs(value))):f}"
        plain = plain if "." in plain else f"{plain}.0"
        return minus + plain
    return f"{minus}{text[0]}.{text[1:] or '0'}E{point - 1}"


def make_benchmark_tables(client: Client) -> None:
    """Fill Trino with the small tables of TPC-H and TPC-DS that the repository holds."""
    import duckdb

    with duckdb.connect() as connection:
        for path in sorted(BENCHMARKS.glob("*.parquet")):
            described = connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
            kinds = [(name, kind.lower().replace(" ", "")) for name, kind, *_ in described]
            columns = ", ".join(f"{name} {kind}" for name, kind in kinds)
            client.must(f"CREATE TABLE {path.stem} ({columns})")
            rows = connection.execute(f"SELECT COLUMNS(*)::VARCHAR FROM '{path}'").fetchall()
            values = ", ".join(f"CAST(r[{number}] AS {kind})" for number, (_, kind) in enumerate(kinds, 1))
            for start in range(0, len(rows), BATCH):
                # Trino plans thousands of literals slowly, and parses one long text fast.
                text = json.dumps(rows[start : start + BATCH]).replace("'", "''")
                source = f"UNNEST(CAST(json_parse('{text}') AS array(array(varchar))))"
                client.must(f"INSERT INTO {path.stem} SELECT {values} FROM {source} AS t(r)")


@dataclass(frozen=True)
class Server:
    """What a Trino is made of.

    Attributes:
        artifacts: The artifacts of `io.trino` that it needs, with all that they need.
        source: The Java file in scripts/ that starts it, and its arguments.
        options: Options for Java.
    """

    version: str
    artifacts: Sequence[str] = ("trino-testing", "trino-memory", "trino-tpch")
    source: Sequence[str] = ("TrinoServer.java",)
    options: Sequence[str] = ()


@contextmanager
def running_trino(server: Server) -> Iterator[str]:
    """Start Trino, give its address, and end it."""
    java, folder = find_program("java"), ROOT / f".cache/trino-{server.version}"
    resolve_jars(folder, server)
    source, *arguments = server.source
    options = (*server.options, "-Xmx2g", "-cp", f"{folder / 'jars'}/*")
    command = [java, *options, str(ROOT / "scripts" / source), *arguments]
    written = folder / "server.log"
    with written.open("w") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            yield wait_for_address(process, written)
        finally:
            # It ends with its standard input.
            process.communicate()


def wait_for_address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until Trino has written its address: all that it prints goes into its log."""
    while server.poll() is None:
        if found := re.search(r"READY (http://\S+?)(?:\x1b|\s|$)", log.read_text(errors="replace")):
            return found[1]
        time.sleep(1)
    raise SystemExit(f"Trino did not start; {log} says why.")


def resolve_jars(folder: Path, server: Server) -> None:
    """Fetch Trino's jars with Maven, once."""
    if (folder / "complete").exists():
        return
    maven = find_program("mvn")
    folder.mkdir(parents=True, exist_ok=True)
    dependencies = "".join(DEPENDENCY.format(name, server.version) for name in server.artifacts)
    (folder / "pom.xml").write_text(POM.format(version=server.version, dependencies=dependencies))
    command = [maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder / 'jars'}"]
    if subprocess.run(command, cwd=folder, check=False).returncode:
        raise SystemExit(f"Maven Central does not serve Trino {server.version} whole; try another --version.")
    (folder / "complete").touch()


def find_program(name: str) -> str:
    """Find java or mvn."""
    home = os.environ.get("JAVA_HOME")
    if name == "java" and home:
        return str(Path(home) / "bin/java")
    found = shutil.which(name)
    if found is None:
        raise SystemExit(f"There is no {name}: recording needs Java 17 or later, and Maven.")
    return found


if __name__ == "__main__":
    main()
