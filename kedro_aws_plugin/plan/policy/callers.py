"""Who needs which IAM actions: the commands, the datasets of a run, and who uses them."""

from collections.abc import Collection
from typing import Literal, get_args

Audience = Literal["role", "ci", "developer"]
AUDIENCES: tuple[Audience, ...] = get_args(Audience)

_READ = ("s3:GetObject", "s3:ListBucket")
_UPLOAD = (*_READ, "s3:AbortMultipartUpload", "s3:PutObject")
_GROUP = ("sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages")
_ENDPOINT = ("sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig")
_OWNED = (*_ENDPOINT, "sagemaker:ListTags", "tag:GetResources")
_SERVED = (*_ENDPOINT, "sagemaker:DescribeModel", "sagemaker:DescribeModelPackage")
_ASKING = ("s3:PutObject", "sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointAsync")
_LOOK_AT_SCALING = (
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "cloudwatch:DescribeAlarms",
)
_END_SCALING = ("application-autoscaling:DeregisterScalableTarget", "cloudwatch:DeleteAlarms")

_DEPLOY = (
    *_SERVED,
    *_GROUP,
    *_READ,
    *_ASKING,
    *_LOOK_AT_SCALING,
    *_END_SCALING,
    "application-autoscaling:PutScalingPolicy",
    "application-autoscaling:RegisterScalableTarget",
    "cloudformation:DescribeStacks",
    "cloudwatch:PutMetricAlarm",
    "iam:PassRole",
    "sagemaker:AddTags",
    "sagemaker:CreateEndpoint",
    "sagemaker:CreateEndpointConfig",
    "sagemaker:CreateModel",
    "sagemaker:DeleteEndpoint",
    "sagemaker:DeleteEndpointConfig",
    "sagemaker:DeleteModel",
    "sagemaker:DeleteTags",
    "sagemaker:DescribeTransformJob",
    "sagemaker:ListEndpoints",
    "sagemaker:ListTags",
    "sagemaker:ListTransformJobs",
    "sagemaker:UpdateEndpoint",
    "sagemaker:UpdateEndpointWeightsAndCapacities",
    "tag:GetResources",
)
_FIND_MACHINE_RUN = (
    "states:DescribeExecution",
    "states:GetExecutionHistory",
    "states:ListExecutions",
    "states:ListStateMachines",
    "states:ListTagsForResource",
)
"""The same with `pipelines.target: stepfunctions`."""

_STATE_MACHINE = (
    "states:CreateStateMachine",
    "states:DescribeStateMachine",
    "states:ListStateMachines",
    "states:ListStateMachineVersions",
    "states:ListTagsForResource",
    "states:PublishStateMachineVersion",
    "states:TagResource",
    "states:UpdateStateMachine",
)
_FIND_RUN = (
    "sagemaker:DescribePipelineExecution",
    "sagemaker:ListPipelineExecutionSteps",
    "sagemaker:ListPipelineExecutions",
    "sagemaker:ListPipelines",
    "sagemaker:ListTags",
    *_FIND_MACHINE_RUN,
)
_FIND_JOB_RUN = (
    "emr-serverless:GetApplication",
    "emr-serverless:GetJobRun",
    "emr-serverless:ListApplications",
    "emr-serverless:ListJobRuns",
)
_PIPELINE = (
    *_UPLOAD,
    *_STATE_MACHINE,
    "cloudformation:DescribeStacks",
    "iam:PassRole",
    "sagemaker:AddTags",
    "sagemaker:CreatePipeline",
    "sagemaker:DescribePipeline",
    "sagemaker:ListPipelineVersions",
    "sagemaker:ListTags",
    "sagemaker:UpdatePipeline",
)
_SCHEDULES = ("scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:ListSchedules")
_WAIT_FOR_RUN = (
    *_FIND_RUN,
    *_FIND_JOB_RUN,
    *_READ,
    "sagemaker:DescribeProcessingJob",
    "sagemaker:DescribeTrainingJob",
)

COMMANDS: dict[str, tuple[str, ...]] = {
    "approve-model": (*_GROUP, "sagemaker:UpdateModelPackage"),
    "bootstrap": (
        *_UPLOAD,
        "cloudformation:CreateStack",
        "cloudformation:DescribeStackEvents",
        "cloudformation:DescribeStacks",
        "cloudformation:GetTemplate",
        "cloudformation:UpdateStack",
    ),
    "compile": (),
    "deploy": _DEPLOY,
    "destroy": (
        *_OWNED,
        *_GROUP,
        *_LOOK_AT_SCALING,
        *_END_SCALING,
        *_SCHEDULES,
        "emr-serverless:DeleteApplication",
        "emr-serverless:GetApplication",
        "emr-serverless:ListApplications",
        "emr-serverless:ListJobRuns",
        "emr-serverless:StopApplication",
        "s3:DeleteObject",
        "s3:ListBucket",
        "sagemaker:DeleteEndpoint",
        "sagemaker:DeleteEndpointConfig",
        "sagemaker:DeleteModel",
        "sagemaker:DeleteModelPackage",
        "sagemaker:DeleteModelPackageGroup",
        "sagemaker:DeletePipeline",
        "sagemaker:ListPipelineExecutions",
        "sagemaker:ListPipelines",
        "scheduler:DeleteSchedule",
        "scheduler:DeleteScheduleGroup",
        "states:DeleteStateMachine",
        "states:DescribeExecution",
        "states:ListExecutions",
        "states:ListStateMachines",
        "states:ListTagsForResource",
    ),
    "doctor": (
        *_OWNED,
        "cloudformation:DescribeStacks",
        "iam:GetRole",
        "s3:GetBucketLocation",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetEncryptionConfiguration",
        "s3:ListBucket",
        "servicequotas:ListServiceQuotas",
    ),
    "globals": ("secretsmanager:GetSecretValue", "ssm:GetParameter"),
    "init": (),
    "logs": (
        *_FIND_RUN,
        *_FIND_JOB_RUN,
        "logs:DescribeLogStreams",
        "logs:FilterLogEvents",
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeTransformJob",
    ),
    "models": (*_GROUP, "sagemaker:DescribeModelPackage", "tag:GetResources"),
    "policy": ("cloudformation:DescribeStacks",),
    "predict": (*_SERVED, *_READ, *_ASKING),
    "prices": (),
    "register-model": (
        *_GROUP,
        *_UPLOAD,
        "ecr:DescribeImages",
        "sagemaker:AddTags",
        "sagemaker:CreateModelPackage",
        "sagemaker:CreateModelPackageGroup",
        "sagemaker:DescribeModelPackage",
        "sagemaker:UpdateModelPackage",
    ),
    "reject-model": (*_GROUP, "sagemaker:UpdateModelPackage"),
    "retry": (
        *_WAIT_FOR_RUN,
        "emr-serverless:StartJobRun",
        "emr-serverless:TagResource",
        "iam:PassRole",
        "sagemaker:RetryPipelineExecution",
        "states:RedriveExecution",
    ),
    # With --to, it makes the deployment of another version; in each case it checks what the endpoint answers.
    "rollback": _DEPLOY,
    "runs": _WAIT_FOR_RUN,
    "schedule": (
        *_PIPELINE,
        *_SCHEDULES,
        "emr-serverless:CreateApplication",
        "emr-serverless:GetApplication",
        "emr-serverless:ListApplications",
        "emr-serverless:TagResource",
        "scheduler:CreateSchedule",
        "scheduler:CreateScheduleGroup",
        "scheduler:DeleteSchedule",
        "scheduler:UpdateSchedule",
    ),
    "spark-jars": (),
    "status": (*_OWNED, *_LOOK_AT_SCALING, "cloudwatch:GetMetricData", "sagemaker:DescribeModel"),
    "stop": (
        *_FIND_RUN,
        *_FIND_JOB_RUN,
        "emr-serverless:CancelJobRun",
        "sagemaker:StopPipelineExecution",
        "states:StopExecution",
    ),
    "submit": (
        *_WAIT_FOR_RUN,
        *_PIPELINE,
        "emr-serverless:CreateApplication",
        "emr-serverless:StartJobRun",
        "emr-serverless:TagResource",
        "sagemaker:ListPipelineParametersForExecution",
        "sagemaker:StartPipelineExecution",
        "states:StartExecution",
    ),
    "transform": (
        *_GROUP,
        *_UPLOAD,
        "cloudformation:DescribeStacks",
        "iam:PassRole",
        "logs:DescribeLogStreams",
        "logs:GetLogEvents",
        "sagemaker:AddTags",
        "sagemaker:CreateModel",
        "sagemaker:CreateTransformJob",
        "sagemaker:DescribeModel",
        "sagemaker:DescribeModelPackage",
        "sagemaker:DescribeTransformJob",
    ),
}
"""The IAM actions of each command. The tests hold them against the calls in the code."""

_QUERY = (
    *_UPLOAD,
    "athena:GetDataCatalog",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:GetWorkGroup",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
    "glue:BatchGetPartition",
    "glue:GetDatabase",
    "glue:GetPartitions",
    "glue:GetTable",
    "glue:GetTables",
    "s3:DeleteObject",
    "s3:GetBucketLocation",
)
_TABLE = (
    *_UPLOAD,
    "glue:BatchCreatePartition",
    "glue:BatchDeletePartition",
    "glue:BatchGetPartition",
    "glue:BatchUpdatePartition",
    "glue:CreateTable",
    "glue:GetPartitions",
    "glue:GetTable",
    "glue:UpdateTable",
    "s3:DeleteObject",
)

DataUse = Literal["files", "folders", "query", "ctas", "table", "iceberg"]
DATASETS: dict[DataUse, tuple[str, ...]] = {
    "files": _UPLOAD,
    "folders": (*_UPLOAD, "s3:DeleteObject"),
    "query": _QUERY,
    "ctas": (*_QUERY, "glue:CreateTable", "glue:DeleteTable"),
    "table": _TABLE,
    "iceberg": (*_QUERY, *_TABLE, "glue:DeleteTable"),
}
"""The IAM actions of a run, by what its catalog holds: files on S3, folders
whose files a save replaces, and the modes of the Athena datasets."""

OF_KEYS = ("kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey")
"""What AWS asks of callers itself, where aws.yml names keys: for volumes, and for objects on S3."""

_OF_CI = (
    *("approve-model", "compile", "deploy", "globals", "models", "policy"),
    *("predict", "register-model", "reject-model", "rollback", "status"),
)


def list_actions(audience: Literal["ci", "developer"], uses: Collection[DataUse]) -> frozenset[str]:
    """List the IAM actions that somebody needs, for the commands and for `kedro run`.

    Args:
        audience: `ci` registers, deploys and looks; `developer` uses every command.
        uses: What the catalog holds.
    """
    commands = _OF_CI if audience == "ci" else COMMANDS
    called = {action for name in commands for action in COMMANDS[name]}
    return frozenset(called | {*OF_KEYS} | {action for use in uses for action in DATASETS[use]})
