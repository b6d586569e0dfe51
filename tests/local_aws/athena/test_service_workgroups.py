"""Workgroups, tags, named queries, prepared statements and data catalogs."""

import uuid

import pytest
from athena_api import BUCKET, OUTPUT, Api, expect_fault, outcome

ARN = "arn:aws:athena:eu-west-1:123456789012:workgroup/"


def test_there_is_a_primary_workgroup_without_an_output_location(api: Api):
    primary = api("GetWorkGroup", WorkGroup="primary")["WorkGroup"]
    assert primary["State"] == "ENABLED"
    assert primary["Configuration"]["ResultConfiguration"] == {}
    assert primary["Configuration"]["EnforceWorkGroupConfiguration"] is False
    assert (
        expect_fault(api, "DeleteWorkGroup", WorkGroup="primary")[1] == "WorkGroup primary cannot be deleted."
    )


def test_a_workgroup_is_made_changed_and_deleted(api: Api):
    location = {"OutputLocation": OUTPUT}
    configuration = {"ResultConfiguration": location, "BytesScannedCutoffPerQuery": 10_000_000}
    api("CreateWorkGroup", Name="team", Description="ours", Configuration=configuration)
    made = api("GetWorkGroup", WorkGroup="team")["WorkGroup"]
    assert made["Description"] == "ours"
    assert made["Configuration"]["EnforceWorkGroupConfiguration"] is True
    assert made["Configuration"]["BytesScannedCutoffPerQuery"] == 10_000_000
    assert expect_fault(api, "CreateWorkGroup", Name="team")[1] == "WorkGroup is already created"
    updates = {
        "EnforceWorkGroupConfiguration": False,
        "RemoveBytesScannedCutoffPerQuery": True,
        "ResultConfigurationUpdates": {
            "RemoveOutputLocation": True,
            "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
        },
    }
    api("UpdateWorkGroup", WorkGroup="team", State="DISABLED", ConfigurationUpdates=updates)
    changed = api("GetWorkGroup", WorkGroup="team")["WorkGroup"]
    assert (changed["State"], changed["Description"]) == ("DISABLED", "ours")
    assert changed["Configuration"]["ResultConfiguration"] == {
        "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}
    }
    assert "BytesScannedCutoffPerQuery" not in changed["Configuration"]
    assert changed["Configuration"]["EnforceWorkGroupConfiguration"] is False
    listed = api("ListWorkGroups", MaxResults=1)
    assert [each["Name"] for each in listed["WorkGroups"]] == ["primary"]
    rest = api("ListWorkGroups", MaxResults=1, NextToken=listed["NextToken"])
    assert [(each["Name"], each["State"]) for each in rest["WorkGroups"]] == [("team", "DISABLED")]
    assert "NextToken" not in rest
    api("DeleteWorkGroup", WorkGroup="team")
    assert expect_fault(api, "GetWorkGroup", WorkGroup="team") == (
        "InvalidRequestException",
        "WorkGroup is not found.",
        "INVALID_INPUT",
    )


def test_a_workgroup_that_holds_something_is_deleted_only_with_all_of_it(api: Api):
    api("CreateWorkGroup", Name="team", Configuration={"EnforceWorkGroupConfiguration": False})
    api.engine.answers["SELECT 1"] = outcome(("1",))
    execution_id = api.run("SELECT 1", WorkGroup="team")["QueryExecutionId"]
    api("CreateNamedQuery", Name="n", Database="d", QueryString="SELECT 1", WorkGroup="team")
    api("CreatePreparedStatement", StatementName="ps", WorkGroup="team", QueryStatement="SELECT ?")
    assert expect_fault(api, "DeleteWorkGroup", WorkGroup="team")[1] == "WorkGroup team is not empty"
    api("DeleteWorkGroup", WorkGroup="team", RecursiveDeleteOption=True)
    api("CreateWorkGroup", Name="team")
    assert api("ListNamedQueries", WorkGroup="team")["NamedQueryIds"] == []
    assert api("ListPreparedStatements", WorkGroup="team")["PreparedStatements"] == []
    assert (
        expect_fault(api, "GetQueryExecution", QueryExecutionId=execution_id)[2]
        == "QUERY_EXECUTION_NOT_FOUND"
    )


@pytest.mark.parametrize(
    ("configuration", "what"),
    [
        (
            {"EngineVersion": {"SelectedEngineVersion": "PySpark engine version 3"}},
            "the engine version 'PySpark",
        ),
    ],
)
def test_what_a_workgroup_cannot_be_here_is_refused(api: Api, configuration, what):
    message = expect_fault(api, "CreateWorkGroup", Name="x", Configuration=configuration)[1]
    assert message.startswith(f"the local Athena does not support {what}")
    assert [each["Name"] for each in api("ListWorkGroups")["WorkGroups"]] == ["primary"]


def test_engine_versions(api: Api):
    versions = api("ListEngineVersions")["EngineVersions"]
    assert {each["EffectiveEngineVersion"] for each in versions} == {"Athena engine version 3"}


def test_workgroups_have_tags(api: Api):
    api("CreateWorkGroup", Name="team", Tags=[{"Key": "a", "Value": "1"}])
    api("TagResource", ResourceARN=f"{ARN}team", Tags=[{"Key": "b", "Value": "2"}])
    api("UntagResource", ResourceARN=f"{ARN}team", TagKeys=["a", "never"])
    assert api("ListTagsForResource", ResourceARN=f"{ARN}team")["Tags"] == [{"Key": "b", "Value": "2"}]
    assert api("ListTagsForResource", ResourceARN=f"{ARN}primary")["Tags"] == []
    code, message, _ = expect_fault(api, "ListTagsForResource", ResourceARN=f"{ARN}absent")
    assert (code, message) == ("ResourceNotFoundException", f"Resource {ARN}absent was not found")


def test_named_queries(api: Api):
    token = str(uuid.uuid4())
    params = {"Name": "daily", "Database": "d", "QueryString": "SELECT 1", "ClientRequestToken": token}
    query_id = api("CreateNamedQuery", **params)["NamedQueryId"]
    assert api("CreateNamedQuery", **params)["NamedQueryId"] == query_id
    assert (
        expect_fault(api, "CreateNamedQuery", **{**params, "Name": "other"})[2]
        == "IDEMPOTENT_PARAMETER_MISMATCH"
    )
    api("UpdateNamedQuery", NamedQueryId=query_id, Name="nightly", QueryString="SELECT 2")
    assert api("GetNamedQuery", NamedQueryId=query_id)["NamedQuery"] == {
        "NamedQueryId": query_id,
        "Name": "nightly",
        "Database": "d",
        "QueryString": "SELECT 2",
        "WorkGroup": "primary",
    }
    assert api("ListNamedQueries") == {"NamedQueryIds": [query_id]}
    both = api("BatchGetNamedQuery", NamedQueryIds=[query_id, "absent"])
    assert [each["Name"] for each in both["NamedQueries"]] == ["nightly"]
    assert [each["NamedQueryId"] for each in both["UnprocessedNamedQueryIds"]] == ["absent"]
    api("DeleteNamedQuery", NamedQueryId=query_id)
    assert expect_fault(api, "GetNamedQuery", NamedQueryId=query_id)[0] == "InvalidRequestException"


def test_prepared_statements(api: Api):
    key = {"StatementName": "ps", "WorkGroup": "primary"}
    api("CreatePreparedStatement", **key, QueryStatement="SELECT ?", Description="one")
    assert expect_fault(api, "CreatePreparedStatement", **key, QueryStatement="x")[1] == (
        "Prepared Statement ps already exists"
    )
    made = api("GetPreparedStatement", **key)["PreparedStatement"]
    assert made.pop("LastModifiedTime") > 0
    assert made == {
        "StatementName": "ps",
        "WorkGroupName": "primary",
        "QueryStatement": "SELECT ?",
        "Description": "one",
    }
    api("UpdatePreparedStatement", **key, QueryStatement="SELECT ? + 1")
    both = api("BatchGetPreparedStatement", PreparedStatementNames=["ps", "absent"], WorkGroup="primary")
    assert [each["QueryStatement"] for each in both["PreparedStatements"]] == ["SELECT ? + 1"]
    assert [each["StatementName"] for each in both["UnprocessedPreparedStatementNames"]] == ["absent"]
    listed = api("ListPreparedStatements", WorkGroup="primary")["PreparedStatements"]
    assert [each["StatementName"] for each in listed] == ["ps"]
    api.engine.answers["SELECT 1"] = outcome(("1",))
    api.run("SELECT 1")
    assert api.engine.submissions[0].prepared == {"ps": "SELECT ? + 1"}
    api("DeletePreparedStatement", **key)
    code, message, _ = expect_fault(api, "GetPreparedStatement", **key)
    assert (code, message) == ("ResourceNotFoundException", "PreparedStatement ps was not found")


def test_prepare_and_deallocate_are_statements_too(api: Api):
    for sql, prepared in (("PREPARE", ("ps", "SELECT ? AS x")), ("DEALLOCATE", ("ps", None))):
        api.engine.kinds[sql] = ("DDL", sql)
        api.engine.answers[sql] = lambda prepared=prepared: outcome(columns=(), prepared=prepared)
    assert api.run("PREPARE")["Status"]["State"] == "SUCCEEDED"
    key = {"StatementName": "ps", "WorkGroup": "primary"}
    assert api("GetPreparedStatement", **key)["PreparedStatement"]["QueryStatement"] == "SELECT ? AS x"
    assert api.run("DEALLOCATE")["Status"]["State"] == "SUCCEEDED"
    assert expect_fault(api, "GetPreparedStatement", **key)[0] == "ResourceNotFoundException"
    status = api.run("DEALLOCATE")["Status"]
    assert (status["State"], status["AthenaError"]["ErrorCategory"]) == ("FAILED", 2)
    assert status["StateChangeReason"] == "PreparedStatement ps was not found"


def test_the_data_catalog_is_glues(api: Api):
    glue = {
        "TableInput": {
            "Name": "reviews",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "csv"},
            "PartitionKeys": [{"Name": "day", "Type": "date"}],
            "StorageDescriptor": {
                "Columns": [{"Name": "id", "Type": "bigint", "Comment": "unique"}],
                "Location": f"s3://{BUCKET}/reviews/",
                "SerdeInfo": {"SerializationLibrary": "x.Serde", "Parameters": {"field.delim": ","}},
            },
        }
    }
    api.moto.call("glue", "CreateDatabase", {"DatabaseInput": {"Name": "flights", "Description": "all"}})
    api.moto.call("glue", "CreateTable", {"DatabaseName": "flights", **glue})
    catalog = {"CatalogName": "AwsDataCatalog"}
    assert api("ListDataCatalogs")["DataCatalogsSummary"][0]["CatalogName"] == "AwsDataCatalog"
    assert api("GetDataCatalog", Name="awsdatacatalog")["DataCatalog"]["Type"] == "GLUE"
    databases = api("ListDatabases", **catalog)["DatabaseList"]
    assert [(each["Name"], each.get("Description")) for each in databases] == [
        ("default", None),
        ("flights", "all"),
    ]
    assert api("GetDatabase", **catalog, DatabaseName="flights")["Database"]["Name"] == "flights"
    table = api("GetTableMetadata", **catalog, DatabaseName="flights", TableName="Reviews")["TableMetadata"]
    assert table["Columns"] == [{"Name": "id", "Type": "bigint", "Comment": "unique"}]
    assert table["PartitionKeys"] == [{"Name": "day", "Type": "date"}]
    assert table["Parameters"] == {
        "classification": "csv",
        "location": f"s3://{BUCKET}/reviews/",
        "serde.serialization.lib": "x.Serde",
        "serde.param.field.delim": ",",
    }
    tables = {"CatalogName": "AwsDataCatalog", "DatabaseName": "flights"}
    for expression, names in (("rev.*", ["reviews"]), ("rev", []), (None, ["reviews"])):
        asked = tables if expression is None else {**tables, "Expression": expression}
        assert [each["Name"] for each in api("ListTableMetadata", **asked)["TableMetadataList"]] == names
    assert (
        "is not a regular expression" in expect_fault(api, "ListTableMetadata", **tables, Expression="(")[1]
    )
    assert expect_fault(api, "GetDatabase", **catalog, DatabaseName="absent")[0] == "MetadataException"
    assert expect_fault(api, "GetTableMetadata", **tables, TableName="absent")[0] == "MetadataException"
    assert expect_fault(api, "ListDatabases", CatalogName="hive")[2] == "DATACATALOG_NOT_FOUND"
