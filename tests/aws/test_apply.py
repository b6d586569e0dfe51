"""Steps as the requests they stand for; and no request that the source can make goes unseen."""

from pathlib import Path
from typing import get_args

import answers
import pytest
from answers import ABSENT
from every_step import all_steps, applied, body, put_down
from stubbed import FakeTime, Stubbed

from kedro_aws_plugin.errors import AwsError, ServingError
from kedro_aws_plugin.plan import steps
from kedro_aws_plugin.plan.steps import Step


@pytest.mark.parametrize("kind", get_args(Step), ids=lambda kind: kind.__name__)
def test_a_step_sends_the_request_that_a_dry_run_shows(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, kind: type[Step]
) -> None:
    step = all_steps(tmp_path)[kind]
    expected = put_down(stubbed, step)
    assert applied(stubbed, time, step) == ([expected], [f"begin {step}", f"end {step}: {expected}"])


def test_the_first_error_ends_it_and_names_the_step(stubbed: Stubbed, time: FakeTime, tmp_path: Path) -> None:
    every = all_steps(tmp_path)
    put_down(stubbed, every[steps.CreateModel])
    stubbed.refuses("CreateEndpointConfig", "ResourceLimitExceeded", "The account-level service limit is 0")
    with pytest.raises(AwsError) as refused:
        applied(
            stubbed,
            time,
            *(every[kind] for kind in (steps.CreateModel, steps.CreateEndpointConfig, steps.CreateEndpoint)),
        )
    assert refused.value.message == (
        "Could not create endpoint config flights-1: an AWS quota is used up "
        "(The account-level service limit is 0). Delete what is not needed (kedro aws destroy), "
        "or raise the quota in Service Quotas."
    )
    assert stubbed.requests.changing == ["CreateModel", "CreateEndpointConfig"]


DELETIONS: dict[type[Step], str] = {
    steps.DeleteEndpoint: ABSENT["DescribeEndpoint"],
    steps.DeleteEndpointConfig: ABSENT["DescribeEndpointConfig"],
    steps.DeleteModel: ABSENT["DescribeModel"],
    steps.DeleteModelPackage: "ModelPackage flights/1 does not exist.",
    steps.DeleteModelPackageGroup: ABSENT["DescribeModelPackageGroup"],
}


@pytest.mark.parametrize("kind", DELETIONS, ids=lambda kind: kind.__name__)
def test_what_is_gone_already_need_not_be_deleted(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, kind: type[Step]
) -> None:
    step = all_steps(tmp_path)[kind]
    stubbed.refuses(step.operation, "ValidationException", DELETIONS[kind])
    assert applied(stubbed, time, step)[0] == [{"deleted": False}]
    stubbed.refuses(step.operation, "AccessDeniedException", "no", 403)
    with pytest.raises(AwsError, match=f"permission to call {step.operation}"):
        applied(stubbed, time, step)


def test_an_object_that_was_there_already_is_told_apart(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path
) -> None:
    stubbed.answers("HeadObject")
    results, _ = applied(stubbed, time, all_steps(tmp_path)[steps.UploadFile])
    assert results == [{"uri": "s3://flights-data/k", "written": False}]


@pytest.mark.parametrize("kind", [steps.CreateEndpointConfig, steps.CreateEndpoint, steps.UpdateEndpoint])
def test_what_was_made_a_moment_ago_may_not_be_seen_yet(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, kind: type[Step]
) -> None:
    step = all_steps(tmp_path)[kind]
    for _ in range(2):
        stubbed.refuses(step.operation, "ValidationException", ABSENT["DescribeModel"])
    expected = put_down(stubbed, step)
    assert applied(stubbed, time, step)[0] == [expected]
    assert time.seconds == 10
    for _ in range(8):
        stubbed.refuses(step.operation, "ValidationException", ABSENT["DescribeModel"])
    with pytest.raises(AwsError, match="Could not find model"):
        applied(stubbed, time, step)
    assert time.seconds == 45


def test_how_far_a_wait_is_is_told(stubbed: Stubbed, time: FakeTime, tmp_path: Path) -> None:
    step = all_steps(tmp_path)[steps.WaitForEndpoint]
    stubbed.answers("DescribeEndpoint", answers.endpoint("Creating"))
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    assert applied(stubbed, time, step)[1] == [f"begin {step}", "Creating", f"end {step}: {{}}"]


@pytest.mark.parametrize(
    ("answer", "shown"), [(b'{"p": [2]}', '{"p": [2]}'), (b"x" * 300, f"{'x' * 200}...")]
)
def test_another_answer_than_at_registration_is_an_error(
    stubbed: Stubbed, time: FakeTime, tmp_path: Path, answer: bytes, shown: str
) -> None:
    step = all_steps(tmp_path)[steps.InvokeEndpoint]
    stubbed.answers("InvokeEndpoint", body(answer))
    with pytest.raises(ServingError) as differs:
        applied(stubbed, time, step)
    assert differs.value.message == (
        "Endpoint flights is in service, but answers its sample payload differently than the model did "
        f'when it was registered: {shown} instead of {{"p": [1.0]}}. '
        "Compare the versions of Python and scikit-learn that register-model warned of."
    )


def test_an_answer_within_rounding_is_the_same(stubbed: Stubbed, time: FakeTime, tmp_path: Path) -> None:
    stubbed.answers("InvokeEndpoint", body(b'{"p":[1.0000000001]}'))
    results, _ = applied(stubbed, time, all_steps(tmp_path)[steps.InvokeEndpoint])
    assert results == [{"answer": '{"p":[1.0000000001]}'}]
