"""Steps as the requests they stand for; and no request that the source can make goes unseen."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import answers
import pytest
from answers import ABSENT
from case_plans import step_classes
from every_step import ANSWER_KEY, CHECK, Told, all_steps, apply_steps, body, put_down
from stubbed import FakeTime, Stubbed, Values

from kedro_aws_plugin.apply import apply
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AwsError, ConflictError, ServingError
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import PlainStep, Ref, registry, s3, serving
from kedro_aws_plugin.plan.steps.any_step import Step

EVERY = step_classes().values()
PLAIN = [kind for kind in EVERY if issubclass(kind, PlainStep)]
by_name = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)


@by_name
def test_a_step_sends_the_requests_that_a_dry_run_shows(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, kind: type[Step]
) -> None:
    step = all_steps(tmp_path)[kind]
    expected = put_down(stubbed, step)
    results, told = apply_steps(stubbed, time, step)
    assert (results, told[0], told[-1]) == ([expected], f"begin {step}", f"end {step}: {expected}")
    sent = [(each.service, each.operation, without_the_unknown(each.params)) for each in stubbed.requests.all]
    shown = [
        (step.service_of(operation), operation, without_the_unknown(request))
        for operation, request in step.requests()
    ]
    assert sent == shown


def without_the_unknown(request: Values) -> Values:
    """A dry run describes a file where its bytes are sent, and what only AWS's answer gives."""
    made = {"ModelPackageName": "<ARN>"} if "ModelPackageName" in request else {}
    if request.get("Key") in (ANSWER_KEY, "<key of OutputLocation>"):
        return {"OutputLocation": "<URI>"}
    return {**request, **({"Body": "<file>"} if "IfNoneMatch" in request else {}), **made}


@by_name
def test_a_step_says_which_results_it_gives(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, kind: type[Step]
) -> None:
    """References to results are checked by these names when a plan is made."""
    step = all_steps(tmp_path)[kind]
    put_down(stubbed, step)
    [result] = apply_steps(stubbed, time, step)[0]
    assert set(step.results) <= set(result)


def test_the_first_error_ends_it_and_names_the_step(stubbed: Stubbed, time: FakeTime, tmp_path: Path) -> None:
    every = all_steps(tmp_path)
    put_down(stubbed, every[serving.CreateModel])
    stubbed.refuses("CreateEndpointConfig", "ResourceLimitExceeded", "The account-level service limit is 0")
    with pytest.raises(AwsError) as refused:
        apply_steps(
            stubbed,
            time,
            *(
                every[kind]
                for kind in (serving.CreateModel, serving.CreateEndpointConfig, serving.CreateEndpoint)
            ),
        )
    assert refused.value.message == (
        "Could not create endpoint config flights-1: an AWS quota is used up "
        "(The account-level service limit is 0). Delete an endpoint that is not needed "
        "(kedro aws destroy --endpoint NAME), "
        "or raise the quota in Service Quotas."
    )
    assert stubbed.requests.changing == ["CreateModel", "CreateEndpointConfig"]


DELETIONS: dict[type[Step], str] = {
    **{kind: "It does not exist." for kind in PLAIN if kind.absent_is_done},
    serving.DeleteEndpoint: ABSENT["DescribeEndpoint"],
    serving.DeleteEndpointConfig: ABSENT["DescribeEndpointConfig"],
    serving.DeleteModel: ABSENT["DescribeModel"],
    registry.DeleteModelPackage: "ModelPackage flights/1 does not exist.",
    registry.DeleteModelPackageGroup: ABSENT["DescribeModelPackageGroup"],
}


@pytest.mark.parametrize("kind", DELETIONS, ids=lambda kind: kind.__name__)
def test_what_is_gone_already_need_not_be_deleted(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, kind: type[Step]
) -> None:
    step = all_steps(tmp_path)[kind]
    stubbed.refuses(step.operation, "ValidationException", DELETIONS[kind])
    assert apply_steps(stubbed, time, step)[0] == [{"deleted": False}]
    stubbed.refuses(step.operation, "AccessDeniedException", "no", 403)
    with pytest.raises(AwsError, match=f"permission to call {step.operation}"):
        apply_steps(stubbed, time, step)


def test_no_other_step_takes_what_is_gone_for_done(stubbed: Stubbed, time: FakeTime, tmp_path: Path) -> None:
    stubbed.refuses("UpdateModelPackage", "ValidationException", "ModelPackage flights/1 does not exist.")
    with pytest.raises(AwsError, match="does not exist"):
        apply_steps(stubbed, time, all_steps(tmp_path)[registry.UpdateModelPackage])
    assert time.seconds == 0


def test_an_object_that_was_there_already_is_told_apart(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path
) -> None:
    stubbed.answers("HeadObject")
    results, _ = apply_steps(stubbed, time, all_steps(tmp_path)[s3.UploadFile])
    assert results == [{"uri": "s3://flights-data/k", "written": False}]


NAMING_WHAT_IS_NEW: dict[type[Step], None] = dict.fromkeys(
    [serving.CreateEndpointConfig, serving.CreateEndpoint, serving.UpdateEndpoint]
    + [kind for kind in PLAIN if kind.retry_while_absent]
)


@pytest.mark.parametrize("kind", NAMING_WHAT_IS_NEW, ids=lambda kind: kind.__name__)
def test_what_was_made_a_moment_ago_may_not_be_seen_yet(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, kind: type[Step]
) -> None:
    step = all_steps(tmp_path)[kind]
    for _ in range(2):
        stubbed.refuses(step.operation, "ValidationException", ABSENT["DescribeModel"])
    expected = put_down(stubbed, step)
    assert apply_steps(stubbed, time, step)[0] == [expected]
    assert time.seconds == 10
    for _ in range(8):
        stubbed.refuses(step.operation, "ValidationException", ABSENT["DescribeModel"])
    with pytest.raises(AwsError, match="Could not find model"):
        apply_steps(stubbed, time, step)
    assert time.seconds == 45


def test_how_far_a_wait_is_is_told(stubbed: Stubbed, time: FakeTime, tmp_path: Path) -> None:
    step = all_steps(tmp_path)[serving.WaitForEndpoint]
    stubbed.answers("DescribeEndpoint", answers.endpoint("Creating"))
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    assert apply_steps(stubbed, time, step)[1] == [f"begin {step}", "Creating", f"end {step}: {{}}"]


@pytest.mark.parametrize(("answer", "shown"), [(b'{"p": [2]}', '{"p": [2]}'), (b"x" * 300, f"{'x' * 90}...")])
def test_another_answer_than_at_registration_is_an_error(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, answer: bytes, shown: str
) -> None:
    step = all_steps(tmp_path)[serving.InvokeEndpoint]
    stubbed.answers("InvokeEndpoint", body(answer))
    with pytest.raises(ServingError) as differs:
        apply_steps(stubbed, time, step)
    assert differs.value.message == (
        "Endpoint flights answers its sample payload differently than the model did when it was "
        f'registered: it answers {shown} instead of {{"p": [1.0]}}. '
        "Compare the versions that register-model warned of."
    )


def test_an_answer_within_rounding_is_the_same(stubbed: Stubbed, time: FakeTime, tmp_path: Path) -> None:
    stubbed.answers("InvokeEndpoint", body(b'{"p":[1.0000000001]}'))
    results, _ = apply_steps(stubbed, time, all_steps(tmp_path)[serving.InvokeEndpoint])
    assert results == [{"answer": '{"p":[1.0000000001]}'}]


def register_approve_and_serve(tmp_path: Path) -> tuple[Step, ...]:
    """Steps whose requests need the ARN of a version that only AWS numbers."""
    every = all_steps(tmp_path)
    package = replace(every[registry.CreateModelPackage], approval="PendingManualApproval", metrics=None)
    arn = Ref(package, "arn")
    approve = registry.UpdateModelPackage(arn=arn, approval="Approved")
    model = serving.CreateModel(name="flights-m", package=arn, role_arn=answers.ROLE, tags=answers.TAGS)
    return every[registry.CreateModelPackageGroup], package, approve, model


def test_a_later_step_is_sent_the_result_of_an_earlier_one(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path
) -> None:
    group, package, approve, model = register_approve_and_serve(tmp_path)
    arn = answers.package_arn(7)
    put_down(stubbed, group)
    stubbed.answers("CreateModelPackage", {"ModelPackageArn": arn})
    stubbed.answers("DescribeModelPackage", answers.package(7))
    stubbed.answers("UpdateModelPackage", {"ModelPackageArn": arn})
    stubbed.answers("CreateModel", {"ModelArn": f"{answers.ACCOUNT}:model/flights-m"})
    _, lines = apply_steps(stubbed, time, group, package, approve, model)
    [approved], [created] = (stubbed.requests.of(each) for each in ("UpdateModelPackage", "CreateModel"))
    assert (approved["ModelPackageArn"], created["PrimaryContainer"]) == (arn, {"ModelPackageName": arn})
    # From then on the step is told by what it really does.
    assert "begin set model-package/flights/7 to Approved" in lines
    assert "begin create model flights-m of model-package/flights/7" in lines


@pytest.mark.slow
@pytest.mark.usefixtures("requests_sent")
def test_a_plan_with_references_against_the_local_aws(local_aws: Any, time: FakeTime, tmp_path: Path) -> None:
    sagemaker = local_aws.client("sagemaker")
    aws = Aws("local", "eu-west-1", {"sagemaker": sagemaker})
    plan = Plan(title="t", steps=register_approve_and_serve(tmp_path), unchanged="")
    results = apply(plan, aws, Told(), time.clock())
    arn = results[1]["arn"]
    assert arn.endswith(":model-package/flights/1")
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Approved"
    model = sagemaker.describe_model(ModelName="flights-m")
    assert (model["ModelArn"], model["PrimaryContainer"]["ModelPackageName"]) == (results[3]["arn"], arn)


def test_a_failed_check_is_marked_and_the_former_config_checked_too(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("InvokeEndpoint", body(b'{"p": [3.0]}'), CHECK.sent.request())
    stubbed.answers("DescribeEndpoint", answers.endpoint("InService", "flights-2"))
    mark = {"Key": "kedro-aws:failed-check/flights-2", "Value": "it answers p : 3.0 instead of p : 1.0"}
    stubbed.answers("AddTags", {"Tags": []}, {"ResourceArn": CHECK.arn, "Tags": [mark]})
    stubbed.answers("UpdateEndpoint", {"EndpointArn": str(CHECK.arn)})
    stubbed.answers("DescribeEndpoint", answers.endpoint("InService", "flights-1"))
    (former_check,) = CHECK.former_checks
    stubbed.answers("InvokeEndpoint", body(b'{"p": [2.0]}'), former_check.request())
    with pytest.raises(ServingError) as failed:
        apply_steps(stubbed, time, CHECK)
    assert failed.value.message == (
        "Version 2 of flights failed its check on endpoint flights: it answers p : 3.0 instead of p : 1.0. "
        "It serves flights-1 instead. Its log: kedro aws logs flights. "
        "Compare the versions that register-model warned of. "
        "Deploy another version, or try this one again with --again."
    )


def test_going_back_may_fail_too(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("InvokeEndpoint", body(b'{"p": [3.0]}'))
    stubbed.answers("DescribeEndpoint", answers.endpoint("InService", "flights-2"))
    stubbed.answers("AddTags", {"Tags": []})
    stubbed.refuses("UpdateEndpoint", "AccessDeniedException", "no", 403)
    with pytest.raises(ServingError, match=r"from that failed too: Could not update endpoint flights to fl"):
        apply_steps(stubbed, time, CHECK)


def test_a_mark_that_cannot_be_written_keeps_nobody_from_going_back(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("InvokeEndpoint", body(b'{"p": [3.0]}'))
    stubbed.answers("DescribeEndpoint", answers.endpoint("InService", "flights-2"))
    stubbed.refuses("AddTags", "AccessDeniedException", "no", 403)
    stubbed.answers("UpdateEndpoint", {"EndpointArn": str(CHECK.arn)})
    stubbed.answers("DescribeEndpoint", answers.endpoint("InService", "flights-1"))
    stubbed.answers("InvokeEndpoint", body(b'{"p": [2.0]}'))
    with pytest.raises(ServingError, match="from that failed too: Could not tag endpoint/flights with"):
        apply_steps(stubbed, time, CHECK)
    assert stubbed.requests.changing == ["AddTags", "UpdateEndpoint"]


def test_what_somebody_else_has_deployed_meanwhile_is_left_alone(stubbed: Stubbed, time: FakeTime) -> None:
    stubbed.answers("InvokeEndpoint", body(b'{"p": [3.0]}'))
    stubbed.answers("DescribeEndpoint", answers.endpoint("InService", "flights-3"))
    with pytest.raises(ServingError, match="But the endpoint serves flights-3 by now: somebody else"):
        apply_steps(stubbed, time, CHECK)
    assert stubbed.requests.changing == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "ValidationException",
            'Cannot create already existing model "arn:aws:sagemaker:eu-west-1:1:model/m".',
        ),
        (
            "ValidationException",
            'Cannot update in-progress endpoint "arn:aws:sagemaker:eu-west-1:1:endpoint/e".',
        ),
        ("ResourceInUse", "Resource Already Exists"),
        ("ConflictException", "The package group is being changed"),
    ],
)
def test_somebody_else_was_quicker(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, code: str, message: str
) -> None:
    stubbed.refuses("CreateModel", code, message)
    with pytest.raises(ConflictError):
        apply_steps(stubbed, time, all_steps(tmp_path)[serving.CreateModel])


def test_a_plan_may_end_with_an_error(stubbed: Stubbed, time: FakeTime) -> None:
    plan = Plan(title="t", steps=(), unchanged="", failure="Version 2 of flights failed its check.")
    with pytest.raises(ServingError, match=r"^Version 2 of flights failed its check\.$"):
        apply(plan, stubbed.aws, Told(), time.clock())
