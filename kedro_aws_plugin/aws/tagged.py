"""Look up by name what carries a project's tags in SageMaker: AWS's index of tags has only ARNs."""

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.plan.tags import Tags


def observe_groups(aws: Aws, tags: Tags) -> tuple[str, ...]:
    """Look up the names of the model package groups that carry a project's tags."""
    return tuple(sorted(find_names_by_kind(aws, tags).get("model-package-group", set())))


def find_names_by_kind(aws: Aws, tags: Tags) -> dict[str, set[str]]:
    """Look up the names of what carries a project's tags, by its kind, such as `endpoint-config`."""
    with translate_errors("find what carries this project's tags"):
        pages = aws.tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": key, "Values": [value]} for key, value in tags.items()],
            ResourceTypeFilters=["sagemaker"],
        )
        arns = [item["ResourceARN"] for page in pages for item in page["ResourceTagMappingList"]]
    names: dict[str, set[str]] = {}
    for arn in arns:
        kind, _, name = arn.split(":", 5)[-1].partition("/")
        names.setdefault(kind, set()).add(name)
    return names
