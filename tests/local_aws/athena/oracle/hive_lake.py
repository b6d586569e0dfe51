"""The local Athena's engine over the Hive tables that Trino had, and the comparison with its answers."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

import yaml
from hive_tables import HiveTable, fixture_tables, read_files, written_tables
from trino_recording import Recorded, Verdict, arrange, compare_answer, compare_error, sort_map
from trino_recording import read_known as of_the_language

from local_aws.athena.engine import AthenaFailure, Engine, Submission
from local_aws.athena.failures import as_failure
from local_aws.protocol.moto_app import Moto
from local_aws.trino.translate import show_type
from local_aws.trino.types import read_type

FOLDER = Path(__file__).parent
RECORDED_HIVE = FOLDER / "recorded_hive.jsonl.xz"
KNOWN_FILE = FOLDER / "known_hive_differences.yml"
"""The statements whose answers may differ from Trino's: exactly these, by the reason."""
LAKE = "lake"


class HiveLake:
    """Tables in a moto of its own, made when a statement needs them first.

    Args:
        folder: For copies of objects.
    """

    def __init__(self, folder: Path) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self._moto = Moto(DomainDispatcherApplication(create_backend_app), "eu-west-1")
        self._engine = Engine(self._moto, folder)
        place = "<LocationConstraint>eu-west-1</LocationConstraint>"
        body = f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>".encode()
        self._moto.request("PUT", f"/{LAKE}", body=body)
        self._files = read_files()
        self._missing: dict[str, list[HiveTable]] = {}
        for table in (*fixture_tables(), *written_tables()):
            # A cell of the text files is a table of its own, which few statements read.
            self._missing.setdefault(_key(table), []).append(table)

    def answer(self, schema: str, sql: str) -> tuple[list[str], list[list[str | None]]]:
        """Run a query in a schema: the types of its columns and its rows, as Athena prints them.

        Raises:
            AthenaFailure: If it fails.
        """
        for key in [key for key in self._missing if _needs(schema, sql, key)]:
            for table in self._missing.pop(key):
                self._make(table)
        outcome = self._engine.run(self._submission(sql, schema), threading.Event())
        types = [show_type(read_type(column.type)) for column in outcome.columns]
        rows = [
            [
                value and sort_map(value) if kind.startswith("map(") else value
                for value, kind in zip(row, types, strict=True)
            ]
            for row in outcome.rows
        ]
        return types, arrange(sql, rows)

    def _submission(self, sql: str, schema: str) -> Submission:
        return Submission(sql, str(uuid.uuid4()), database=schema, output_location=f"s3://{LAKE}/results/")

    def _make(self, table: HiveTable) -> None:
        for path, content in self._files.items():
            if path.startswith(f"{table.folder}/"):
                assert self._moto.request("PUT", f"/{LAKE}/{quote(path)}", body=content).status == 200
        for sql in (
            f"CREATE DATABASE IF NOT EXISTS `{table.schema}`",
            table.create_in_athena(f"s3://{LAKE}/{table.folder}"),
            *((f"MSCK REPAIR TABLE `{table.name}`",) if table.keys else ()),
        ):
            self._engine.run(self._submission(sql, table.schema), threading.Event())

    def compare(self, recorded: Recorded) -> Verdict:
        """Run a statement and compare the answer with Trino's; its part names the schema."""
        known = read_known().get(f"{recorded.part}: {recorded.sql}") or of_the_language().get(recorded.sql)
        try:
            types, rows = self.answer(recorded.part, recorded.sql)
        except Exception as error:  # noqa: BLE001 - as a query's process does
            verdict = _compare_failure(as_failure(error), recorded)
        else:
            verdict = compare_answer(types, rows, recorded)
        if verdict.kind == "wrong" and _is_stricter(verdict.detail, recorded):
            return Verdict("stricter")
        if verdict.kind == "wrong" and _is_rounded_zero(verdict.detail, recorded):
            return Verdict("last digit")
        return Verdict("known", known) if verdict.kind == "wrong" and known else verdict


def _is_stricter(detail: str, recorded: Recorded) -> bool:
    """Tell whether a value of a JSON file fails that this Trino reads, as NULL or else.

    Athena's manual names these failures, for its own SerDes; this version of Trino has others.
    """
    fails = detail.startswith(("fails with HIVE_BAD_DATA", "fails with HIVE_CURSOR_ERROR"))
    return fails and re.search(r" (json|openx)_\w+$", recorded.sql) is not None


def _is_rounded_zero(detail: str, recorded: Recorded) -> bool:
    """Tell whether moments of files read in any order differ by what rounding makes of 0."""
    zero = r"\['(0\.0|-?\d\.\d+E-1[4-9])'\]"
    moments = re.search(r"\b(skewness|kurtosis)\(", recorded.sql)
    return moments is not None and re.fullmatch(f"{zero} for {zero}", detail) is not None


def _compare_failure(failure: AthenaFailure, recorded: Recorded) -> Verdict:
    code, _, message = failure.message.partition(": ")
    return compare_error(code, message, recorded)


def _key(table: HiveTable) -> str:
    return table.folder if table.schema == "texts" else table.schema


def _needs(schema: str, sql: str, key: str) -> bool:
    if "/" not in key:
        return key == schema
    return key.partition("/")[0] == schema and sql.endswith(f" {key.partition('/')[2]}")


@cache
def read_known() -> dict[str, str]:
    """Read the statements that may differ, each with the reason."""
    stated: dict[str, list[str]] = yaml.safe_load(KNOWN_FILE.read_text(encoding="utf-8")) or {}
    return {sql: reason for reason, statements in stated.items() for sql in statements}


def read_written_statements() -> Iterator[tuple[str, str]]:
    """Return the statements about the files that are written by hand, with their schema."""
    for table in written_tables():
        yield table.schema, f"SELECT * FROM {table.name}"
