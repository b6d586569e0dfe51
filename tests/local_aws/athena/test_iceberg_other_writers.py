"""What only other writers do to Iceberg tables: delete files, names with capitals, columns without NULL."""

import uuid
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pytest
from lake import LAKE, Lake, parquet
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
)
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles
from pyiceberg.typedef import Record
from pyiceberg.types import LongType, NestedField, StructType, TimestamptzType

from local_aws.athena.catalog import Catalog
from local_aws.athena.iceberg.tables import IcebergTables
from local_aws.athena.statement import Name


class _DeleteWriter(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class _AddDeletes(_FastAppendFiles):
    """A snapshot that adds delete files, which pyiceberg itself does not write."""

    files: tuple[DataFile, ...] = ()

    def _manifests(self) -> list[Any]:
        output = self.new_manifest_output()
        spec, schema = self._transaction.table_metadata.spec(), self.schema()
        with _DeleteWriter(spec, schema, output, self._snapshot_id, "deflate") as writer:
            for file in self.files:
                entry = ManifestEntry.from_args(
                    status=ManifestEntryStatus.ADDED,
                    snapshot_id=self._snapshot_id,
                    sequence_number=None,
                    file_sequence_number=None,
                    data_file=file,
                )
                writer.add(entry)
        return [writer.to_manifest_file(), *self._existing_manifests()]


def add_deletes(lake: Lake, content: DataFileContent, rows: pa.Table) -> None:
    """Commit a delete file with these rows."""
    key = f"t/data/{uuid.uuid4()}-deletes.parquet"
    body = parquet(rows)
    lake.put(key, body)
    file = DataFile.from_args(
        content=content,
        file_path=f"s3://{LAKE}/{key}",
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=rows.num_rows,
        file_size_in_bytes=len(body),
        equality_ids=[1] if content == DataFileContent.EQUALITY_DELETES else None,
        spec_id=0,
    )
    table = read(lake)
    with table.transaction() as transaction:
        snapshot = _AddDeletes(Operation.OVERWRITE, transaction, table.io)
        snapshot.files = (file,)
        snapshot.commit()


def open_tables(lake: Lake) -> IcebergTables:
    folder = lake.engine._workdir / "others"
    return IcebergTables(Catalog(lake.moto, "", "db"), lake.engine._storage, folder)


def read(lake: Lake) -> Table:
    found = Catalog(lake.moto, "", "db").table(Name("db", "t"))
    assert found is not None
    return open_tables(lake).read(found).iceberg


@pytest.fixture
def table(lake: Lake) -> Lake:
    lake.run(
        "create table t (k bigint, s string) location 's3://lake/t/' tblproperties ('table_type'='ICEBERG')"
    )
    lake.run("insert into t values (1, 'a'), (2, 'b'), (3, 'c')")
    lake.run("insert into t values (4, 'd'), (5, 'e')")
    return lake


def test_position_deletes_are_applied_and_rewritten(table: Lake) -> None:
    places = dict(table.rows('select k, "$path" from t'))
    deleted = pa.table(
        {"file_path": [places["1"], places["1"], places["5"]], "pos": pa.array([0, 2, 1], pa.int64())}
    )

    add_deletes(table, DataFileContent.POSITION_DELETES, deleted)

    assert table.rows("select * from t order by k") == [("2", "b"), ("4", "d")]
    assert read(table).scan().to_arrow()["k"].to_pylist() in ([2, 4], [4, 2])
    assert table.run("update t set s = 'x' where k < 5").outcome.update_count == 2
    table.run("insert into t values (6, 'f')")
    assert table.rows("select * from t order by k") == [("2", "x"), ("4", "x"), ("6", "f")]


def test_optimize_leaves_no_file_with_deletes(table: Lake) -> None:
    places = dict(table.rows('select k, "$path" from t'))
    deleted = pa.table({"file_path": [places["2"]], "pos": pa.array([1], pa.int64())})
    add_deletes(table, DataFileContent.POSITION_DELETES, deleted)

    table.run("optimize t rewrite data using bin_pack")

    assert table.rows("select k from t order by k") == [("1",), ("3",), ("4",), ("5",)]
    assert not any(task.delete_files for task in read(table).scan().plan_files())


def test_equality_deletes_are_refused_by_name(table: Lake) -> None:
    add_deletes(table, DataFileContent.EQUALITY_DELETES, pa.table({"k": pa.array([1], pa.int64())}))

    refusal = (
        "NOT_SUPPORTED: the local Athena does not support the Iceberg table db.t, which has equality delete"
    )
    assert table.fails("select * from t").startswith(refusal)
    assert table.fails("delete from t where k = 2").startswith(refusal)


def test_names_with_capitals_and_columns_without_null_stay_so(lake: Lake) -> None:
    schema = Schema(
        NestedField(1, "Id", LongType(), required=True),
        NestedField(
            2,
            "Info",
            StructType(NestedField(3, "From", TimestamptzType()), NestedField(4, "N", LongType())),
        ),
    )
    open_tables(lake).glue.create_table(("db", "t"), schema, "s3://lake/t")

    lake.run("insert into t values (1, row(timestamp '2024-01-01 00:00:00 UTC', 7))")
    lake.run("update t set id = id + 1")
    message = lake.fails("insert into t (info) values (null)")

    moment = datetime(2024, 1, 1, tzinfo=timezone.utc)
    rows = [{"Id": 2, "Info": {"From": moment, "N": 7}}]
    assert read(lake).scan().to_arrow().to_pylist() == rows
    assert message == "CONSTRAINT_VIOLATION: NULL value not allowed for NOT NULL column: id"
    assert lake.rows("select id, info.n from t") == [("2", "7")]


def test_values_in_values_in_values(lake: Lake) -> None:
    deep = "array(row(a array(array(integer)), m map(varchar, array(timestamp(6) with time zone))))"
    value = (
        "array[row(array[array[1, null], null], "
        "map(array['k'], array[array[timestamp '2024-01-01 00:00:00 UTC']])), null]"
    )
    lake.run(
        "create table t with (table_type = 'ICEBERG', is_external = false, location = 's3://lake/t/') as "
        f"select cast({value} as {deep}) as v, cast(row(1, 2) as row(b integer, a integer)) as r"
    )
    lake.run("insert into t (v, r) select v, cast(row(3, 4) as row(a integer, b integer)) from t")

    moment = datetime(2024, 1, 1, tzinfo=timezone.utc)
    inner = {"a": [[1, None], None], "m": [("k", [moment])]}
    assert read(lake).scan().to_arrow()["v"].to_pylist() == [[inner, None]] * 2
    # By the place, not by the name, as in Trino.
    assert sorted(lake.rows("select r.b, r.a from t")) == [("1", "2"), ("3", "4")]
    shown = "[{a=[[1, null], null], m={k=[2024-01-01 00:00:00.000000 UTC]}}, null]"
    assert lake.rows("select v from t") == [(shown,)] * 2


def test_a_file_that_was_added_and_is_overwritten_is_read_anew(table: Lake) -> None:
    table.put("t/added.parquet", parquet(pa.table({"k": [8], "s": ["h"]})))
    read(table).add_files(["s3://lake/t/added.parquet"])
    assert table.rows("select s from t where k = 8") == [("h",)]

    table.put("t/added.parquet", parquet(pa.table({"k": [8], "s": ["i"]})))

    assert table.rows("select s from t where k = 8") == [("i",)]
