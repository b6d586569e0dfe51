"""The tables and the workgroup of aws.yml in the local AWS."""

from typing import Any

import pytest

from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.plan.athena import build_definitions
from local_aws.control import client as control


def wanted(database: str = "flights", *, limit: float | None = 1, **tables: dict[str, Any]) -> Any:
    athena = {"database": database, "workgroup": "team", "max_scan_gb": limit, "tables": tables}
    values = {"env": "local", "target": "local", "region": "eu-west-1", "bucket": "my-data", "athena": athena}
    return build_definitions(AwsConfig.model_validate(values), "my_flights")


def table(folder: str = "raw", **columns: str) -> dict[str, Any]:
    return {
        "location": f"s3://my-data/{folder}/",
        "format": "csv",
        "columns": {"id": "string", **columns},
    }


@pytest.fixture
def seed(local_aws, tmp_path):
    def seed(athena: Any) -> None:
        control.seed(local_aws, bucket="my-data", folder=tmp_path, athena=athena)

    return seed


def tables(local_aws, database: str = "flights") -> dict[str, list[str]]:
    found = local_aws.client("glue").get_tables(DatabaseName=database)["TableList"]
    return {
        each["Name"]: [column["Name"] for column in each["StorageDescriptor"]["Columns"]] for each in found
    }


def test_what_aws_yml_describes_is_there_and_follows_its_changes(local_aws, seed):
    seed(wanted(reviews=table(), other=table("other")))
    assert tables(local_aws) == {"reviews": ["id"], "other": ["id"]}
    glue = local_aws.client("glue")
    made = glue.get_table(DatabaseName="flights", Name="reviews")["Table"]
    assert made["StorageDescriptor"]["Location"] == "s3://my-data/raw/"
    assert made["Parameters"]["skip.header.line.count"] == "1"
    mine = {"Name": "mine", "StorageDescriptor": {"Columns": [{"Name": "x", "Type": "int"}]}}
    glue.create_table(DatabaseName="flights", TableInput=mine)
    seed(wanted(reviews=table(rating="string")))
    assert tables(local_aws) == {"reviews": ["id", "rating"], "mine": ["x"]}
    seed(wanted("elsewhere", reviews=table()))
    assert tables(local_aws, "elsewhere") == {"reviews": ["id"]}
    assert tables(local_aws) == {"reviews": ["id", "rating"], "mine": ["x"]}


def test_a_table_that_is_there_already_becomes_the_one_of_aws_yml(local_aws, seed):
    glue = local_aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "flights"})
    old = {"Name": "reviews", "StorageDescriptor": {"Columns": [{"Name": "x", "Type": "int"}]}}
    glue.create_table(DatabaseName="flights", TableInput=old)
    seed(wanted(reviews=table()))
    assert tables(local_aws) == {"reviews": ["id"]}
    glue.delete_table(DatabaseName="flights", Name="reviews")
    seed(wanted())
    assert tables(local_aws) == {}


def test_the_workgroup_and_its_limit(local_aws, seed):
    def configuration() -> Any:
        return local_aws.client("athena").get_work_group(WorkGroup="team")["WorkGroup"]["Configuration"]

    seed(wanted())
    assert configuration()["BytesScannedCutoffPerQuery"] == 10**9
    assert configuration()["ResultConfiguration"] == {"OutputLocation": "s3://my-data/athena/"}
    assert configuration()["EnforceWorkGroupConfiguration"] is True
    seed(wanted(limit=2))
    assert configuration()["BytesScannedCutoffPerQuery"] == 2 * 10**9
    seed(wanted(limit=None))
    assert "BytesScannedCutoffPerQuery" not in configuration()


def test_after_a_reset_everything_is_made_again(local_aws, seed):
    seed(wanted(reviews=table()))
    control.reset(local_aws.log_file.parent)
    seed(wanted(reviews=table()))
    assert tables(local_aws) == {"reviews": ["id"]}


def test_what_is_the_same_costs_no_request(local_aws, seed):
    seed(wanted(reviews=table()))
    local_aws.client("glue").delete_table(DatabaseName="flights", Name="reviews")
    seed(wanted(reviews=table()))
    assert tables(local_aws) == {}
