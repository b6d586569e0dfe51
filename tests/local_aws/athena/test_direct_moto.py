"""What queries read of Glue and S3 without HTTP is what moto answers by HTTP."""

import pytest
from athena_api import REGION
from lake import LAKE, Lake

from local_aws.protocol.moto_app import Moto
from local_aws.server.direct_moto import DirectMoto

_STORED = {"Columns": [{"Name": "a", "Type": "int", "Comment": "é"}], "Location": f"s3://{LAKE}/t/"}


@pytest.fixture
def reads(lake: Lake) -> DirectMoto:
    return DirectMoto(lake.moto._app, REGION, None, None)


@pytest.mark.parametrize("changes", [{}, {"PartitionKeys": [{"Name": "day", "Type": "date"}]}])
def test_a_table_is_described_as_by_get_table(
    lake: Lake, reads: DirectMoto, changes: dict[str, object]
) -> None:
    table = {"Name": "t", "StorageDescriptor": _STORED, "Parameters": {"x": "y"}, **changes}
    lake.moto.call("glue", "CreateTable", {"DatabaseName": "db", "TableInput": table})
    first = reads.find_table("db", "t", REGION)
    assert first == Moto.find_table(lake.moto, "db", "t", REGION)
    lake.moto.call(
        "glue", "UpdateTable", {"DatabaseName": "db", "TableInput": {**table, "Parameters": {"x": "z"}}}
    )
    second = reads.find_table("db", "t", REGION)
    assert second == Moto.find_table(lake.moto, "db", "t", REGION) != first


@pytest.mark.parametrize(
    ("database", "name", "region"), [("db", "t", REGION), ("no", "t", REGION), ("db", "t", "us-east-1")]
)
def test_no_table(lake: Lake, reads: DirectMoto, database: str, name: str, region: str) -> None:
    assert reads.find_table(database, name, region) is None
    assert Moto.find_table(lake.moto, database, name, region) is None


def test_a_described_table_is_nobodys_to_change(lake: Lake, reads: DirectMoto) -> None:
    lake.moto.call(
        "glue",
        "CreateTable",
        {"DatabaseName": "db", "TableInput": {"Name": "t", "StorageDescriptor": _STORED}},
    )
    found = reads.find_table("db", "t", REGION)
    assert found is not None
    found["StorageDescriptor"]["Columns"].clear()
    assert lake.table("t")["StorageDescriptor"]["Columns"]


def test_objects_are_listed_as_by_list_objects(lake: Lake, reads: DirectMoto) -> None:
    for key in ("t/b", "t/a b+ü&<", "t/é/1", "other", "t0", "t/gone"):
        lake.put(key, key)
    assert lake.moto.request("DELETE", f"/{LAKE}/t/gone").status == 204
    found = reads.list_objects(LAKE, "t/")
    assert found == Moto.list_objects(lake.moto, LAKE, "t/")
    assert [each.key for each in found or ()] == ["t/a b+ü&<", "t/b", "t/é/1"]
    assert reads.list_objects(LAKE, "") == Moto.list_objects(lake.moto, LAKE, "")
    assert reads.list_objects(LAKE, "no/") == []


def test_more_objects_than_a_page(lake: Lake, reads: DirectMoto) -> None:
    for number in range(1001):
        lake.put(f"many/{number}", "x")
    found = reads.list_objects(LAKE, "many/")
    assert found is not None
    assert len(found) == 1001
    assert found == Moto.list_objects(lake.moto, LAKE, "many/")


def test_a_deleted_version_is_not_listed(lake: Lake, reads: DirectMoto) -> None:
    versioned = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert lake.moto.request("PUT", f"/{LAKE}?versioning", body=versioned).status == 200
    for key in ("t/kept", "t/kept", "t/gone"):
        lake.put(key, "x")
    lake.moto.request("DELETE", f"/{LAKE}/t/gone")
    found = reads.list_objects(LAKE, "t/")
    assert [each.key for each in found or ()] == ["t/kept"]
    assert found == Moto.list_objects(lake.moto, LAKE, "t/")


def test_no_bucket(lake: Lake, reads: DirectMoto) -> None:
    assert reads.list_objects("no-such-bucket", "t/") is None
    assert Moto.list_objects(lake.moto, "no-such-bucket", "t/") is None
    for bucket in (LAKE, "no-such-bucket"):
        assert reads.has_bucket(bucket) is Moto.has_bucket(lake.moto, bucket) is (bucket == LAKE)
