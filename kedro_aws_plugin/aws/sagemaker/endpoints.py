"""Look up what SageMaker serves: endpoints, their configs and models."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.errors import is_absent, translate_errors
from kedro_aws_plugin.aws.sagemaker.registry import observe_sample
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.plan.drift import Running
from kedro_aws_plugin.plan.observed import (
    Deployed,
    Endpoint,
    Former,
    Releases,
    Sample,
    Serving,
    Stage,
    Variant,
)
from kedro_aws_plugin.plan.tags import FAILED_CHECK, find_former

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef, ProductionVariantOutputTypeDef


def observe_endpoint(aws: Aws, name: str) -> Endpoint | None:
    """Look up an endpoint, without its tags; None if there is none."""
    with translate_errors(f"describe endpoint {name}"):
        try:
            found = aws.sagemaker.describe_endpoint(EndpointName=name)
        except ClientError as error:
            if is_absent(error):
                return None
            raise
    return Endpoint(
        name=name,
        arn=found["EndpointArn"],
        status=found["EndpointStatus"],
        config_name=found["EndpointConfigName"],
        failure=found.get("FailureReason"),
        asynchronous=found.get("AsyncInferenceConfig") is not None,
        pending_config=found.get("PendingDeploymentSummary", {}).get("EndpointConfigName"),
        stage=_read_stage(found),
        weights={
            each["VariantName"]: each.get("DesiredWeight", 1.0)
            for each in found.get("ProductionVariants", [])
        },
        counts={
            each["VariantName"]: each["DesiredInstanceCount"]
            for each in found.get("ProductionVariants", [])
            if "DesiredInstanceCount" in each
        },
    )


def _read_stage(found: "DescribeEndpointOutputTypeDef") -> Stage | None:
    """Read in which stage an update is: that of the first variant for which AWS shows one."""
    for variant in found.get("PendingDeploymentSummary", {}).get("ProductionVariants", []):
        for status in variant.get("VariantStatus", []):
            began = status["StartTime"].isoformat() if "StartTime" in status else ""
            return Stage(status=status["Status"], began=began)
    return None


def observe_tags(aws: Aws, endpoint: Endpoint) -> dict[str, str]:
    """Look up an endpoint's tags."""
    with translate_errors(f"list the tags of endpoint {endpoint.name}"):
        pages = aws.sagemaker.get_paginator("list_tags").paginate(ResourceArn=endpoint.arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def _add_tags_and_mode(aws: Aws, endpoint: Endpoint) -> Endpoint:
    tags = observe_tags(aws, endpoint)
    variant = observe_variant(aws, endpoint.config_name)
    return replace(endpoint, tags=tags, serverless=variant is not None and variant.mode == "serverless")


def observe_serving(aws: Aws, endpoint: str, models: Collection[str], config: str) -> Serving:
    """Look up what of a deployment exists."""
    found = observe_endpoint(aws, endpoint)
    tagged = _add_tags_and_mode(aws, found) if found else None
    existing = frozenset(model for model in models if observe_package(aws, model) is not None)
    variants = observe_variants(aws, config)
    production = [each for each in variants or () if not each.shadow]
    return Serving(
        endpoint=tagged,
        models=existing,
        config_exists=variants is not None,
        former=_observe_former(aws, tagged, config) if tagged else None,
        serves=_observe_served(aws, tagged) if tagged and tagged.coming != config else (),
        config_weights={each.name: each.weight for each in production} if len(production) > 1 else {},
    )


def observe_releases(aws: Aws, name: str) -> Releases:
    """Look up what an endpoint serves, and what it served before."""
    found = observe_endpoint(aws, name)
    if found is None:
        return Releases(endpoint=None)
    endpoint = _add_tags_and_mode(aws, found)
    former = _observe_former(aws, endpoint, endpoint.coming)
    packages = _observe_packages(aws, former.config_name) if former else {}
    serves = _observe_packages(aws, endpoint.coming)
    return Releases(
        endpoint=endpoint,
        serves=tuple(dict.fromkeys(serves.values())),
        samples=_observe_samples(aws, serves),
        former=former,
        former_packages=tuple(dict.fromkeys(packages.values())),
    )


def _observe_served(aws: Aws, endpoint: Endpoint) -> tuple[str, ...]:
    """Look up the packages that an endpoint serves once the change under way is over."""
    return tuple(dict.fromkeys(_observe_packages(aws, endpoint.coming).values()))


def _observe_packages(aws: Aws, config: str) -> dict[str, str]:
    """Look up the packages that an endpoint config has in production, by the variant's name."""
    variants = [each for each in observe_variants(aws, config) or () if not each.shadow]
    packages = {each.name: observe_package(aws, each.model) for each in variants}
    return {name: package for name, package in packages.items() if package}


def _observe_samples(aws: Aws, packages: Mapping[str, str]) -> dict[str, Sample]:
    """Look up the samples of the versions that have one, by the variant's name."""
    samples = {name: observe_sample(aws, package) for name, package in packages.items()}
    return {name: sample for name, sample in samples.items() if sample}


def _observe_former(aws: Aws, endpoint: Endpoint, wanted: str) -> Former | None:
    """Look up the config to go back to from the wanted one, unless that failed its check itself."""
    tags = endpoint.tags or {}
    name = find_former(tags, wanted) if endpoint.coming == wanted else endpoint.coming
    if not name or FAILED_CHECK + name in tags:
        return None
    variants = observe_variants(aws, name)
    if variants is None:
        return None
    models = {each.name: observe_package(aws, each.model) for each in variants if not each.shadow}
    packages = {variant: package for variant, package in models.items() if package}
    return Former(config_name=name, samples=_observe_samples(aws, packages))


def observe_deployed(aws: Aws, name: str) -> Deployed | None:
    """Follow an endpoint to the packages that it serves: endpoint, config, models, packages."""
    endpoint = observe_endpoint(aws, name)
    if endpoint is None:
        return None
    variants = observe_variants(aws, endpoint.config_name)
    if variants is None:
        return Deployed(endpoint=endpoint, package=None, variant=None)
    first, *others = variants
    return Deployed(
        endpoint=replace(endpoint, serverless=first.mode == "serverless"),
        package=observe_package(aws, first.model),
        variant=first,
        others=tuple((each, observe_package(aws, each.model)) for each in others),
    )


def observe_package(aws: Aws, model: str) -> str | None:
    """Look up the package of a model; "" if the model has none, None if there is no such model."""
    found = _describe_model(aws, model)
    return None if found is None else found.get("PrimaryContainer", {}).get("ModelPackageName", "")


def observe_running(aws: Aws, endpoint: Endpoint) -> Running:
    """Look up what an endpoint runs once a change under way is over, as AWS describes it."""
    config = _describe_config(aws, endpoint.coming) or {}
    variants = config.get("ProductionVariants") or [{}]
    if len(variants) > 1:  # their weights are changed without another config
        now = endpoint.weights if endpoint.coming == endpoint.config_name else {}
        weighed = [
            {**each, "InitialVariantWeight": now.get(each["VariantName"], each.get("InitialVariantWeight"))}
            for each in variants
        ]
        config = {**config, "ProductionVariants": weighed}
    model = _describe_model(aws, variants[0].get("ModelName", "")) if config else None
    return Running(
        name=endpoint.coming,
        config=config,
        model=model or {},
        tags=observe_tags(aws, endpoint),
        counts=endpoint.counts if endpoint.coming == endpoint.config_name else {},
    )


def observe_configs_in_use(aws: Aws, but: str) -> frozenset[str]:
    """Look up the endpoint configs that the endpoints of the account and region serve, or come to serve.

    SageMaker deletes an endpoint config that an endpoint serves, and does not tell which ones do.

    Args:
        aws: The clients.
        but: The name of the endpoint that is left out.
    """
    with translate_errors("list the endpoints"):
        pages = aws.sagemaker.get_paginator("list_endpoints").paginate()
        names = [each["EndpointName"] for page in pages for each in page["Endpoints"]]
    found = (observe_endpoint(aws, name) for name in names if name != but)
    return frozenset(name for each in found if each for name in (each.config_name, each.coming))


def observe_models(aws: Aws, config: str) -> tuple[str, ...] | None:
    """Look up the models of an endpoint config, each once; None if there is no such config."""
    found = _describe_config(aws, config)
    if found is None:
        return None
    variants = [*found["ProductionVariants"], *found.get("ShadowProductionVariants", [])]
    return tuple(dict.fromkeys(each["ModelName"] for each in variants if "ModelName" in each))


def _describe_config(aws: Aws, name: str) -> dict[str, Any] | None:
    with translate_errors(f"describe endpoint config {name}"):
        try:
            return {**aws.sagemaker.describe_endpoint_config(EndpointConfigName=name)}
        except ClientError as error:
            if is_absent(error):
                return None
            raise


def _describe_model(aws: Aws, name: str) -> dict[str, Any] | None:
    with translate_errors(f"describe model {name}"):
        try:
            return {**aws.sagemaker.describe_model(ModelName=name)}
        except ClientError as error:
            if is_absent(error):
                return None
            raise


def observe_variant(aws: Aws, config: str) -> Variant | None:
    """Look up the first variant of an endpoint config; None if there is no such config."""
    variants = observe_variants(aws, config)
    return variants[0] if variants else None


def observe_variants(aws: Aws, config: str) -> tuple[Variant, ...] | None:
    """Look up what an endpoint config serves; None if there is no such config.

    Returns:
        Its variants, of which the shadow ones are the last.
    """
    found = _describe_config(aws, config)
    if found is None:
        return None
    capture = found.get("DataCaptureConfig", {})
    captures = bool(capture) and capture.get("EnableCapture", True)
    shadows = found.get("ShadowProductionVariants", [])
    return tuple(
        replace(
            _read_variant(each, "async" if found.get("AsyncInferenceConfig") else "realtime"),
            shadow=shadow,
            capture_percent=capture.get("InitialSamplingPercentage") if captures else None,
            capture_destination=capture.get("DestinationS3Uri") if captures else None,
        )
        for variants, shadow in ((found["ProductionVariants"], False), (shadows, True))
        for each in variants
    )


def _read_variant(variant: "ProductionVariantOutputTypeDef", mode: str) -> Variant:
    named = Variant(
        model=variant["ModelName"],
        mode=mode,
        name=variant["VariantName"],
        weight=variant.get("InitialVariantWeight", 1.0),
    )
    if "ServerlessConfig" in variant:
        size = variant["ServerlessConfig"]
        return replace(
            named,
            mode="serverless",
            memory_mb=size["MemorySizeInMB"],
            max_concurrency=size["MaxConcurrency"],
        )
    return replace(
        named,
        instance_type=variant.get("InstanceType"),
        instance_count=variant.get("InitialInstanceCount", 1),
    )
