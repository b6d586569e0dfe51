"""Tags: they mark what this plugin created, and for which project and environment."""

from collections.abc import Mapping

Tags = Mapping[str, str]


def make_project_tags(package: str, env: str, bucket: str) -> dict[str, str]:
    """Make the tags of a project's environment, by which `destroy` finds what belongs to it.

    The bucket is one of them because two projects may have the same name, and no two buckets do.
    """
    return {"kedro-aws:project": package, "kedro-aws:env": env, "kedro-aws:bucket": bucket}


def format_tags(tags: Tags) -> list[dict[str, str]]:
    """Convert tags to SageMaker's form."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
