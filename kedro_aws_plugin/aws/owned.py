"""Look up everything that carries a project's tags, in all services."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.s3 import list_keys
from kedro_aws_plugin.aws.sagemaker.endpoints import (
    observe_configs_in_use,
    observe_deployed,
    observe_endpoint,
    observe_models,
    observe_package,
    observe_tags,
    observe_variant,
    observe_variants,
)
from kedro_aws_plugin.aws.sagemaker.registry import observe_group
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.aws.tagged import find_names_by_kind, observe_groups
from kedro_aws_plugin.config.sections import parse_package
from kedro_aws_plugin.plan.deployment import find_endpoint_name
from kedro_aws_plugin.plan.observed import (
    MISSING,
    NOT_DEPLOYED,
    Deployed,
    Endpoint,
    EndpointReport,
    Owned,
    Serving,
    Variant,
    VariantReport,
)
from kedro_aws_plugin.plan.tags import FAILED_CHECK, Tags

_OF_THE_VARIANT = ("model", "name", "weight", "shadow")
"""What of a variant is not told of its endpoint."""


def observe_owned(aws: Aws, tags: Tags, endpoints: Collection[str]) -> Owned:
    """Look up the endpoints, endpoint configs and models that carry a project's tags.

    Args:
        aws: The clients.
        tags: The tags of the project's environment.
        endpoints: The endpoints that aws.yml or the user names, which are looked up by their names too: AWS's
            index of tags shows a new endpoint only after a while.
    """
    names = find_names_by_kind(aws, tags)
    found = [observe_endpoint(aws, name) for name in sorted(names.get("endpoint", set()) | set(endpoints))]
    own: list[Endpoint] = []
    foreign: list[Endpoint] = []
    for each in (endpoint for endpoint in found if endpoint):
        is_own = each.name not in endpoints or tags.items() <= observe_tags(aws, each).items()
        (own if is_own else foreign).append(each)
    variants = {each.config_name: observe_variants(aws, each.config_name) for each in own}
    served = {config: tuple(each.model for each in found) for config, found in variants.items() if found}
    return Owned(
        endpoints=tuple(own),
        configs=tuple(sorted(names.get("endpoint-config", set()) | served.keys())),
        models=tuple(sorted(names.get("model", set()).union(*served.values()))),
        served=served,
        foreign=tuple(each.name for each in foreign),
    )


def observe_reports(
    aws: Aws, tags: Tags, groups: Mapping[str, str | None], only: str | None = None
) -> tuple[EndpointReport, ...]:
    """Look up the endpoints of aws.yml and those that carry a project's tags.

    Args:
        aws: The clients.
        tags: The tags of the project's environment.
        groups: The endpoints of aws.yml, each with the model package group that it is for.
        only: Look up this endpoint alone.
    """
    if only is not None and (deployed := observe_deployed(aws, only)):
        return (_report(aws, deployed),)
    names = find_names_by_kind(aws, tags)
    configs: dict[str, list[str]] = {}
    for config in sorted(names.get("endpoint-config", set())):
        configs.setdefault(find_endpoint_name(config) or "", []).append(config)
    tagged = names.get("endpoint", set()) | configs.keys() - {""}
    known = [only] if only is not None else [*groups, *sorted(tagged - groups.keys())]
    reports = []
    for name in known:
        deployed = None if name == only else observe_deployed(aws, name)
        # AWS's index of tags may still show what is gone.
        if deployed:
            reports.append(_report(aws, deployed))
        elif variant := _find_variant(aws, configs.get(name, [])):
            group, _ = parse_package(observe_package(aws, variant.model) or "")
            reports.append(EndpointReport(name, MISSING, groups.get(name) or group))
        elif name in groups or name == only:
            reports.append(EndpointReport(name, NOT_DEPLOYED, groups.get(name)))
    return tuple(reports)


def observe_made(aws: Aws, tags: Tags, serving: Serving) -> Serving:
    """Add the endpoint configs that were made for an endpoint, with their models, and who else uses them.

    Args:
        aws: The clients.
        tags: The tags of the project's environment: what lacks one of them is left out.
        serving: What of the deployment exists.
    """
    endpoint = serving.endpoint
    if endpoint is None:
        return serving
    names = find_names_by_kind(aws, tags)
    configs = [each for each in names.get("endpoint-config", ()) if find_endpoint_name(each) == endpoint.name]
    own, needed = names.get("model", set()), serving.needed_configs
    made = {}
    # AWS's index of tags shows what is new only after a while, and what is gone for a while.
    for config in sorted({*configs, *needed}):
        models = observe_models(aws, config)
        if models is not None:
            made[config] = tuple(each for each in models if each in own or config in needed)
    in_use = elsewhere = frozenset[str]()
    if made.keys() - needed:
        # `status` looks at endpoints without it.
        from kedro_aws_plugin.aws.sagemaker.transform import observe_models_in_use

        in_use = observe_models_in_use(aws)
        elsewhere = observe_configs_in_use(aws, endpoint.name) & made.keys()
    return replace(serving, made=made, in_use=in_use, served_elsewhere=elsewhere)


def _find_variant(aws: Aws, configs: Sequence[str]) -> Variant | None:
    """Find what the first of these endpoint configs serves that exists."""
    return next(filter(None, (observe_variant(aws, config) for config in configs)), None)


def _report(aws: Aws, deployed: Deployed) -> EndpointReport:
    endpoint, variant = deployed.endpoint, deployed.variant
    group, version = parse_package(deployed.package or "")
    failed_check = observe_tags(aws, endpoint).get(FAILED_CHECK + endpoint.config_name)
    shown = asdict(variant) if variant else {}
    size = {key: value for key, value in shown.items() if key not in _OF_THE_VARIANT}
    if variant and variant.name in endpoint.counts:
        size["instance_count"] = endpoint.counts[variant.name]
    return EndpointReport(
        name=endpoint.name,
        status=endpoint.status,
        group=group,
        version=version,
        package=deployed.package or None,
        config=endpoint.config_name,
        pending_config=endpoint.pending_config,
        failure=endpoint.failure or failed_check,
        variants=_report_variants(deployed),
        **size,
    )


def _report_variants(deployed: Deployed) -> tuple[VariantReport, ...]:
    """Report the variants of an endpoint, with the weights and instances that they have now."""
    if deployed.variant is None:
        return ()
    served = ((deployed.variant, deployed.package), *deployed.others)
    weights = [deployed.endpoint.weights.get(each.name, each.weight) for each, _ in served]
    total = sum(weight for weight, (each, _) in zip(weights, served, strict=True) if not each.shadow) or 1.0
    reports = []
    for weight, (each, package) in zip(weights, served, strict=True):
        group, version = parse_package(package or "")
        reports.append(
            VariantReport(
                name=each.name,
                group=group,
                version=version,
                package=package or None,
                weight=weight,
                share=min(1.0, weight / total),
                shadow=each.shadow,
                instance_type=each.instance_type,
                instance_count=deployed.endpoint.counts.get(each.name, each.instance_count),
            )
        )
    return tuple(reports)


def add_registry(aws: Aws, owned: Owned, tags: Tags, bucket: str) -> Owned:
    """Look up the model package groups that carry a project's tags, with their versions and artifacts."""
    # `status` looks at endpoints without it.
    from kedro_aws_plugin.plan.register import get_artifact_prefix

    groups = observe_groups(aws, tags)
    with translate_errors(f"list the artifacts in s3://{bucket}"):
        objects = [key for group in groups for key in list_keys(aws.s3, bucket, get_artifact_prefix(group))]
    return replace(owned, groups=tuple(observe_group(aws, group) for group in groups), objects=tuple(objects))
