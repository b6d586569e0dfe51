"""Look up everything that carries a project's tags, in all services."""

from dataclasses import replace

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.s3 import list_keys
from kedro_aws_plugin.aws.sagemaker.endpoints import add_tags_and_mode, observe_endpoint, observe_variant
from kedro_aws_plugin.aws.sagemaker.registry import observe_group
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.plan.observed import Endpoint, Owned
from kedro_aws_plugin.plan.register import get_artifact_prefix
from kedro_aws_plugin.plan.tags import Tags


def observe_owned(aws: Aws, tags: Tags, endpoint: str | None) -> Owned:
    """Look up the endpoints, endpoint configs and models that carry a project's tags.

    Args:
        aws: The clients.
        tags: The tags of the project's environment.
        endpoint: The endpoint of aws.yml, which is looked up by its name too: AWS's index of tags shows a new
            endpoint only after a while.
    """
    names = _find_names_by_kind(aws, tags)
    known = names.get("endpoint", set()) | ({endpoint} if endpoint else set())
    found = [observe_endpoint(aws, name) for name in sorted(known)]
    own = [
        each
        for each in found
        if each and (each.name != endpoint or _is_own(add_tags_and_mode(aws, each), tags))
    ]
    variants = {each.config_name: observe_variant(aws, each.config_name) for each in own}
    return Owned(
        endpoints=tuple(sorted(own, key=lambda each: each.name)),
        configs=tuple(
            sorted(names.get("endpoint-config", set()) | {name for name in variants if variants[name]})
        ),
        models=tuple(sorted(names.get("model", set()) | {each.model for each in variants.values() if each})),
    )


def add_registry(aws: Aws, owned: Owned, tags: Tags, bucket: str) -> Owned:
    """Look up the model package groups that carry a project's tags, with their versions and artifacts."""
    groups = sorted(_find_names_by_kind(aws, tags).get("model-package-group", set()))
    with translate_errors(f"list the artifacts in s3://{bucket}"):
        objects = [key for group in groups for key in list_keys(aws.s3, bucket, get_artifact_prefix(group))]
    return replace(owned, groups=tuple(observe_group(aws, group) for group in groups), objects=tuple(objects))


def _find_names_by_kind(aws: Aws, tags: Tags) -> dict[str, set[str]]:
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


def _is_own(endpoint: Endpoint, tags: Tags) -> bool:
    return tags.items() <= (endpoint.tags or {}).items()
