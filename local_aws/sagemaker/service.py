"""SageMaker and the Resource Groups Tagging API as services of the overlay."""

from local_aws.cloudwatch.service import CloudWatch
from local_aws.kept.tables import OpenRoom, open_nothing
from local_aws.protocol.aws_json import JsonService, Params, TabledService
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.overlay import Service
from local_aws.protocol.resources import Resources
from local_aws.sagemaker.asynchronous.notifications import Topics
from local_aws.sagemaker.asynchronous.processing import Processor
from local_aws.sagemaker.asynchronous.queues import Queues
from local_aws.sagemaker.asynchronous.scaling import Scaler
from local_aws.sagemaker.deployment import Deployments
from local_aws.sagemaker.endpoints import Endpoints
from local_aws.sagemaker.hosting import EndpointConfigs, Models
from local_aws.sagemaker.job_runs import Machine
from local_aws.sagemaker.logs import Logs
from local_aws.sagemaker.model_worker import Host
from local_aws.sagemaker.objects import Objects
from local_aws.sagemaker.other_apis import OtherApis
from local_aws.sagemaker.pipelines.coordinator import Processors
from local_aws.sagemaker.pipelines.executions import Executions
from local_aws.sagemaker.pipelines.pipelines import Pipelines
from local_aws.sagemaker.pipelines.store import Store
from local_aws.sagemaker.processing.jobs import ProcessingJobs
from local_aws.sagemaker.registry import Registry
from local_aws.sagemaker.runtime import Runtime
from local_aws.sagemaker.scaling import Scaling
from local_aws.sagemaker.search import Search
from local_aws.sagemaker.tags import Tagging, Tags
from local_aws.sagemaker.training.jobs import TrainingJobs
from local_aws.sagemaker.transform.jobs import TransformJobs


class SageMaker:
    """The part of SageMaker that the local AWS runs itself: its services and their state.

    Args:
        moto: The S3 and the other services to use.
        host: The settings of the processes that serve models.
        logs: Opens the log streams of endpoints and jobs.
        region: The region of requests that are not signed.
        open_room: Makes the tables of a service, with what is kept of them.
    """

    def __init__(
        self, moto: Moto, host: Host, logs: Logs, region: str, open_room: OpenRoom = open_nothing
    ) -> None:
        self.resources = Resources(open_room)
        self._cloudwatch = CloudWatch(moto, region)
        self.deployments = Deployments(self._cloudwatch)
        objects = Objects(moto)
        processor = Processor(self.deployments, objects, Topics(moto), host.workdir / "async")
        self._queues = Queues(self.resources, processor)
        endpoints = Endpoints(self.resources, self._queues, host, logs.open, objects)
        endpoints.take_over()
        self._transform_jobs = TransformJobs(self.resources, host, logs, objects)
        self._transform_jobs.take_over()
        machine = Machine(self.resources, host, logs, objects)
        self._processing_jobs = ProcessingJobs(machine)
        self._processing_jobs.runs.take_over()
        self._training_jobs = TrainingJobs(machine)
        self._training_jobs.runs.take_over()
        store = Store(self.resources, objects, self.invoke)
        self.processors = Processors()
        self._executions = Executions(store, self.processors)
        operations = {
            **Registry(self.resources).operations(),
            **Models(self.resources, moto).operations(),
            **EndpointConfigs(self.resources).operations(),
            **endpoints.operations(),
            **self._transform_jobs.operations(),
            **self._processing_jobs.operations(),
            **self._training_jobs.operations(),
            **Pipelines(store).operations(),
            **self._executions.operations(),
            **Tags(self.resources).operations(),
            **Search(self.resources).operations(),
        }
        scaling = Scaling(self.resources, moto).operations()
        Scaler(self._queues, endpoints, moto).start()
        tagging = Tagging(self.resources, moto).operations()
        self._api = TabledService("sagemaker", "SageMaker", operations, region)
        self._executions.take_over()
        self.services: tuple[Service, ...] = (
            Runtime(self.deployments, self._queues, region),
            self._cloudwatch,
            self._api,
            OtherApis(),
            JsonService("resourcegroupstaggingapi", "ResourceGroupsTaggingAPI_20170126", tagging, region),
            JsonService("application-autoscaling", "AnyScaleFrontendService", scaling, region),
        )

    def finish(self) -> None:
        """Write what is still to be written on S3. The server is about to end."""
        self.deployments.close_captures()

    def invoke(self, region: str, operation: str, params: Params) -> Params:
        """Call an operation of SageMaker from within the local AWS.

        Raises:
            AwsFault: If it is refused.
        """
        return self._api.invoke(region, operation, params)

    def reset(self) -> None:
        """Delete all resources and stop every model and every job."""
        self._queues.clear()
        self._executions.abandon()
        self.resources.clear()
        self._executions.join()
        self._cloudwatch.metrics.clear()
        self._transform_jobs.stop_all()
        self._processing_jobs.runs.stop_all()
        self._training_jobs.runs.stop_all()
        self.deployments.stop_all()
