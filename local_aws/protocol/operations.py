"""What the local AWS does with each operation of the services that it runs, and with its settings.

Each operation and each setting is one of three:

- works;
- recorded: validated and given back, but without effect on this machine;
- refused at once with AWS's error. That is everything that is not listed here, so that what a newer botocore
  knows is never taken for granted. What starts work or promises an output is never merely recorded.

``docs/reference/local-aws-operations.md`` is made of these tables by ``scripts/write_operations_table.py``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Support(str, Enum):
    """What the local AWS does with an operation or a setting."""

    WORKS = "works"
    RECORDED = "recorded"
    REFUSED = "refused"


@dataclass(frozen=True)
class Settings:
    """The members of one operation's request, by path, such as ``ProductionVariants.ModelName``.

    A path speaks for all that is below it, as far as no longer path does. `others` is what is done with what
    no path speaks for.
    """

    works: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    others: Support = Support.REFUSED

    def find(self, path: str) -> Support | None:
        """Find what is done with a member; None if that depends on the members below it."""
        listed = self._list()
        above = path
        while above and above not in listed:
            above = above.rpartition(".")[0]
        if above in listed:
            return listed[above]
        return None if self._has_below(path) else self.others

    def find_given(self, support: Support, params: Mapping[str, Any], above: str = "") -> Iterator[str]:
        """Find the members of a request that have a support. What is off or empty is as good as absent."""
        for name, value in params.items():
            path = f"{above}.{name}" if above else name
            if _is_empty(value):
                continue
            if self.find(path) is support:
                yield path
            elif self._has_below(path):
                for each in value if isinstance(value, list) else [value]:
                    yield from self.find_given(support, each, path)

    def _list(self) -> dict[str, Support]:
        return {
            **dict.fromkeys(self.works, Support.WORKS),
            **dict.fromkeys(self.recorded, Support.RECORDED),
            **dict.fromkeys(self.refused, Support.REFUSED),
        }

    def _has_below(self, path: str) -> bool:
        return any(each.startswith(f"{path}.") for each in (*self.works, *self.recorded, *self.refused))


@dataclass(frozen=True)
class Table:
    """The operations of one service.

    Attributes:
        works: The operations that work.
        recorded: The operations whose resources are kept and given back, and do nothing.
        settings: The members of requests; every member of an operation that is not in here works.
        ways_out: What to do instead of a refused operation, by its name.
    """

    works: frozenset[str]
    recorded: frozenset[str] = frozenset()
    settings: Mapping[str, Settings] = field(default_factory=dict)
    ways_out: Mapping[str, str] = field(default_factory=dict)

    def find(self, operation: str) -> Support:
        """Find what is done with an operation."""
        if operation in self.works:
            return Support.WORKS
        return Support.RECORDED if operation in self.recorded else Support.REFUSED

    def describe_refusal(self, operation: str, path: str = "") -> str:
        """Say that the local AWS does not support an operation, or a member of its request.

        The text goes into ``The local AWS does not support ....``
        """
        if path:
            return f"{path} of {operation}"
        way_out = self.ways_out.get(operation)
        return f"{operation}; {way_out}" if way_out else operation


def _is_empty(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_empty, value.values()))
    return value in (None, False, [])


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CONTAINER_WORKS = ("Mode", "ModelDataUrl", "Environment", "ModelPackageName", "ContainerHostname")
_SOURCE_WORKS = ("S3Uri", "S3DataType", "CompressionType")
_SPECIFICATIONS = ("InferenceSpecification", "AdditionalInferenceSpecifications")

_CREATE_MODEL = Settings(
    works=(
        "ModelName",
        "Tags",
        *(f"{at}.{each}" for at in ("PrimaryContainer", "Containers") for each in _CONTAINER_WORKS),
        *(
            f"{at}.ModelDataSource.S3DataSource.{each}"
            for at in ("PrimaryContainer", "Containers")
            for each in _SOURCE_WORKS
        ),
    ),
    recorded=(
        "ExecutionRoleArn",
        "VpcConfig",
        "EnableNetworkIsolation",
        *(
            f"{at}.{each}"
            for at in ("PrimaryContainer", "Containers")
            for each in ("Image", "ImageConfig", "ModelDataSource.S3DataSource.ModelAccessConfig")
        ),
    ),
)

_VARIANT_WORKS = (
    "VariantName",
    "ModelName",
    "InitialVariantWeight",
    "ContainerStartupHealthCheckTimeoutInSeconds",
    "ModelDataDownloadTimeoutInSeconds",
)
_VARIANT_RECORDED = (
    "InitialInstanceCount",
    "InstanceType",
    "AcceleratorType",
    "ServerlessConfig",
    "VolumeSizeInGB",
    "VariantInstanceProvisionTimeoutInSeconds",
    "RoutingConfig",
    "InferenceAmiVersion",
    "CapacityReservationConfig",
)
_KINDS_OF_VARIANTS = ("ProductionVariants", "ShadowProductionVariants")

_CREATE_ENDPOINT_CONFIG = Settings(
    works=(
        "EndpointConfigName",
        "Tags",
        *(f"{kind}.{each}" for kind in _KINDS_OF_VARIANTS for each in _VARIANT_WORKS),
        *(
            f"DataCaptureConfig.{each}"
            for each in (
                "EnableCapture",
                "InitialSamplingPercentage",
                "DestinationS3Uri",
                "CaptureOptions",
                "CaptureContentTypeHeader",
            )
        ),
        "AsyncInferenceConfig.ClientConfig",
        "AsyncInferenceConfig.OutputConfig.S3OutputPath",
        "AsyncInferenceConfig.OutputConfig.S3FailurePath",
        "AsyncInferenceConfig.OutputConfig.NotificationConfig",
    ),
    recorded=(
        "ExecutionRoleArn",
        "AsyncInferenceConfig.OutputConfig.KmsKeyId",
        "KmsKeyId",
        "VpcConfig",
        "EnableNetworkIsolation",
        *(f"{kind}.{each}" for kind in _KINDS_OF_VARIANTS for each in _VARIANT_RECORDED),
        "DataCaptureConfig.KmsKeyId",
    ),
)

_ROLLING = "DeploymentConfig.RollingUpdatePolicy"
_UPDATE_ENDPOINT = Settings(
    works=(
        "EndpointName",
        "EndpointConfigName",
        "RetainAllVariantProperties",
        "ExcludeRetainedVariantProperties",
        "RetainDeploymentConfig",
        "DeploymentConfig.BlueGreenUpdatePolicy",
        "DeploymentConfig.AutoRollbackConfiguration",
        f"{_ROLLING}.MaximumBatchSize",
        f"{_ROLLING}.WaitIntervalInSeconds",
        f"{_ROLLING}.MaximumExecutionTimeoutInSeconds",
    ),
    recorded=(f"{_ROLLING}.RollbackMaximumBatchSize",),
)

_CREATE_TRANSFORM_JOB = Settings(
    works=(
        "TransformJobName",
        "ModelName",
        "MaxConcurrentTransforms",
        "ModelClientConfig",
        "MaxPayloadInMB",
        "BatchStrategy",
        "Environment",
        "TransformInput",
        "TransformOutput.S3OutputPath",
        "TransformOutput.Accept",
        "TransformOutput.AssembleWith",
        "TransformResources.InstanceCount",
        "DataCaptureConfig.DestinationS3Uri",
        "DataCaptureConfig.GenerateInferenceId",
        "DataProcessing",
        "Tags",
    ),
    recorded=(
        "TransformOutput.KmsKeyId",
        "DataCaptureConfig.KmsKeyId",
        "TransformResources.InstanceType",
        "TransformResources.VolumeKmsKeyId",
        "TransformResources.TransformAmiVersion",
    ),
)

_CREATE_PROCESSING_JOB = Settings(
    works=(
        "ProcessingJobName",
        *(
            f"ProcessingInputs.{each}"
            for each in (
                "InputName",
                "S3Input.S3Uri",
                "S3Input.LocalPath",
                "S3Input.S3DataType",
                "S3Input.S3InputMode",
                "S3Input.S3DataDistributionType",
                "S3Input.S3CompressionType",
            )
        ),
        "ProcessingOutputConfig.Outputs.OutputName",
        "ProcessingOutputConfig.Outputs.S3Output",
        "ProcessingResources.ClusterConfig.InstanceCount",
        "StoppingCondition",
        "AppSpecification.ContainerEntrypoint",
        "AppSpecification.ContainerArguments",
        "Environment",
        "Tags",
    ),
    recorded=(
        "AppSpecification.ImageUri",
        "ProcessingOutputConfig.KmsKeyId",
        "ProcessingResources.ClusterConfig.InstanceType",
        "ProcessingResources.ClusterConfig.VolumeSizeInGB",
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
        "NetworkConfig.EnableInterContainerTrafficEncryption",
        "NetworkConfig.VpcConfig",
        "RoleArn",
        "ExperimentConfig",
    ),
)

_CREATE_TRAINING_JOB = Settings(
    works=(
        "TrainingJobName",
        "HyperParameters",
        "AlgorithmSpecification.TrainingInputMode",
        "AlgorithmSpecification.ContainerEntrypoint",
        "AlgorithmSpecification.ContainerArguments",
        "InputDataConfig.ChannelName",
        "InputDataConfig.DataSource.S3DataSource.S3DataType",
        "InputDataConfig.DataSource.S3DataSource.S3Uri",
        "InputDataConfig.DataSource.S3DataSource.S3DataDistributionType",
        "InputDataConfig.ContentType",
        "InputDataConfig.CompressionType",
        "InputDataConfig.RecordWrapperType",
        "InputDataConfig.InputMode",
        "OutputDataConfig.S3OutputPath",
        "OutputDataConfig.CompressionType",
        "ResourceConfig.InstanceCount",
        "StoppingCondition.MaxRuntimeInSeconds",
        "CheckpointConfig",
        "Environment",
        "Tags",
    ),
    recorded=(
        "AlgorithmSpecification.TrainingImage",
        "AlgorithmSpecification.MetricDefinitions",
        "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries",
        "AlgorithmSpecification.TrainingImageConfig",
        "RoleArn",
        "OutputDataConfig.KmsKeyId",
        "ResourceConfig.InstanceType",
        "ResourceConfig.VolumeSizeInGB",
        "ResourceConfig.VolumeKmsKeyId",
        "ResourceConfig.KeepAlivePeriodInSeconds",
        "ResourceConfig.SelectedInstanceType",
        "ResourceConfig.SelectedInstanceCount",
        "VpcConfig",
        "StoppingCondition.MaxWaitTimeInSeconds",
        "StoppingCondition.MaxPendingTimeInSeconds",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
        "ExperimentConfig",
        "RetryStrategy",
        "ProfilerConfig.DisableProfiler",
    ),
)

_CREATE_MODEL_PACKAGE = Settings(
    works=(
        "ModelPackageName",
        "ModelPackageGroupName",
        "ModelPackageDescription",
        "ModelPackageRegistrationType",
        *_SPECIFICATIONS,
        "Tags",
        "ModelApprovalStatus",
        "MetadataProperties",
        "ModelMetrics",
        "ClientToken",
        "Domain",
        "Task",
        "SamplePayloadUrl",
        "CustomerMetadataProperties",
        "SkipModelValidation",
        "SourceUri",
        "ModelCard",
        "ModelLifeCycle",
    ),
    recorded=("DriftCheckBaselines", "SecurityConfig", "ManagedStorageType"),
)

_SAGEMAKER = Table(
    works=_names("""
        AddTags ListTags DeleteTags Search
        CreateModelPackageGroup DescribeModelPackageGroup ListModelPackageGroups DeleteModelPackageGroup
        CreateModelPackage DescribeModelPackage BatchDescribeModelPackage ListModelPackages UpdateModelPackage
        DeleteModelPackage
        CreateModel DescribeModel ListModels DeleteModel
        CreateEndpointConfig DescribeEndpointConfig ListEndpointConfigs DeleteEndpointConfig
        CreateEndpoint DescribeEndpoint ListEndpoints UpdateEndpoint DeleteEndpoint
        UpdateEndpointWeightsAndCapacities
        CreateTransformJob DescribeTransformJob ListTransformJobs StopTransformJob
        CreateProcessingJob DescribeProcessingJob ListProcessingJobs StopProcessingJob
        CreateTrainingJob DescribeTrainingJob ListTrainingJobs StopTrainingJob
        CreatePipeline UpdatePipeline DescribePipeline ListPipelines DeletePipeline ListPipelineVersions
        UpdatePipelineVersion StartPipelineExecution DescribePipelineExecution UpdatePipelineExecution
        DescribePipelineDefinitionForExecution ListPipelineExecutions ListPipelineExecutionSteps
        ListPipelineParametersForExecution StopPipelineExecution RetryPipelineExecution
    """),
    settings={
        "CreateModel": _CREATE_MODEL,
        "CreateEndpointConfig": _CREATE_ENDPOINT_CONFIG,
        "CreateTransformJob": _CREATE_TRANSFORM_JOB,
        "CreateProcessingJob": _CREATE_PROCESSING_JOB,
        "CreateTrainingJob": _CREATE_TRAINING_JOB,
        "ListTrainingJobs": Settings(
            works=(
                "NextToken",
                "MaxResults",
                "CreationTimeAfter",
                "CreationTimeBefore",
                "LastModifiedTimeAfter",
                "LastModifiedTimeBefore",
                "NameContains",
                "StatusEquals",
                "SortBy",
                "SortOrder",
            )
        ),
        "CreatePipeline": Settings(
            works=(
                "PipelineName",
                "PipelineDisplayName",
                "PipelineDefinition",
                "PipelineDefinitionS3Location",
                "PipelineDescription",
                "ClientRequestToken",
                "Tags",
                "ParallelismConfiguration",
            ),
            recorded=("RoleArn",),
        ),
        "StartPipelineExecution": Settings(
            works=(
                "PipelineName",
                "PipelineExecutionDisplayName",
                "PipelineParameters",
                "PipelineExecutionDescription",
                "ClientRequestToken",
                "ParallelismConfiguration",
                "SelectiveExecutionConfig",
                "PipelineVersionId",
            )
        ),
        "CreateEndpoint": Settings(works=("EndpointName", "EndpointConfigName", "Tags")),
        "UpdateEndpoint": _UPDATE_ENDPOINT,
        "UpdateEndpointWeightsAndCapacities": Settings(
            works=(
                "EndpointName",
                "DesiredWeightsAndCapacities.VariantName",
                "DesiredWeightsAndCapacities.DesiredWeight",
            ),
            recorded=("DesiredWeightsAndCapacities.DesiredInstanceCount",),
        ),
        "CreateModelPackageGroup": Settings(
            works=("ModelPackageGroupName", "ModelPackageGroupDescription", "Tags"),
            recorded=("ManagedConfiguration",),
        ),
        "CreateModelPackage": _CREATE_MODEL_PACKAGE,
        "DescribeModelPackage": Settings(works=("ModelPackageName",)),
        "UpdateModelPackage": Settings(
            works=(
                "ModelPackageArn",
                "ModelApprovalStatus",
                "ModelPackageRegistrationType",
                "ApprovalDescription",
                "CustomerMetadataProperties",
                "CustomerMetadataPropertiesToRemove",
                "AdditionalInferenceSpecificationsToAdd",
                "InferenceSpecification",
                "SourceUri",
                "ModelCard",
                "ModelLifeCycle",
                "ClientToken",
            )
        ),
        "Search": Settings(
            works=(
                "Resource",
                "SearchExpression",
                "SortBy",
                "SortOrder",
                "NextToken",
                "MaxResults",
                "CrossAccountFilterOption",
            )
        ),
    },
    ways_out={},
)

_SAGEMAKER_RUNTIME = Table(
    works=frozenset({"InvokeEndpoint", "InvokeEndpointAsync"}),
    settings={
        "InvokeEndpoint": Settings(
            works=(
                "EndpointName",
                "Body",
                "ContentType",
                "Accept",
                "CustomAttributes",
                "TargetVariant",
                "InferenceId",
            ),
            recorded=("PrefixAwareId",),
        ),
        "InvokeEndpointAsync": Settings(
            works=(
                "EndpointName",
                "ContentType",
                "Accept",
                "CustomAttributes",
                "InferenceId",
                "InputLocation",
                "RequestTTLSeconds",
                "InvocationTimeoutSeconds",
            )
        ),
    },
    ways_out={"InvokeEndpointWithResponseStream": "use InvokeEndpoint"},
)

_WORKGROUP_WORKS = ("EnforceWorkGroupConfiguration", "BytesScannedCutoffPerQuery", "EngineVersion")
_WORKGROUP_RECORDED = (
    "PublishCloudWatchMetricsEnabled",
    "RequesterPaysEnabled",
    "CustomerContentEncryptionConfiguration",
    "EnableMinimumEncryptionConfiguration",
    "ExecutionRole",
)
_RESULTS_RECORDED = ("EncryptionConfiguration", "ExpectedBucketOwner", "AclConfiguration")

_ATHENA = Table(
    works=_names("""
        StartQueryExecution StopQueryExecution GetQueryExecution BatchGetQueryExecution ListQueryExecutions
        GetQueryResults GetQueryRuntimeStatistics
        CreateNamedQuery GetNamedQuery BatchGetNamedQuery ListNamedQueries UpdateNamedQuery DeleteNamedQuery
        CreatePreparedStatement GetPreparedStatement BatchGetPreparedStatement ListPreparedStatements
        UpdatePreparedStatement DeletePreparedStatement
        CreateWorkGroup GetWorkGroup ListWorkGroups UpdateWorkGroup DeleteWorkGroup ListEngineVersions
        TagResource UntagResource ListTagsForResource
        ListDataCatalogs GetDataCatalog ListDatabases GetDatabase ListTableMetadata GetTableMetadata
    """),
    settings={
        "StartQueryExecution": Settings(
            works=(
                "QueryString",
                "ClientRequestToken",
                "QueryExecutionContext",
                "WorkGroup",
                "ExecutionParameters",
                "ResultConfiguration.OutputLocation",
                "ResultReuseConfiguration",
            ),
            recorded=tuple(f"ResultConfiguration.{each}" for each in _RESULTS_RECORDED),
        ),
        "CreateWorkGroup": Settings(
            works=(
                "Name",
                "Description",
                "Tags",
                "Configuration.ManagedQueryResultsConfiguration",
                *(f"Configuration.{each}" for each in _WORKGROUP_WORKS),
                "Configuration.ResultConfiguration.OutputLocation",
            ),
            recorded=(
                *(f"Configuration.{each}" for each in _WORKGROUP_RECORDED),
                *(f"Configuration.ResultConfiguration.{each}" for each in _RESULTS_RECORDED),
            ),
        ),
        "UpdateWorkGroup": Settings(
            works=(
                "WorkGroup",
                "Description",
                "State",
                "ConfigurationUpdates.ResultConfigurationUpdates",
                *(f"ConfigurationUpdates.{each}" for each in _WORKGROUP_WORKS),
                "ConfigurationUpdates.RemoveBytesScannedCutoffPerQuery",
                "ConfigurationUpdates.RemoveCustomerContentEncryptionConfiguration",
            ),
            recorded=(
                *(f"ConfigurationUpdates.{each}" for each in _WORKGROUP_RECORDED),
                *(f"ConfigurationUpdates.ResultConfigurationUpdates.{each}" for each in _RESULTS_RECORDED),
            ),
        ),
    },
    ways_out={"CreateDataCatalog": "use AwsDataCatalog"},
)


_STEP_FUNCTIONS = Table(
    works=_names("""
        CreateStateMachine UpdateStateMachine DescribeStateMachine ListStateMachines DeleteStateMachine
        PublishStateMachineVersion ListStateMachineVersions DeleteStateMachineVersion
        ValidateStateMachineDefinition DescribeStateMachineForExecution
        StartExecution DescribeExecution ListExecutions GetExecutionHistory StopExecution RedriveExecution
        TagResource UntagResource ListTagsForResource
    """),
    settings={
        "CreateStateMachine": Settings(
            works=("name", "definition", "type", "tags", "publish", "versionDescription"),
            recorded=("roleArn",),
        ),
        "UpdateStateMachine": Settings(
            works=("stateMachineArn", "definition", "publish", "versionDescription"),
            recorded=("roleArn",),
        ),
        "StartExecution": Settings(works=("stateMachineArn", "name", "input")),
        "ListExecutions": Settings(
            works=("stateMachineArn", "statusFilter", "maxResults", "nextToken", "redriveFilter")
        ),
    },
    ways_out={"StartSyncExecution": "use StartExecution"},
)


def _all_but(*refused: str, recorded: tuple[str, ...] = (), others: Support = Support.WORKS) -> Settings:
    return Settings(recorded=recorded, refused=refused, others=others)


_PAST = ("TransactionId", "QueryAsOfTime")
_TABLE_INPUT = tuple(f"TableInput.{each}" for each in ("TargetTable", "FederatedTable", "ViewDefinition"))
_DATABASE_INPUT = _all_but(
    "DatabaseInput.TargetDatabase",
    "DatabaseInput.FederatedDatabase",
    recorded=("DatabaseInput.CreateTableDefaultPermissions",),
)

_GLUE = Table(
    works=_names("""
        CreateDatabase GetDatabase GetDatabases UpdateDatabase DeleteDatabase
        CreateTable GetTable GetTables SearchTables UpdateTable DeleteTable BatchDeleteTable
        GetTableVersion GetTableVersions DeleteTableVersion
        CreatePartition GetPartition GetPartitions UpdatePartition DeletePartition
        BatchCreatePartition BatchGetPartition BatchUpdatePartition BatchDeletePartition GetPartitionIndexes
        TagResource UntagResource GetTags
    """),
    recorded=_names("""
        CreateCrawler GetCrawler GetCrawlers BatchGetCrawlers ListCrawlers DeleteCrawler
        CreateJob GetJob GetJobs BatchGetJobs ListJobs DeleteJob
        CreateSecurityConfiguration GetSecurityConfiguration GetSecurityConfigurations
        DeleteSecurityConfiguration
        CreateRegistry GetRegistry ListRegistries DeleteRegistry
        CreateSchema GetSchema UpdateSchema DeleteSchema RegisterSchemaVersion GetSchemaVersion
        GetSchemaByDefinition PutSchemaVersionMetadata
        PutResourcePolicy GetResourcePolicy DeleteResourcePolicy
        PutDataCatalogEncryptionSettings GetDataCatalogEncryptionSettings
    """),
    settings={
        "CreateDatabase": _DATABASE_INPUT,
        "UpdateDatabase": _DATABASE_INPUT,
        "CreateTable": _all_but(*_TABLE_INPUT, "PartitionIndexes", "TransactionId", "OpenTableFormatInput"),
        "UpdateTable": _all_but(
            *_TABLE_INPUT, "TransactionId", "ViewUpdateAction", "Force", "UpdateOpenTableFormatInput"
        ),
        "GetTable": _all_but(*_PAST, "IncludeStatusDetails"),
        "GetTables": _all_but(*_PAST, "IncludeStatusDetails"),
        "SearchTables": _all_but("Filters", "SortCriteria", "ResourceShareType", "IncludeStatusDetails"),
        "DeleteTable": _all_but("TransactionId"),
        "BatchDeleteTable": _all_but("TransactionId"),
        "GetPartitions": _all_but(*_PAST, recorded=("ExcludeColumnSchema",)),
        "CreateCrawler": _all_but(
            "Schedule", "LakeFormationConfiguration", "CatalogId", others=Support.RECORDED
        ),
        "CreateJob": _all_but(
            "CodeGenConfigurationNodes",
            "JobMode",
            "JobRunQueuingEnabled",
            "MaintenanceWindow",
            others=Support.RECORDED,
        ),
    },
    ways_out={
        "StartCrawler": "declare the tables, and their partitions with MSCK REPAIR TABLE",
        "StartJobRun": "run the script in a process of your own",
        "CreateUserDefinedFunction": "write the expression in the query",
    },
)

_APPLICATION_REFUSED = (
    "imageConfiguration",
    "workerTypeSpecifications",
    "runtimeConfiguration",
    "interactiveConfiguration",
    "schedulerConfiguration",
    "identityCenterConfiguration",
    "monitoringConfiguration.prometheusMonitoringConfiguration",
)
_APPLICATION_RECORDED = (
    "architecture",
    "initialCapacity",
    "maximumCapacity",
    "networkConfiguration",
    "diskEncryptionConfiguration",
    "jobLevelCostAllocationConfiguration",
    "monitoringConfiguration.managedPersistenceMonitoringConfiguration",
    "monitoringConfiguration.s3MonitoringConfiguration.encryptionKeyArn",
    "monitoringConfiguration.cloudWatchLoggingConfiguration.encryptionKeyArn",
)

_EMR_SERVERLESS = Table(
    works=_names("""
        CreateApplication GetApplication ListApplications UpdateApplication StartApplication StopApplication
        DeleteApplication StartJobRun GetJobRun ListJobRuns CancelJobRun
        TagResource UntagResource ListTagsForResource
    """),
    settings={
        "CreateApplication": _all_but(*_APPLICATION_REFUSED, recorded=_APPLICATION_RECORDED),
        "UpdateApplication": _all_but(*_APPLICATION_REFUSED, recorded=_APPLICATION_RECORDED),
        "StartJobRun": _all_but(
            "jobDriver.hive",
            "retryPolicy",
            "configurationOverrides.applicationConfiguration",
            "configurationOverrides.monitoringConfiguration.prometheusMonitoringConfiguration",
            recorded=(
                "executionRoleArn",
                "executionIamPolicy",
                "configurationOverrides.diskEncryptionConfiguration",
                "configurationOverrides.monitoringConfiguration.managedPersistenceMonitoringConfiguration",
                "configurationOverrides.monitoringConfiguration.s3MonitoringConfiguration.encryptionKeyArn",
                "configurationOverrides.monitoringConfiguration.cloudWatchLoggingConfiguration"
                ".encryptionKeyArn",
            ),
        ),
        "CancelJobRun": _all_but(recorded=("shutdownGracePeriodInSeconds",)),
    },
    ways_out={
        "StartSession": "start a job run, or a Spark session of your own",
        "GetDashboardForJobRun": "read the logs on S3 or in CloudWatch",
        "ListJobRunAttempts": "GetJobRun shows the one attempt",
    },
)

TABLES: Mapping[str, Table] = {
    "sagemaker": _SAGEMAKER,
    "sagemaker-runtime": _SAGEMAKER_RUNTIME,
    "athena": _ATHENA,
    "glue": _GLUE,
    "stepfunctions": _STEP_FUNCTIONS,
    "emr-serverless": _EMR_SERVERLESS,
}
"""The tables by botocore's names of the services."""


def list_recorded(service: str, operation: str, params: Mapping[str, Any]) -> list[str]:
    """List the members of a request that the local AWS records without any effect on this machine.

    Args:
        service: Botocore's name of the service, such as ``sagemaker``.
        operation: AWS's name of the operation, such as ``CreateEndpointConfig``.
        params: The arguments for a boto3 client.

    Returns:
        Their paths, such as ``ProductionVariants.InstanceType``, each once.
    """
    table = TABLES.get(service)
    settings = table.settings.get(operation) if table else None
    return list(dict.fromkeys(settings.find_given(Support.RECORDED, params))) if settings else []
