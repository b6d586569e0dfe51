"""Commits of Iceberg tables whose outcome is unknown, or that meet another writer."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from lake import Lake

from local_aws.athena.catalog import Catalog
from local_aws.athena.engine import Engine
from local_aws.athena.iceberg.tables import IcebergTables
from local_aws.athena.statement import Name
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.moto_app import Moto


class DisturbedMoto(Moto):
    """The lake's moto, with something of the test's own before or after UpdateTable."""

    def __init__(self, moto: Moto) -> None:
        self._moto = moto
        self.before: Callable[[], object] = lambda: None
        self.after: Callable[[], object] = lambda: None

    def call(self, service: str, operation: str, params: Any, region: str = "") -> dict[str, Any]:
        if operation != "UpdateTable":
            return self._moto.call(service, operation, params, region)
        self.before()
        table = {"DatabaseName": params["DatabaseName"], "Name": params["TableInput"]["Name"]}
        current = self._moto.call(service, "GetTable", table, region)["Table"]["VersionId"]
        if params["VersionId"] != current:  # the local Glue refuses it; moto alone does not
            raise AwsFault("ConcurrentModificationException", "Update table failed", 400)
        answer = self._moto.call(service, operation, params, region)
        self.after()
        return answer

    def request(self, *args: Any, **kwargs: Any) -> Any:
        return self._moto.request(*args, **kwargs)


@pytest.fixture
def table(lake: Lake) -> Lake:
    lake.run(
        "create table t (k bigint, s string) location 's3://lake/t/' tblproperties ('table_type'='ICEBERG')"
    )
    return lake


def fail() -> None:
    raise AwsFault("ServiceUnavailable", "try again", 503)


def test_files_of_a_commit_that_glue_took_before_it_failed_stay(table: Lake) -> None:
    moto = DisturbedMoto(table.moto)
    moto.after = fail
    catalog = Catalog(moto, "", "db")
    found = catalog.table(Name("db", "t"))
    assert found is not None
    tables = IcebergTables(catalog, table.engine._storage, table.engine._workdir / "others")
    read = tables.read(found).iceberg

    with pytest.raises(AwsFault), tables.commit("db.t"):
        read.append(pa.table({"k": [1], "s": ["a"]}))

    assert table.rows("select * from t") == [("1", "a")]


def test_files_of_a_commit_that_glue_refused_are_deleted(table: Lake) -> None:
    moto = DisturbedMoto(table.moto)
    moto.before = fail
    catalog = Catalog(moto, "", "db")
    found = catalog.table(Name("db", "t"))
    assert found is not None
    tables = IcebergTables(catalog, table.engine._storage, table.engine._workdir / "others")
    read = tables.read(found).iceberg
    before = table.keys("")

    with pytest.raises(AwsFault), tables.commit("db.t"):
        read.append(pa.table({"k": [1], "s": ["a"]}))

    assert table.keys("") == before


@pytest.mark.parametrize("rows", ["", "(7, 'old')"])
def test_two_merges_of_the_same_new_key_do_not_both_insert_it(table: Lake, rows: str) -> None:
    if rows:
        table.run(f"insert into t values {rows}")
    merge = (
        "merge into t using (values (1, '{}')) as n(k, s) on t.k = n.k "
        "when matched then update set s = n.s when not matched then insert values (n.k, n.s)"
    )
    moto = DisturbedMoto(table.moto)
    slower = Lake(moto, Engine(moto, table.engine._workdir / "slower"))

    def commit_first() -> None:
        moto.before = lambda: None
        table.run(merge.format("first"))

    moto.before = commit_first

    message = slower.fails(merge.format("second"))

    assert message.startswith("ICEBERG_COMMIT_ERROR: Failed to commit Iceberg update to table: db.t.")
    assert table.rows("select s from t where k = 1") == [("first",)]
