"""The tags that say what this plugin made, and for which project and environment."""

from collections.abc import Mapping

Tags = Mapping[str, str]


def make_project_tags(package: str, env: str, bucket: str) -> dict[str, str]:
    """Tag what belongs to a project's environment; `destroy` finds it again by these.

    The bucket is among them since no two in all of AWS share a name: two projects may.
    """
    return {"kedro-aws:project": package, "kedro-aws:env": env, "kedro-aws:bucket": bucket}


def format_tags(tags: Tags) -> list[dict[str, str]]:
    """Tags in SageMaker's form."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
