"""SageMaker and the Resource Groups Tagging API, put together."""

from kedro_aws_plugin.local.aws_json import JsonService
from kedro_aws_plugin.local.deployment import Deployments
from kedro_aws_plugin.local.endpoints import EndpointLogs, Endpoints
from kedro_aws_plugin.local.hosting import EndpointConfigs, Models
from kedro_aws_plugin.local.model_server import Host
from kedro_aws_plugin.local.moto_app import Moto
from kedro_aws_plugin.local.overlay import Service
from kedro_aws_plugin.local.registry import Registry
from kedro_aws_plugin.local.resources import Resources
from kedro_aws_plugin.local.runtime import Runtime
from kedro_aws_plugin.local.tags import Tagging, Tags


class SageMaker:
    """The part of SageMaker that is real here: its services, and its state."""

    def __init__(self, moto: Moto, host: Host, logs: EndpointLogs, region: str) -> None:
        self.resources = Resources()
        self.deployments = Deployments()
        operations = {
            **Registry(self.resources).operations(),
            **Models(self.resources, moto).operations(),
            **EndpointConfigs(self.resources).operations(),
            **Endpoints(self.resources, self.deployments, host, logs).operations(),
            **Tags(self.resources, moto).operations(),
        }
        tagging = Tagging(self.resources, moto).operations()
        self.services: tuple[Service, ...] = (
            Runtime(self.deployments, region),
            JsonService("sagemaker", "SageMaker", operations, region),
            JsonService("resourcegroupstaggingapi", "ResourceGroupsTaggingAPI_20170126", tagging, region),
        )

    def reset(self) -> None:
        """Forget everything and stop every model."""
        self.resources.clear()
        self.deployments.stop_all()
