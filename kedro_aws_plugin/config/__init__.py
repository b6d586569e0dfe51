"""conf/<env>/aws.yml as frozen models, with errors that name file, key and fix."""

from kedro_aws_plugin.config.models import AwsConfig, Deploy, Local, Registry, Serverless
from kedro_aws_plugin.config.project import Project, find_project, load_config, open_project

__all__ = [
    "AwsConfig",
    "Deploy",
    "Local",
    "Project",
    "Registry",
    "Serverless",
    "find_project",
    "load_config",
    "open_project",
]
