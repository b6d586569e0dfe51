"""conf/<env>/aws.yml as frozen models, with errors that name file, key and fix."""

from kedro_aws_plugin.config.athena import Athena, AthenaTable
from kedro_aws_plugin.config.mark import read_mark, merge_registry
from kedro_aws_plugin.config.models import AwsConfig, Deploy, Local, Registry, Serverless
from kedro_aws_plugin.config.project import Project
from kedro_aws_plugin.config.sections import merge_deploy, choose_group, require_registry, find_results_folder, choose_role

__all__ = [
    "Athena",
    "AthenaTable",
    "AwsConfig",
    "Deploy",
    "Local",
    "Project",
    "Registry",
    "Serverless",
    "merge_deploy",
    "choose_group",
    "read_mark",
    "merge_registry",
    "require_registry",
    "find_results_folder",
    "choose_role",
]
