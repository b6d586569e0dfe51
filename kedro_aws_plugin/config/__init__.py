"""Read conf/<env>/aws.yml into frozen models. Errors name the file, the key and the fix."""

from kedro_aws_plugin.config.athena import Athena, AthenaTable
from kedro_aws_plugin.config.mark import merge_registry, read_mark
from kedro_aws_plugin.config.models import AwsConfig, Deploy, Local, Registry, Serverless, Transform
from kedro_aws_plugin.config.project import Project
from kedro_aws_plugin.config.sections import (
    choose_group,
    choose_pipeline_role,
    choose_role,
    choose_schedule_role,
    choose_spark_role,
    choose_states_role,
    find_endpoint_groups,
    find_results_folder,
    merge_deploy,
    merge_transform,
    require_registry,
)

__all__ = [
    "Athena",
    "AthenaTable",
    "AwsConfig",
    "Deploy",
    "Local",
    "Project",
    "Registry",
    "Serverless",
    "Transform",
    "choose_group",
    "choose_pipeline_role",
    "choose_role",
    "choose_schedule_role",
    "choose_spark_role",
    "choose_states_role",
    "find_endpoint_groups",
    "find_results_folder",
    "merge_deploy",
    "merge_registry",
    "merge_transform",
    "read_mark",
    "require_registry",
]
