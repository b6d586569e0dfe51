"""On which resources actions are granted for pipelines: runs, jobs, schedules, state machines and Spark."""

from kedro_aws_plugin.plan.policy.callers import Audience
from kedro_aws_plugin.plan.policy.reach import Reach
from kedro_aws_plugin.plan.schedule import make_group_prefix
from kedro_aws_plugin.plan.submission import make_pipeline_prefix


def runs_pipelines(reach: Reach, audience: Audience) -> bool:
    """Tell whether somebody runs pipelines: developers, of a project whose aws.yml speaks of them."""
    return audience == "developer" and "pipelines" in reach.config.model_fields_set


def list_pipelines(reach: Reach, audience: Audience) -> list[str]:
    """Name the pipelines of the project; SageMaker writes their ARNs in lower case."""
    return reach.arns("sagemaker", "pipeline/", _name_pipelines(reach, audience))


def list_executions(reach: Reach, audience: Audience) -> list[str]:
    """Name the executions of the pipelines of the project."""
    names = _name_pipelines(reach, audience)
    return reach.arns(
        "sagemaker", "pipeline/", [each if each.endswith("*") else f"{each}/*" for each in names]
    )


def _name_pipelines(reach: Reach, audience: Audience) -> list[str]:
    if not runs_pipelines(reach, audience):
        return []
    start, own = f"{make_pipeline_prefix(reach.project)}-", reach.config.pipelines.name
    others = [own] if own is not None and not own.startswith(start) else []
    return [name.lower() for name in (f"{start}*", *others)]


def list_steps(reach: Reach, audience: Audience) -> list[str]:
    """Name the processing jobs that SageMaker makes for steps."""
    names = ["pipelines-*"] if runs_pipelines(reach, audience) else []
    return reach.arns("sagemaker", "processing-job/", names)


def list_training(reach: Reach, audience: Audience) -> list[str]:
    """Name the training jobs that SageMaker makes for steps, if a step is one."""
    names = ["pipelines-*"] if trains(reach, audience) else []
    return reach.arns("sagemaker", "training-job/", names)


def trains(reach: Reach, audience: Audience) -> bool:
    """Tell whether a step of somebody's pipelines is a training job."""
    settings = reach.config.pipelines
    is_one = any(settings.find_resources(step).job == "training" for step in ("", *settings.steps))
    return is_one and runs_pipelines(reach, audience)


def find_jobs_folders(reach: Reach, audience: Audience) -> set[str]:
    """Find the folder for the jobs and runs of the project, in all of its environments."""
    if not runs_pipelines(reach, audience):
        return set()
    return reach.own(f"{reach.config.pipelines.prefix}/{reach.project}/")


def list_schedule_groups(reach: Reach, _: Audience) -> list[str]:
    """Name the groups of the project's schedules, in all of its environments."""
    return reach.arns("scheduler", "schedule-group/", [f"{make_group_prefix(reach.project)}*"])


def list_own_groups(reach: Reach, audience: Audience) -> list[str]:
    """Name the groups of schedules that somebody makes and deletes."""
    return list_schedule_groups(reach, audience) if runs_pipelines(reach, audience) else []


def list_schedules(reach: Reach, audience: Audience) -> list[str]:
    """Name the schedules in these groups: IAM's `*` stands for a slash too."""
    names = [f"{make_group_prefix(reach.project)}*"] if runs_pipelines(reach, audience) else []
    return reach.arns("scheduler", "schedule/", names)


def _runs_state_machines(reach: Reach, audience: Audience) -> bool:
    return runs_pipelines(reach, audience) and reach.config.pipelines.target == "stepfunctions"


def _name_state_machines(reach: Reach, ending: str = "") -> list[str]:
    """Name the state machines of the project, or what has their name with an ending, as IAM patterns."""
    start, own = f"{make_pipeline_prefix(reach.project)}-", reach.config.pipelines.name
    others = [f"{own}{ending}"] if own is not None and not own.startswith(start) else []
    return [f"{start}*", *others]


def list_state_machines(reach: Reach, audience: Audience) -> list[str]:
    """Name the state machines, whose versions have their ARN with a number."""
    if not _runs_state_machines(reach, audience):
        return []
    names = dict.fromkeys((*_name_state_machines(reach), *_name_state_machines(reach, ":*")))
    return reach.arns("states", "stateMachine:", list(names))


def list_left_machines(reach: Reach, audience: Audience) -> list[str]:
    """Name what `runs` and `destroy` find: also the state machines from before another target was chosen."""
    names = _name_state_machines(reach) if runs_pipelines(reach, audience) else []
    return reach.arns("states", "stateMachine:", names)


def list_machine_runs(reach: Reach, audience: Audience) -> list[str]:
    """Name the executions of state machines: also those from before another target was chosen."""
    names = _name_state_machines(reach, ":*") if runs_pipelines(reach, audience) else []
    return reach.arns("states", "execution:", names)


def list_states_roles(reach: Reach, audience: Audience) -> list[str]:
    """Name the role of state machines."""
    if not _runs_state_machines(reach, audience):
        return []
    return [reach.config.pipelines.stepfunctions.role_arn or reach.states_role]


def list_everything_of_pipelines(reach: Reach, audience: Audience) -> list[str]:
    """List everything for who runs pipelines."""
    return ["*"] if runs_pipelines(reach, audience) else []


def list_schedule_roles(reach: Reach, audience: Audience) -> list[str]:
    """Name the role with which schedules start pipelines."""
    role = reach.config.pipelines.schedule_role_arn if runs_pipelines(reach, audience) else None
    return [role] if role else []


def runs_on_emr(reach: Reach, audience: Audience) -> bool:
    """Tell whether somebody runs pipelines on EMR Serverless."""
    return runs_pipelines(reach, audience) and reach.config.pipelines.target == "emr-serverless"


def list_own_applications(reach: Reach, audience: Audience) -> list[str]:
    """Name the applications that `submit` makes, and their job runs: AWS gives them ids."""
    if not runs_on_emr(reach, audience) or reach.config.pipelines.emr_serverless.application_id:
        return []
    return reach.arns("emr-serverless", "/applications/", ["*"])


def list_given_application(reach: Reach, audience: Audience) -> list[str]:
    """Name the application of aws.yml, which need not have the project's tags, and its job runs."""
    given = reach.config.pipelines.emr_serverless.application_id
    if not runs_on_emr(reach, audience) or given is None:
        return []
    return reach.arns("emr-serverless", "/applications/", [given, f"{given}/jobruns/*"])


def list_everything_of_emr(reach: Reach, audience: Audience) -> list[str]:
    """List everything for who makes applications."""
    return ["*"] if list_own_applications(reach, audience) else []


def list_spark_roles(reach: Reach, audience: Audience) -> list[str]:
    """Name the role of jobs on EMR Serverless."""
    config = reach.config
    role = config.pipelines.emr_serverless.role_arn or config.pipelines.role_arn or config.role_arn
    return [role] if role and runs_on_emr(reach, audience) else []
