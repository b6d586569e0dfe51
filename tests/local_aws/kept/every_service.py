"""For each service that the local AWS can be asked for: what is made there, and how it is read."""

import json
from collections.abc import Callable
from typing import Any

ACCOUNT = "123456789012"
_TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    }
)
_MACHINE = json.dumps(
    {"QueryLanguage": "JSONata", "StartAt": "only", "States": {"only": {"Type": "Pass", "End": True}}}
)
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
_MACHINE_ARN = f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:m"
_ORDERS = {"Name": "orders", "Parameters": {"a": "b"}}
_EVERY_DAY = {"ScheduleExpression": "rate(1 day)"}
_TABLE: dict[str, Any] = {
    "TableName": "flights",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}

Call = tuple[str, dict[str, Any]]

MADE: dict[str, list[Call]] = {
    "glue": [
        ("create_database", {"DatabaseInput": {"Name": "shop"}}),
        (
            "create_table",
            {"DatabaseName": "shop", "TableInput": _ORDERS},
        ),
        ("create_crawler", {"Name": "c", "Role": "r", "DatabaseName": "shop", "Targets": {}}),
    ],
    "logs": [
        ("create_log_group", {"logGroupName": "g", "tags": {"team": "blue"}}),
        ("put_retention_policy", {"logGroupName": "g", "retentionInDays": 7}),
    ],
    "iam": [
        ("create_role", {"RoleName": "r", "AssumeRolePolicyDocument": _TRUST}),
        ("put_role_policy", {"RoleName": "r", "PolicyName": "p", "PolicyDocument": _POLICY}),
        ("create_user", {"UserName": "u"}),
    ],
    "kms": [("create_key", {"Description": "for data"})],
    "sns": [("create_topic", {"Name": "t"})],
    "sqs": [("create_queue", {"QueueName": "q"})],
    "events": [("put_rule", {"Name": "daily", **_EVERY_DAY})],
    "scheduler": [
        (
            "create_schedule",
            {
                "Name": "daily",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {
                    "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution",
                    "RoleArn": _ROLE,
                    "Input": '{"PipelineName": "daily"}',
                },
                **_EVERY_DAY,
            },
        )
    ],
    "application-autoscaling": [
        (
            "register_scalable_target",
            {
                "ServiceNamespace": "sagemaker",
                "ResourceId": "endpoint/e/variant/AllTraffic",
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "MinCapacity": 1,
                "MaxCapacity": 2,
            },
        )
    ],
    "stepfunctions": [
        (
            "create_state_machine",
            {"name": "m", "definition": _MACHINE, "roleArn": _ROLE},
        ),
        (
            "start_execution",
            {"stateMachineArn": _MACHINE_ARN, "name": "e"},
        ),
    ],
    "emr-serverless": [
        ("create_application", {"name": "a", "releaseLabel": "emr-spark-8.1.0", "type": "SPARK"}),
    ],
    "ecr": [("create_repository", {"repositoryName": "images"})],
    "ssm": [("put_parameter", {"Name": "/a/b", "Value": "c", "Type": "SecureString"})],
    "secretsmanager": [("create_secret", {"Name": "s", "SecretString": "hidden"})],
    "dynamodb": [
        ("create_table", _TABLE),
        ("put_item", {"TableName": "flights", "Item": {"id": {"S": "1"}, "to": {"S": "LIS"}}}),
    ],
    "cloudwatch": [
        (
            "put_metric_alarm",
            {
                "AlarmName": "a",
                "MetricName": "m",
                "Namespace": "n",
                "Statistic": "Sum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 1.0,
                "ComparisonOperator": "GreaterThanThreshold",
            },
        )
    ],
    "kinesis": [("create_stream", {"StreamName": "s", "ShardCount": 1})],
    "lakeformation": [("register_resource", {"ResourceArn": "arn:aws:s3:::lake", "RoleArn": "r"})],
}
"""The requests that make something, by botocore's names of the services."""

READ: dict[str, list[Call]] = {
    "glue": [
        ("get_databases", {}),
        ("get_tables", {"DatabaseName": "shop"}),
        ("list_crawlers", {}),
        ("get_crawler", {"Name": "c"}),
    ],
    "logs": [("describe_log_groups", {}), ("list_tags_log_group", {"logGroupName": "g"})],
    "iam": [
        ("list_users", {}),
        ("get_role", {"RoleName": "r"}),
        ("get_role_policy", {"RoleName": "r", "PolicyName": "p"}),
    ],
    "kms": [("list_keys", {})],
    "sns": [("list_topics", {})],
    "sqs": [("list_queues", {}), ("get_queue_url", {"QueueName": "q"})],
    "events": [("describe_rule", {"Name": "daily"})],
    "scheduler": [("get_schedule", {"Name": "daily"})],
    "application-autoscaling": [("describe_scalable_targets", {"ServiceNamespace": "sagemaker"})],
    "stepfunctions": [
        ("list_state_machines", {}),
        ("list_executions", {"stateMachineArn": _MACHINE_ARN}),
    ],
    "emr-serverless": [("list_applications", {})],
    "ecr": [("describe_repositories", {})],
    "ssm": [("get_parameter", {"Name": "/a/b", "WithDecryption": True})],
    "secretsmanager": [("get_secret_value", {"SecretId": "s"})],
    "dynamodb": [("describe_table", {"TableName": "flights"}), ("scan", {"TableName": "flights"})],
    "cloudwatch": [("describe_alarms", {})],
    "kinesis": [("describe_stream", {"StreamName": "s"})],
    "lakeformation": [("describe_resource", {"ResourceArn": "arn:aws:s3:::lake"})],
}
"""The requests that read what `MADE` made."""


def make_all(client: Callable[[str], Any]) -> None:
    """Send all requests of `MADE`."""
    for service, calls in MADE.items():
        for operation, params in calls:
            getattr(client(service), operation)(**params)


def read_all(client: Callable[[str], Any]) -> dict[str, Any]:
    """Send all requests of `READ`, and return the answers by service and operation."""
    found = {}
    for service, calls in READ.items():
        for operation, params in calls:
            answer = getattr(client(service), operation)(**params)
            found[f"{service} {operation}"] = {
                name: value for name, value in answer.items() if name != "ResponseMetadata"
            }
    return found
