"""Build the CloudFormation template of what a project needs before its first run."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import yaml

from kedro_aws_plugin.config import Athena, AwsConfig, find_results_folder
from kedro_aws_plugin.config.asynchronous import is_topic_name, list_topics
from kedro_aws_plugin.config.sections import find_alarms, find_capture_folder
from kedro_aws_plugin.errors import ConfigError
from kedro_aws_plugin.plan.athena import build_database_input, build_table_inputs, build_workgroup
from kedro_aws_plugin.plan.keys import allow_for_role
from kedro_aws_plugin.plan.state_machine import make_job_prefix

Values = dict[str, Any]
RESULTS_KEPT_DAYS = 30
_LONGEST_TEMPLATE = 51_200
_JOBS_RULE = "StepFunctionsGetEventsForSageMakerProcessingJobsRule"
"""The rule of EventBridge by which Step Functions learns that a job has ended."""

_UPLOADS_KEPT_DAYS = 7
_NONCURRENT_KEPT_DAYS = 30
# Of the files of a query or of a run, nobody wants former versions.
_NONCURRENT_PASSING_KEPT_DAYS = 1
# The data outlives the stack; a stack that could not be created leaves no bucket behind.
_RETAINED = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
_DELETED = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Retain"}
_BUCKET_ARN = {"Fn::GetAtt": ["Bucket", "Arn"]}


def build_stack_template(config: AwsConfig, project: str) -> Values:
    """Build the template: the bucket, SageMaker's role, and what `athena:` in aws.yml describes."""
    resources = {
        "Bucket": _build_bucket(config, project),
        "BucketPolicy": _build_bucket_policy(),
        "SageMakerRole": _build_role(config, project),
    }
    outputs = {
        "Bucket": {"Value": {"Ref": "Bucket"}},
        "RoleArn": {
            "Description": "The role that SageMaker takes on",
            "Value": {"Fn::GetAtt": ["SageMakerRole", "Arn"]},
        },
    }
    job_role = config.pipelines.role_arn or config.role_arn
    if config.pipelines.target == "stepfunctions" and job_role is not None:
        resources["StatesRole"] = _build_states_role(project, job_role)
        outputs["StatesRoleArn"] = {
            "Description": "The role that Step Functions takes on",
            "Value": {"Fn::GetAtt": ["StatesRole", "Arn"]},
        }
    if config.athena is not None:
        resources |= _build_glue(config.athena, project)
        outputs["Database"] = {"Value": {"Ref": "Database"}}
    if wanted := build_workgroup(config, project):
        resources["Workgroup"] = _build_workgroup(wanted)
        outputs["Workgroup"] = {"Value": {"Ref": "Workgroup"}}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"What the Kedro project {project} needs on AWS; made by kedro aws bootstrap",
        "Resources": resources,
        "Outputs": outputs,
    }


def format_template(template: Values, head: str = "") -> str:
    """Format a template as YAML.

    Args:
        template: The template.
        head: The comment above it.

    Raises:
        ConfigError: If CloudFormation does not take a text of this length.
    """
    made = yaml.dump(template, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=110)
    if (size := len(f"{head}{made}".encode())) > _LONGEST_TEMPLATE:
        raise ConfigError(
            f"conf/base/aws.yml: `athena.tables` makes a template of {size} bytes, and CloudFormation takes "
            f"{_LONGEST_TEMPLATE}. Leave some tables out, and create those with CREATE EXTERNAL TABLE."
        )
    return f"{head}{made}"


def format_for_people(template: Values, stack: str, region: str, tags: Mapping[str, str]) -> str:
    """Format a template as YAML, below the command that applies it as `kedro aws bootstrap` does.

    Raises:
        ConfigError: As `format_template` does.
    """
    continued = " \\\n#   "
    command = (
        f"aws cloudformation deploy --stack-name {stack} --template-file FILE --region {region}",
        "--capabilities CAPABILITY_IAM --no-fail-on-empty-changeset",
        f"--tags {' '.join(f'{key}={value}' for key, value in tags.items())}",
    )
    return format_template(template, f"# {continued.join(command)}\n").rstrip("\n")


class _PlainDumper(yaml.SafeDumper):
    """A dumper that repeats equal parts: CloudFormation does not accept YAML's aliases."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _find_results_prefix(config: AwsConfig) -> str | None:
    """Find the prefix of query results in the project's bucket; None if another bucket has them."""
    bucket, _, prefix = find_results_folder(config).removeprefix("s3://").partition("/")
    return prefix if bucket == config.bucket else None


def _build_bucket(config: AwsConfig, project: str) -> Values:
    rules: list[Values] = [
        {
            "Id": "abort-unfinished-uploads",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UPLOADS_KEPT_DAYS},
        },
        {
            "Id": "expire-noncurrent-versions",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": _NONCURRENT_KEPT_DAYS},
            # What is left of a deleted object once its last version has expired.
            "ExpiredObjectDeleteMarker": True,
        },
    ]
    if prefix := _find_results_prefix(config):
        rules.append(
            {
                "Id": "expire-query-results",
                "Status": "Enabled",
                "Prefix": prefix,
                "ExpirationInDays": RESULTS_KEPT_DAYS,
                "NoncurrentVersionExpiration": {"NoncurrentDays": _NONCURRENT_PASSING_KEPT_DAYS},
            }
        )
    if days := config.pipelines.keep_days:
        rules.append(
            {
                "Id": "expire-runs",
                "Status": "Enabled",
                "Prefix": f"{config.pipelines.prefix}/{project}/{config.env}/runs/",
                "ExpirationInDays": days,
                "NoncurrentVersionExpiration": {"NoncurrentDays": _NONCURRENT_PASSING_KEPT_DAYS},
            }
        )
    logs = config.bootstrap.access_logs
    return {
        "Type": "AWS::S3::Bucket",
        **_RETAINED,
        "Properties": {
            "BucketName": config.bucket,
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                ]
            },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "VersioningConfiguration": {"Status": "Enabled"},
            "LifecycleConfiguration": {"Rules": rules},
            **({"LoggingConfiguration": _build_logging(logs)} if logs else {}),
        },
    }


def _build_logging(folder: str) -> Values:
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    return {"DestinationBucketName": bucket, "LogFilePrefix": prefix}


def _build_bucket_policy() -> Values:
    return {
        "Type": "AWS::S3::BucketPolicy",
        **_RETAINED,
        "Properties": {
            "Bucket": {"Ref": "Bucket"},
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "OnlyTls",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [_BUCKET_ARN, _substitute("${Bucket.Arn}/*")],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            },
        },
    }


def _list_repositories(image: str | None) -> Values | list[Values]:
    """List the repositories of images: AWS's, and that of the user's own image, if there is one."""
    # AWS keeps its images in accounts of its own, another one in each region.
    aws = _substitute("arn:${AWS::Partition}:ecr:${AWS::Region}:*:repository/sagemaker-scikit-learn")
    if image is None:
        return aws
    registry, _, path = image.partition("/")
    repository = re.split("[:@]", path)[0]
    account = registry.partition(".")[0]
    return [
        aws,
        _substitute(f"arn:${{AWS::Partition}}:ecr:${{AWS::Region}}:{account}:repository/{repository}"),
    ]


def _list_capture_folders(config: AwsConfig) -> list[str]:
    """List the ARNs of what endpoints write if data capture is on: none if it is on for none of them."""
    section = config.deploy
    if section is None:
        return []
    captures = [each.capture for each in (section, *section.endpoints.values()) if each.capture]
    folders = {capture.destination or find_capture_folder(config) for capture in captures}
    return [f"arn:${{AWS::Partition}}:s3:::{folder.removeprefix('s3://')}*" for folder in sorted(folders)]


def _list_alarms(config: AwsConfig) -> list[str]:
    """List the ARNs of the alarms that may end an update of an endpoint. SageMaker reads them as the role."""
    alarm = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:"
    return [f"{alarm}{name}" for name in find_alarms(config)]


def _write_start(service: str) -> str:
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:"


def _substitute_each(resources: str | list[str]) -> Any:
    if isinstance(resources, str):
        return resources
    return [_substitute(each) if "${" in each else each for each in resources]


def build_role_policy(config: AwsConfig) -> Values:
    """Build the policy of what SageMaker needs to serve a model, and to predict for rows on S3."""
    logs = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/sagemaker/"
    statements = [
        _allow("ReadModels", ["s3:GetObject"], _substitute("${Bucket.Arn}/sagemaker/*")),
        _allow("FindModels", ["s3:ListBucket"], _BUCKET_ARN),
        # Rows and predictions have folders of their own: the models' role is to reach no other data.
        _allow(
            "ReadRows",
            ["s3:GetObject"],
            [_substitute(f"${{Bucket.Arn}}/{folder}/*") for folder in ("transform/input", "async/*/input")],
        ),
        _allow(
            "WritePredictions",
            ["s3:AbortMultipartUpload", "s3:PutObject"],
            [
                _substitute(f"${{Bucket.Arn}}/{folder}/*")
                for folder in ("transform/output", "async/*/output", "async/*/failure")
            ],
        ),
        *_allow_topics(config),
        *(
            [_allow("WriteCaptures", ["s3:PutObject"], [_substitute(each) for each in captured])]
            if (captured := _list_capture_folders(config))
            else []
        ),
        *(
            [_allow("WatchAlarms", ["cloudwatch:DescribeAlarms"], [_substitute(each) for each in alarms])]
            if (alarms := _list_alarms(config))
            else []
        ),
        _allow(
            "WriteLogs",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [
                _substitute(f"{logs}Endpoints/*"),
                _substitute(f"{logs}TransformJobs"),
                _substitute(f"{logs}TransformJobs:*"),
            ],
        ),
        {
            **_allow("WriteMetrics", ["cloudwatch:PutMetricData"], "*"),
            "Condition": {"StringLike": {"cloudwatch:namespace": ["AWS/SageMaker", "/aws/sagemaker/*"]}},
        },
        *[
            {**each, "Resource": _substitute_each(each["Resource"])}
            for each in allow_for_role(config, _write_start("kms"), _write_start("ec2"))
        ],
        _allow("LogInToImages", ["ecr:GetAuthorizationToken"], "*"),
        _allow(
            "PullImages",
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            _list_repositories(config.registry.image if config.registry else None),
        ),
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _build_role(config: AwsConfig, project: str) -> Values:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Description": f"SageMaker serves the models of the Kedro project {project}",
            "AssumeRolePolicyDocument": _trust("sagemaker", "*"),
            "Policies": [{"PolicyName": "serve-models", "PolicyDocument": build_role_policy(config)}],
        },
    }


def _trust(service: str, things: str) -> Values:
    """Trust a service. It serves all accounts: it may take on the role for this one's things alone."""
    source = f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{things}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
                    "ArnLike": {"aws:SourceArn": _substitute(source)},
                },
            }
        ],
    }


def _build_states_role(project: str, job_role: str) -> Values:
    """Build the role with which Step Functions makes the jobs of a pipeline, and gives them theirs.

    Source: "Create and manage Amazon SageMaker AI jobs" in the developer guide of Step Functions.
    """
    here = "${AWS::Region}:${AWS::AccountId}"
    jobs = f"arn:${{AWS::Partition}}:sagemaker:{here}:processing-job/{make_job_prefix(project).lower()}-*"
    statements = [
        _allow(
            "RunSteps",
            [
                "sagemaker:AddTags",
                "sagemaker:CreateProcessingJob",
                "sagemaker:DescribeProcessingJob",
                "sagemaker:StopProcessingJob",
            ],
            _substitute(jobs),
        ),
        {
            **_allow("GiveTheRoleToJobs", ["iam:PassRole"], job_role),
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        },
        _allow(
            "LearnHowJobsEnd",
            ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            _substitute(f"arn:${{AWS::Partition}}:events:{here}:rule/{_JOBS_RULE}"),
        ),
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Description": f"Step Functions runs the pipelines of the Kedro project {project}",
            "AssumeRolePolicyDocument": _trust("states", "stateMachine:*"),
            "Policies": [{"PolicyName": "run-pipelines", "PolicyDocument": document}],
        },
    }


def _allow_topics(config: AwsConfig) -> list[Values]:
    """Allow to tell the SNS topics of asynchronous endpoints."""
    section = config.deploy
    settings = [section.async_, *(each.async_ for each in section.endpoints.values())] if section else []
    topics = sorted({topic for each in settings for topic in list_topics(each)})
    arns = [
        _substitute(f"arn:${{AWS::Partition}}:sns:${{AWS::Region}}:${{AWS::AccountId}}:{topic}")
        if is_topic_name(topic)
        else topic
        for topic in topics
    ]
    return [_allow("TellOfAnswers", ["sns:Publish"], arns)] if arns else []


def _build_glue(athena: Athena, project: str) -> Values:
    catalog = {"CatalogId": {"Ref": "AWS::AccountId"}}
    database = {
        "Type": "AWS::Glue::Database",
        **_DELETED,
        "Properties": {**catalog, "DatabaseInput": build_database_input(athena, project)},
    }
    tables = {
        _make_logical_id(table["Name"]): {
            "Type": "AWS::Glue::Table",
            "Properties": {**catalog, "DatabaseName": {"Ref": "Database"}, "TableInput": table},
        }
        for table in build_table_inputs(athena)
    }
    return {"Database": database, **tables}


def _build_workgroup(wanted: Values) -> Values:
    return {
        "Type": "AWS::Athena::WorkGroup",
        "Properties": {
            "Name": wanted["Name"],
            "Description": wanted["Description"],
            "State": "ENABLED",
            # Its history alone would keep it from being deleted with the stack.
            "RecursiveDeleteOption": True,
            "WorkGroupConfiguration": wanted["Configuration"],
        },
    }


def _allow(sid: str, actions: list[str], resource: Any) -> Values:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def _substitute(text: str) -> Values:
    return {"Fn::Sub": text}


def _make_logical_id(table: str) -> str:
    """Make a table's name in the template, of letters and digits. A digest keeps `a_b` and `a__b` apart."""
    words = "".join(word.capitalize() for word in table.split("_"))
    return f"Table{words[:200]}{hashlib.sha256(table.encode()).hexdigest()[:6]}"
