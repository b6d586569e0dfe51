"""Requests of Glue in batches: their sizes, and items that Glue leaves undone."""

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from kedro_aws_plugin.aws.glue import Glue, Partition, TableVersion
from kedro_aws_plugin.errors import AwsError

NAME = {"DatabaseName": "shop", "TableName": "prices"}
STORAGE = {"Columns": [{"Name": "a", "Type": "int"}]}


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.session.Session("AKIATEST", "secret", region_name="eu-west-1").client("glue")


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def glue(client: Any, stubber: Stubber) -> Glue:  # noqa: ARG001 - the answers must be there first
    return Glue(client, "shop", "prices")


def partition(number: int) -> Partition:
    return Partition((str(number),), f"s3://flights/{number}/")


def found(number: int) -> dict[str, Any]:
    return {"Values": [str(number)], "StorageDescriptor": {"Location": f"s3://flights/{number}"}}


def written(number: int) -> dict[str, Any]:
    return {"Values": [str(number)], "StorageDescriptor": {**STORAGE, "Location": f"s3://flights/{number}/"}}


def error(number: int, code: str) -> dict[str, Any]:
    return {"PartitionValues": [str(number)], "ErrorDetail": {"ErrorCode": code, "ErrorMessage": "No."}}


def test_a_hundred_partitions_are_registered_at_once(glue: Glue, stubber: Stubber) -> None:
    for batch in (range(100), range(100, 101)):
        expected = {**NAME, "PartitionInputList": [written(number) for number in batch]}
        stubber.add_response("batch_create_partition", {}, expected)
    assert glue.create_partitions(map(partition, range(101)), STORAGE) == set()


def test_partitions_that_are_there_are_told_and_others_are_an_error(glue: Glue, stubber: Stubber) -> None:
    taken = {"Errors": [error(1, "AlreadyExistsException")]}
    stubber.add_response("batch_create_partition", taken)
    assert glue.create_partitions(map(partition, range(3)), STORAGE) == {("1",)}
    stubber.add_response("batch_create_partition", {"Errors": [error(2, "InternalServiceException")]})
    message = "Could not register the partition 2 of shop.prices: Glue answered InternalServiceException: No."
    with pytest.raises(AwsError, match=re.escape(message)):
        glue.create_partitions(map(partition, range(3)), STORAGE)


def test_a_hundred_partitions_are_changed_at_once(glue: Glue, stubber: Stubber) -> None:
    for batch in (range(100), range(100, 102)):
        entries = [{"PartitionValueList": [str(one)], "PartitionInput": written(one)} for one in batch]
        stubber.add_response("batch_update_partition", {}, {**NAME, "Entries": entries})
    glue.update_partitions(map(partition, range(102)), STORAGE)
    refused = {"PartitionValueList": ["1"], "ErrorDetail": {"ErrorCode": "EntityNotFoundException"}}
    stubber.add_response("batch_update_partition", {"Errors": [refused]})
    with pytest.raises(AwsError, match=r"Could not change the partition 1 of shop\.prices"):
        glue.update_partitions([partition(1)], STORAGE)


def test_twenty_five_partitions_are_unregistered_at_once(glue: Glue, stubber: Stubber) -> None:
    for batch in (range(25), range(25, 26)):
        values = [{"Values": [str(number)]} for number in batch]
        stubber.add_response("batch_delete_partition", {}, {**NAME, "PartitionsToDelete": values})
    glue.delete_partitions(map(partition, range(26)))
    stubber.add_response("batch_delete_partition", {"Errors": [error(1, "EntityNotFoundException")]})
    glue.delete_partitions([partition(1)])
    stubber.add_response("batch_delete_partition", {"Errors": [error(1, "InternalServiceException")]})
    with pytest.raises(AwsError, match=r"Could not unregister the partition 1 of shop\.prices"):
        glue.delete_partitions([partition(1)])


def test_keys_that_glue_left_are_asked_for_again(glue: Glue, stubber: Stubber) -> None:
    left = [{"Values": ["1"]}]
    stubber.add_response("batch_get_partition", {"Partitions": [found(0)], "UnprocessedKeys": left})
    stubber.add_response("batch_get_partition", {"Partitions": [found(1)]}, {**NAME, "PartitionsToGet": left})
    assert glue.find_partitions([("0",), ("1",)]) == [partition(0), partition(1)]
    stubber.add_response("batch_get_partition", {"UnprocessedKeys": left})
    with pytest.raises(AwsError, match="Glue left all 1 of a request unanswered"):
        glue.find_partitions([("1",)])


def test_every_page_of_partitions_is_read(glue: Glue, stubber: Stubber) -> None:
    request = {**NAME, "ExcludeColumnSchema": True, "Expression": "a > 1"}
    stubber.add_response("get_partitions", {"Partitions": [found(2)], "NextToken": "n"}, request)
    stubber.add_response("get_partitions", {"Partitions": [found(3)]}, {**request, "NextToken": "n"})
    assert glue.list_partitions("a > 1") == [partition(2), partition(3)]


def test_a_change_is_refused_after_somebody_else_s(glue: Glue, stubber: Stubber) -> None:
    definition = {"Name": "prices", "StorageDescriptor": STORAGE}
    answer = {**definition, "DatabaseName": "shop", "VersionId": "7", "CreatedBy": "me"}
    stubber.add_response("get_table", {"Table": answer})
    table = glue.get_table()
    assert table == TableVersion(definition, "7")
    request = {"DatabaseName": "shop", "TableInput": definition, "VersionId": "7", "SkipArchive": True}
    stubber.add_response("update_table", {}, request)
    assert glue.update_table(table.definition, table.version)
    stubber.add_client_error("update_table", "ConcurrentModificationException")
    assert not glue.update_table(table.definition, table.version)
    stubber.add_client_error("create_table", "AlreadyExistsException")
    assert not glue.create_table(definition)


def test_absence_and_refusal_are_told_apart(glue: Glue, stubber: Stubber) -> None:
    stubber.add_client_error("get_table", "EntityNotFoundException")
    assert glue.get_table() is None
    stubber.add_client_error("get_table", "AccessDeniedException", "no glue:GetTable")
    with pytest.raises(
        AwsError, match=r"look up the table shop\.prices: AWS does not allow it \(no glue:GetTable"
    ):
        glue.get_table()
    stubber.add_client_error("create_table", "EntityNotFoundException")
    with pytest.raises(
        AwsError, match=r"the Glue database `shop` does not exist\. Create it with `kedro aws boot"
    ):
        glue.create_table({"Name": "prices"})
    for refused in ("create_table", "update_table"):
        stubber.add_client_error(refused, "AccessDeniedException")
    with pytest.raises(AwsError, match="create the table"):
        glue.create_table({"Name": "prices"})
    with pytest.raises(AwsError, match="change the table"):
        glue.update_table({"Name": "prices"}, None)
