"""Stacks, after a kill and a stop."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from lasting import Lasting

pytestmark = pytest.mark.slow
TEMPLATE = {
    "Resources": {"Data": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "kept-data"}}},
    "Outputs": {"Bucket": {"Value": {"Ref": "Data"}}},
}


def test_a_stack_is_kept_until_it_is_deleted(lasting: Lasting) -> None:
    lasting.client("cloudformation").create_stack(
        StackName="kept", TemplateBody=json.dumps(TEMPLATE), Tags=[{"Key": "a", "Value": "b"}]
    )
    before = lasting.client("cloudformation").describe_stacks(StackName="kept")["Stacks"]
    lasting.kill()
    assert lasting.client("cloudformation").describe_stacks(StackName="kept")["Stacks"] == before
    lasting.stop()
    stacks = lasting.client("cloudformation")
    assert json.loads(json.dumps(stacks.get_template(StackName="kept")["TemplateBody"])) == TEMPLATE
    stacks.delete_stack(StackName="kept")
    assert lasting.client("s3").list_buckets()["Buckets"] == []
    lasting.kill()
    with pytest.raises(ClientError, match="does not exist"):
        lasting.client("cloudformation").describe_stacks(StackName="kept")


MANY = 60


def many(start: str, description: str, *others: dict[str, Any]) -> str:
    """A template of so many databases that a server can be killed among them."""
    databases = {
        f"D{number:03}": {
            "Type": "AWS::Glue::Database",
            "Properties": {
                "CatalogId": {"Ref": "AWS::AccountId"},
                "DatabaseInput": {"Name": f"{start}_{number}", "Description": description},
            },
        }
        for number in range(MANY)
    }
    return json.dumps({"Resources": {**databases, **{f"O{n}": each for n, each in enumerate(others)}}})


def kill_in_the_middle(
    lasting: Lasting, change: Callable[[], object], is_amid: Callable[[Any], bool]
) -> None:
    """Kill the server when it has kept a part of a change."""

    def send() -> None:
        with suppress(BotoCoreError):
            change()

    sender = threading.Thread(target=send)
    sender.start()
    deadline = time.monotonic() + 60
    while not is_amid(read_kept(lasting)):
        assert sender.is_alive(), "the change was done before the server could be killed"
        assert time.monotonic() < deadline
    lasting.kill()
    sender.join()


def read_kept(lasting: Lasting) -> dict[str, Any]:
    [file] = lasting.state_dir.rglob("services.sqlite")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        found = database.execute("SELECT value FROM entries WHERE room = 'cloudformation'").fetchall()
    return json.loads(found[0][0]) if found else {"StackStatus": "", "Resources": {}}


def list_databases(lasting: Lasting) -> dict[str, str]:
    pages = lasting.client("glue").get_paginator("get_databases").paginate()
    return {each["Name"]: each["Description"] for page in pages for each in page["DatabaseList"]}


def describe(lasting: Lasting) -> tuple[str, str]:
    [stack] = lasting.client("cloudformation").describe_stacks(StackName="kept")["Stacks"]
    return stack["StackStatus"], stack.get("StackStatusReason", "")


def test_a_stack_whose_change_was_killed_is_settled(lasting: Lasting) -> None:
    """As on AWS, no stack is in progress for ever: it is rolled back, and can be made again."""
    first = lasting.client("cloudformation")
    template = many("one", "first", TEMPLATE["Resources"]["Data"])
    kill_in_the_middle(
        lasting,
        lambda: first.create_stack(StackName="kept", TemplateBody=template),
        lambda kept: kept["StackStatus"] == "CREATE_IN_PROGRESS" and len(kept["Resources"]) > 5,
    )
    ended = "The local AWS ended meanwhile."
    assert describe(lasting) == ("ROLLBACK_COMPLETE", ended)
    assert list_databases(lasting) == {}
    assert lasting.client("s3").list_buckets()["Buckets"] == []

    second = lasting.client("cloudformation")
    second.delete_stack(StackName="kept")
    second.create_stack(StackName="kept", TemplateBody=template)
    assert describe(lasting)[0] == "CREATE_COMPLETE"
    kill_in_the_middle(
        lasting,
        lambda: second.update_stack(StackName="kept", TemplateBody=many("one", "second")),
        lambda kept: any("Changing" in each for each in kept["Resources"].values()),
    )
    assert describe(lasting) == ("UPDATE_ROLLBACK_COMPLETE", ended)
    assert set(list_databases(lasting).values()) == {"first"}
    assert lasting.client("cloudformation").get_template(StackName="kept")["TemplateBody"] == json.loads(
        template
    )

    third = lasting.client("cloudformation")
    third.update_stack(StackName="kept", TemplateBody=many("one", "third"))
    assert describe(lasting) == ("UPDATE_COMPLETE", "")
    kill_in_the_middle(
        lasting,
        lambda: third.delete_stack(StackName="kept"),
        lambda kept: kept["StackStatus"] == "DELETE_IN_PROGRESS" and len(kept["Resources"]) < MANY - 5,
    )
    with pytest.raises(ClientError, match="does not exist"):
        describe(lasting)
    assert list_databases(lasting) == {}
