"""Several register the same model, or two models, at the same time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import answers
import pytest
from answers import package_arn
from every_step import Told, all_steps, apply_steps
from stubbed import FakeTime, Stubbed

from kedro_aws_plugin.apply import apply
from kedro_aws_plugin.aws.clock import Clock, begin_anew_on_conflict
from kedro_aws_plugin.aws.sagemaker.registry import observe_group
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AwsError, ConflictError
from kedro_aws_plugin.plan.observed import ModelPackage, RegisteredGroup
from kedro_aws_plugin.plan.register import Candidate, Registration, plan_registration
from kedro_aws_plugin.plan.steps import Service
from kedro_aws_plugin.plan.steps.registry import CreateModelPackage

BUCKET = "flights-data"
ABSENT = f"ModelPackage {package_arn(1)} does not exist."


def make_candidate(folder: Path, content: str) -> Candidate:
    archive = folder / f"{content}.tar.gz"
    archive.write_text(content)
    return Candidate(
        entry="regressor",
        version="2026-11-21T10.00.00.000Z",
        archive=archive,
        size=len(content),
        sha256=content * 64,
        content_sha256=content * 64,
        image="141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
        framework_version="1.4-2",
        properties={"git_sha": "0a"},
    )


def make_target(*, approve: bool = False) -> Registration:
    return Registration(
        group="flights", bucket=BUCKET, region="eu-west-1", approve=approve, tags=answers.TAGS
    )


@pytest.fixture
def register(local_aws: Any) -> Callable[[list[tuple[Candidate, bool]]], list[str]]:
    """Register all at once: each looks before anyone has made anything."""
    services: tuple[Service, ...] = ("sagemaker", "s3")  # a client may be used by many threads
    aws = Aws("local", "eu-west-1", {name: local_aws.client(name) for name in services})
    aws.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def register_all(wanted: list[tuple[Candidate, bool]]) -> list[str]:
        looked = threading.Barrier(len(wanted))

        def one(candidate: Candidate, approve: bool) -> str:
            first = True

            def attempt() -> str:
                nonlocal first
                plan = plan_registration(
                    make_target(approve=approve), candidate, observe_group(aws, "flights")
                )
                if first:
                    looked.wait(timeout=120)
                first = False
                results = apply(plan, aws, Told(), Clock(interval=0.1))
                return results[-1]["arn"] if results else plan.unchanged.split(" ")[0]

            return begin_anew_on_conflict(attempt, Clock(interval=0.1), lambda _: None)

        with ThreadPoolExecutor(len(wanted)) as pool:
            return list(pool.map(lambda each: one(*each), wanted))

    return register_all


def list_packages(local_aws: Any) -> dict[str, str]:
    found = local_aws.client("sagemaker").list_model_packages(ModelPackageGroupName="flights")
    return {each["ModelPackageArn"]: each["ModelApprovalStatus"] for each in found["ModelPackageSummaryList"]}


def test_eight_make_one_group_and_one_package(local_aws: Any, register: Any, tmp_path: Path) -> None:
    arns = register([(make_candidate(tmp_path, "a"), False)] * 8)
    assert set(arns) == set(list_packages(local_aws))
    assert len(set(arns)) == 1


def test_two_models_make_two_packages(local_aws: Any, register: Any, tmp_path: Path) -> None:
    models = [make_candidate(tmp_path, content) for content in "ab"]
    arns = register([(models[number % 2], False) for number in range(8)])
    assert set(arns) == set(list_packages(local_aws))
    assert len(set(arns[::2])) == len(set(arns[1::2])) == 1
    assert arns[0] != arns[1]


def test_who_approves_and_who_does_not_make_one_package_that_is_approved(
    local_aws: Any, register: Any, tmp_path: Path
) -> None:
    model = make_candidate(tmp_path, "a")
    arns = register([(model, number % 2 == 0) for number in range(8)])
    assert list_packages(local_aws) == {arns[0]: "Approved"}
    assert len(set(arns)) == 1


def test_a_registration_that_failed_has_used_up_its_token(tmp_path: Path) -> None:
    model = make_candidate(tmp_path, "a")

    def token(*statuses: str) -> str:
        group = RegisteredGroup(
            name="flights",
            exists=True,
            packages=tuple(
                replace(observed_package(number), status=status, description=f"regressor, content {'a' * 16}")
                for number, status in enumerate(statuses, start=1)
            ),
        )
        [step] = [
            each
            for each in plan_registration(make_target(), model, group).steps
            if isinstance(each, CreateModelPackage)
        ]
        return step.token

    assert len({token(), token("InProgress")}) == 1, "another process has begun, and is as good"
    assert len({token(), token("Failed"), token("Failed", "Failed")}) == 3


def observed_package(version: int) -> ModelPackage:
    return ModelPackage(package_arn(version), "flights", version, "Approved", "", "2026-01-02")


@pytest.fixture
def step(tmp_path: Path) -> CreateModelPackage:
    made = all_steps(tmp_path)[CreateModelPackage]
    assert isinstance(made, CreateModelPackage)
    return made


def test_a_version_deleted_since_is_registered_again(
    stubbed: Stubbed, time: FakeTime, step: CreateModelPackage
) -> None:
    """AWS may answer a known token with the version that it made once."""
    stubbed.answers("CreateModelPackage", {"ModelPackageArn": package_arn(1)})
    for _ in range(8):
        stubbed.refuses("DescribeModelPackage", "ValidationException", ABSENT)
    stubbed.answers("CreateModelPackage", {"ModelPackageArn": package_arn(2)})
    assert apply_steps(stubbed, time, step)[0] == [{"arn": package_arn(2)}]
    first, second = stubbed.requests.of("CreateModelPackage")
    assert first.pop("ClientToken") != second.pop("ClientToken")
    assert first == second


def test_a_version_that_is_not_seen_at_once_is_waited_for(
    stubbed: Stubbed, time: FakeTime, step: CreateModelPackage
) -> None:
    stubbed.answers("CreateModelPackage", {"ModelPackageArn": package_arn(1)})
    stubbed.refuses("DescribeModelPackage", "ValidationException", ABSENT)
    stubbed.answers("DescribeModelPackage", answers.package(1))
    assert apply_steps(stubbed, time, step)[0] == [{"arn": package_arn(1)}]
    assert time.seconds == 5


def test_who_may_not_look_takes_the_answer_at_its_word(
    stubbed: Stubbed, time: FakeTime, step: CreateModelPackage
) -> None:
    stubbed.answers("CreateModelPackage", {"ModelPackageArn": package_arn(1)})
    stubbed.refuses("DescribeModelPackage", "AccessDeniedException", "no", 403)
    assert apply_steps(stubbed, time, step)[0] == [{"arn": package_arn(1)}]


@pytest.mark.parametrize(("description", "again"), [("regressor, content 0a", False), ("other", True)])
def test_a_token_used_with_other_options(
    stubbed: Stubbed, time: FakeTime, step: CreateModelPackage, description: str, again: bool
) -> None:
    """Either somebody registers the same model at this moment, or its version was deleted since."""
    stubbed.refuses("CreateModelPackage", "ConflictException", "The ClientToken was used before.")
    stubbed.answers("DescribeModelPackageGroup", answers.group())
    listed = {**answers.package_summary(1), "ModelPackageDescription": description}
    stubbed.answers("ListModelPackages", {"ModelPackageSummaryList": [listed]})
    if again:
        stubbed.answers("CreateModelPackage", {"ModelPackageArn": package_arn(2)})
        assert apply_steps(stubbed, time, step)[0] == [{"arn": package_arn(2)}]
    else:
        with pytest.raises(ConflictError):
            apply_steps(stubbed, time, step)


def test_who_is_always_too_late_reads_what_aws_said(time: FakeTime) -> None:
    notes: list[str] = []

    def attempt() -> None:
        raise ConflictError("Could not create model package group flights: it already exists.")

    with pytest.raises(AwsError, match="it already exists"):
        begin_anew_on_conflict(attempt, time.clock(), notes.append)
    assert time.seconds == 25
    assert (
        notes
        == ["Could not create model package group flights: somebody else was quicker. Looking again."] * 5
    )
