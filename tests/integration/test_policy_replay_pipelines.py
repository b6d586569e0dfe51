"""What `pipelines:` in aws.yml adds to the policies, against the calls of runs and schedules."""

import json
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from iam_replay import ACCOUNT, Account, Need, as_list, is_allowed, leave_out
from requests_sent import Requests, Sent

from kedro_aws_plugin.aws import guard
from kedro_aws_plugin.cli import commands

ROLE = f"arn:aws:iam::{ACCOUNT}:role/small-jobs"
TIMER = f"arn:aws:iam::{ACCOUNT}:role/small-timer"
PLAIN = "region: eu-west-1\nbucket: small-data\nrole_arn: arn:aws:iam::123456789012:role/serves\n"
PIPELINES = f"pipelines: {{role_arn: {ROLE}, schedule_role_arn: {TIMER}, name: nightly-prices}}\n"
REGISTRY = """
    from kedro.pipeline import node, pipeline

    def check(table, level):
        return {"rows": len(table), "level": level}

    def register_pipelines():
        return {"__default__": pipeline([node(check, ["table", "params:seed"], "checked", name="check")])}
"""
CATALOG = """
    table: {type: pandas.CSVDataset, filepath: "s3://small-data/table.csv"}
    checked: {type: json.JSONDataset, filepath: "s3://small-data/checked.json", versioned: true}
"""
DEMO = (
    "compile",
    "submit --run-id first",
    "submit --run-id first",
    "submit --no-wait --run-id second --params seed=2",
    "stop second",
    "runs",
    "retry second",
    "runs second",
    "logs second",
    "schedule --cron 0_6_*_*_?_*",
    "schedule --cron 0_7_*_*_?_*",
    "schedule --list",
    "schedule --pause nightly-prices",
    "schedule --delete nightly-prices",
    "destroy --yes",
)
OF_OTHERS = (
    Sent("sagemaker", "UpdatePipeline", {"PipelineName": "nightly-prices", "RoleArn": ROLE}),
    Sent("sagemaker", "DescribePipeline", {"PipelineName": "small-default-local"}),
    Sent(
        "sagemaker", "DescribeProcessingJob", {"ProcessingJobName": "pipelines-0a1b2c3d4e5f-all-0a1b2c3d4e"}
    ),
    Sent("s3", "AbortMultipartUpload", {"Bucket": "small-data", "Key": "kedro-aws/small/local/jobs/0/a.whl"}),
)
"""What it does not come to: other code, another name, a step that fails, an upload that breaks."""


MACHINE = f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine"
FORMER_MACHINES = ("small-default-local", "nightly-prices")
OF_A_FORMER_TARGET = tuple(
    Sent("stepfunctions", operation, {"arns": [f"arn:aws:states:eu-west-1:{ACCOUNT}:{kind}:{name}{ending}"]})
    for operation, kind, ending in (
        ("DeleteStateMachine", "stateMachine", ""),
        ("ListExecutions", "stateMachine", ""),
        ("ListTagsForResource", "stateMachine", ""),
        ("DescribeExecution", "execution", ":first"),
        ("GetExecutionHistory", "execution", ":first"),
        ("RedriveExecution", "execution", ":first"),
        ("StopExecution", "execution", ":first"),
    )
    for name in FORMER_MACHINES
)
"""What runs ask for that were submitted with `pipelines.target: stepfunctions` before."""


@pytest.fixture
def project(small_project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose pipeline has one node."""
    for name, text in {
        "conf/base/aws.yml": PLAIN,
        "conf/base/catalog.yml": CATALOG,
        "src/small/pipeline_registry.py": REGISTRY,
    }.items():
        (small_project / name).write_text(textwrap.dedent(text), encoding="utf-8")
    for name in [name for name in sys.modules if name.partition(".")[0] == "small"]:
        monkeypatch.delitem(sys.modules, name)
    return small_project


def kedro_aws(*arguments: str) -> str:
    """Run a command in this process; it must succeed."""
    result = CliRunner().invoke(commands, ["aws", *arguments], prog_name="kedro")
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result.stdout


def wait_until_it_has_ended(run: str) -> None:
    while json.loads(kedro_aws("runs", run, "-o", "json"))["status"] in {"Executing", "Stopping"}:
        pass


def read_policies() -> dict[str, dict[str, Any]]:
    return {who: json.loads(kedro_aws("policy", "--for", who)) for who in ("ci", "developer")}


def list_values(policy: dict[str, Any]) -> set[tuple[str, str, str]]:
    """The actions and resources of a policy, each with the statement that names it."""
    return {
        (each["Sid"], key, value)
        for each in policy["Statement"]
        for key in ("Action", "Resource")
        for value in as_list(each[key])
    }


@pytest.mark.slow
def test_what_pipelines_need_is_granted_to_developers_and_nothing_more(
    project: Path, requests_sent: Requests
) -> None:
    before = read_policies()
    (project / "conf/base/aws.yml").write_text(PLAIN + PIPELINES, encoding="utf-8")
    after = read_policies()
    assert after["ci"] == before["ci"]
    tags = {f"{MACHINE}:{name}": {"kedro-aws:project": "small"} for name in FORMER_MACHINES}
    account, needs, others = Account(tags=tags), set[Need](), [*OF_OTHERS, *OF_A_FORMER_TARGET]
    for line in DEMO:
        requests_sent.all.clear()
        kedro_aws(*(word.replace("_", " ") for word in line.split()))
        needs |= {need for sent in requests_sent.all for need in account.list_needs(sent)}
        # A pipeline that was made before it had a name in aws.yml has one that begins with the package.
        others += [
            replace(sent, params={**sent.params, "PipelineName": "small-default-local"})
            for sent in requests_sent.all
            if sent.operation in {"CreatePipeline", "DeletePipeline"}
        ]
        if line.startswith("stop"):
            wait_until_it_has_ended("second")
    needs |= {need for sent in others for need in account.list_needs(sent)}
    guard.set_rule(None)
    developer = after["developer"]
    assert [need for need in needs if not is_allowed(developer, need)] == []
    assert any(not is_allowed(before["developer"], need) for need in needs)
    added = list_values(developer) - list_values(before["developer"])
    assert added
    in_vain = [
        (sid, key, value)
        for sid, key, value in sorted(added)
        if all(is_allowed(leave_out(developer, sid, key, value), need) for need in needs)
    ]
    assert in_vain == []
    for other in ("smaller-default-local", "nightly-prices-2"):
        [need] = account.list_needs(Sent("sagemaker", "DescribePipeline", {"PipelineName": other}))
        assert not is_allowed(developer, need)
