"""The permissions in the documentation against the calls in the code."""

import ast
import dataclasses
import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from botocore import xform_name
from case_plans import step_classes
from doc_pages import (
    COMMANDS,
    PACKAGE,
    REFERENCE,
    ROOT,
    blocks,
)

from kedro_aws_plugin.actions.targets.target import Target
from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.plan.bootstrap import get_stack_name
from kedro_aws_plugin.plan.policy.callers import COMMANDS as CALLERS
from kedro_aws_plugin.plan.policy.callers import DATASETS, OF_KEYS
from kedro_aws_plugin.plan.policy.document import build_policy
from kedro_aws_plugin.plan.policy.grants import GRANTS
from kedro_aws_plugin.plan.policy.reach import Data, Reach, make_role_pattern
from kedro_aws_plugin.plan.stack_template import build_role_policy, build_stack_template
from kedro_aws_plugin.plan.steps import PlainStep, Service
from kedro_aws_plugin.plan.steps.base import BaseStep
from kedro_aws_plugin.plan.steps.emr_serverless import CreateApplication, StartJobRun
from local_aws.protocol.service_model import load_service_model

OPERATION_ACTIONS = {
    "HeadBucket": {"s3:ListBucket"},
    "CreateMultipartUpload": {"s3:PutObject"},
    "UploadPart": {"s3:PutObject"},
    "CompleteMultipartUpload": {"s3:PutObject"},
    "HeadObject": {"s3:GetObject"},
    "ListObjectsV2": {"s3:ListBucket"},
    "DeleteObjects": {"s3:DeleteObject"},
    # Without the second, S3 says "denied" of an object that is absent.
    "GetObject": {"s3:GetObject", "s3:ListBucket"},
    "GetResources": {"tag:GetResources"},
    "GetCallerIdentity": set(),  # needs none
    "GetPublicAccessBlock": {"s3:GetBucketPublicAccessBlock"},
    "GetBucketEncryption": {"s3:GetEncryptionConfiguration"},
    "ListServiceQuotas": {"servicequotas:ListServiceQuotas"},
}
_PUBLISHES = {"states:PublishStateMachineVersion"}
"""What a state machine needs whose request publishes a version, too."""

READS_BY_CONFIGURATION = {
    "register-model": {"s3:GetObject", "s3:ListBucket"},
    "globals": {"ssm:GetParameter", "secretsmanager:GetSecretValue"},
}
PLANNERS: dict[str, str | tuple[str, ...] | None] = {
    "bootstrap": "plan/bootstrap.py",
    "register-model": "plan/register.py",
    "approve-model": "plan/approval.py",
    "reject-model": "plan/approval.py",
    "deploy": "plan/endpoint.py",
    "predict": "plan/prediction.py",
    "compile": None,
    "destroy": "plan/teardown.py",
    "doctor": None,
    "init": None,
    "globals": None,
    "logs": None,
    "models": None,
    "policy": None,
    "prices": None,
    "retry": ("plan/retry.py",),
    "rollback": ("plan/rollback.py", "plan/endpoint.py"),  # rollback --to
    "runs": None,
    "schedule": (
        *("plan/schedule.py", "plan/pipeline.py", "plan/machine_run.py"),
        "plan/spark_application.py",
    ),
    "spark-jars": None,
    "stop": ("plan/stop.py",),
    "submit": (
        "plan/submission.py",
        "plan/pipeline.py",
        "plan/machine_run.py",
        "plan/spark_application.py",
        "plan/spark_run.py",
    ),
    "status": None,
    "transform": "plan/transform.py",
}
SHARED_PLANNER = "plan/scaling.py"
"""Called by the planners of several commands."""
PAGE = REFERENCE / "permissions.md"
FOLDERS = frozenset(f"s3://my-flights-data/{name}/" for name in ("data", "metrics", "models", "tables"))
RESULTS = "s3://my-flights-data/athena/"
DATA = Data(
    uses=frozenset(DATASETS),
    read=FOLDERS | {RESULTS},
    written=FOLDERS | {RESULTS},
    replaced=frozenset({"s3://my-flights-data/tables/", RESULTS}),
    databases=frozenset({"my_flights"}),
    tables=frozenset({"my_flights/prices"}),
    workgroups=frozenset({"my-flights"}),
)
POLICY_CASES = (  # what the commands send for the project of the page
    "approval/approve-newest",
    "bootstrap/first",
    "endpoint/failed",
    "endpoint/first-on-aws",
    "endpoint/updating-to-another",
    "register/first-model",
    "register/second-version",
    "schedule/first",
    "schedule/other-code-of-a-paused-one",
    "submission/first",
    "submission/other-code",
    "transform/catalog-entry-first",
)
SERVICES = get_args(Service)
OF_TARGETS = frozenset(name for name in vars(Target) if not name.startswith("_"))
OF_DATASETS = ("athena", "glue")


def _operations_by_method() -> dict[str, tuple[str, str]]:
    """describe_model -> (sagemaker, DescribeModel)"""
    known = {
        xform_name(operation): (service, operation)
        for service in SERVICES
        for operation in load_service_model(service).operation_names
    }
    del known["get_session"]  # of EMR Serverless, whose sessions nothing uses; botocore has one too
    del known["get_query_results"]  # of Athena, for the datasets; CloudWatch Logs has one too
    known["list_tags_for_resource"] = ("stepfunctions", "ListTagsForResource")  # many services have one
    return known


METHODS = _operations_by_method()
OF_TARGETS = frozenset(name for name in vars(Target) if not name.startswith("_"))
STEPS = step_classes()


def _actions(service: str, operation: str) -> set[str]:
    prefix = "states" if service == "stepfunctions" else service.removesuffix("-runtime")
    more = _PUBLISHES if operation in {"CreateStateMachine", "UpdateStateMachine"} else set()
    return OPERATION_ACTIONS.get(operation, {f"{prefix}:{operation}"}) | more


def _calls(node: ast.AST) -> tuple[set[str], set[str]]:
    """The IAM actions of the AWS calls within a piece of code, and the names of whatever else it mentions."""
    actions: set[str] = set()
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if isinstance(call.func.value, ast.Name) and call.func.value.id.isupper():
            continue  # a constant is no client: _PATTERN.search
        method = call.func.attr
        if method == "get_paginator":
            assert isinstance(call.args[0], ast.Constant)
            method = str(call.args[0].value)
        if method in METHODS:
            actions |= _actions(*METHODS[method])
    names = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    # What a command does where pipelines run, it does by the methods of a target.
    of_targets = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    return actions, names | (of_targets & OF_TARGETS)


def _functions() -> dict[str, tuple[set[str], set[str]]]:
    """What functions call and mention; of the targets, the methods of one name together."""
    files = [
        # Athena's client is the datasets'; it has methods of the same names as that of CloudWatch Logs.
        *sorted(file for file in (PACKAGE / "aws").rglob("*.py") if file.stem != "athena"),
        *sorted((PACKAGE / "actions").rglob("*.py")),
        *sorted((PACKAGE / "doctor").glob("*.py")),
        PACKAGE / "project" / "prediction_input.py",
        PACKAGE / "project" / "transform_input.py",
        PACKAGE / "registration" / "planned.py",
    ]
    found: dict[str, tuple[set[str], set[str]]] = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) or (isinstance(node, ast.ClassDef) and node.name[0] == "_"):
                actions, names = _calls(node)
                if node.name in OF_TARGETS and node.name in found:  # it may have a function's name
                    actions, names = found[node.name][0] | actions, found[node.name][1] | names
                found[node.name] = actions, names
    return found


FUNCTIONS = _functions()


def _reached(names: set[str], seen: set[str] | None = None) -> set[str]:
    """The actions of the functions in aws/ with these names, and of those they call."""
    seen = set() if seen is None else seen
    actions: set[str] = set()
    for name in sorted(names & FUNCTIONS.keys() - seen):
        seen.add(name)
        own, callees = FUNCTIONS[name]
        actions |= own | _reached(callees, seen)
    return actions


def _called_for_steps() -> dict[str, set[str]]:
    """The names in each `case` of apply.py, by the class of the step."""
    tree = ast.parse((PACKAGE / "apply.py").read_text(encoding="utf-8"))
    return {
        kind.cls.id: {name.id for each in case.body for name in ast.walk(each) if isinstance(name, ast.Name)}
        for case in ast.walk(tree)
        if isinstance(case, ast.match_case)
        for kind in ast.walk(case.pattern)
        if isinstance(kind, ast.MatchClass) and isinstance(kind.cls, ast.Name)
    }


CALLED_FOR_STEPS = _called_for_steps()


def _step_actions(step: type[BaseStep]) -> set[str]:
    """A plain step sends its operation; for every other one apply.py calls functions in aws/."""
    actions = _actions(step.service, step.operation)
    fields = {field.name for field in dataclasses.fields(step)}
    tagging = {"sagemaker": {"sagemaker:AddTags"}, "stepfunctions": {"states:TagResource"}}
    actions |= tagging.get(step.service, set()) if "tags" in fields else set()
    actions |= {"iam:PassRole"} if "role_arn" in fields or step is StartJobRun else set()
    actions |= {"emr-serverless:TagResource"} if step in {CreateApplication, StartJobRun} else set()
    return actions if issubclass(step, PlainStep) else actions | _reached(CALLED_FOR_STEPS[step.__name__])


def _mentioned(file: Path) -> set[str]:
    return {
        node.id
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name)
    } | {
        node.attr
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in OF_TARGETS
    }


def _planned_by(file: str) -> set[str]:
    """The names that a planner mentions, with those in the functions for scaling that it calls."""
    shared = {
        node.name: {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
        for node in ast.walk(ast.parse((PACKAGE / SHARED_PLANNER).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    names, left = set(), _mentioned(PACKAGE / file)
    while left:
        names |= left
        left = set().union(*(shared.get(name, set()) for name in left)) - names
    return names


def _planned(name: str) -> set[str]:
    """What the planners of a command mention."""
    files = PLANNERS[name] or ()
    each = (files,) if isinstance(files, str) else files
    return set().union(*(_planned_by(file) for file in each))


def _needed(name: str) -> set[str]:
    module = COMMANDS[(name,)].callback.__module__
    actions = _reached(_mentioned(ROOT.joinpath(*module.split(".")).with_suffix(".py")))
    for each in sorted(_planned(name) & STEPS.keys()):
        actions |= _step_actions(STEPS[each])
    return actions | READS_BY_CONFIGURATION.get(name, set())


def _documented_actions() -> dict[str, set[str]]:
    text = (REFERENCE / "permissions.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", text, re.MULTILINE)
    return {name: set(re.findall(r"`([^`]+)`", actions)) for name, actions in rows}


@pytest.mark.parametrize("name", PLANNERS)
def test_permissions_of_a_command_are_those_its_calls_need(name: str) -> None:
    assert _documented_actions()[name] == _needed(name) == set(CALLERS[name])


def test_every_permission_is_granted_on_something() -> None:
    """What a command needs and no statement names would be missing in every policy."""
    called = {action for table in (CALLERS, DATASETS) for actions in table.values() for action in actions}
    assert {action for grant in GRANTS for action in grant.actions} == called | {*OF_KEYS}


def test_every_command_and_every_call_has_its_permission() -> None:
    documented = _documented_actions()
    assert set(documented) == {path[0] for path in COMMANDS if len(path) == 1} == set(PLANNERS)
    every_call = set().union(*(own for own, _ in FUNCTIONS.values()))
    every_call |= _calls(ast.parse((PACKAGE / "apply.py").read_text(encoding="utf-8")))[0]
    every_call |= set().union(*(_step_actions(step) for step in STEPS.values()))
    assert every_call <= set().union(*documented.values())


def test_every_step_is_planned_for_a_command() -> None:
    planned = set().union(*(_planned(name) for name in PLANNERS))
    assert planned & STEPS.keys() == STEPS.keys()


def test_what_is_sent_by_name_is_the_operation_of_a_plain_step() -> None:
    """No request escapes the rows of the commands by being sent under a name that is not written out."""
    sent = {
        ast.unparse(call.args[0]): ast.unparse(call.args[1])
        for file in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("aws.call")
    }
    assert sent == {"step.service": "step.operation"}


def _stack_policy() -> list[dict[str, Any]]:
    """The statements of the policy for the stack."""
    (block,) = [block for block in blocks(PAGE) if block.title == "stack.json"]
    statements: list[dict[str, Any]] = json.loads(block.text)["Statement"]
    return statements


def _read_config() -> dict[str, Any]:
    """The aws.yml of the page."""
    (block,) = [block for block in blocks(PAGE) if block.title == "conf/base/aws.yml"]
    config: dict[str, Any] = yaml.safe_load(block.text)
    return config


def _developer_policy(pipelines: dict[str, Any] | None = None, **deploy: Any) -> list[dict[str, Any]]:
    """The statements of `kedro aws policy` for that aws.yml, with more keys of `pipelines` and `deploy`."""
    stated = _read_config()
    stated["pipelines"] |= pipelines or {}
    stated["deploy"] |= deploy
    config = AwsConfig.model_validate({"env": "aws", "target": "aws", **stated})
    role, _ = make_role_pattern(config, "123456789012")
    reach = Reach(config, "my_flights", "123456789012", role, DATA)
    statements: list[dict[str, Any]] = build_policy("developer", reach)["Statement"]
    return statements


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _allowed(statements: list[dict[str, Any]]) -> set[str]:
    return {action for statement in statements for action in _listed(statement["Action"])}


def test_the_policy_allows_what_is_needed_and_no_more() -> None:
    datasets = {action for actions in DATASETS.values() for action in actions}
    several = {"champion": {}, "challenger": {}}  # their weights can be changed
    scaling = {"min": 0, "max": 2, "target": 5}
    trained = {"steps": {"training": {"nodes": ["train_model"], "job": "training"}}}
    allowed = _allowed(
        [
            *_developer_policy(trained, autoscaling=scaling),
            *_developer_policy(mode="realtime", variants=several),
            *_developer_policy({"target": "stepfunctions"}),
            *_developer_policy({"target": "emr-serverless"}),
        ]
    )
    assert allowed == set().union(*_documented_actions().values()) | datasets


def test_the_policy_for_the_stack_reaches_every_role_in_it() -> None:
    """CloudFormation names a role after the stack and what the template calls it."""
    stated = _read_config()
    stated["pipelines"]["target"] = "stepfunctions"
    config = AwsConfig.model_validate({"env": "aws", "target": "aws", **stated})
    resources = build_stack_template(config, "my_flights")["Resources"]
    roles = {name for name, each in resources.items() if each["Type"] == "AWS::IAM::Role"}
    [statement] = [each for each in _stack_policy() if "iam:CreateRole" in each["Action"]]
    start = f"arn:aws:iam::123456789012:role/{get_stack_name(config.bucket)}"
    assert set(statement["Resource"]) == {f"{start}-{role}-*" for role in roles}


def test_the_policies_name_nothing_but_what_aws_yml_names() -> None:
    """Each ARN without the names of the page's own aws.yml has no `*` but at its end, and no name is left."""
    config = _read_config()
    names = [
        get_stack_name(config["bucket"]),
        config["bucket"],
        config["registry"]["group"],
        config["deploy"]["endpoint"],
        *config["deploy"]["update"]["alarms"],
        config["registry"]["image"].partition("/")[2].partition(":")[0],
        config["athena"]["database"],
        f"workgroup/{config['athena']['workgroup']}",
        config["globals"]["api_key"]["secret"]["id"],
        config["globals"]["exchange_rates"]["ssm"]["name"].removeprefix("/"),
    ]
    left = set()
    for statement in (*_developer_policy(), *_stack_policy()):
        for arn in _listed(statement["Resource"]):
            without = arn.removeprefix("arn:aws:").replace(f"{config['region']}:123456789012", "HERE")
            for name in names:
                without = without.replace(name, "NAME")
            left.add(without)
    assert left == {
        "*",  # tag:GetResources and cloudwatch:GetMetricData have no resources
        "athena:HERE:NAME",
        "athena:HERE:datacatalog/AwsDataCatalog",
        "cloudformation:HERE:stack/NAME/*",
        "cloudwatch:HERE:alarm:NAME",
        "ecr:HERE:repository/NAME",
        "glue:HERE:catalog",
        "glue:HERE:database/NAME",
        "glue:HERE:table/NAME/*",
        "glue:HERE:table/NAME/kedro_*",
        "glue:HERE:table/NAME/prices",
        "glue:HERE:userDefinedFunction/NAME/*",
        "iam::123456789012:role/NAME-SageMakerRole-*",
        "iam::123456789012:role/NAME-StatesRole-*",
        "logs:HERE:log-group:/aws/sagemaker/Endpoints/NAME:*",
        "logs:HERE:log-group:/aws/sagemaker/Endpoints/NAME-*",
        "logs:HERE:log-group:/aws/sagemaker/ProcessingJobs:*",  # one group for every job
        "logs:HERE:log-group:/aws/sagemaker/TransformJobs:*",
        "s3:::NAME",
        *(
            f"s3:::NAME/{folder}/*"
            for folder in (
                *("athena", "data", "metrics", "models", "tables"),
                *("transform", "transform/input"),
            )
        ),
        *(f"s3:::NAME/async/NAME/{folder}/*" for folder in ("input", "output", "failure")),
        "s3:::NAME/kedro-aws/NAME/*",
        "s3:::NAME/sagemaker/NAME/*",
        "iam::123456789012:role/my-pipelines",
        "iam::123456789012:role/my-schedules",
        "scheduler:HERE:schedule-group/my-flights-*",
        "scheduler:HERE:schedule/my-flights-*",
        "sagemaker:HERE:pipeline/my-flights-*",
        "states:HERE:stateMachine:my-flights-*",  # `runs` and `destroy` find those of another target, too
        "states:HERE:execution:my-flights-*",
        "sagemaker:HERE:processing-job/pipelines-*",  # SageMaker names the jobs of steps
        "sagemaker:HERE:endpoint-config/NAME-????????",
        "sagemaker:HERE:endpoint/NAME",
        "sagemaker:HERE:endpoint/*",  # which may serve a config that is to be deleted
        "sagemaker:HERE:model-package-group/NAME",
        "sagemaker:HERE:model-package/NAME/*",
        "sagemaker:HERE:model/NAME-????????",
        "sagemaker:HERE:transform-job/NAME",
        "sagemaker:HERE:transform-job/NAME-*",
        "secretsmanager:HERE:secret:NAME-??????",
        "ssm:HERE:parameter/NAME",
    }


def _arns(service: str, request: dict[str, Any]) -> set[str]:
    """The resources that a request names."""
    if service == "s3":
        keys = [each["Key"] for each in request.get("Delete", {}).get("Objects", [])]
        return {f"arn:aws:s3:::{request['Bucket']}/{key}" for key in keys or [request["Key"]]}
    arn = f"arn:aws:{service.removesuffix('-runtime')}:eu-west-1:123456789012:"
    if service == "scheduler":
        name, group = request["Name"], request.get("GroupName")
        return {f"{arn}schedule/{group}/{name}" if group else f"{arn}schedule-group/{name}"}
    named = {
        "TransformJobName": f"{arn}transform-job/",
        "EndpointName": f"{arn}endpoint/",
        "EndpointConfigName": f"{arn}endpoint-config/",
        "ModelName": f"{arn}model/",
        "ModelPackageGroupName": f"{arn}model-package-group/",
        "ModelPackageName": "",
        "PipelineName": f"{arn}pipeline/",
        "ModelPackageArn": "",
        "ResourceArn": "",
        "StackName": f"{arn}stack/",
    }
    end = "/0a1b2c3d" if service == "cloudformation" else ""
    return {f"{named[key]}{value}{end}" for key, value in request.items() if key in named}


def _is_allowed(action: str, arn: str, tags: dict[str, str], statements: list[dict[str, Any]]) -> bool:
    return any(
        action in _listed(statement["Action"])
        and any(fnmatchcase(arn, pattern) for pattern in _listed(statement["Resource"]))
        and all(
            tags.get(key.removeprefix("aws:RequestTag/")) == value
            for key, value in statement.get("Condition", {}).get("StringEquals", {}).items()
            if key.startswith("aws:RequestTag/")
        )
        for statement in statements
    )


@pytest.mark.parametrize("case", POLICY_CASES)
def test_the_policy_allows_every_request_of_a_plan(case: str) -> None:
    plan = json.loads((ROOT / "tests/cases" / case / "plan.json").read_text(encoding="utf-8"))
    text = json.dumps(_developer_policy()).replace("my-flights-live", "my-flights-price")
    statements = json.loads(text)
    asked = {
        (action, arn, tuple((tag["Key"], tag["Value"]) for tag in step["request"].get("Tags", ())))
        for step in plan["steps"]
        for action in _actions(step["service"], step["operation"])
        if action != "s3:ListBucket"
        for arn in _arns(step["service"], step["request"])
    }
    assert asked
    refused = [each for each in asked if not _is_allowed(*each[:2], dict(each[2]), statements)]
    assert refused == []


def test_the_policy_allows_no_request_for_another_project() -> None:
    statements = _developer_policy()
    here = "arn:aws:sagemaker:eu-west-1:123456789012:"
    mine = {"kedro-aws:project": "my_flights"}
    assert _is_allowed("sagemaker:CreateEndpoint", f"{here}endpoint/my-flights-live", mine, statements)
    assert not _is_allowed("sagemaker:CreateEndpoint", f"{here}endpoint/my-flights-live", {}, statements)
    for action, arn in {
        "sagemaker:DeleteEndpoint": f"{here}endpoint/my-flights-live",
        "sagemaker:DeleteEndpointConfig": f"{here}endpoint-config/my-flights-live-e4d655c9",
        "sagemaker:DeleteModel": f"{here}model/my-flights-live-9ffa70bd",
        "sagemaker:DeleteModelPackage": f"{here}model-package/my-flights-price/2",
        "s3:DeleteObject": "arn:aws:s3:::my-flights-data/sagemaker/my-flights-price/0123/model.tar.gz",
    }.items():
        assert _is_allowed(action, arn, mine, statements), action
    for action, arn in {
        "sagemaker:DeleteEndpoint": f"{here}endpoint/theirs",
        "sagemaker:DeleteModel": f"{here}model/my-flights-live-of-theirs",
        "sagemaker:DeleteModelPackage": f"{here}model-package/their-group/1",
        "cloudformation:UpdateStack": "arn:aws:cloudformation:eu-west-1:123456789012:stack/theirs/1",
        "secretsmanager:GetSecretValue": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3",
        "ssm:GetParameter": "arn:aws:ssm:eu-west-1:123456789012:parameter/theirs",
        "s3:GetObject": "arn:aws:s3:::theirs/data/x",
        "s3:DeleteObject": "arn:aws:s3:::my-flights-data/data/raw/companies.csv",
        "iam:PassRole": "arn:aws:iam::123456789012:role/admin",
    }.items():
        assert not _is_allowed(action, arn, mine, statements), action


def test_what_is_granted_on_everything_is_said() -> None:
    wide = {action for each in _developer_policy() if each["Resource"] == ["*"] for action in each["Action"]}
    said = PAGE.read_text(encoding="utf-8").partition("What is not narrower")[2].partition("## ")[0]
    assert wide
    assert wide <= set(re.findall(r"`([\w-]+:\w+)`", said))


def test_the_page_of_bootstrap_names_the_folders_that_the_role_reaches() -> None:
    text = (ROOT / "docs" / "guides" / "bootstrap.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| the role \| (.*) \|$", text, re.MULTILINE)
    bare = {"env": "aws", "target": "aws", "region": "eu-west-1", "bucket": "my-flights-data"}
    policy = json.dumps(build_role_policy(AwsConfig.model_validate(bare)))
    reached = set(re.findall(r"\$\{Bucket\.Arn\}/([^\"]*)\*\"", policy))
    assert reached == {name for name in re.findall(r"`([^`]+)`", row) if name.endswith("/")}


def test_the_table_of_faults_has_each_command_or_says_that_it_has_not() -> None:
    text = (ROOT / "docs" / "concepts" / "faults.md").read_text(encoding="utf-8")
    tried = set(re.findall(r"^\| ([a-z-]+)[^|]* \| \d+ \|", text, re.MULTILINE))
    left = set(re.findall(r"`([a-z-]+)`", text.partition("The table does not show")[2].partition("\n\n")[0]))
    asking = {name for name, actions in CALLERS.items() if actions}
    assert asking - tried == asking & left


def test_the_policy_of_the_stack_is_its_table() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## What CloudFormation makes for you")[2]
    rows = re.findall(r"^\| `AWS::[\w:]+` \| (.*) \|$", table, re.MULTILINE)
    listed = {action for row in rows for action in re.findall(r"`([^`]+)`", row)}
    assert _allowed(_stack_policy()) == listed - {"s3:GetBucketPolicy"}  # s3:GetBucket* holds it


def test_the_policy_of_runs_is_what_the_datasets_need() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## The datasets")[2]
    datasets = {action for actions in DATASETS.values() for action in actions}
    assert datasets == set(re.findall(r"`((?:athena|glue|s3):\w+)`", section))


def test_every_resource_of_the_stack_has_its_permissions() -> None:
    text = (REFERENCE / "permissions.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(AWS::[\w:]+)` \| `\w+:\w+`", text, re.MULTILINE)
    source = (PACKAGE / "plan" / "stack_template.py").read_text(encoding="utf-8")
    assert sorted(documented) == sorted(set(re.findall(r'"Type": "(AWS::[\w:]+)"', source)))


def test_every_call_of_the_datasets_has_its_permission() -> None:
    section = (REFERENCE / "permissions.md").read_text(encoding="utf-8").partition("## The datasets")[2]
    documented = set(re.findall(r"`((?:athena|glue):\w+)`", section))
    methods = {
        xform_name(operation): f"{service}:{operation}"
        for service in OF_DATASETS
        for operation in load_service_model(service).operation_names
    }
    called = {
        methods[name]
        for file in ("athena", "glue")
        for name in re.findall(r"\b([a-z_]+)\(|get_paginator\(\"([a-z_]+)\"\)", _source(f"aws/{file}.py"))
        for name in name
        if name in methods
    }
    assert called
    assert called <= documented


def _source(file: str) -> str:
    return (PACKAGE / file).read_text(encoding="utf-8")
