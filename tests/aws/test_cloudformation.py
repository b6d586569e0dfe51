"""A stack: looked up, changed, waited for, and why it failed."""

from pathlib import Path
from typing import Any

import answers
import pytest
from answers import ROLE, TAGS
from stubbed import FakeTime, Stubbed

from kedro_aws_plugin.apply import apply
from kedro_aws_plugin.aws.cloudformation import (
    find_role,
    observe_foundation,
    observe_stack,
    update_stack,
    wait_for_stack,
)
from kedro_aws_plugin.config import Athena, AwsConfig
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.bootstrap import plan_bootstrap
from kedro_aws_plugin.plan.observed import Foundation, Stack
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.stack import UpdateStack, WaitForStack
from kedro_aws_plugin.project.raw_data import list_raw_files

NAME = "kedro-aws-flights"
WAIT = WaitForStack(name=NAME)
CONFIG = AwsConfig(
    env="aws", target="aws", region="eu-west-1", bucket="flights", athena=Athena(database="flights")
)
ABSENT = ("DescribeStacks", "ValidationError", f"Stack with id {NAME} does not exist")


class Silent:
    """Nobody watches."""

    def begin(self, step: Step) -> None: ...

    def note(self, text: str) -> None: ...

    def end(self, step: Step, result: dict[str, Any]) -> None: ...


def is_now(stubbed: Stubbed, *statuses: str) -> None:
    for status in statuses:
        stubbed.answers("DescribeStacks", {"Stacks": [answers.stack(status)]}, {"StackName": NAME})


@pytest.mark.parametrize(
    "body",
    [
        "Resources: {Bucket: {Type: 'AWS::S3::Bucket'}}",
        '{"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}',
    ],
)
def test_a_stack_with_its_template_whatever_its_form(stubbed: Stubbed, body: str) -> None:
    is_now(stubbed, "CREATE_COMPLETE")
    stubbed.answers("GetTemplate", {"TemplateBody": body}, {"StackName": NAME})
    stubbed.answers("HeadBucket", {}, {"Bucket": "flights"})
    stubbed.answers(
        "ListObjectsV2",
        {"Contents": [{"Key": "data/raw/a.csv"}]},
        {"Bucket": "flights", "Prefix": "data/raw/"},
    )
    assert observe_foundation(stubbed.aws, "flights", "data/raw/") == Foundation(
        stack=Stack(
            name=NAME,
            status="CREATE_COMPLETE",
            template={"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}},
            tags=TAGS,
            outputs={"RoleArn": ROLE},
        ),
        bucket="own",
        keys=frozenset({"data/raw/a.csv"}),
    )


@pytest.mark.parametrize(("code", "state"), [("404", "absent"), ("403", "foreign")])
def test_without_a_stack_the_bucket_may_be_somebody_elses(stubbed: Stubbed, code: str, state: str) -> None:
    stubbed.refuses(*ABSENT)
    stubbed.refuses("HeadBucket", code, "", int(code))
    if code == "403":
        stubbed.refuses("ListObjectsV2", "AccessDenied", "Access Denied", 403)
    assert observe_foundation(stubbed.aws, "flights", "data/raw/") == Foundation(bucket=state)  # type: ignore[arg-type]


def test_the_role_is_an_output_of_the_stack(stubbed: Stubbed) -> None:
    is_now(stubbed, "UPDATE_COMPLETE")
    assert find_role(stubbed.aws, "flights") == ROLE
    stubbed.refuses(*ABSENT)
    assert find_role(stubbed.aws, "flights") is None


def test_what_is_no_answer_about_the_stack_is_an_error(stubbed: Stubbed) -> None:
    stubbed.refuses("DescribeStacks", "AccessDenied", "no", 403)
    with pytest.raises(AwsError, match="Ask for the permission to call DescribeStacks"):
        observe_stack(stubbed.aws, NAME)


def test_an_update_that_changes_nothing_is_none(stubbed: Stubbed) -> None:
    step = UpdateStack(name=NAME, template="Resources: {}", tags=TAGS)
    stubbed.answers("UpdateStack", {}, step.request())
    assert update_stack(stubbed.aws, step) is True
    stubbed.refuses("UpdateStack", "ValidationError", "No updates are to be performed.")
    assert update_stack(stubbed.aws, step) is False


def test_it_waits_until_the_stack_is_complete(stubbed: Stubbed, time: FakeTime) -> None:
    is_now(stubbed, "CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE")
    assert wait_for_stack(stubbed.aws, WAIT, time.clock(), time.notes.append) == {"RoleArn": ROLE}
    assert (time.seconds, time.notes) == (10.0, ["CREATE_IN_PROGRESS"] * 2)


def test_it_does_not_wait_for_ever(stubbed: Stubbed, time: FakeTime) -> None:
    is_now(stubbed, "UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
    with pytest.raises(AwsError, match="still UPDATE_IN_PROGRESS after 60 minutes"):
        wait_for_stack(stubbed.aws, WAIT, time.clock(interval=5000), time.notes.append)


def test_a_stack_that_somebody_deletes_meanwhile(stubbed: Stubbed, time: FakeTime) -> None:
    is_now(stubbed, "CREATE_IN_PROGRESS")
    stubbed.refuses(*ABSENT)
    with pytest.raises(AwsError, match="was deleted while this command waited for it"):
        wait_for_stack(stubbed.aws, WAIT, time.clock(), time.notes.append)


def test_the_first_resource_that_failed_is_named(stubbed: Stubbed, time: FakeTime) -> None:
    """CloudFormation lists the newest event first, those of earlier changes last."""
    is_now(stubbed, "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE")
    event = answers.stack_event
    newest = [
        event("ROLLBACK_COMPLETE"),
        event("CREATE_FAILED", "Database", "Resource creation cancelled"),
        event("CREATE_FAILED", "Workgroup", "Too late."),
    ]
    older = [
        event("CREATE_FAILED", "Bucket", "flights already exists."),
        event("CREATE_IN_PROGRESS", "Bucket"),
        event("CREATE_IN_PROGRESS"),
        event("UPDATE_FAILED", "Role", "of an earlier change"),
    ]
    stubbed.answers("DescribeStackEvents", {"StackEvents": newest, "NextToken": "t"}, {"StackName": NAME})
    stubbed.answers("DescribeStackEvents", {"StackEvents": older}, {"StackName": NAME, "NextToken": "t"})
    with pytest.raises(AwsError) as failed:
        wait_for_stack(stubbed.aws, WAIT, time.clock(), time.notes.append)
    assert failed.value.message == (
        "Stack kedro-aws-flights is ROLLBACK_COMPLETE: Bucket (AWS::S3::Bucket): flights already exists. "
        "Correct that and run the command again: it says what to do with the stack."
    )


def test_what_was_bootstrapped_is_unchanged(stubbed: Stubbed, time: FakeTime, tmp_path: Path) -> None:
    """The whole way twice: nothing is there, then what the first time sent is."""
    folder = tmp_path / "data" / "raw" / "reviews"
    folder.mkdir(parents=True)
    (folder / "reviews.csv").write_text("shuttle_id\n1\n")
    (folder / ".hidden").touch()
    files = list_raw_files(tmp_path)

    stubbed.refuses(*ABSENT)
    stubbed.refuses("HeadBucket", "404", "", 404)
    nothing = observe_foundation(stubbed.aws, "flights", "data/raw/")
    first = plan_bootstrap(CONFIG, "my_flights", files, nothing)
    stubbed.answers("CreateStack", {"StackId": answers.STACK_ID})
    is_now(stubbed, "CREATE_IN_PROGRESS", "CREATE_COMPLETE")
    stubbed.refuses("HeadObject", "404", "", 404)
    stubbed.answers("PutObject")
    results = apply(first, stubbed.aws, Silent(), time.clock())
    assert results[1:] == [
        {"outputs": {"RoleArn": ROLE}},
        {"uri": "s3://flights/data/raw/reviews/reviews.csv", "written": True},
    ]

    [created] = stubbed.requests.of("CreateStack")
    stubbed.requests.all.clear()
    stubbed.answers("DescribeStacks", {"Stacks": [answers.stack(Tags=created["Tags"])]})
    stubbed.answers("GetTemplate", {"TemplateBody": created["TemplateBody"]})
    stubbed.answers("HeadBucket")
    stubbed.answers("ListObjectsV2", {"Contents": [{"Key": "data/raw/reviews/reviews.csv"}]})
    made = observe_foundation(stubbed.aws, "flights", "data/raw/")
    again = plan_bootstrap(CONFIG, "my_flights", files, made)
    assert (again.steps, again.unchanged) == ((), f"stack {NAME}, role {ROLE}")
    assert stubbed.requests.changing == []
