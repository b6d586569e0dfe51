"""On which resources actions are granted for models and what serves them, endpoints and jobs."""

from kedro_aws_plugin.config import find_endpoint_groups
from kedro_aws_plugin.config.sections import find_alarms, find_endpoints_on_instances, find_scaled_endpoints
from kedro_aws_plugin.plan.bootstrap import get_stack_name
from kedro_aws_plugin.plan.policy import of_pipelines
from kedro_aws_plugin.plan.policy.callers import Audience
from kedro_aws_plugin.plan.policy.reach import Reach, find_repository_resource
from kedro_aws_plugin.plan.scaling import name_alarm
from kedro_aws_plugin.plan.transform import make_job_prefix, shorten_group

_MODEL = "-????????"
"""Models and endpoint configs are named after their endpoint, a hyphen and eight digits of a digest."""


def list_stack(reach: Reach, _: Audience) -> list[str]:
    """Name the stack of `bootstrap`; CloudFormation ends its ARN with an id."""
    return reach.arns("cloudformation", "stack/", [f"{get_stack_name(reach.config.bucket)}/*"])


def list_endpoints(reach: Reach, _: Audience) -> list[str]:
    """Name the endpoints."""
    return reach.arns("sagemaker", "endpoint/", reach.endpoints)


def list_queues(reach: Reach, _: Audience) -> list[str]:
    """Name the asynchronous endpoints."""
    return reach.arns("sagemaker", "endpoint/", list(reach.queues))


def list_configs(reach: Reach, _: Audience) -> list[str]:
    """Name the endpoint configs."""
    return reach.arns("sagemaker", "endpoint-config/", [f"{name}{_MODEL}" for name in reach.endpoints])


def list_models(reach: Reach, audience: Audience) -> list[str]:
    """Name the models of the endpoints; a transform names one after a group that no endpoint serves."""
    served = set(find_endpoint_groups(reach.config).values())
    groups = reach.groups if audience == "developer" else []
    alone = [shorten_group(name) for name in groups if name not in served]
    return reach.arns("sagemaker", "model/", [f"{name}{_MODEL}" for name in (*reach.endpoints, *alone)])


def list_groups(reach: Reach, _: Audience) -> list[str]:
    """Name the model package groups."""
    return reach.arns("sagemaker", "model-package-group/", reach.groups)


def list_packages(reach: Reach, _: Audience) -> list[str]:
    """Name the versions in the groups."""
    return reach.arns("sagemaker", "model-package/", [f"{name}/*" for name in reach.groups])


def list_jobs(reach: Reach, _: Audience) -> list[str]:
    """Name the transform jobs."""
    return reach.arns("sagemaker", "transform-job/", [f"{make_job_prefix(name)}*" for name in reach.groups])


def list_names_of_jobs(reach: Reach, _: Audience) -> list[str]:
    """List what `logs NAME` asks for before it knows that the name is that of an endpoint."""
    return reach.arns("sagemaker", "transform-job/", reach.endpoints)


def list_each_endpoint(reach: Reach, audience: Audience) -> list[str]:
    """List every endpoint; `logs JOB` asks for one that has the job's name first."""
    asks = reach.endpoints or (reach.groups and audience == "developer")
    return reach.arns("sagemaker", "endpoint/", ["*"] if asks else [])


def list_on_instances(reach: Reach, _: Audience) -> list[str]:
    """List the endpoints whose numbers of instances, or weights, can be changed."""
    return reach.arns("sagemaker", "endpoint/", find_endpoints_on_instances(reach.config))


def list_updated(reach: Reach, audience: Audience) -> list[str]:
    """Name endpoints and their configs: AWS asks for both."""
    return [*list_endpoints(reach, audience), *list_configs(reach, audience)]


def list_tagged(reach: Reach, audience: Audience) -> list[str]:
    """List what is tagged as it is made: the tagging is an action of its own."""
    jobs = list_jobs(reach, audience) if audience == "developer" else []
    jobs += of_pipelines.list_pipelines(reach, audience)
    made = (list_models, list_groups, list_packages)
    return [*list_updated(reach, audience), *(arn for kind in made for arn in kind(reach, audience)), *jobs]


def list_with_tags(reach: Reach, audience: Audience) -> list[str]:
    """Name what is asked for its tags."""
    return [*list_endpoints(reach, audience), *of_pipelines.list_pipelines(reach, audience)]


def list_registered(reach: Reach, audience: Audience) -> list[str]:
    """Name the groups and their versions."""
    return [*list_groups(reach, audience), *list_packages(reach, audience)]


def list_log_groups(reach: Reach, audience: Audience) -> list[str]:
    """List the log groups; `logs JOB` asks for that of an endpoint first."""
    names = [f"Endpoints/{name}:*" for name in reach.endpoints]
    names += [f"Endpoints/{make_job_prefix(name)}*" for name in reach.groups]
    steps = ["ProcessingJobs:*"] if of_pipelines.runs_pipelines(reach, audience) else []
    steps += ["TrainingJobs:*"] if of_pipelines.trains(reach, audience) else []
    drivers = ["emr-serverless:*"] if of_pipelines.runs_on_emr(reach, audience) else []
    return [
        *reach.arns("logs", "log-group:/aws/sagemaker/", [*names, "TransformJobs:*", *steps]),
        *reach.arns("logs", "log-group:/aws/", drivers),
    ]


def list_alarms(reach: Reach, _: Audience) -> list[str]:
    """List the alarms of aws.yml and those that wake asynchronous endpoints."""
    return [
        *reach.arns("cloudwatch", "alarm:", find_alarms(reach.config)),
        *list_waking_alarms(reach, _),
    ]


def list_waking_alarms(reach: Reach, _: Audience) -> list[str]:
    """List the alarms that wake asynchronous endpoints."""
    names = [name_alarm(name) for name in find_scaled_endpoints(reach.config) if name in reach.queues]
    return reach.arns("cloudwatch", "alarm:", names)


def list_targets(reach: Reach, _: Audience) -> list[str]:
    """List scalable targets, if there are any; AWS gives them ids that nobody knows before."""
    names = ["*"] if find_scaled_endpoints(reach.config) else []
    return reach.arns("application-autoscaling", "scalable-target/", names)


def list_every_endpoint(reach: Reach, _: Audience) -> list[str]:
    """List everything for who has endpoints."""
    return ["*"] if reach.endpoints else []


def list_everything_scaled(reach: Reach, _: Audience) -> list[str]:
    """List everything for who scales endpoints."""
    return ["*"] if find_scaled_endpoints(reach.config) else []


def list_repositories(reach: Reach, _: Audience) -> list[str]:
    """List the repositories in ECR of the user's own images."""
    found = (find_repository_resource(reach, image) for image in reach.images)
    return list(dict.fromkeys(arn for arn in found if arn))


def list_role(reach: Reach, _: Audience) -> list[str]:
    """Name SageMaker's role."""
    return [reach.role]


def list_roles(reach: Reach, audience: Audience) -> list[str]:
    """List the roles that are given to SageMaker; that of pipelines by developers alone."""
    own = reach.config.pipelines.role_arn if of_pipelines.runs_pipelines(reach, audience) else None
    return [reach.role, *([own] if own else [])]


def list_everything(_: Reach, __: Audience) -> list[str]:
    """List everything."""
    return ["*"]
