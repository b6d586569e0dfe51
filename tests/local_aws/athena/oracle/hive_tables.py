"""Hive tables for Trino and for the local Athena: fixtures in each format, files written by hand."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from trino_fixtures import FIXTURES

from local_aws.trino import to_glue_type

FOLDER = Path(__file__).parent
FILES = FOLDER / "hive_files.zip"
"""The files of the fixtures, as Trino wrote them: `schema/table/[key=value/]file`."""
TEXTS = FOLDER / "hive_texts.yml"
_NO_AVRO = {"tinyint": "integer", "smallint": "integer"}
_SERDES = {
    "CSV": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
    "JSON": "org.apache.hive.hcatalog.data.JsonSerDe",
    "OPENX_JSON": "org.openx.data.jsonserde.JsonSerDe",
    "TEXTFILE": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
}
_STORED_AS = {"PARQUET", "ORC", "AVRO"}
_PARTITIONS = {
    "numbers": ("g", "b"),
    "texts": ("g",),
    "times": ("d",),
    "nested": ("id",),
    "sales": ("day", "shop"),
    "shops": ("opened", "city"),
}
_BUCKETS = {
    "numbers": (("id",), 3),
    "texts": (("s",), 4),
    "times": (("d", "id"), 2),
    "sales": (("shop", "n"), 5),
    "shops": (("city",), 2),
}
_FORMATS = {
    "parquet": "PARQUET",
    "orc": "ORC",
    "avro": "AVRO",
    "json": "JSON",
    "openx": "OPENX_JSON",
    "text": "TEXTFILE",
    "csv": "CSV",
    "partitioned": "PARQUET",
    "partitioned_text": "TEXTFILE",
    "bucketed": "ORC",
}
_CELL_KINDS = (
    "boolean", "tinyint", "integer", "bigint", "real", "double", "decimal(5,2)", "varchar", "varchar(3)",
    "char(3)", "date", "timestamp(3)", "varbinary", "array(integer)", "map(varchar,integer)",
    "row(a integer,b varchar)",
)  # fmt: skip
_CELL_TEXTS = (
    "1", "-1", "+1", " 1", "1 ", "01", "1.5", "1.", ".5", "1e3", "1E-2", "128", "32768", "2147483648",
    "9223372036854775808", "1234.567", "999.995", "-999.994", "abc", "", "true", "TRUE", "t", "false", "0",
    "NaN",
    "nan", "Infinity", "-Infinity", "inf", "1d", "1L", "0x10", "1_000", "2020-01-31", "2020-1-5",
    "2020-02-30", "2020-01-31 12:34:56", "2020-01-31 12:34:56.789", "2020-01-31 12:34:56.7894",
    "2020-01-31 12:34",
    "2020-01-31T12:34:56", "2020-01-31T12:34:56Z", "2020-01-31 12:34:56 UTC", "1582-10-10", "0001-01-01",
    "18262", "1580515200000", "é日本", "AQ==", "NULL", "null", "\\N",
)  # fmt: skip
_CELL_JSON = (
    "1", '"1"', '" 1 "', "1.5", '"1.5"', "1.0", '"1.0"', "1e3", "-0", "128", "2147483648",
    "9223372036854775808", "1234.567", "999.995", "true", '"true"', '"TRUE"', "false", "null", '"abc"', '""',
    '"é日本語"', '"NaN"', "NaN",
    '"Infinity"', '"2020-01-31"', '"2020-1-5"', '"2020-02-30"', '"2020-01-31 12:34:56"',
    '"2020-01-31 12:34:56.789"', '"2020-01-31T12:34:56"', '"2020-01-31T12:34:56Z"', "18262", '"AQ=="', "[]",
    "[1, null, 3]", '["1", "x"]', "{}", '{"a": 1, "b": "x"}', '{"A": "2", "c": [1]}', '[5, "y"]',
)  # fmt: skip


@dataclass(frozen=True)
class HiveTable:
    """A Hive table: where its files are, and how both engines read them.

    Attributes:
        schema: The schema of Trino, the database of Athena.
        columns: The columns and their types as Trino writes them, the partition keys last.
        format: Trino's name for the format.
        keys: The partition keys.
        buckets: The columns by which it is bucketed, and how many buckets there are.
        properties: Trino's further properties, as SQL.
        serde: The properties of Athena's SerDe.
        skipped: The lines at the beginning of each file that are not read.
        files: The contents of the files, unless they are those of FILES.
    """

    schema: str
    name: str
    columns: Mapping[str, str]
    format: str
    keys: tuple[str, ...] = ()
    buckets: tuple[tuple[str, ...], int] | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    serde: Mapping[str, str] = field(default_factory=dict)
    skipped: int = 0
    files: Mapping[str, bytes] | None = None

    @property
    def folder(self) -> str:
        """Where its files are, below the root of all."""
        return f"{self.schema}/{self.name}"

    def create_in_trino(self, location: str) -> str:
        """Write the statement that makes it in Trino."""
        columns = ", ".join(f'"{name}" {kind}' for name, kind in self.columns.items())
        given = {"external_location": quote(location), **self.trino_properties()}
        listed = ", ".join(f"{name} = {value}" for name, value in given.items())
        return f"CREATE TABLE {self.schema}.{self.name} ({columns}) WITH ({listed})"

    def trino_properties(self) -> dict[str, str]:
        """Write Trino's properties without the location."""
        found = {"format": quote(self.format), **self.properties}
        if self.skipped:
            found["skip_header_line_count"] = str(self.skipped)
        if self.keys:
            found["partitioned_by"] = _list(self.keys)
        if self.buckets:
            found["bucketed_by"], found["bucket_count"] = _list(self.buckets[0]), str(self.buckets[1])
        return found

    def create_in_athena(self, location: str) -> str:
        """Write the statement that makes it in Athena."""
        inner = {name: kind for name, kind in self.columns.items() if name not in self.keys}
        parts = [f"CREATE EXTERNAL TABLE `{self.schema}`.`{self.name}` ({_hive_columns(inner)})"]
        if self.keys:
            parts.append(f"PARTITIONED BY ({_hive_columns({key: self.columns[key] for key in self.keys})})")
        if self.buckets:
            columns, count = self.buckets
            parts.append(f"CLUSTERED BY ({', '.join(columns)}) INTO {count} BUCKETS")
        if self.format in _STORED_AS:
            parts.append(f"STORED AS {self.format}")
        else:
            parts.append(f"ROW FORMAT SERDE '{_SERDES[self.format]}'")
        if self.serde:
            listed = ", ".join(f"{quote(name)} = {_hive_text(value)}" for name, value in self.serde.items())
            parts.append(f"WITH SERDEPROPERTIES ({listed})")
        parts.append(f"LOCATION '{location}'")
        if self.skipped:
            parts.append(f"TBLPROPERTIES ('skip.header.line.count' = '{self.skipped}')")
        return " ".join(parts)


def quote(text: str) -> str:
    """Write a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _hive_text(text: str) -> str:
    """Write a text as Hive's DDL has it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _list(names: tuple[str, ...]) -> str:
    return f"ARRAY[{', '.join(map(quote, names))}]"


def _hive_columns(columns: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` {to_glue_type(kind)}" for name, kind in columns.items())


def fixture_tables() -> Iterator[HiveTable]:
    """Return the fixtures in each format, partitioned and bucketed."""
    for schema, kind in _FORMATS.items():
        for fixture in FIXTURES:
            if kind == "CSV" and any(
                "(" in each and "decimal" not in each for each in fixture.columns.values()
            ):
                continue
            if schema == "bucketed" and fixture.name not in _BUCKETS:
                continue
            keys = _PARTITIONS[fixture.name] if schema.startswith("partitioned") else ()
            names = [*(name for name in fixture.columns if name not in keys), *keys]
            yield HiveTable(
                schema,
                fixture.name,
                {name: _kind(fixture.columns[name], kind) for name in names},
                kind,
                keys,
                _BUCKETS[fixture.name] if schema == "bucketed" else None,
            )


def _kind(kind: str, stored_as: str) -> str:
    if stored_as == "CSV":
        return "varchar"
    if stored_as == "AVRO":
        kind = _NO_AVRO.get(kind, kind)
    return "timestamp(3)" if kind.startswith("timestamp") else kind


def written_tables() -> Iterator[HiveTable]:
    """Return the tables whose files are written by hand, and one for each cell."""
    for given in yaml.safe_load(TEXTS.read_text(encoding="utf-8")):
        yield _read_table(given)
    yield from _cells()


def _read_table(given: dict[str, Any]) -> HiveTable:
    files = {
        name: content if isinstance(content, bytes) else content.encode()
        for name, content in given["files"].items()
    }
    return HiveTable(
        "texts",
        given["name"],
        given["columns"],
        given["format"],
        properties=given.get("trino", {}),
        serde=given.get("serde", {}),
        skipped=given.get("skipped", 0),
        files=files,
    )


def _cells() -> Iterator[HiveTable]:
    for number, kind in enumerate(_CELL_KINDS):
        columns = {"id": "integer", "v": kind}
        lines = "".join(f"{position}|{text}\n" for position, text in enumerate(_CELL_TEXTS))
        if not kind.startswith(("array", "map", "row")):
            yield HiveTable(
                "texts", f"text_{number}", columns, "TEXTFILE",
                properties={"textfile_field_separator": "'|'"}, serde={"field.delim": "|"},
                files={"data": lines.encode()},
            )  # fmt: skip
        for name, stored_as in (("json", "JSON"), ("openx", "OPENX_JSON")):
            for position, value in enumerate(_CELL_JSON):
                content = f'{{"id": {position}, "v": {value}}}\n'.encode()
                table = f"{name}_{number}_{position}"
                yield HiveTable("texts", table, columns, stored_as, files={"data": content})


def read_files() -> dict[str, bytes]:
    """Return the files of all tables by their path below the root."""
    with zipfile.ZipFile(FILES) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    for table in written_tables():
        assert table.files is not None
        found |= {f"{table.folder}/{name}": content for name, content in table.files.items()}
    return found


def digest_hive_tables() -> str:
    """Return a digest of all tables and their files."""
    digest = hashlib.sha256()
    for table in (*fixture_tables(), *written_tables()):
        digest.update(repr((table.create_in_trino("x"), table.create_in_athena("x"))).encode())
    for path, content in sorted(read_files().items()):
        digest.update(path.encode() + base64.b64encode(content))
    return digest.hexdigest()
