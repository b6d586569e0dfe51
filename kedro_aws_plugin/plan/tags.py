"""The tags that say what this plugin made, and for which project and environment."""

from collections.abc import Mapping

Tags = Mapping[str, str]

PROJECT = "kedro-aws:project"
ENV = "kedro-aws:env"


def project_tags(package: str, env: str) -> dict[str, str]:
    """Tag what belongs to a project's environment; `destroy` finds it again by these."""
    return {PROJECT: package, ENV: env}


def as_list(tags: Tags) -> list[dict[str, str]]:
    """Tags in SageMaker's form."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
