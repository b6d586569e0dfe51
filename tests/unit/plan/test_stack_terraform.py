"""Terraform's resources say what the stack's template says: read back, property by property."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hcl_values import read_blocks, to_statement

from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.plan.stack_template import build_stack_template, format_for_people
from kedro_aws_plugin.plan.stack_terraform import format_stack

CASES = Path(__file__).parents[2] / "cases" / "bootstrap"
CONFIGS = sorted(file.parent.name for file in CASES.glob("*/aws.yml") if (file.parent / "plan.json").exists())
TAGS = {"kedro-aws:project": "my_flights", "kedro-aws:env": "aws", "kedro-aws:bucket": "my-flights-data"}
VALUES = {
    "data.aws_caller_identity.current.account_id": "123456789012",
    "data.aws_partition.current.partition": "aws",
    "aws_s3_bucket.project.id": "my-flights-data",
    "aws_s3_bucket.project.arn": "arn:aws:s3:::my-flights-data",
    "aws_glue_catalog_database.project.name": "DATABASE",
    "local.tags": "TAGS",
}


def make(name: str) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]], AwsConfig]:
    """The template of a case with values for its functions, and the blocks of its Terraform."""
    config = AwsConfig.model_validate(yaml.safe_load((CASES / name / "aws.yml").read_text(encoding="utf-8")))
    template = build_stack_template(config, "my_flights")
    text = format_stack(template, "kedro-aws-my-flights-data", config.region, TAGS)
    cloud = {
        "AWS::AccountId": "123456789012",
        "AWS::Partition": "aws",
        "AWS::Region": config.region,
        "Bucket": config.bucket,
        "Bucket.Arn": f"arn:aws:s3:::{config.bucket}",
        "Database": "DATABASE",
    }
    found: dict[str, Any] = fill_terraform(read_blocks(text), config.bucket)
    return fill_template(template["Resources"], cloud), found, config


def fill_template(value: Any, cloud: dict[str, str]) -> Any:
    """CloudFormation's functions, resolved."""
    match value:
        case {"Ref": name}:
            return cloud[name]
        case {"Fn::GetAtt": [name, attribute]}:
            return cloud[f"{name}.{attribute}"]
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([^}]*)\}", lambda found: cloud[found[1]], text)
        case dict():
            return {key: fill_template(each, cloud) for key, each in value.items()}
        case list():
            return [fill_template(each, cloud) for each in value]
    return value


def fill_terraform(value: Any, bucket: str) -> Any:
    """Terraform's references, resolved; those to documents stay."""
    values = {
        **VALUES,
        "aws_s3_bucket.project.id": bucket,
        "aws_s3_bucket.project.arn": f"arn:aws:s3:::{bucket}",
    }
    match value:
        case dict():
            return {key: fill_terraform(each, bucket) for key, each in value.items()}
        case list():
            return [fill_terraform(each, bucket) for each in value]
        case str():
            return re.sub(r"\$\{([^}]*)\}", lambda found: values.get(found[1], found[0]), value)
    return value


def resources(blocks: dict[str, list[dict[str, Any]]], kind: str) -> list[dict[str, Any]]:
    """The bodies of the resources of a kind."""
    return [body for each in blocks["resource"] for body in each.get(kind, {}).values()]


def document(blocks: dict[str, list[dict[str, Any]]], reference: str) -> list[dict[str, Any]]:
    """The statements of the policy that a reference is to."""
    [name] = re.findall(r"data\.aws_iam_policy_document\.(\w+)\.json", reference)
    [body] = [
        each["aws_iam_policy_document"][name]
        for each in blocks["data"]
        if name in each.get("aws_iam_policy_document", {})
    ]
    return [to_statement(each) for each in body["statement"]]


def as_lists(statement: dict[str, Any]) -> dict[str, Any]:
    """A statement with lists where IAM takes one value too."""

    def listed(value: Any) -> Any:
        return value if isinstance(value, list) else [value]

    principal = statement.get("Principal")
    found = {
        **statement,
        **{key: listed(statement[key]) for key in ("Action", "Resource") if key in statement},
        "Condition": {
            test: {name: listed(value) for name, value in keys.items()}
            for test, keys in statement.get("Condition", {}).items()
        },
        "Principal": {"*": ["*"]}
        if principal == "*"
        else {kind: listed(value) for kind, value in (principal or {}).items()},
    }
    return {key: value for key, value in found.items() if value}


def read_bucket(blocks: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """CloudFormation's properties of the bucket."""

    def of(kind: str) -> dict[str, Any]:
        [body] = resources(blocks, f"aws_s3_bucket{kind}")
        return body

    access = of("_public_access_block")
    encryption = of("_server_side_encryption_configuration")["rule"][0]
    logs = resources(blocks, "aws_s3_bucket_logging")
    return {
        "BucketName": of("")["bucket"],
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "ServerSideEncryptionByDefault": {
                        "SSEAlgorithm": encryption["apply_server_side_encryption_by_default"][0][
                            "sse_algorithm"
                        ]
                    }
                }
            ]
        },
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": access["block_public_acls"],
            "BlockPublicPolicy": access["block_public_policy"],
            "IgnorePublicAcls": access["ignore_public_acls"],
            "RestrictPublicBuckets": access["restrict_public_buckets"],
        },
        "OwnershipControls": {
            "Rules": [{"ObjectOwnership": of("_ownership_controls")["rule"][0]["object_ownership"]}]
        },
        "VersioningConfiguration": {"Status": of("_versioning")["versioning_configuration"][0]["status"]},
        "LifecycleConfiguration": {
            "Rules": [read_rule(rule) for rule in of("_lifecycle_configuration")["rule"]]
        },
        **(
            {
                "LoggingConfiguration": {
                    "DestinationBucketName": logs[0]["target_bucket"],
                    "LogFilePrefix": logs[0]["target_prefix"],
                }
            }
            if logs
            else {}
        ),
    }


def read_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of the lifecycle as CloudFormation writes it."""
    unfinished = rule.get("abort_incomplete_multipart_upload", [{}])[0]
    noncurrent = rule.get("noncurrent_version_expiration", [{}])[0]
    expiration = rule.get("expiration", [{}])[0]
    found = {
        "Id": rule["id"],
        "Status": rule["status"],
        "Prefix": rule["filter"][0]["prefix"],
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": unfinished.get("days_after_initiation")},
        "NoncurrentVersionExpiration": {"NoncurrentDays": noncurrent.get("noncurrent_days")},
        "ExpiredObjectDeleteMarker": expiration.get("expired_object_delete_marker"),
        "ExpirationInDays": expiration.get("days"),
    }
    return {key: value for key, value in found.items() if value and _is_stated(value)}


def _is_stated(value: Any) -> bool:
    return not isinstance(value, dict) or all(each is not None for each in value.values())


def read_table(body: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation's properties of a table."""

    def columns(found: list[dict[str, Any]]) -> list[dict[str, str]]:
        return [{"Name": each["name"], "Type": each["type"]} for each in found]

    [stored] = body["storage_descriptor"]
    [serde] = stored["ser_de_info"]
    return {
        "CatalogId": body["catalog_id"],
        "DatabaseName": body["database_name"],
        "TableInput": {
            "Name": body["name"],
            "TableType": body["table_type"],
            "Parameters": body["parameters"],
            "PartitionKeys": columns(body.get("partition_keys", [])),
            "StorageDescriptor": {
                "Columns": columns(stored["columns"]),
                "Location": stored["location"],
                "InputFormat": stored["input_format"],
                "OutputFormat": stored["output_format"],
                "SerdeInfo": {
                    "SerializationLibrary": serde["serialization_library"],
                    "Parameters": serde["parameters"],
                },
            },
        },
    }


def read_workgroup(body: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation's properties of a workgroup."""
    [settings] = body["configuration"]
    limit = settings.get("bytes_scanned_cutoff_per_query")
    return {
        "Name": body["name"],
        "Description": body["description"],
        "State": body["state"],
        "RecursiveDeleteOption": body["force_destroy"],
        "WorkGroupConfiguration": {
            "ResultConfiguration": {"OutputLocation": settings["result_configuration"][0]["output_location"]},
            "EnforceWorkGroupConfiguration": settings["enforce_workgroup_configuration"],
            "PublishCloudWatchMetricsEnabled": settings["publish_cloudwatch_metrics_enabled"],
            "EngineVersion": {
                "SelectedEngineVersion": settings["engine_version"][0]["selected_engine_version"]
            },
            **({"BytesScannedCutoffPerQuery": limit} if limit is not None else {}),
        },
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_each_property_of_the_template_is_in_terraform(name: str) -> None:
    template, blocks, _ = make(name)
    by_type: dict[str, list[Any]] = {}
    for each in template.values():
        by_type.setdefault(each["Type"], []).append(each["Properties"])
    assert by_type.pop("AWS::S3::Bucket") == [read_bucket(blocks)]
    [policy] = resources(blocks, "aws_s3_bucket_policy")
    [expected] = by_type.pop("AWS::S3::BucketPolicy")
    assert policy["bucket"] == expected["Bucket"]
    assert document(blocks, policy["policy"]) == [
        as_lists(s) for s in expected["PolicyDocument"]["Statement"]
    ]
    roles = by_type.pop("AWS::IAM::Role")
    for role, expected in zip(resources(blocks, "aws_iam_role"), roles, strict=True):
        trust = expected["AssumeRolePolicyDocument"]["Statement"]
        assert role["description"] == expected["Description"]
        assert document(blocks, role["assume_role_policy"]) == [as_lists(each) for each in trust]
    made = {
        each["name"]: document(blocks, each["policy"]) for each in resources(blocks, "aws_iam_role_policy")
    }
    assert made == {
        each["PolicyName"]: [as_lists(statement) for statement in each["PolicyDocument"]["Statement"]]
        for expected in roles
        for each in expected["Policies"]
    }
    databases = [
        {
            "CatalogId": body["catalog_id"],
            "DatabaseInput": {"Name": body["name"], "Description": body["description"]},
        }
        for body in resources(blocks, "aws_glue_catalog_database")
    ]
    assert by_type.pop("AWS::Glue::Database", []) == databases
    tables = [read_table(body) for body in resources(blocks, "aws_glue_catalog_table")]
    assert by_type.pop("AWS::Glue::Table", []) == tables
    workgroups = [read_workgroup(body) for body in resources(blocks, "aws_athena_workgroup")]
    assert by_type.pop("AWS::Athena::WorkGroup", []) == workgroups
    assert by_type == {}


@pytest.mark.parametrize("name", CONFIGS)
def test_what_cloudformation_tags_and_keeps_terraform_does_too(name: str) -> None:
    template, blocks, _ = make(name)
    assert blocks["locals"] == [{"tags": TAGS}]
    for kind in ("aws_s3_bucket", "aws_iam_role", "aws_athena_workgroup"):
        assert all(body["tags"] == "TAGS" for body in resources(blocks, kind)), kind
    [bucket] = resources(blocks, "aws_s3_bucket")
    assert template["Bucket"]["DeletionPolicy"].startswith("Retain")
    assert bucket["lifecycle"] == [{"prevent_destroy": True}]


def test_a_property_that_is_not_written_is_no_silent_loss() -> None:
    config = AwsConfig.model_validate(yaml.safe_load((CASES / "first/aws.yml").read_text(encoding="utf-8")))
    template = build_stack_template(config, "my_flights")
    template["Resources"]["Bucket"]["Properties"]["ObjectLockEnabled"] = True
    with pytest.raises(ValueError, match="Bucket has properties that are not written: ObjectLockEnabled"):
        format_stack(template, "kedro-aws-x", config.region, TAGS)


def test_the_template_for_people_is_the_template() -> None:
    config = AwsConfig.model_validate(yaml.safe_load((CASES / "first/aws.yml").read_text(encoding="utf-8")))
    template = build_stack_template(config, "my_flights")
    text = format_for_people(template, "kedro-aws-my-flights-data", config.region, TAGS)
    assert yaml.safe_load(text) == template
    command = " ".join(line[1:].strip(" \\") for line in text.splitlines() if line.startswith("#"))
    assert command == (
        "aws cloudformation deploy --stack-name kedro-aws-my-flights-data --template-file FILE "
        f"--region {config.region} --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset --tags "
        "kedro-aws:project=my_flights kedro-aws:env=aws kedro-aws:bucket=my-flights-data"
    )
