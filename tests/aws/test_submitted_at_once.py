"""Two people submit different code at the same time, to a pipeline that neither of them has found."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import answers
import pytest
from every_step import Told

from kedro_aws_plugin.apply import apply
from kedro_aws_plugin.aws.clock import Clock, begin_anew_on_conflict
from kedro_aws_plugin.aws.sagemaker.pipelines import observe_pipeline
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.aws.state_machines import observe_state_machine
from kedro_aws_plugin.plan.pipeline import PipelineRequest
from kedro_aws_plugin.plan.sagemaker_definition import PARAMETERS
from kedro_aws_plugin.plan.steps import Service
from kedro_aws_plugin.plan.submission import plan_machine_submission, plan_submission

BUCKET = "flights-data"
PEOPLE = ("ada", "grace", "mary")


def define(target: str, person: str) -> str:
    """Define what runs a person's code; it ends at once."""
    if target == "sagemaker":
        end = {"Name": person, "Type": "Fail", "Arguments": {"ErrorMessage": person}}
        parameters = [{"Name": name, "Type": "String", "DefaultValue": ""} for name in PARAMETERS]
        return json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": [end]})
    return json.dumps(
        {"QueryLanguage": "JSONata", "StartAt": person, "States": {person: {"Type": "Succeed"}}}
    )


def read_definition(local_aws: Any, target: str, arn: str) -> str:
    """Read what an execution runs."""
    if target == "sagemaker":
        found = local_aws.client("sagemaker").describe_pipeline_definition_for_execution(
            PipelineExecutionArn=arn
        )
        return str(found["PipelineDefinition"])
    found = local_aws.client("stepfunctions").describe_state_machine_for_execution(executionArn=arn)
    return str(found["definition"])


@pytest.mark.parametrize("target", ["sagemaker", "stepfunctions"])
def test_each_runs_their_own_code(local_aws: Any, target: str) -> None:
    services: tuple[Service, ...] = ("sagemaker", "stepfunctions", "s3")
    aws = Aws("local", "eu-west-1", {name: local_aws.client(name) for name in services})
    aws.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    looked = threading.Barrier(len(PEOPLE))
    notes: list[str] = []

    def submit(person: str) -> str:
        wanted = PipelineRequest(
            "flights",
            define(target, person),
            answers.ROLE,
            answers.TAGS,
            BUCKET,
            f"run-of-{person}",
            (),
            b"{}",
            f"requests/{person}.json",
            wait=False,
        )
        is_first = True

        def attempt() -> str:
            nonlocal is_first
            if target == "sagemaker":
                plan = plan_submission(wanted, observe_pipeline(aws, "flights"), ())
            else:
                plan = plan_machine_submission(wanted, observe_state_machine(aws, "flights"), ())
            if is_first:
                looked.wait(timeout=120)
            is_first = False
            return str(apply(plan, aws, Told(), Clock(interval=0.1))[-1]["arn"])

        return begin_anew_on_conflict(attempt, Clock(interval=0.1), notes.append)

    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        arns = list(pool.map(submit, PEOPLE))
    assert [read_definition(local_aws, target, arn) for arn in arns] == [
        define(target, each) for each in PEOPLE
    ]
    assert len(notes) >= len(PEOPLE) - 1
    assert all(each.endswith(": somebody else was quicker. Looking again.") for each in notes)
