"""What AWS has now; describe and list only, always paginated."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, CredentialRetrievalError

from kedro_aws_plugin.aws.errors import is_absent, translated
from kedro_aws_plugin.aws.s3 import list_keys, read
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.plan.observed import Deployed, Endpoint, ModelPackage, Owned, RegisteredGroup, Serving
from kedro_aws_plugin.plan.register import Sample, artifact_prefix
from kedro_aws_plugin.plan.tags import Tags

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import ModelPackageSummaryTypeDef


def caller_account(aws: Aws, env: str) -> str:
    """The account that the credentials of an environment belong to."""
    with translated(f"find out the AWS account of the environment `{env}`"):
        try:
            return aws.sts.get_caller_identity()["Account"]
        except (ValueError, RuntimeError) as error:
            # What a credential process printed wrong, or too late, leaves botocore as plain Python errors.
            raise CredentialRetrievalError(provider="credential_process", error_msg=error) from error


def observe_group(aws: Aws, group: str) -> RegisteredGroup:
    """Look up a model package group and its versions, the newest first."""
    with translated(f"list the versions in model package group {group}"):
        try:
            aws.sagemaker.describe_model_package_group(ModelPackageGroupName=group)
        except ClientError as error:
            if is_absent(error):
                return RegisteredGroup(name=group, exists=False)
            raise
        pages = aws.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
        )
        packages = [_package(item) for page in pages for item in page["ModelPackageSummaryList"]]
    packages.sort(key=lambda package: package.version, reverse=True)
    return RegisteredGroup(name=group, exists=True, packages=tuple(packages))


def observe_endpoint(aws: Aws, name: str) -> Endpoint | None:
    """Look up an endpoint."""
    with translated(f"describe endpoint {name}"):
        try:
            found = aws.sagemaker.describe_endpoint(EndpointName=name)
        except ClientError as error:
            if is_absent(error):
                return None
            raise
    return Endpoint(
        name=name,
        status=found["EndpointStatus"],
        config_name=found["EndpointConfigName"],
        failure=found.get("FailureReason"),
        pending_config=found.get("PendingDeploymentSummary", {}).get("EndpointConfigName"),
    )


def _tagged(aws: Aws, endpoint: Endpoint) -> Endpoint:
    """An endpoint with its tags and its kind."""
    with translated(f"list the tags of endpoint {endpoint.name}"):
        arn = aws.sagemaker.describe_endpoint(EndpointName=endpoint.name)["EndpointArn"]
        pages = aws.sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
        tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    variant = _variant(aws, endpoint.config_name)
    return replace(endpoint, tags=tags, serverless=variant is not None and variant.serverless)


def observe_serving(aws: Aws, endpoint: str, model: str, config: str) -> Serving:
    """Look up what of a deployment exists."""
    found = observe_endpoint(aws, endpoint)
    return Serving(
        endpoint=_tagged(aws, found) if found else None,
        model_exists=_model_package(aws, model) is not None,
        config_exists=_variant(aws, config) is not None,
    )


def observe_deployed(aws: Aws, name: str) -> Deployed | None:
    """Follow an endpoint to the package that it serves."""
    endpoint = observe_endpoint(aws, name)
    if endpoint is None:
        return None
    variant = _variant(aws, endpoint.config_name)
    if variant is None:
        return Deployed(endpoint=endpoint, package=None, variant="")
    endpoint = replace(endpoint, serverless=variant.serverless)
    return Deployed(endpoint=endpoint, package=_model_package(aws, variant.model), variant=variant.size)


def observe_sample(aws: Aws, package: str) -> Sample | None:
    """Read the sample payload that was registered beside a package's artifact."""
    with translated(f"read the sample payload of {package}"):
        found = aws.sagemaker.describe_model_package(ModelPackageName=package)
        archive = found["InferenceSpecification"]["Containers"][0].get("ModelDataUrl", "")
        folder = archive.rpartition("/")[0]
        if not folder.startswith("s3://"):
            return None
        body = read(aws.s3, f"{folder}/sample.csv")
        answer = read(aws.s3, f"{folder}/sample-answer.json")
    return Sample(body=body, answer=answer) if body is not None and answer is not None else None


def observe_owned(aws: Aws, tags: Tags, endpoint: str | None) -> Owned:
    """Find by their tags the endpoints, endpoint configs and models of a project's environment.

    Args:
        aws: The clients.
        tags: What they are tagged with.
        endpoint: The endpoint of aws.yml: the index of tags learns of a new one only after a while.
    """
    names = _names_by_kind(aws, tags)
    known = names.get("endpoint", set()) | ({endpoint} if endpoint else set())
    found = [observe_endpoint(aws, name) for name in sorted(known)]
    own = [each for each in found if each and (each.name != endpoint or _is_ours(_tagged(aws, each), tags))]
    variants = {each.config_name: _variant(aws, each.config_name) for each in own}
    return Owned(
        endpoints=tuple(sorted(own, key=lambda each: each.name)),
        configs=tuple(
            sorted(names.get("endpoint-config", set()) | {name for name in variants if variants[name]})
        ),
        models=tuple(sorted(names.get("model", set()) | {each.model for each in variants.values() if each})),
    )


def with_registry(aws: Aws, owned: Owned, tags: Tags, bucket: str) -> Owned:
    """Add the model package groups of a project's environment, with their versions and artifacts."""
    groups = sorted(_names_by_kind(aws, tags).get("model-package-group", set()))
    with translated(f"list the artifacts in s3://{bucket}"):
        objects = [key for group in groups for key in list_keys(aws.s3, bucket, artifact_prefix(group))]
    return replace(owned, groups=tuple(observe_group(aws, group) for group in groups), objects=tuple(objects))


def _names_by_kind(aws: Aws, tags: Tags) -> dict[str, set[str]]:
    with translated("find what carries this project's tags"):
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


def _is_ours(endpoint: Endpoint, tags: Tags) -> bool:
    return tags.items() <= (endpoint.tags or {}).items()


def _model_package(aws: Aws, model: str) -> str | None:
    """The package a model is made of; empty for a model without one, None for no model."""
    with translated(f"describe model {model}"):
        try:
            found = aws.sagemaker.describe_model(ModelName=model)
        except ClientError as error:
            if is_absent(error):
                return None
            raise
    return found.get("PrimaryContainer", {}).get("ModelPackageName", "")


@dataclass(frozen=True)
class _Variant:
    model: str
    serverless: bool
    size: str


def _variant(aws: Aws, config: str) -> _Variant | None:
    """What an endpoint config serves, and on what."""
    with translated(f"describe endpoint config {config}"):
        try:
            found = aws.sagemaker.describe_endpoint_config(EndpointConfigName=config)
        except ClientError as error:
            if is_absent(error):
                return None
            raise
    variant = found["ProductionVariants"][0]
    if "ServerlessConfig" in variant:
        size = f"serverless, {variant['ServerlessConfig']['MemorySizeInMB']} MB"
        return _Variant(variant["ModelName"], True, size)
    count = variant.get("InitialInstanceCount", 1)
    return _Variant(variant["ModelName"], False, f"realtime, {count} x {variant.get('InstanceType', '?')}")


def _package(item: "ModelPackageSummaryTypeDef") -> ModelPackage:
    return ModelPackage(
        arn=item["ModelPackageArn"],
        group=item.get("ModelPackageGroupName", ""),
        version=item.get("ModelPackageVersion", 0),
        approval=item.get("ModelApprovalStatus", ""),
        description=item.get("ModelPackageDescription", ""),
        created=item["CreationTime"].isoformat(timespec="seconds"),
        status=item.get("ModelPackageStatus", ""),
    )
