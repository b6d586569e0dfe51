"""What people submit that is not as it should be. Nothing is sent; what would be is looked at."""

import errno
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore import handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import ClientError
from project_cli import BUCKET, Ran, kedro_aws
from requests_sent import Requests

from kedro_aws_plugin.actions import compiling
from kedro_aws_plugin.plan.tags import make_project_tags

ROLE = "arn:aws:iam::123456789012:role/console"
DIFFERS = "Warning: The project differs from commit {} in 1 file. The job has what is on the disk.\n"


def submit(*arguments: str) -> Ran:
    return kedro_aws("submit", "--dry-run", "-o", "json", *arguments)


def read_definition(ran: Ran) -> Any:
    [step] = [each for each in ran.json["steps"] if each["step"] == "CreatePipeline"]
    return json.loads(step["request"]["PipelineDefinition"])


def git(*arguments: str) -> str:
    name = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *name, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_empty_run_id_is_none() -> None:
    """As of a variable that is not set: `--run-id "$ID"`."""
    refused = submit("--run-id", "")
    assert (refused.code, refused.stdout) == (1, "")
    assert "Error: `` is no run id." in refused.stderr


@pytest.fixture
def repository(project: Path) -> Iterator[str]:
    """The project in git, with one commit: its digits."""
    git("init", "-q")
    git("add", "src")
    git("commit", "-q", "-m", "first")
    yield git("rev-parse", "HEAD")
    shutil.rmtree(project / ".git")


def test_a_project_without_git_is_submitted_and_one_that_differs_says_so(
    project: Path, request: pytest.FixtureRequest
) -> None:
    alone = submit()
    assert alone.code == 0
    assert "commit" not in alone.stderr
    commit = request.getfixturevalue("repository")
    (project / ".git/info/exclude").write_text("*\n")
    assert "commit" not in submit().stderr
    module = project / "src/my_flights/__init__.py"
    before = module.read_text()
    module.write_text(f"{before}\n# changed\n")
    try:
        changed = submit()
    finally:
        module.write_text(before)
    assert DIFFERS.format(commit[:7]) in changed.stderr
    wheels = [
        next(step["summary"] for step in each.json["steps"] if ".whl" in step["summary"])
        for each in (alone, changed)
    ]
    assert wheels[0] != wheels[1]


def test_two_hundred_parameters_are_no_parameters_of_the_pipeline() -> None:
    ran = submit("--params", ",".join(f"p{number}={'x' * 200}" for number in range(200)))
    assert ran.code == 0, ran.stderr
    assert [each["Name"] for each in read_definition(ran)["Parameters"]] == ["RunId", "Request", "Scheduled"]
    [put] = [each for each in ran.json["steps"] if each["step"] == "PutObject"]
    assert len(json.loads(put["request"]["Body"])["params"]) == 200


def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "there is no room")

    monkeypatch.setattr(compiling, "build_job_files", fill)
    for command in (("compile",), ("submit", "--dry-run")):
        said = kedro_aws(*command).error
        assert said.startswith("The disk of ")
        assert said.endswith(" is full. Make room on it, and run the command again.")


def test_a_pipeline_without_nodes_is_not_submitted() -> None:
    ran = kedro_aws("submit", "--tags", "nothing", "--dry-run")
    assert ran.code == 1
    assert "empty" in ran.stderr.lower() or "no node" in ran.stderr.lower(), ran.stderr


@pytest.mark.parametrize(
    ("versions", "selection", "said"),
    [
        (
            "regresor:v",
            ("--nodes", "evaluate_model"),
            "no node of this run reads `regresor`; did you mean `regressor`? Nothing was sent.",
        ),
        (
            "test:v,companies:v",
            ("-p", "data_processing"),
            "no node of this run reads `test`. Nothing was sent.",
        ),
        ("companies:v", (), "`companies` has no versions. Nothing was sent."),
        ("regressor:v", (), "a node of this run makes `regressor`, and the others read what it makes."),
    ],
)
def test_a_version_that_no_step_would_load_is_refused(
    requests_sent: Requests, versions: str, selection: tuple[str, ...], said: str
) -> None:
    refused = kedro_aws("submit", *selection, "--load-versions", versions)
    assert (refused.code, refused.stdout) == (1, "")
    assert f"Error: --load-versions: {said}" in refused.stderr
    assert requests_sent.changing == []


def test_a_version_that_a_step_loads_is_sent_with_the_run() -> None:
    ran = submit("--nodes", "evaluate_model", "--load-versions", "regressor:a,test:b")
    assert ran.code == 0, ran.stderr
    [put] = [each for each in ran.json["steps"] if each["step"] == "PutObject"]
    assert json.loads(put["request"]["Body"])["load_versions"] == {"regressor": "a", "test": "b"}


class Body(BytesIO):
    """The body of an answer, as urllib3 has it."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


@dataclass(frozen=True)
class Failure:
    """How the calls of a service fail.

    Attributes:
        service: The service, by botocore's name.
        status: The HTTP status.
        body: The body of the answer.
        said: What the command says of it.
        target: The target of the run.
        least: How many calls a submission makes at least.
    """

    service: str
    status: int
    body: bytes
    said: str
    target: str = "sagemaker"
    least: int = 3


SLOW = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
EXPIRED = b'{"__type": "ExpiredTokenException", "message": "The security token is expired"}'
LOG_IN = "your AWS credentials have expired. Log in"


@contextmanager
def failing(failure: Failure, number: int) -> Iterator[list[str]]:
    """Let one of the calls of a service, counted from 0, fail each time it is made: the calls."""
    calls: list[str] = []

    def answer(request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse | None:
        call = f"{event_name} {request.url}"
        if call not in calls:
            calls.append(call)
        if len(calls) <= number or call != calls[number]:
            return None
        headers = HeadersDict({"x-amzn-requestid": "0"})
        return AWSResponse(str(request.url), failure.status, headers, Body(failure.body))

    handler = (f"before-send.{failure.service}", answer)
    handlers.BUILTIN_HANDLERS.append(handler)
    try:
        yield calls
    finally:
        handlers.BUILTIN_HANDLERS.remove(handler)


def list_executions(aws: Any, target: str) -> list[str]:
    """List the executions of the project."""
    if target == "sagemaker":
        client = aws.client("sagemaker")
        names = [each["PipelineName"] for each in client.list_pipelines()["PipelineSummaries"]]
        found = [client.list_pipeline_executions(PipelineName=name) for name in names]
        return [each["PipelineExecutionArn"] for one in found for each in one["PipelineExecutionSummaries"]]
    client = aws.client("stepfunctions")
    machines = [each["stateMachineArn"] for each in client.list_state_machines()["stateMachines"]]
    found = [client.list_executions(stateMachineArn=arn) for arn in machines]
    return [each["executionArn"] for one in found for each in one["executions"]]


def forget(aws: Any) -> None:
    """Delete what was submitted, and what was uploaded for it."""
    sagemaker, machines, s3 = (aws.client(name) for name in ("sagemaker", "stepfunctions", "s3"))
    for arn in list_executions(aws, "sagemaker"):
        with suppress(ClientError):  # it has ended
            sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
        deadline = time.monotonic() + 60
        while sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] in (
            "Executing",
            "Stopping",
        ):
            assert time.monotonic() < deadline
            threading.Event().wait(0.05)  # time.sleep is replaced
    for each in sagemaker.list_pipelines()["PipelineSummaries"]:
        sagemaker.delete_pipeline(PipelineName=each["PipelineName"], ClientRequestToken="d" * 32)
    for each in machines.list_state_machines()["stateMachines"]:
        machines.delete_state_machine(stateMachineArn=each["stateMachineArn"])
    for each in s3.list_objects_v2(Bucket=BUCKET, Prefix="kedro-aws/").get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=each["Key"])


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "failure",
    [
        Failure("s3", 503, SLOW, "Run the command again in a minute.", least=10),
        Failure("sagemaker", 400, EXPIRED, LOG_IN),
        Failure("stepfunctions", 400, EXPIRED, LOG_IN, "stepfunctions"),
    ],
    ids=["S3 is down", "the role expires", "the role expires on Step Functions"],
)
def test_any_call_of_submit_may_fail_and_nothing_has_begun(
    project: Path, local: Any, monkeypatch: pytest.MonkeyPatch, failure: Failure
) -> None:
    """Each call in its turn, until all of them have failed: then it is submitted, once."""
    monkeypatch.setattr("time.sleep", lambda _: None)  # botocore waits between its attempts
    file = project / "conf/local/aws.yml"
    file.write_text(f"pipelines: {{target: {failure.target}, stepfunctions: {{role_arn: {ROLE}}}}}\n")
    try:
        for number in range(100):
            forget(local)
            with failing(failure, number) as calls:
                ran = kedro_aws("submit", "-p", "data_science", "--no-wait")
            if number == len(calls):
                break
            begun = len(list_executions(local, failure.target))
            if ".HeadObject " in calls[number]:  # an upload looks first, and can do without
                assert (ran.code, begun) == (0, 1), calls[number]
            else:
                assert failure.said in ran.error, calls[number]
                assert begun == 0, calls[number]
        assert (ran.code, len(list_executions(local, failure.target))) == (0, 1)
        assert number >= failure.least, calls
    finally:
        file.unlink()
        forget(local)


@contextmanager
def begun_in_the_console(aws: Any, target: str) -> Iterator[str]:
    """An execution of the project's own pipeline that the plugin has not started: its ARN."""
    tags = make_project_tags("my_flights", "local", BUCKET)
    name = "my-flights-console"
    if target == "sagemaker":
        client = aws.client("sagemaker")
        end = {"Name": "end", "Type": "Fail", "Arguments": {"ErrorMessage": "no more"}}
        client.create_pipeline(
            PipelineName=name,
            PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [end]}),
            ClientRequestToken="c" * 32,
            RoleArn=ROLE,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        yield client.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
        client.delete_pipeline(PipelineName=name, ClientRequestToken="d" * 32)
        return
    client = aws.client("stepfunctions")
    machine = client.create_state_machine(
        name=name,
        roleArn=ROLE,
        definition=json.dumps(
            {"QueryLanguage": "JSONata", "StartAt": "end", "States": {"end": {"Type": "Succeed"}}}
        ),
        tags=[{"key": key, "value": value} for key, value in tags.items()],
    )["stateMachineArn"]
    yield client.start_execution(stateMachineArn=machine)["executionArn"]
    client.delete_state_machine(stateMachineArn=machine)


@pytest.mark.parametrize("target", ["sagemaker", "stepfunctions"])
def test_a_run_whose_id_nobody_knows_is_not_taken_from(project: Path, local: Any, target: str) -> None:
    """The jobs of an execution from the console have an id that only their log says."""
    file = project / "conf/local/aws.yml"
    file.write_text(f"pipelines: {{target: {target}}}\n")
    try:
        with begun_in_the_console(local, target) as arn:
            own = arn.rpartition("/" if target == "sagemaker" else ":")[2]
            for run in (own, arn, "latest"):
                refused = kedro_aws("submit", "-p", "data_science", "--from-run", run, "--dry-run")
                assert (refused.code, refused.stdout) == (1, "")
                assert (
                    f"Error: Execution {own} was not begun by `kedro aws submit` or `kedro aws schedule`, so "
                    f"its run id is in its log alone: kedro aws logs {own}. Name what to load: "
                    "--load-versions DATASET:RUN_ID\n"
                ) in refused.stderr
    finally:
        file.unlink()
