"""Plan the deletion of what this plugin created: (owned) -> Plan."""

from kedro_aws_plugin.plan.observed import BUSY, Endpoint, Owned
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import Step
from kedro_aws_plugin.plan.steps.registry import DeleteModelPackage, DeleteModelPackageGroup
from kedro_aws_plugin.plan.steps.s3 import DeleteObjects
from kedro_aws_plugin.plan.steps.serving import (
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    WaitForDeletion,
    WaitForEndpoint,
)

_OBJECTS_PER_REQUEST = 1000
_DELETING = "Deleting"


def plan_teardown(project: str, bucket: str, owned: Owned) -> Plan:
    """Plan the deletion. What uses another thing is deleted before it."""
    steps: list[Step] = []
    for endpoint in owned.endpoints:
        steps += _plan_deletion(endpoint)
    steps += [DeleteEndpointConfig(name=name) for name in owned.configs]
    steps += [DeleteModel(name=name) for name in owned.models]
    steps += [DeleteModelPackage(arn=package.arn) for group in owned.groups for package in group.packages]
    for start in range(0, len(owned.objects), _OBJECTS_PER_REQUEST):
        keys = owned.objects[start : start + _OBJECTS_PER_REQUEST]
        steps.append(DeleteObjects(bucket=bucket, keys=keys))
    # The groups lead to the objects, so they are deleted last: after an interruption the rest is found.
    steps += [DeleteModelPackageGroup(group=group.name) for group in owned.groups]
    return Plan(
        title=f"destroy what {project} has on AWS",
        steps=tuple(steps),
        unchanged=f"{project} has nothing on AWS to delete",
    )


def _plan_deletion(endpoint: Endpoint) -> list[Step]:
    """Plan an endpoint's deletion, after the change under way: SageMaker refuses to delete it before."""
    gone = WaitForDeletion(name=endpoint.name)
    if endpoint.status == _DELETING:
        return [gone]
    settled = [WaitForEndpoint(name=endpoint.name, config_name=None)] if endpoint.status in BUSY else []
    return [*settled, DeleteEndpoint(name=endpoint.name), gone]
