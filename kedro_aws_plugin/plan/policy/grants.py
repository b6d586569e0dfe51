"""On which resources each IAM action is granted, and under which condition."""

from kedro_aws_plugin.plan.policy import of_data, of_pipelines, of_serving
from kedro_aws_plugin.plan.policy.grant import (
    Grant,
    Lister,
    require_account,
    require_emr,
    require_owned,
    require_sagemaker,
    require_scaling_of_sagemaker,
    require_scheduler,
    require_states,
    require_tag,
)

_OF_THE_PROJECT: dict[str, Lister] = {
    "sagemaker:AddTags": of_serving.list_tagged,
    "sagemaker:CreateModelPackage": of_serving.list_registered,
    "sagemaker:DeleteTags": of_serving.list_endpoints,
    "sagemaker:DescribeEndpointConfig": of_serving.list_configs,
    "sagemaker:DescribeModel": of_serving.list_models,
    "sagemaker:DescribeModelPackage": of_serving.list_packages,
    "sagemaker:DescribeModelPackageGroup": of_serving.list_groups,
    "sagemaker:DescribeTransformJob": of_serving.list_jobs,
    "sagemaker:InvokeEndpoint": of_serving.list_endpoints,
    "sagemaker:InvokeEndpointAsync": of_serving.list_queues,
    "sagemaker:ListModelPackages": of_serving.list_registered,
    "sagemaker:DescribePipeline": of_pipelines.list_pipelines,
    "sagemaker:DescribePipelineExecution": of_pipelines.list_executions,
    "sagemaker:DescribeProcessingJob": of_pipelines.list_steps,
    "sagemaker:DescribeTrainingJob": of_pipelines.list_training,
    "sagemaker:ListPipelineExecutionSteps": of_pipelines.list_executions,
    "sagemaker:ListPipelineExecutions": of_pipelines.list_pipelines,
    "sagemaker:ListPipelineParametersForExecution": of_pipelines.list_executions,
    "sagemaker:ListPipelineVersions": of_pipelines.list_pipelines,
    "sagemaker:ListTags": of_serving.list_with_tags,
    "sagemaker:RetryPipelineExecution": of_pipelines.list_executions,
    "sagemaker:StartPipelineExecution": of_pipelines.list_pipelines,
    "sagemaker:StopPipelineExecution": of_pipelines.list_executions,
    "sagemaker:UpdateEndpoint": of_serving.list_updated,
    "sagemaker:UpdateModelPackage": of_serving.list_packages,
    "sagemaker:UpdatePipeline": of_pipelines.list_pipelines,
}

_ON_APPLICATIONS = (
    "emr-serverless:CancelJobRun",
    "emr-serverless:DeleteApplication",
    "emr-serverless:GetApplication",
    "emr-serverless:GetJobRun",
    "emr-serverless:ListJobRuns",
    "emr-serverless:StartJobRun",
    "emr-serverless:StopApplication",
)
_ON_GIVEN = (
    "emr-serverless:CancelJobRun",
    "emr-serverless:GetApplication",
    "emr-serverless:GetJobRun",
    "emr-serverless:ListJobRuns",
    "emr-serverless:StartJobRun",
    "emr-serverless:TagResource",
)

GRANTS = (
    Grant(
        "Stack",
        {
            "cloudformation:CreateStack": of_serving.list_stack,
            "cloudformation:DescribeStackEvents": of_serving.list_stack,
            "cloudformation:DescribeStacks": of_serving.list_stack,
            "cloudformation:GetTemplate": of_serving.list_stack,
            "cloudformation:UpdateStack": of_serving.list_stack,
        },
    ),
    Grant(
        "CreateWithTheTagsOfTheProject",
        {
            # AWS asks for the endpoint and for its config.
            "sagemaker:CreateEndpoint": of_serving.list_updated,
            "sagemaker:CreateEndpointConfig": of_serving.list_configs,
            "sagemaker:CreateModel": of_serving.list_models,
            "sagemaker:CreateModelPackageGroup": of_serving.list_groups,
            "sagemaker:CreatePipeline": of_pipelines.list_pipelines,
            "sagemaker:CreateTransformJob": of_serving.list_jobs,
            "scheduler:CreateScheduleGroup": of_pipelines.list_own_groups,
            "states:CreateStateMachine": of_pipelines.list_state_machines,
        },
        require_tag,
    ),
    Grant("ReadAndUpdate", _OF_THE_PROJECT),
    Grant(
        "ChangeWeightsAndNumbersOfInstances",
        {"sagemaker:UpdateEndpointWeightsAndCapacities": of_serving.list_on_instances},
    ),
    # Before an endpoint config is deleted, each endpoint is asked whether it serves it.
    Grant("LookAtEndpoints", {"sagemaker:DescribeEndpoint": of_serving.list_each_endpoint}),
    Grant(
        "TellJobsFromEndpoints",
        {"sagemaker:DescribeTransformJob": of_serving.list_names_of_jobs},
        audiences=("developer",),
    ),
    Grant(
        "DeleteWhatHasTheTagsOfTheProject",
        {
            "sagemaker:DeleteEndpoint": of_serving.list_endpoints,
            "sagemaker:DeleteEndpointConfig": of_serving.list_configs,
            "sagemaker:DeleteModel": of_serving.list_models,
            "sagemaker:DeleteModelPackageGroup": of_serving.list_groups,
            "sagemaker:DeletePipeline": of_pipelines.list_pipelines,
            "scheduler:DeleteScheduleGroup": of_pipelines.list_own_groups,
            "states:DeleteStateMachine": of_pipelines.list_left_machines,
        },
        require_owned,
    ),
    Grant(
        "StateMachines",
        {
            "states:DescribeExecution": of_pipelines.list_machine_runs,
            "states:DescribeStateMachine": of_pipelines.list_state_machines,
            "states:GetExecutionHistory": of_pipelines.list_machine_runs,
            "states:ListExecutions": of_pipelines.list_left_machines,
            "states:ListStateMachineVersions": of_pipelines.list_state_machines,
            "states:ListTagsForResource": of_pipelines.list_left_machines,
            "states:PublishStateMachineVersion": of_pipelines.list_state_machines,
            "states:RedriveExecution": of_pipelines.list_machine_runs,
            "states:StartExecution": of_pipelines.list_state_machines,
            "states:StopExecution": of_pipelines.list_machine_runs,
            "states:TagResource": of_pipelines.list_state_machines,
            "states:UpdateStateMachine": of_pipelines.list_state_machines,
        },
    ),
    # Schedules have no tags; `destroy` looks for their group in every project.
    Grant("LookForSchedules", {"scheduler:GetScheduleGroup": of_pipelines.list_schedule_groups}),
    Grant("ListSchedules", {"scheduler:ListSchedules": of_pipelines.list_everything_of_pipelines}),
    Grant(
        "Schedules",
        {
            "scheduler:CreateSchedule": of_pipelines.list_schedules,
            "scheduler:DeleteSchedule": of_pipelines.list_schedules,
            "scheduler:GetSchedule": of_pipelines.list_schedules,
            "scheduler:UpdateSchedule": of_pipelines.list_schedules,
        },
    ),
    Grant(
        "MakeApplications",
        {"emr-serverless:CreateApplication": of_pipelines.list_everything_of_emr},
        require_tag,
    ),
    Grant(
        "RunOnApplicationsWithTheTagsOfTheProject",
        dict.fromkeys(_ON_APPLICATIONS, of_pipelines.list_own_applications),
        require_owned,
    ),
    # AWS tags what it makes with an action of its own, before there is a tag to ask for.
    Grant("TagApplications", {"emr-serverless:TagResource": of_pipelines.list_own_applications}, require_tag),
    Grant("RunOnTheApplication", dict.fromkeys(_ON_GIVEN, of_pipelines.list_given_application)),
    # The versions of a group have no tags of their own.
    Grant("DeleteVersions", {"sagemaker:DeleteModelPackage": of_serving.list_packages}),
    Grant(
        "ReadLogs",
        {
            "logs:DescribeLogStreams": of_serving.list_log_groups,
            "logs:FilterLogEvents": of_serving.list_log_groups,
            "logs:GetLogEvents": of_serving.list_log_groups,
        },
    ),
    # AWS has no resources for these, nor for metrics.
    Grant(
        "FindByTagAndReadQuotas",
        {
            "sagemaker:ListEndpoints": of_serving.list_every_endpoint,
            "sagemaker:ListPipelines": of_serving.list_everything,
            "emr-serverless:ListApplications": of_serving.list_everything,
            "states:ListStateMachines": of_serving.list_everything,
            "sagemaker:ListTransformJobs": of_serving.list_everything,
            "servicequotas:ListServiceQuotas": of_serving.list_everything,
            "tag:GetResources": of_serving.list_everything,
        },
    ),
    Grant("ReadMetrics", {"cloudwatch:GetMetricData": of_serving.list_everything}),
    Grant("ReadAlarms", {"cloudwatch:DescribeAlarms": of_serving.list_alarms}),
    # AWS has no resources for these either.
    Grant(
        "LookAtScaling",
        {
            "application-autoscaling:DescribeScalableTargets": of_serving.list_every_endpoint,
            "application-autoscaling:DescribeScalingPolicies": of_serving.list_everything_scaled,
        },
    ),
    Grant(
        "Scale",
        {
            "application-autoscaling:DeregisterScalableTarget": of_serving.list_targets,
            "application-autoscaling:PutScalingPolicy": of_serving.list_targets,
            "application-autoscaling:RegisterScalableTarget": of_serving.list_targets,
        },
        require_scaling_of_sagemaker,
    ),
    Grant(
        "WakeAsynchronousEndpoints",
        {
            "cloudwatch:DeleteAlarms": of_serving.list_waking_alarms,
            "cloudwatch:PutMetricAlarm": of_serving.list_waking_alarms,
        },
    ),
    *of_data.grant_keys(
        "EncryptVolumes", "kms:CreateGrant", of_data.write_volume_keys, of_data.require_a_service
    ),
    *of_data.grant_keys("EncryptObjects", "kms:GenerateDataKey", of_data.write_object_keys),
    *of_data.grant_keys("DecryptObjects", "kms:Decrypt", of_data.write_read_keys),
    Grant("LookForImages", {"ecr:DescribeImages": of_serving.list_repositories}),
    Grant("ReadSecrets", {"secretsmanager:GetSecretValue": of_data.list_secrets}),
    Grant("ReadParameters", {"ssm:GetParameter": of_data.list_parameters}),
    Grant("LookAtTheRole", {"iam:GetRole": of_serving.list_role}),
    Grant("GiveTheRoleToSageMaker", {"iam:PassRole": of_serving.list_roles}, require_sagemaker),
    Grant("GiveTheRoleToEmrServerless", {"iam:PassRole": of_pipelines.list_spark_roles}, require_emr),
    Grant("GiveTheRoleToStepFunctions", {"iam:PassRole": of_pipelines.list_states_roles}, require_states),
    Grant("GiveTheRoleToScheduler", {"iam:PassRole": of_pipelines.list_schedule_roles}, require_scheduler),
    Grant(
        "Query",
        {
            "athena:GetDataCatalog": of_data.list_data_catalog,
            "athena:GetQueryExecution": of_data.list_workgroups,
            "athena:GetQueryResults": of_data.list_workgroups,
            "athena:GetWorkGroup": of_data.list_workgroups,
            "athena:StartQueryExecution": of_data.list_workgroups,
            "athena:StopQueryExecution": of_data.list_workgroups,
        },
    ),
    Grant(
        "ReadTables",
        {
            "glue:BatchGetPartition": of_data.list_read_tables,
            "glue:GetDatabase": of_data.list_read_tables,
            "glue:GetPartitions": of_data.list_read_tables,
            "glue:GetTable": of_data.list_read_tables,
            "glue:GetTables": of_data.list_read_tables,
        },
    ),
    Grant(
        "SaveTables",
        {
            "glue:BatchCreatePartition": of_data.list_saved_tables,
            "glue:BatchDeletePartition": of_data.list_saved_tables,
            "glue:BatchUpdatePartition": of_data.list_saved_tables,
            "glue:CreateTable": of_data.list_saved_tables,
            "glue:UpdateTable": of_data.list_saved_tables,
        },
    ),
    Grant(
        "MakeTablesForAWhile",
        {"glue:CreateTable": of_data.list_passing_tables, "glue:DeleteTable": of_data.list_passing_tables},
    ),
    # With s3:prefix, S3 would answer "denied" for an object that does not exist.
    Grant(
        "FindObjectsAndLookAtTheBucket",
        {
            "s3:GetBucketLocation": of_data.list_buckets,
            "s3:GetBucketPublicAccessBlock": of_data.list_buckets,
            "s3:GetEncryptionConfiguration": of_data.list_buckets,
            "s3:ListBucket": of_data.list_buckets,
        },
    ),
    Grant("ReadObjects", {"s3:GetObject": of_data.list_read}, require_account),
    Grant(
        "WriteObjects",
        {"s3:AbortMultipartUpload": of_data.list_written, "s3:PutObject": of_data.list_written},
        require_account,
    ),
    Grant("DeleteObjects", {"s3:DeleteObject": of_data.list_replaced}, require_account),
    # Other buckets may belong to other accounts.
    Grant("ReadObjectsElsewhere", {"s3:GetObject": of_data.list_read_elsewhere}),
    Grant(
        "WriteObjectsElsewhere",
        {
            "s3:AbortMultipartUpload": of_data.list_written_elsewhere,
            "s3:PutObject": of_data.list_written_elsewhere,
        },
    ),
    Grant("DeleteObjectsElsewhere", {"s3:DeleteObject": of_data.list_replaced_elsewhere}),
)
