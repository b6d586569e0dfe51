"""Prices: refresh them, show those that aws.yml needs, and add up what a plan will cost."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kedro_aws_plugin.actions.compiling import Compiled
from kedro_aws_plugin.aws.prices import find_cache, load_prices
from kedro_aws_plugin.config import AwsConfig, Deploy, find_endpoint_groups, merge_deploy
from kedro_aws_plugin.config.sections import find_autoscaling
from kedro_aws_plugin.plan.cost import Cost, estimate_cost, price_job
from kedro_aws_plugin.plan.deployment import find_endpoint_name
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps.scaling import RegisterScalableTarget, Scaled

_SERVICES = ("sagemaker", "application-autoscaling", "emr-serverless")


def add_cost(plan: Plan, config: AwsConfig, *, dry_run: bool) -> Plan:
    """Add to a plan what it will cost.

    On the local AWS nothing is billed, and nothing is said of it. A dry run there tells what the same would
    cost on AWS, if the prices are known.

    Args:
        plan: The plan.
        config: The project's aws.yml.
        dry_run: Whether the plan is only shown.
    """
    is_local = config.target == "local"
    if is_local and not dry_run:
        return plan
    sent: list[tuple[str, Mapping[str, Any]]] = [
        request for step in plan.steps if step.service in _SERVICES for request in plan.list_requests(step)
    ]
    sent += [*_list_limits(sent, config), *plan.jobs]
    cost = estimate_cost(sent, config.region, load_prices(config.region, find_cache()))
    if cost is None or (is_local and cost.per is None):
        return plan
    if is_local:
        cost = replace(cost, text=f"nothing on the local AWS; on AWS {cost.text}")
    return replace(plan, cost=cost)


def price_run(compiled: Compiled, config: AwsConfig) -> tuple[dict[str, str], Cost | None]:
    """Say what the steps of a pipeline cost on AWS, and a whole run.

    Returns:
        What each step costs whose price is known, by name; and the cost of a run. On the local AWS nothing is
        said of a price that is not known.
    """
    prices = load_prices(config.region, find_cache())
    sent = [(each.operation, each.body) for each in compiled.jobs.values()]
    cost = estimate_cost(sent, config.region, prices)
    if config.target == "local" and cost is not None:
        cost = replace(cost, text=f"nothing on the local AWS; on AWS {cost.text}") if cost.per else None
    found = {
        name: price
        for name, each in compiled.jobs.items()
        if prices is not None and (price := price_job(each.operation, each.body, prices)) is not None
    }
    return found, cost


def _list_limits(
    sent: Sequence[tuple[str, Mapping[str, Any]]], config: AwsConfig
) -> list[tuple[str, dict[str, Any]]]:
    """List the limits of endpoints that are scaled already, for which a new config says one size only."""
    if any(operation == "RegisterScalableTarget" for operation, _ in sent):
        return []
    found: list[tuple[str, dict[str, Any]]] = []
    for operation, request in sent:
        if operation != "CreateEndpointConfig":
            continue
        name = find_endpoint_name(request["EndpointConfigName"]) or ""
        if limits := find_autoscaling(config, name):
            for variant in request["ProductionVariants"]:
                target = RegisterScalableTarget(Scaled(name, variant["VariantName"]), limits.min, limits.max)
                found.append((target.operation, target.request()))
    return found


def list_usages(config: AwsConfig) -> list[str]:
    """List AWS's usage types of what aws.yml names: what each endpoint has, or inherits."""
    found = {f"Tsform:{config.transform.instance_type}"}
    for step in ("", *config.pipelines.steps) if "pipelines" in config.model_fields_set else ():
        resources = config.pipelines.find_resources(step)
        kind = "Train" if resources.job == "training" else "Processing"
        found.add(f"{kind}:{resources.instance_type}")
    for name in find_endpoint_groups(config):
        found |= _name_usages(merge_deploy(config, {"endpoint": name}))
    return sorted(found)


def _name_usages(deploy: Deploy) -> set[str]:
    if deploy.mode == "serverless":
        size = f"{deploy.serverless.memory_mb // 1024}GB"
        ready = deploy.serverless.provisioned_concurrency
        kept_ready = [f"ProvisionedConcurrency:{kind}-{size}" for kind in ("Usage", "Mem")] if ready else []
        return {f"ServerlessInf:Mem-{size}", *kept_ready}
    kind = "AsyncInf" if deploy.mode == "async" else "Host"
    shadow = [deploy.shadow] if deploy.shadow else []
    own = [each.instance_type for each in (*deploy.variants.values(), *shadow)]
    alone = [] if deploy.variants else [deploy.instance_type]
    return {f"{kind}:{instance or deploy.instance_type}" for instance in (*own, *alone)}
