"""On which resources each IAM action is granted, and under which condition."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kedro_aws_plugin.config import find_endpoint_groups
from kedro_aws_plugin.config.sections import find_alarms, find_scaled_endpoints, find_shared_endpoints
from kedro_aws_plugin.plan.bootstrap import get_stack_name
from kedro_aws_plugin.plan.keys import (
    Keys,
    find_object_keys,
    find_output_keys,
    find_volume_keys,
    write_keys,
)
from kedro_aws_plugin.plan.policy.callers import Audience
from kedro_aws_plugin.plan.policy.reach import (
    Reach,
    find_repository_resource,
    get_parameter_resource,
    get_secret_resource,
)
from kedro_aws_plugin.plan.scaling import name_alarm
from kedro_aws_plugin.plan.schedule import make_group_prefix
from kedro_aws_plugin.plan.submission import make_pipeline_prefix
from kedro_aws_plugin.plan.transform import make_job_prefix, shorten_group

Condition = dict[str, dict[str, Any]]
Lister = Callable[[Reach, Audience], list[str]]
_TAG = "kedro-aws:project"
_MODEL = "-????????"
"""Models and endpoint configs are named after their endpoint, a hyphen and eight digits of a digest."""


@dataclass(frozen=True)
class Grant:
    """A statement of a policy, for those of its actions that somebody needs.

    Attributes:
        sid: Its name.
        actions: Its IAM actions, each with what lists the ARNs on which it is granted. An action without any
            is left out; a statement is on what any of its actions is on.
        condition: Makes the condition, if there is one.
        audiences: Whom it is for.
    """

    sid: str
    actions: Mapping[str, Lister]
    condition: Callable[[Reach, Audience], Condition] | None = None
    audiences: tuple[Audience, ...] = ("ci", "developer")


def _require_tag(reach: Reach, _: Audience) -> Condition:
    return {"StringEquals": {f"aws:RequestTag/{_TAG}": reach.project}}


def _require_owned(reach: Reach, _: Audience) -> Condition:
    return {"StringEquals": {f"aws:ResourceTag/{_TAG}": reach.project}}


def _require_account(reach: Reach, _: Audience) -> Condition:
    """Keep models and data from going to a bucket that somebody else has made under the same name."""
    return {"StringEquals": {"aws:ResourceAccount": reach.account}}


def _require_sagemaker(_: Reach, __: Audience) -> Condition:
    return {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def _require_scaling_of_sagemaker(_: Reach, __: Audience) -> Condition:
    return {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}}


def _require_emr(_: Reach, __: Audience) -> Condition:
    return {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}


def _require_scheduler(_: Reach, __: Audience) -> Condition:
    return {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def _list_stack(reach: Reach, _: Audience) -> list[str]:
    return reach.arns("cloudformation", "stack/", [f"{get_stack_name(reach.config.bucket)}/*"])


def _list_endpoints(reach: Reach, _: Audience) -> list[str]:
    return reach.arns("sagemaker", "endpoint/", reach.endpoints)


def _list_queues(reach: Reach, _: Audience) -> list[str]:
    return reach.arns("sagemaker", "endpoint/", list(reach.queues))


def _list_configs(reach: Reach, _: Audience) -> list[str]:
    return reach.arns("sagemaker", "endpoint-config/", [f"{name}{_MODEL}" for name in reach.endpoints])


def _list_models(reach: Reach, audience: Audience) -> list[str]:
    """Name the models of the endpoints; a transform names one after a group that no endpoint serves."""
    served = set(find_endpoint_groups(reach.config).values())
    groups = reach.groups if audience == "developer" else []
    alone = [shorten_group(name) for name in groups if name not in served]
    return reach.arns("sagemaker", "model/", [f"{name}{_MODEL}" for name in (*reach.endpoints, *alone)])


def _list_groups(reach: Reach, _: Audience) -> list[str]:
    return reach.arns("sagemaker", "model-package-group/", reach.groups)


def _list_packages(reach: Reach, _: Audience) -> list[str]:
    return reach.arns("sagemaker", "model-package/", [f"{name}/*" for name in reach.groups])


def _list_jobs(reach: Reach, _: Audience) -> list[str]:
    return reach.arns("sagemaker", "transform-job/", [f"{make_job_prefix(name)}*" for name in reach.groups])


def _runs_pipelines(reach: Reach, audience: Audience) -> bool:
    """Tell whether somebody runs pipelines: developers, of a project whose aws.yml speaks of them."""
    return audience == "developer" and "pipelines" in reach.config.model_fields_set


def _list_pipelines(reach: Reach, audience: Audience) -> list[str]:
    """Name the pipelines of the project; SageMaker writes their ARNs in lower case."""
    return reach.arns("sagemaker", "pipeline/", _name_pipelines(reach, audience))


def _list_executions(reach: Reach, audience: Audience) -> list[str]:
    """Name the executions of the pipelines of the project."""
    names = _name_pipelines(reach, audience)
    return reach.arns(
        "sagemaker", "pipeline/", [each if each.endswith("*") else f"{each}/*" for each in names]
    )


def _name_pipelines(reach: Reach, audience: Audience) -> list[str]:
    if not _runs_pipelines(reach, audience):
        return []
    start, own = f"{make_pipeline_prefix(reach.project)}-", reach.config.pipelines.name
    others = [own] if own is not None and not own.startswith(start) else []
    return [name.lower() for name in (f"{start}*", *others)]


def _list_steps(reach: Reach, audience: Audience) -> list[str]:
    """Name the processing jobs that SageMaker makes for steps."""
    names = ["pipelines-*"] if _runs_pipelines(reach, audience) else []
    return reach.arns("sagemaker", "processing-job/", names)


def _list_training(reach: Reach, audience: Audience) -> list[str]:
    """Name the training jobs that SageMaker makes for steps, if a step is one."""
    names = ["pipelines-*"] if _trains(reach, audience) else []
    return reach.arns("sagemaker", "training-job/", names)


def _trains(reach: Reach, audience: Audience) -> bool:
    settings = reach.config.pipelines
    is_one = any(settings.find_resources(step).job == "training" for step in ("", *settings.steps))
    return is_one and _runs_pipelines(reach, audience)


def _find_jobs_folders(reach: Reach, audience: Audience) -> set[str]:
    """Find the folder for the jobs and runs of the project, in all of its environments."""
    if not _runs_pipelines(reach, audience):
        return set()
    return reach.own(f"{reach.config.pipelines.prefix}/{reach.project}/")


def _list_schedule_groups(reach: Reach, _: Audience) -> list[str]:
    """Name the groups of the project's schedules, in all of its environments."""
    return reach.arns("scheduler", "schedule-group/", [f"{make_group_prefix(reach.project)}*"])


def _list_own_groups(reach: Reach, audience: Audience) -> list[str]:
    return _list_schedule_groups(reach, audience) if _runs_pipelines(reach, audience) else []


def _list_schedules(reach: Reach, audience: Audience) -> list[str]:
    """Name the schedules in these groups: IAM's `*` stands for a slash too."""
    names = [f"{make_group_prefix(reach.project)}*"] if _runs_pipelines(reach, audience) else []
    return reach.arns("scheduler", "schedule/", names)


def _runs_state_machines(reach: Reach, audience: Audience) -> bool:
    return _runs_pipelines(reach, audience) and reach.config.pipelines.target == "stepfunctions"


def _name_state_machines(reach: Reach) -> list[str]:
    """Name the state machines of the project, as IAM patterns."""
    start, own = f"{make_pipeline_prefix(reach.project)}-", reach.config.pipelines.name
    others = [own, f"{own}:*"] if own is not None and not own.startswith(start) else []
    return [f"{start}*", *others]


def _list_state_machines(reach: Reach, audience: Audience) -> list[str]:
    """Name the state machines, whose versions have their ARN with a number."""
    return _list_left_machines(reach, audience) if _runs_state_machines(reach, audience) else []


def _list_left_machines(reach: Reach, audience: Audience) -> list[str]:
    """Name what `runs` and `destroy` find: also the state machines from before another target was chosen."""
    names = _name_state_machines(reach) if _runs_pipelines(reach, audience) else []
    return reach.arns("states", "stateMachine:", names)


def _list_machine_runs(reach: Reach, audience: Audience) -> list[str]:
    """Name the executions of state machines: also those from before another target was chosen."""
    names = _name_state_machines(reach) if _runs_pipelines(reach, audience) else []
    return reach.arns("states", "execution:", names)


def _list_states_roles(reach: Reach, audience: Audience) -> list[str]:
    if not _runs_state_machines(reach, audience):
        return []
    return [reach.config.pipelines.stepfunctions.role_arn or reach.states_role]


def _require_states(_: Reach, __: Audience) -> Condition:
    return {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}}


def _list_everything_of_pipelines(reach: Reach, audience: Audience) -> list[str]:
    return ["*"] if _runs_pipelines(reach, audience) else []


def _list_schedule_roles(reach: Reach, audience: Audience) -> list[str]:
    role = reach.config.pipelines.schedule_role_arn if _runs_pipelines(reach, audience) else None
    return [role] if role else []


def _runs_on_emr(reach: Reach, audience: Audience) -> bool:
    return _runs_pipelines(reach, audience) and reach.config.pipelines.target == "emr-serverless"


def _list_own_applications(reach: Reach, audience: Audience) -> list[str]:
    """Name the applications that `submit` makes, and their job runs: AWS gives them ids."""
    if not _runs_on_emr(reach, audience) or reach.config.pipelines.emr_serverless.application_id:
        return []
    return reach.arns("emr-serverless", "/applications/", ["*"])


def _list_given_application(reach: Reach, audience: Audience) -> list[str]:
    """Name the application of aws.yml, which need not have the project's tags, and its job runs."""
    given = reach.config.pipelines.emr_serverless.application_id
    if not _runs_on_emr(reach, audience) or given is None:
        return []
    return reach.arns("emr-serverless", "/applications/", [given, f"{given}/jobruns/*"])


def _list_everything_of_emr(reach: Reach, audience: Audience) -> list[str]:
    """List everything for who makes applications."""
    return ["*"] if _list_own_applications(reach, audience) else []


def _list_spark_roles(reach: Reach, audience: Audience) -> list[str]:
    config = reach.config
    role = config.pipelines.emr_serverless.role_arn or config.pipelines.role_arn or config.role_arn
    return [role] if role and _runs_on_emr(reach, audience) else []


def _list_names_of_jobs(reach: Reach, _: Audience) -> list[str]:
    """List what `logs NAME` asks for before it knows that the name is that of an endpoint."""
    return reach.arns("sagemaker", "transform-job/", reach.endpoints)


def _list_each_endpoint(reach: Reach, audience: Audience) -> list[str]:
    """List every endpoint; `logs JOB` asks for one that has the job's name first."""
    asks = reach.endpoints or (reach.groups and audience == "developer")
    return reach.arns("sagemaker", "endpoint/", ["*"] if asks else [])


def _list_shared(reach: Reach, _: Audience) -> list[str]:
    """List the endpoints whose weights or instances can be changed: of several variants, or scaled."""
    names = dict.fromkeys((*find_shared_endpoints(reach.config), *find_scaled_endpoints(reach.config)))
    return reach.arns("sagemaker", "endpoint/", list(names))


def _list_updated(reach: Reach, audience: Audience) -> list[str]:
    return [*_list_endpoints(reach, audience), *_list_configs(reach, audience)]


def _list_tagged(reach: Reach, audience: Audience) -> list[str]:
    """List what is tagged as it is made: the tagging is an action of its own."""
    jobs = _list_jobs(reach, audience) if audience == "developer" else []
    jobs += _list_pipelines(reach, audience)
    made = (_list_models, _list_groups, _list_packages)
    return [*_list_updated(reach, audience), *(arn for kind in made for arn in kind(reach, audience)), *jobs]


def _list_with_tags(reach: Reach, audience: Audience) -> list[str]:
    return [*_list_endpoints(reach, audience), *_list_pipelines(reach, audience)]


def _list_registered(reach: Reach, audience: Audience) -> list[str]:
    return [*_list_groups(reach, audience), *_list_packages(reach, audience)]


def _list_log_groups(reach: Reach, audience: Audience) -> list[str]:
    """List the log groups; `logs JOB` asks for that of an endpoint first."""
    names = [f"Endpoints/{name}:*" for name in reach.endpoints]
    names += [f"Endpoints/{make_job_prefix(name)}*" for name in reach.groups]
    steps = ["ProcessingJobs:*"] if _runs_pipelines(reach, audience) else []
    steps += ["TrainingJobs:*"] if _trains(reach, audience) else []
    drivers = ["emr-serverless:*"] if _runs_on_emr(reach, audience) else []
    return [
        *reach.arns("logs", "log-group:/aws/sagemaker/", [*names, "TransformJobs:*", *steps]),
        *reach.arns("logs", "log-group:/aws/", drivers),
    ]


def _list_alarms(reach: Reach, _: Audience) -> list[str]:
    return [
        *reach.arns("cloudwatch", "alarm:", find_alarms(reach.config)),
        *_list_waking_alarms(reach, _),
    ]


def _list_waking_alarms(reach: Reach, _: Audience) -> list[str]:
    """List the alarms that wake asynchronous endpoints."""
    names = [name_alarm(name) for name in find_scaled_endpoints(reach.config) if name in reach.queues]
    return reach.arns("cloudwatch", "alarm:", names)


def _list_targets(reach: Reach, _: Audience) -> list[str]:
    """List scalable targets, if there are any; AWS gives them ids that nobody knows before."""
    names = ["*"] if find_scaled_endpoints(reach.config) else []
    return reach.arns("application-autoscaling", "scalable-target/", names)


def _list_every_endpoint(reach: Reach, _: Audience) -> list[str]:
    return ["*"] if reach.endpoints else []


def _list_everything_scaled(reach: Reach, _: Audience) -> list[str]:
    return ["*"] if find_scaled_endpoints(reach.config) else []


def _list_repositories(reach: Reach, _: Audience) -> list[str]:
    found = (find_repository_resource(reach, image) for image in reach.images)
    return list(dict.fromkeys(arn for arn in found if arn))


def _list_secrets(reach: Reach, _: Audience) -> list[str]:
    named = [each.secret.id for each in reach.config.globals.values() if each.secret]
    return sorted({get_secret_resource(reach, name) for name in named})


def _list_parameters(reach: Reach, _: Audience) -> list[str]:
    named = [each.ssm.name for each in reach.config.globals.values() if each.ssm]
    return sorted({get_parameter_resource(reach, name) for name in named})


def _list_role(reach: Reach, _: Audience) -> list[str]:
    return [reach.role]


def _list_roles(reach: Reach, audience: Audience) -> list[str]:
    """List the roles that are given to SageMaker; that of pipelines by developers alone."""
    own = reach.config.pipelines.role_arn if _runs_pipelines(reach, audience) else None
    return [reach.role, *([own] if own else [])]


def _list_everything(_: Reach, __: Audience) -> list[str]:
    return ["*"]


def _list_workgroups(reach: Reach, _: Audience) -> list[str]:
    return reach.arns("athena", "workgroup/", sorted(reach.data.workgroups))


def _list_data_catalog(reach: Reach, _: Audience) -> list[str]:
    return reach.arns("athena", "datacatalog/", ["AwsDataCatalog"])


def _list_read_tables(reach: Reach, _: Audience) -> list[str]:
    """List what Glue asks for: the catalog and the database of a table as well as the table."""
    databases = {each.partition("/")[0] for each in reach.data.tables} | reach.data.databases
    tables = {f"{name}/*" for name in reach.data.databases}
    tables |= {each for each in reach.data.tables if each.partition("/")[0] not in reach.data.databases}
    return [
        *reach.arns("glue", "", ["catalog"]),
        *reach.arns("glue", "database/", sorted(databases)),
        *reach.arns("glue", "table/", sorted(tables)),
    ]


def _list_saved_tables(reach: Reach, _: Audience) -> list[str]:
    databases = sorted({each.partition("/")[0] for each in reach.data.tables})
    return [
        *reach.arns("glue", "", ["catalog"]),
        *reach.arns("glue", "database/", databases),
        *reach.arns("glue", "table/", sorted(reach.data.tables)),
    ]


def _list_passing_tables(reach: Reach, _: Audience) -> list[str]:
    """List the tables that a query or a save makes and deletes again."""
    databases = sorted(reach.data.databases)
    return [
        *reach.arns("glue", "", ["catalog"]),
        *reach.arns("glue", "database/", databases),
        *reach.arns("glue", "table/", [f"{name}/kedro_*" for name in databases]),
    ]


def _list_buckets(reach: Reach, _: Audience) -> list[str]:
    found = {uri.removeprefix("s3://").partition("/")[0] for uri in reach.data.read | reach.data.written}
    buckets = found | {reach.config.bucket}
    return [f"arn:{reach.partition}:s3:::{name}" for name in sorted(buckets)]


def _find_models_folders(reach: Reach) -> set[str]:
    return reach.own(*(f"sagemaker/{name}/" for name in reach.groups))


def _list_read(reach: Reach, audience: Audience) -> list[str]:
    jobs = reach.own("transform/") if audience == "developer" else set()
    jobs |= {folder for each in reach.queues.values() for folder in (each.output, each.failure) if folder}
    jobs |= _find_jobs_folders(reach, audience)
    return reach.objects(reach.in_bucket(reach.data.read) | _find_models_folders(reach) | jobs)


def _list_written(reach: Reach, audience: Audience) -> list[str]:
    uploads = reach.own("data/raw/", "transform/input/") if audience == "developer" else set()
    uploads |= {each.input for each in reach.queues.values() if each.input}
    uploads |= _find_jobs_folders(reach, audience)
    return reach.objects(reach.in_bucket(reach.data.written) | _find_models_folders(reach) | uploads)


def _list_replaced(reach: Reach, audience: Audience) -> list[str]:
    models = _find_models_folders(reach) if audience == "developer" else set()
    models |= _find_jobs_folders(reach, audience)
    return reach.objects(reach.in_bucket(reach.data.replaced) | models)


def _list_read_elsewhere(reach: Reach, _: Audience) -> list[str]:
    return reach.objects(reach.data.read - reach.in_bucket(reach.data.read))


def _list_written_elsewhere(reach: Reach, _: Audience) -> list[str]:
    return reach.objects(reach.data.written - reach.in_bucket(reach.data.written))


def _list_replaced_elsewhere(reach: Reach, _: Audience) -> list[str]:
    return reach.objects(reach.data.replaced - reach.in_bucket(reach.data.replaced))


def _write_volume_keys(reach: Reach, audience: Audience) -> Keys:
    return write_keys(find_volume_keys(reach.config, with_jobs=audience == "developer"), _of_kms(reach))


def _write_object_keys(reach: Reach, _: Audience) -> Keys:
    return write_keys(find_object_keys(reach.config), _of_kms(reach))


def _write_read_keys(reach: Reach, audience: Audience) -> Keys:
    """Write the keys of what is read from S3: what commands have put there, and predictions."""
    predictions = find_output_keys(reach.config) if audience == "developer" else []
    return write_keys([*find_object_keys(reach.config), *predictions], _of_kms(reach))


def _of_kms(reach: Reach) -> str:
    return reach.arns("kms", "", [""])[0]


def _grant_keys(
    sid: str,
    action: str,
    write: Callable[[Reach, Audience], Keys],
    condition: Callable[[Reach, Audience], Condition] | None = None,
) -> tuple[Grant, Grant]:
    """Grant an action on keys that are named by ARN or id, and on those that are named by an alias."""

    def require(reach: Reach, audience: Audience) -> Condition:
        also = condition(reach, audience) if condition else {}
        return {**also, **write(reach, audience).condition}

    return (
        Grant(sid, {action: lambda reach, audience: list(write(reach, audience).arns)}, condition),
        Grant(
            f"{sid}ByAlias", {action: lambda reach, audience: list(write(reach, audience).places)}, require
        ),
    )


def _require_a_service(_: Reach, __: Audience) -> Condition:
    """Keep the use of a key from being given to anybody but a service of AWS."""
    return {"Bool": {"kms:GrantIsForAWSResource": "true"}}


_OF_THE_PROJECT: dict[str, Lister] = {
    "sagemaker:AddTags": _list_tagged,
    "sagemaker:CreateModelPackage": _list_registered,
    "sagemaker:DeleteTags": _list_endpoints,
    "sagemaker:DescribeEndpointConfig": _list_configs,
    "sagemaker:DescribeModel": _list_models,
    "sagemaker:DescribeModelPackage": _list_packages,
    "sagemaker:DescribeModelPackageGroup": _list_groups,
    "sagemaker:DescribeTransformJob": _list_jobs,
    "sagemaker:InvokeEndpoint": _list_endpoints,
    "sagemaker:InvokeEndpointAsync": _list_queues,
    "sagemaker:ListModelPackages": _list_registered,
    "sagemaker:DescribePipeline": _list_pipelines,
    "sagemaker:DescribePipelineExecution": _list_executions,
    "sagemaker:DescribeProcessingJob": _list_steps,
    "sagemaker:DescribeTrainingJob": _list_training,
    "sagemaker:ListPipelineExecutionSteps": _list_executions,
    "sagemaker:ListPipelineExecutions": _list_pipelines,
    "sagemaker:ListPipelineParametersForExecution": _list_executions,
    "sagemaker:ListPipelineVersions": _list_pipelines,
    "sagemaker:ListTags": _list_with_tags,
    "sagemaker:RetryPipelineExecution": _list_executions,
    "sagemaker:StartPipelineExecution": _list_pipelines,
    "sagemaker:StopPipelineExecution": _list_executions,
    "sagemaker:UpdateEndpoint": _list_updated,
    "sagemaker:UpdateModelPackage": _list_packages,
    "sagemaker:UpdatePipeline": _list_pipelines,
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
            "cloudformation:CreateStack": _list_stack,
            "cloudformation:DescribeStackEvents": _list_stack,
            "cloudformation:DescribeStacks": _list_stack,
            "cloudformation:GetTemplate": _list_stack,
            "cloudformation:UpdateStack": _list_stack,
        },
    ),
    Grant(
        "CreateWithTheTagsOfTheProject",
        {
            # AWS asks for the endpoint and for its config.
            "sagemaker:CreateEndpoint": _list_updated,
            "sagemaker:CreateEndpointConfig": _list_configs,
            "sagemaker:CreateModel": _list_models,
            "sagemaker:CreateModelPackageGroup": _list_groups,
            "sagemaker:CreatePipeline": _list_pipelines,
            "sagemaker:CreateTransformJob": _list_jobs,
            "scheduler:CreateScheduleGroup": _list_own_groups,
            "states:CreateStateMachine": _list_state_machines,
        },
        _require_tag,
    ),
    Grant("ReadAndUpdate", _OF_THE_PROJECT),
    Grant("ChangeWeights", {"sagemaker:UpdateEndpointWeightsAndCapacities": _list_shared}),
    # Before an endpoint config is deleted, each endpoint is asked whether it serves it.
    Grant("LookAtEndpoints", {"sagemaker:DescribeEndpoint": _list_each_endpoint}),
    Grant(
        "TellJobsFromEndpoints",
        {"sagemaker:DescribeTransformJob": _list_names_of_jobs},
        audiences=("developer",),
    ),
    Grant(
        "DeleteWhatHasTheTagsOfTheProject",
        {
            "sagemaker:DeleteEndpoint": _list_endpoints,
            "sagemaker:DeleteEndpointConfig": _list_configs,
            "sagemaker:DeleteModel": _list_models,
            "sagemaker:DeleteModelPackageGroup": _list_groups,
            "sagemaker:DeletePipeline": _list_pipelines,
            "scheduler:DeleteScheduleGroup": _list_own_groups,
            "states:DeleteStateMachine": _list_left_machines,
        },
        _require_owned,
    ),
    Grant(
        "StateMachines",
        {
            "states:DescribeExecution": _list_machine_runs,
            "states:DescribeStateMachine": _list_state_machines,
            "states:GetExecutionHistory": _list_machine_runs,
            "states:ListExecutions": _list_left_machines,
            "states:ListStateMachineVersions": _list_state_machines,
            "states:ListTagsForResource": _list_left_machines,
            "states:PublishStateMachineVersion": _list_state_machines,
            "states:RedriveExecution": _list_machine_runs,
            "states:StartExecution": _list_state_machines,
            "states:StopExecution": _list_machine_runs,
            "states:TagResource": _list_state_machines,
            "states:UpdateStateMachine": _list_state_machines,
        },
    ),
    # Schedules have no tags; `destroy` looks for their group in every project.
    Grant("LookForSchedules", {"scheduler:GetScheduleGroup": _list_schedule_groups}),
    Grant("ListSchedules", {"scheduler:ListSchedules": _list_everything_of_pipelines}),
    Grant(
        "Schedules",
        {
            "scheduler:CreateSchedule": _list_schedules,
            "scheduler:DeleteSchedule": _list_schedules,
            "scheduler:GetSchedule": _list_schedules,
            "scheduler:UpdateSchedule": _list_schedules,
        },
    ),
    Grant("MakeApplications", {"emr-serverless:CreateApplication": _list_everything_of_emr}, _require_tag),
    Grant(
        "RunOnApplicationsWithTheTagsOfTheProject",
        dict.fromkeys(_ON_APPLICATIONS, _list_own_applications),
        _require_owned,
    ),
    # AWS tags what it makes with an action of its own, before there is a tag to ask for.
    Grant("TagApplications", {"emr-serverless:TagResource": _list_own_applications}, _require_tag),
    Grant("RunOnTheApplication", dict.fromkeys(_ON_GIVEN, _list_given_application)),
    # The versions of a group have no tags of their own.
    Grant("DeleteVersions", {"sagemaker:DeleteModelPackage": _list_packages}),
    Grant(
        "ReadLogs",
        {
            "logs:DescribeLogStreams": _list_log_groups,
            "logs:FilterLogEvents": _list_log_groups,
            "logs:GetLogEvents": _list_log_groups,
        },
    ),
    # AWS has no resources for these, nor for metrics.
    Grant(
        "FindByTagAndReadQuotas",
        {
            "sagemaker:ListEndpoints": _list_every_endpoint,
            "sagemaker:ListPipelines": _list_everything,
            "emr-serverless:ListApplications": _list_everything,
            "states:ListStateMachines": _list_everything,
            "sagemaker:ListTransformJobs": _list_everything,
            "servicequotas:ListServiceQuotas": _list_everything,
            "tag:GetResources": _list_everything,
        },
    ),
    Grant("ReadMetrics", {"cloudwatch:GetMetricData": _list_everything}),
    Grant("ReadAlarms", {"cloudwatch:DescribeAlarms": _list_alarms}),
    # AWS has no resources for these either.
    Grant(
        "LookAtScaling",
        {
            "application-autoscaling:DescribeScalableTargets": _list_every_endpoint,
            "application-autoscaling:DescribeScalingPolicies": _list_everything_scaled,
        },
    ),
    Grant(
        "Scale",
        {
            "application-autoscaling:DeregisterScalableTarget": _list_targets,
            "application-autoscaling:PutScalingPolicy": _list_targets,
            "application-autoscaling:RegisterScalableTarget": _list_targets,
        },
        _require_scaling_of_sagemaker,
    ),
    Grant(
        "WakeAsynchronousEndpoints",
        {"cloudwatch:DeleteAlarms": _list_waking_alarms, "cloudwatch:PutMetricAlarm": _list_waking_alarms},
    ),
    *_grant_keys("EncryptVolumes", "kms:CreateGrant", _write_volume_keys, _require_a_service),
    *_grant_keys("EncryptObjects", "kms:GenerateDataKey", _write_object_keys),
    *_grant_keys("DecryptObjects", "kms:Decrypt", _write_read_keys),
    Grant("LookForImages", {"ecr:DescribeImages": _list_repositories}),
    Grant("ReadSecrets", {"secretsmanager:GetSecretValue": _list_secrets}),
    Grant("ReadParameters", {"ssm:GetParameter": _list_parameters}),
    Grant("LookAtTheRole", {"iam:GetRole": _list_role}),
    Grant("GiveTheRoleToSageMaker", {"iam:PassRole": _list_roles}, _require_sagemaker),
    Grant("GiveTheRoleToEmrServerless", {"iam:PassRole": _list_spark_roles}, _require_emr),
    Grant("GiveTheRoleToStepFunctions", {"iam:PassRole": _list_states_roles}, _require_states),
    Grant("GiveTheRoleToScheduler", {"iam:PassRole": _list_schedule_roles}, _require_scheduler),
    Grant(
        "Query",
        {
            "athena:GetDataCatalog": _list_data_catalog,
            "athena:GetQueryExecution": _list_workgroups,
            "athena:GetQueryResults": _list_workgroups,
            "athena:GetWorkGroup": _list_workgroups,
            "athena:StartQueryExecution": _list_workgroups,
            "athena:StopQueryExecution": _list_workgroups,
        },
    ),
    Grant(
        "ReadTables",
        {
            "glue:BatchGetPartition": _list_read_tables,
            "glue:GetDatabase": _list_read_tables,
            "glue:GetPartitions": _list_read_tables,
            "glue:GetTable": _list_read_tables,
            "glue:GetTables": _list_read_tables,
        },
    ),
    Grant(
        "SaveTables",
        {
            "glue:BatchCreatePartition": _list_saved_tables,
            "glue:BatchDeletePartition": _list_saved_tables,
            "glue:BatchUpdatePartition": _list_saved_tables,
            "glue:CreateTable": _list_saved_tables,
            "glue:UpdateTable": _list_saved_tables,
        },
    ),
    Grant(
        "MakeTablesForAWhile",
        {"glue:CreateTable": _list_passing_tables, "glue:DeleteTable": _list_passing_tables},
    ),
    # With s3:prefix, S3 would answer "denied" for an object that does not exist.
    Grant(
        "FindObjectsAndLookAtTheBucket",
        {
            "s3:GetBucketLocation": _list_buckets,
            "s3:GetBucketPublicAccessBlock": _list_buckets,
            "s3:GetEncryptionConfiguration": _list_buckets,
            "s3:ListBucket": _list_buckets,
        },
    ),
    Grant("ReadObjects", {"s3:GetObject": _list_read}, _require_account),
    Grant(
        "WriteObjects",
        {"s3:AbortMultipartUpload": _list_written, "s3:PutObject": _list_written},
        _require_account,
    ),
    Grant("DeleteObjects", {"s3:DeleteObject": _list_replaced}, _require_account),
    # Other buckets may belong to other accounts.
    Grant("ReadObjectsElsewhere", {"s3:GetObject": _list_read_elsewhere}),
    Grant(
        "WriteObjectsElsewhere",
        {"s3:AbortMultipartUpload": _list_written_elsewhere, "s3:PutObject": _list_written_elsewhere},
    ),
    Grant("DeleteObjectsElsewhere", {"s3:DeleteObject": _list_replaced_elsewhere}),
)
