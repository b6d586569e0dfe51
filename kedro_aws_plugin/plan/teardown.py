"""Plan the deletion of what this plugin created: (owned) -> Plan."""

import hashlib

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.deployment import find_endpoint_name
from kedro_aws_plugin.plan.execution import make_token
from kedro_aws_plugin.plan.observed import BUSY, DELETING, Endpoint, Owned, ScheduleGroup
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.scaling import plan_end_of_scaling
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.emr_serverless import (
    DeleteApplication,
    StopApplication,
    WaitForApplication,
)
from kedro_aws_plugin.plan.steps.pipelines import DeletePipeline
from kedro_aws_plugin.plan.steps.registry import DeleteModelPackage, DeleteModelPackageGroup
from kedro_aws_plugin.plan.steps.s3 import DeleteObjects
from kedro_aws_plugin.plan.steps.schedules import DeleteSchedule, DeleteScheduleGroup
from kedro_aws_plugin.plan.steps.serving import (
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    WaitForDeletion,
    WaitForEndpoint,
)
from kedro_aws_plugin.plan.steps.state_machines import DeleteStateMachine

_OBJECTS_PER_REQUEST = 1000
_NAMED = 5


def plan_teardown(project: str, bucket: str, owned: Owned, only: str | None = None) -> Plan:
    """Plan the deletion. What uses another thing is deleted before it.

    Args:
        project: The project's package.
        bucket: The project's bucket.
        owned: What carries the project's tags.
        only: Delete this endpoint, with its configs and models, and nothing else.

    Raises:
        AwsError: If that endpoint belongs to somebody else, or a run has not ended.
    """
    what, nothing = f"what {project} has on AWS", f"{project} has nothing on AWS to delete"
    if only is not None:
        if only in owned.foreign:
            raise AwsError(
                f"Endpoint {only} exists, and this project's environment did not make it: it lacks its tags. "
                "Choose another one: `kedro aws status` lists this project's."
            )
        owned = _narrow(owned, only)
        what, nothing = f"endpoint {only} of {project}", f"{project} has no endpoint {only} on AWS to delete"
    if owned.running:
        commands = ", ".join(f"kedro aws stop {run}" for run in owned.running[:_NAMED])
        runs = "A run has" if len(owned.running) == 1 else f"{len(owned.running)} runs have"
        raise AwsError(
            f"{runs} not ended, and AWS deletes no pipeline before. Nothing was deleted. Wait, or stop "
            f"first: {commands}"
        )
    steps: list[Step] = _plan_schedules(owned.schedules)
    for endpoint in owned.endpoints:
        steps += plan_end_of_scaling(endpoint.name, owned.scaled.get(endpoint.name, {}))
        steps += _plan_deletion(endpoint)
    steps += [DeleteEndpointConfig(name=name) for name in owned.configs]
    steps += [DeleteModel(name=name) for name in owned.models]
    steps += [
        DeletePipeline(name, hashlib.sha256(f"{name} {created}".encode()).hexdigest())
        for name, created in owned.pipelines.items()
    ]
    steps += [DeleteStateMachine(arn) for arn in owned.state_machines]
    for application, state in owned.applications.items():
        steps += _plan_end_of_application(application, state)
    steps += [DeleteModelPackage(arn=package.arn) for group in owned.groups for package in group.packages]
    objects = (*owned.objects, *owned.job_objects)
    for start in range(0, len(objects), _OBJECTS_PER_REQUEST):
        steps.append(DeleteObjects(bucket=bucket, keys=objects[start : start + _OBJECTS_PER_REQUEST]))
    # The groups lead to the objects, so they are deleted last: after an interruption the rest is found.
    steps += [DeleteModelPackageGroup(group=group.name) for group in owned.groups]
    return Plan(
        title=f"destroy {what}",
        steps=tuple(steps),
        unchanged=nothing,
    )


def _narrow(owned: Owned, name: str) -> Owned:
    """Leave one endpoint with the configs and models that were made for it, and that no other one uses."""
    own = [each for each in owned.endpoints if each.name == name]
    others = {
        config for each in owned.endpoints if each.name != name for config in (each.config_name, each.coming)
    }
    in_use = {model for config in others for model in owned.served.get(config, ())}
    configs = {each for each in owned.configs if find_endpoint_name(each) == name}
    configs |= {each.config_name for each in own if each.config_name in owned.served}
    models = {each for each in owned.models if find_endpoint_name(each) == name}
    models |= {model for config in configs for model in owned.served.get(config, ())}
    return Owned(
        endpoints=tuple(own),
        configs=tuple(sorted(configs - others)),
        models=tuple(sorted(models - in_use)),
        scaled=owned.scaled,
    )


def _plan_schedules(group: ScheduleGroup | None) -> list[Step]:
    """Plan the deletion of schedules, before that of the pipelines that they start."""
    if group is None:
        return []
    steps: list[Step] = [
        DeleteSchedule(each.name, group.name, make_token(group.name, each.name, "delete", each.changed))
        for each in group.schedules
    ]
    return [*steps, DeleteScheduleGroup(group.name, make_token(group.name, "delete", group.created))]


def _plan_end_of_application(application: str, state: str) -> list[Step]:
    """Plan the deletion of an application, which has to be stopped before."""
    deleted = DeleteApplication(application)
    if state in {"CREATED", "STOPPED"}:
        return [deleted]
    stopped = WaitForApplication(application, ("CREATED", "STOPPED"))
    stop: list[Step] = [] if state in {"CREATING", "STOPPING"} else [StopApplication(application)]
    return [*stop, stopped, deleted]


def _plan_deletion(endpoint: Endpoint) -> list[Step]:
    """Plan an endpoint's deletion, after the change under way: SageMaker refuses to delete it before."""
    gone = WaitForDeletion(name=endpoint.name)
    if endpoint.status == DELETING:
        return [gone]
    settled = [WaitForEndpoint(name=endpoint.name, config_name=None)] if endpoint.status in BUSY else []
    return [*settled, DeleteEndpoint(name=endpoint.name), gone]
