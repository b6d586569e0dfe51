"""Lint the policies that are printed or documented, and the template of the stack for several aws.yml.

Usage: python scripts/check_policies.py

Nothing here calls AWS. parliament knows the resources and conditions of each IAM action, cfn-lint the schema
of each resource, and cfripper what is unsafe in a template. Each exception is in EXCEPTIONS, with its reason.
"""

import importlib.util
import json
import logging
import re
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.plan.policy.callers import AUDIENCES, DATASETS
from kedro_aws_plugin.plan.policy.document import build_policy
from kedro_aws_plugin.plan.policy.reach import Data, Reach
from kedro_aws_plugin.plan.stack_template import build_stack_template, format_template

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs/reference/permissions.md", ROOT / "docs/guides/bootstrap.md")
CASES = ROOT / "tests/cases/bootstrap"
CONFIGS = (
    "first",
    "without-athena",
    "access-logs",
    "primary-workgroup-and-results-elsewhere",
    "json-and-partitioned-parquet",
    "alarms-of-updates",
    "keys-and-networks",
)
DATA = Data(
    uses=frozenset(DATASETS),
    read=frozenset({"s3://my-flights-data/data/", "s3://theirs/data/"}),
    written=frozenset({"s3://my-flights-data/data/", "s3://theirs/data/"}),
    replaced=frozenset({"s3://my-flights-data/tables/", "s3://theirs/data/"}),
    databases=frozenset({"my_flights"}),
    tables=frozenset({"my_flights/prices"}),
    workgroups=frozenset({"my-flights"}),
)
VALUES = {  # for what a template refers to
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "Bucket": "my-flights-data",
    "Bucket.Arn": "arn:aws:s3:::my-flights-data",
    "Database": "my_flights",
    "SageMakerRole.Arn": "arn:aws:iam::123456789012:role/kedro-aws-my-flights-data-SageMakerRole-1A2B",
    "Workgroup": "my-flights",
}


@dataclass(frozen=True)
class Accepted:
    """A finding that stays.

    Attributes:
        rule: The linter's name of the rule.
        detail: What the finding's text holds.
        reason: Why it stays.
    """

    rule: str
    detail: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """What a linter has found.

    Attributes:
        where: The file or the template, and the statement.
        rule: The linter's name of the rule.
        detail: What is wrong there.
    """

    where: str
    rule: str
    detail: str


EXCEPTIONS = (
    Accepted("STAR", "application-autoscaling:Describe", "AWS has no resources for this action"),
    Accepted("STAR", "scheduler:ListSchedules", "AWS has no resources for this action"),
    Accepted(
        "UNKNOWN_CONDITION_FOR_ACTION",
        "kms:ResourceAliases",
        "a condition of the operations on a key; the linter knows it, and gives it to none of them",
    ),
    Accepted("STAR", "sagemaker:ListEndpoints", "AWS has no resources for this action"),
    Accepted("STAR", "ec2:Describe", "AWS has no resources for these actions"),
    Accepted("STAR", "sagemaker:ListPipelines", "AWS has no resources for this action"),
    Accepted("STAR", "states:ListStateMachines", "AWS has no resources for this action"),
    Accepted("STAR", "emr-serverless:ListApplications", "AWS has no resources for this action"),
    Accepted(
        "RESOURCE_MISMATCH",
        "states:DescribeExecution",
        "express executions and map runs are read by the same actions, and there are none of them",
    ),
    Accepted("STAR", "sagemaker:ListTransformJobs", "AWS has no resources for this action"),
    Accepted("UNKNOWN_ACTION", "sagemaker:ListPipelineVersions", "newer than the linter's list of actions"),
    Accepted("STAR", "tag:GetResources", "AWS has no resources for this action"),
    Accepted("STAR", "servicequotas:ListServiceQuotas", "AWS has no resources for this action"),
    Accepted("STAR", "cloudwatch:GetMetricData", "AWS has no resources for this action"),
    Accepted("STAR", "ecr:GetAuthorizationToken", "AWS has no resources for this action"),
    Accepted(
        "STAR",
        "cloudwatch:PutMetricData",
        "AWS has no resources for this action; the statement's condition names the namespaces",
    ),
    Accepted("STAR", "s3:GetBucket*", "CloudFormation reads every setting of the bucket, and no object"),
    Accepted(
        "RESOURCE_POLICY_PRIVILEGE_ESCALATION",
        "s3:PutBucketPolicy",
        "whoever makes the bucket makes its policy, which denies what does not use TLS",
    ),
    Accepted(
        "RESOURCE_POLICY_PRIVILEGE_ESCALATION",
        "s3:PutLifecycleConfiguration",
        "whoever makes the bucket makes the rules by which query results and old versions expire",
    ),
    Accepted(
        "RESOURCE_MISMATCH",
        "athena:TagResource",
        "workgroups are tagged by the same actions as the other kinds of resources, of which there are none",
    ),
)


def check_page(text: str, where: str) -> Iterator[Finding]:
    """Lint the JSON blocks of a page, which are policies."""
    blocks = re.findall(r'^```json(?: title="([^"]*)")?\n(.*?)^```$', text, re.DOTALL | re.MULTILINE)
    for title, body in blocks:
        yield from check_policy(json.loads(body), f"{where}, {title}")


def check_printed() -> Iterator[Finding]:
    """Lint the policies of `kedro aws policy` for the aws.yml of the permissions' page."""
    text = PAGES[0].read_text(encoding="utf-8")
    [stated] = re.findall(r'^```yaml title="conf/base/aws.yml"\n(.*?)^```$', text, re.DOTALL | re.MULTILINE)
    config = AwsConfig.model_validate({"env": "aws", "target": "aws", **yaml.safe_load(stated)})
    role = f"arn:aws:iam::{VALUES['AWS::AccountId']}:role/kedro-aws-my-flights-data-SageMakerRole-*"
    reach = Reach(config, "my_flights", VALUES["AWS::AccountId"], role, DATA)
    for audience in AUDIENCES:
        yield from check_policy(build_policy(audience, reach), f"kedro aws policy --for {audience}")


def check_policy(policy: dict[str, Any], where: str) -> Iterator[Finding]:
    """Lint a policy of IAM, or of a bucket."""
    found = _import_parliament().analyze_policy_string(json.dumps(policy)).findings
    for each in found:
        yield Finding(where, each.issue, str(each.detail))
    for statement in policy["Statement"]:
        for action in _as_list(statement["Action"]):
            if "*" in action:
                yield Finding(f"{where}, {statement.get('Sid')}", "STAR", f"{action} is many actions")
        if "*" in _as_list(statement["Resource"]):
            for action in _as_list(statement["Action"]):
                yield Finding(f"{where}, {statement.get('Sid')}", "STAR", f"{action} on *")


def check_template(template: dict[str, Any], where: str) -> Iterator[Finding]:
    """Lint a template of CloudFormation, and the policies of the roles in it."""
    from cfnlint.api import ManualArgs, lint

    regions = ManualArgs(regions=[VALUES["AWS::Region"]], include_checks=["I"])
    broken = lint(format_template(template), config=regions)
    if broken:
        yield from (Finding(where, match.rule.id, match.message) for match in broken)
        return
    resolved = resolve(template)
    yield from _scan(resolved, where)
    for name, resource in resolved["Resources"].items():
        for policy in resource["Properties"].get("Policies", ()):
            yield from check_policy(policy["PolicyDocument"], f"{where}, {name}, {policy['PolicyName']}")


def _scan(template: dict[str, Any], where: str) -> Iterator[Finding]:
    import pycfmodel
    from cfripper.cli import init_cfripper

    # It warns of each resource for which it has no class.
    logging.getLogger("pycfmodel").setLevel(logging.ERROR)
    config, rules = init_cfripper(None, None, VALUES["AWS::AccountId"], [])
    result = rules.process_cf_template(pycfmodel.parse(template).resolve(), config)
    for failure in result.failures:
        yield Finding(f"{where}, {', '.join(sorted(failure.resource_ids))}", failure.rule, failure.reason)
    for error in result.exceptions:
        yield Finding(where, "cfripper", repr(error))


def resolve(value: Any) -> Any:
    """Put values for the functions in a part of a template."""
    match value:
        case list():
            return [resolve(each) for each in value]
        case {"Ref": name}:
            return VALUES[name]
        case {"Fn::GetAtt": [name, attribute]}:
            return VALUES[f"{name}.{attribute}"]
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]*)\}", lambda found: VALUES[found[1]], text)
        case dict():
            return {key: resolve(each) for key, each in value.items()}
    return value


def _import_parliament() -> Any:
    """Import parliament, which finds its table by pkg_resources: setuptools 82 no longer has that."""

    def find(package: str, name: str) -> str:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        return str(Path(spec.origin).with_name(name))

    if "parliament" not in sys.modules:
        stand_in = types.ModuleType("pkg_resources")
        stand_in.resource_filename = find  # type: ignore[attr-defined]
        before = sys.modules.get("pkg_resources")
        sys.modules["pkg_resources"] = stand_in
        import parliament  # noqa: F401

        if before is None:
            del sys.modules["pkg_resources"]
        else:
            sys.modules["pkg_resources"] = before
    return sys.modules["parliament"]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def sift(findings: Sequence[Finding], exceptions: Sequence[Accepted] = EXCEPTIONS) -> list[str]:
    """List what is wrong: findings that no exception covers, and exceptions that cover none."""
    used: set[Accepted] = set()
    wrong = []
    for finding in findings:
        covering = {
            each for each in exceptions if each.rule == finding.rule and each.detail in finding.detail
        }
        used |= covering
        if not covering:
            wrong.append(f"{finding.where}: {finding.rule}: {finding.detail}")
    unused = [each for each in exceptions if each not in used]
    wrong += [f"EXCEPTIONS: {each.rule}: {each.detail}: nothing needs this" for each in unused]
    return wrong


def main() -> int:
    """Lint everything, print what is wrong and return the exit code."""
    findings = [found for page in PAGES for found in check_page(page.read_text(encoding="utf-8"), page.name)]
    findings += check_printed()
    for name in CONFIGS:
        values = yaml.safe_load((CASES / name / "aws.yml").read_text(encoding="utf-8"))
        template = build_stack_template(AwsConfig.model_validate(values), "my_flights")
        findings += check_template(template, f"the stack of {name}")
    wrong = sift(findings)
    print("\n".join(wrong) or f"{len(EXCEPTIONS)} exceptions, nothing wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
