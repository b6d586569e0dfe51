"""conf/<env>/aws.yml as frozen models, with errors that name file, key and fix."""

from kedro_aws_plugin.config.athena import Athena, AthenaTable
from kedro_aws_plugin.config.mark import mark_of, registry_for
from kedro_aws_plugin.config.models import AwsConfig, Deploy, Local, Registry, Serverless
from kedro_aws_plugin.config.project import Project, find_project, load_config, open_project
from kedro_aws_plugin.config.sections import deploy_of, group_of, registry_of, results_of, role_of

__all__ = [
    "Athena",
    "AthenaTable",
    "AwsConfig",
    "Deploy",
    "Local",
    "Project",
    "Registry",
    "Serverless",
    "deploy_of",
    "find_project",
    "group_of",
    "load_config",
    "mark_of",
    "open_project",
    "registry_for",
    "registry_of",
    "results_of",
    "role_of",
]
