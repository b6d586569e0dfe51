"""What the stack's template says. scripts/check_policies.py lints it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kedro_aws_plugin.config import AwsConfig, Registry
from kedro_aws_plugin.config.models import DeploySection
from kedro_aws_plugin.config.pipelines import Pipelines
from kedro_aws_plugin.errors import ConfigError
from kedro_aws_plugin.plan.athena import build_table_inputs, build_workgroup
from kedro_aws_plugin.plan.bootstrap import get_stack_name, plan_bootstrap
from kedro_aws_plugin.plan.observed import Foundation
from kedro_aws_plugin.plan.render import render_requests
from kedro_aws_plugin.plan.stack_template import build_stack_template, format_for_people, format_template

RUNS = "kedro-aws/my_flights/aws/runs/"
CASES = Path(__file__).parents[2] / "cases" / "bootstrap"


def config(folder: str) -> AwsConfig:
    return AwsConfig.model_validate(yaml.safe_load((CASES / folder / "aws.yml").read_text(encoding="utf-8")))


def template(folder: str = "first") -> dict[str, Any]:
    return build_stack_template(config(folder), "my_flights")


def test_the_data_outlives_the_stack_and_query_results_expire() -> None:
    bucket = template()["Resources"]["Bucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [(rule["Prefix"], rule["ExpirationInDays"]) for rule in rules if "Prefix" in rule] == [
        ("athena/", 30),
        (RUNS, 30),
    ]
    elsewhere = template("primary-workgroup-and-results-elsewhere")["Resources"]["Bucket"]["Properties"]
    rules = elsewhere["LifecycleConfiguration"]["Rules"]
    assert [rule["Prefix"] for rule in rules if "ExpirationInDays" in rule] == [RUNS]


@pytest.mark.parametrize(("keep_days", "kept"), [(7, [7]), (None, [])])
def test_the_files_of_runs_expire_as_aws_yml_says(keep_days: int | None, kept: list[int]) -> None:
    own = config("first").model_copy(update={"pipelines": Pipelines(keep_days=keep_days, prefix="jobs")})
    rules = build_stack_template(own, "my_flights")["Resources"]["Bucket"]["Properties"][
        "LifecycleConfiguration"
    ]["Rules"]
    found = [rule for rule in rules if rule["Id"] == "expire-runs"]
    assert [rule["ExpirationInDays"] for rule in found] == kept
    assert {rule["Prefix"] for rule in found} <= {f"jobs/my_flights/{own.env}/runs/"}


def test_what_is_overwritten_or_deleted_can_be_got_back_for_a_month() -> None:
    bucket = template()["Resources"]["Bucket"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    kept = {
        rule.get("Prefix", ""): rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for rule in bucket["LifecycleConfiguration"]["Rules"]
        if "NoncurrentVersionExpiration" in rule
    }
    assert kept == {"": 30, "athena/": 1, RUNS: 1}


def test_access_logs_go_to_the_bucket_that_aws_yml_names() -> None:
    assert "LoggingConfiguration" not in template()["Resources"]["Bucket"]["Properties"]
    assert template("access-logs")["Resources"]["Bucket"]["Properties"]["LoggingConfiguration"] == {
        "DestinationBucketName": "acme-logs",
        "LogFilePrefix": "s3/my-flights-data/",
    }


def test_sagemaker_takes_on_the_role_for_this_account_and_region_alone() -> None:
    (trust,) = template()["Resources"]["SageMakerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {
            "aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:*"}
        },
    }


def test_every_request_without_tls_is_denied() -> None:
    (only,) = template()["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (only["Effect"], only["Principal"], only["Action"]) == ("Deny", "*", "s3:*")
    assert only["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_no_client_writes_results_elsewhere() -> None:
    workgroup = template()["Resources"]["Workgroup"]["Properties"]["WorkGroupConfiguration"]
    assert workgroup["EnforceWorkGroupConfiguration"] is True
    assert workgroup["ResultConfiguration"] == {"OutputLocation": "s3://my-flights-data/athena/"}


def test_the_role_may_do_nothing_with_the_data_but_what_it_predicts_for() -> None:
    answers = [
        {"Fn::Sub": "${Bucket.Arn}/transform/output/*"},
        {"Fn::Sub": "${Bucket.Arn}/async/*/output/*"},
        {"Fn::Sub": "${Bucket.Arn}/async/*/failure/*"},
    ]
    (policy,) = template()["Resources"]["SageMakerRole"]["Properties"]["Policies"]
    s3 = [
        (action, statement["Resource"])
        for statement in policy["PolicyDocument"]["Statement"]
        for action in statement["Action"]
        if action.startswith("s3:")
    ]
    assert s3 == [
        ("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/sagemaker/*"}),
        ("s3:ListBucket", {"Fn::GetAtt": ["Bucket", "Arn"]}),
        (
            "s3:GetObject",
            [
                {"Fn::Sub": "${Bucket.Arn}/transform/input/*"},
                {"Fn::Sub": "${Bucket.Arn}/async/*/input/*"},
            ],
        ),
        ("s3:AbortMultipartUpload", answers),
        ("s3:PutObject", answers),
    ]


def test_the_role_may_tell_the_topics_of_aws_yml_and_no_others() -> None:
    topics = {"success_topic": "done", "error_topic": "arn:aws:sns:eu-west-1:210987654321:failures"}
    deploy = DeploySection.model_validate({"endpoint": "e", "mode": "async", "async": topics})
    told = build_stack_template(config("first").model_copy(update={"deploy": deploy}), "my_flights")
    (policy,) = told["Resources"]["SageMakerRole"]["Properties"]["Policies"]
    published = [
        statement["Resource"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == ["sns:Publish"]
    ]
    done = "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:done"
    assert published == [[topics["error_topic"], {"Fn::Sub": done}]]
    assert "sns:" not in str(template())


def test_the_template_is_written_without_aliases_and_read_back_the_same() -> None:
    text = format_template(template())
    assert "&id" not in text
    assert "*id" not in text
    assert yaml.safe_load(text) == template()


def test_a_template_that_cloudformation_does_not_take_is_not_printed() -> None:
    made = template("refused-template-too-long")
    with pytest.raises(ConfigError, match="CloudFormation takes 51200"):
        format_for_people(made, "stack", "eu-west-1", {})
    assert len(format_for_people(template(), "stack", "eu-west-1", {}).encode()) < 51_200


def test_tables_whose_names_differ_in_underscores_alone_are_two() -> None:
    resources = template("json-and-partitioned-parquet")["Resources"]
    assert len([name for name in resources if name.startswith("TableAB")]) == 2
    assert all(name.isalnum() for name in resources)


def test_a_csv_table_skips_its_header_and_knows_quotes() -> None:
    athena = config("first").athena
    assert athena is not None
    (table,) = build_table_inputs(athena)
    serde = table["StorageDescriptor"]["SerdeInfo"]
    assert serde["SerializationLibrary"] == "org.apache.hadoop.hive.serde2.OpenCSVSerde"
    assert serde["Parameters"]["quoteChar"] == '"'
    assert table["Parameters"]["skip.header.line.count"] == "1"


@pytest.mark.parametrize(("limit", "scanned"), [(100, 10**11), (0.01, 10**7), (None, None)])
def test_the_scan_limit_is_in_decimal_gigabytes(limit: float | None, scanned: int | None) -> None:
    values = config("first").model_dump()
    values["athena"]["max_scan_gb"] = limit
    wanted = build_workgroup(AwsConfig.model_validate(values), "my_flights")
    assert wanted is not None
    assert wanted["Configuration"].get("BytesScannedCutoffPerQuery") == scanned


def test_the_accounts_own_workgroup_is_left_alone() -> None:
    assert build_workgroup(config("primary-workgroup-and-results-elsewhere"), "my_flights") is None
    assert build_workgroup(config("without-athena"), "my_flights") is None


def test_a_dry_run_shows_the_template_as_yaml() -> None:
    shown = render_requests(plan_bootstrap(config("first"), "my_flights", (), Foundation()))
    assert format_template(template()).rstrip() in shown
    assert "\\n" not in shown


def test_a_stack_is_named_after_the_bucket() -> None:
    assert get_stack_name("acme.moon-prices") == "kedro-aws-acme-moon-prices"


@pytest.mark.parametrize(
    ("image", "repository"),
    [("team/flights:1.0", "team/flights"), (f"flights@sha256:{'0a' * 32}", "flights")],
)
def test_the_role_may_pull_an_own_image(image: str, repository: str) -> None:
    registry = Registry(
        group="flights", model="m", image=f"210987654321.dkr.ecr.eu-west-1.amazonaws.com/{image}"
    )
    config = AwsConfig(env="aws", target="aws", region="eu-west-1", bucket="flights", registry=registry)
    role = build_stack_template(config, "flights")["Resources"]["SageMakerRole"]
    [policy] = role["Properties"]["Policies"]
    [pull] = [each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == "PullImages"]
    assert pull["Resource"] == [
        {"Fn::Sub": "arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/sagemaker-scikit-learn"},
        {"Fn::Sub": f"arn:${{AWS::Partition}}:ecr:${{AWS::Region}}:210987654321:repository/{repository}"},
    ]
