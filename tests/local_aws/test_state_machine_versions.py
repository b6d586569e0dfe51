"""How many versions a state machine has."""

import threading
from typing import Any, cast

import pytest
from local_cloud import ROLE
from state_machines import chain, define

from local_aws.kept.tables import open_nothing
from local_aws.protocol.messages import AwsFault
from local_aws.stepfunctions import machines
from local_aws.stepfunctions.machines import Machines
from local_aws.stepfunctions.store import Store

REGION = "eu-west-1"


def define_number(number: int) -> str:
    return define(chain(one={"Type": "Pass", "Output": number}))


def test_unused_versions_are_deleted_before_there_are_more_than_a_thousand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert machines.MAX_VERSIONS == 1000
    monkeypatch.setattr(machines, "MAX_VERSIONS", 3)
    made = Machines(Store(open_nothing), cast(Any, threading))
    asked = {"name": "mine", "definition": define_number(0), "roleArn": ROLE, "publish": True}
    arn = made.create(REGION, asked)["stateMachineArn"]

    def update(number: int) -> Any:
        return made.update(
            REGION, {"stateMachineArn": arn, "definition": define_number(number), "publish": True}
        )

    assert [update(number)["stateMachineVersionArn"] for number in (1, 2)] == [f"{arn}:2", f"{arn}:3"]
    for _ in range(2):
        with pytest.raises(AwsFault) as refused:
            update(3)
        assert (refused.value.code, refused.value.status) == ("ServiceQuotaExceededException", 402)
    shown = made.describe(REGION, {"stateMachineArn": arn})
    assert shown["definition"] == define_number(2), "what is refused changes nothing"
    made.delete_version(REGION, {"stateMachineVersionArn": f"{arn}:1"})
    assert update(3)["stateMachineVersionArn"] == f"{arn}:4"
