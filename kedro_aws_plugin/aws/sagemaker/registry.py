"""Look up what SageMaker's model registry has. Lists are read to their last page."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.clock import Clock, retry_while_absent
from kedro_aws_plugin.aws.errors import get_error_code, is_absent, translate_errors
from kedro_aws_plugin.aws.s3 import read
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.plan.observed import FAILED, ModelPackage, RegisteredGroup, Sample
from kedro_aws_plugin.plan.steps import Request

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef, ModelPackageSummaryTypeDef

    from kedro_aws_plugin.plan.steps.registry import CreateModelPackage

_READERS = 8


def observe_group(aws: Aws, group: str) -> RegisteredGroup:
    """Look up a model package group and its versions, the newest first."""
    with translate_errors(f"list the versions in model package group {group}"):
        try:
            aws.sagemaker.describe_model_package_group(ModelPackageGroupName=group)
        except ClientError as error:
            if is_absent(error):
                return RegisteredGroup(name=group, exists=False)
            raise
        pages = aws.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
        )
        packages = [_parse_package(item) for page in pages for item in page["ModelPackageSummaryList"]]
    packages.sort(key=lambda package: package.version, reverse=True)
    return RegisteredGroup(name=group, exists=True, packages=tuple(packages))


def observe_details(aws: Aws, group: RegisteredGroup) -> RegisteredGroup:
    """Look up the signatures and properties of a group's versions: one request for each, some at a time."""
    with (
        translate_errors(f"read the versions in model package group {group.name}"),
        ThreadPoolExecutor(_READERS) as pool,
    ):
        packages = tuple(pool.map(lambda each: _add_details(aws, each), group.packages))
    return replace(group, packages=packages)


def observe_sample(aws: Aws, package: str) -> Sample | None:
    """Read the sample payload that was registered beside a package's artifact."""
    with translate_errors(f"read the sample payload of {package}"):
        found = aws.sagemaker.describe_model_package(ModelPackageName=package)
        archive = found["InferenceSpecification"]["Containers"][0].get("ModelDataUrl", "")
        folder = archive.rpartition("/")[0]
        if not folder.startswith("s3://"):
            return None
        body = read(aws.s3, f"{folder}/sample.csv")
        answer = read(aws.s3, f"{folder}/sample-answer.json")
    return Sample(body=body, answer=answer) if body is not None and answer is not None else None


def create_package(aws: Aws, step: "CreateModelPackage", clock: Clock) -> str:
    """Register a version, once for all who do it at the same time, and return its ARN.

    AWS answers a token that it knows with the version that the token made. If that version has been deleted
    since, the token no longer serves, and the version is registered with another one.

    Raises:
        ClientError: If AWS refuses the registration. A ConflictException says that somebody else registers
            the same content at the same time with other options.
    """
    request = step.request()
    try:
        arn = _send(aws, request)
    except ClientError as error:
        if get_error_code(error) != "ConflictException" or _is_listed(aws, step):
            raise
    else:
        if not _was_deleted(aws, arn, clock):
            return arn
    return _send(aws, {**request, "ClientToken": str(uuid.uuid4())})


def _send(aws: Aws, request: Request) -> str:
    return str(aws.sagemaker.create_model_package(**request)["ModelPackageArn"])


def _is_listed(aws: Aws, step: "CreateModelPackage") -> bool:
    known = observe_group(aws, step.group).packages
    return any(step.mark in each.description for each in known if each.status != FAILED)


def _was_deleted(aws: Aws, package: str, clock: Clock) -> bool:
    try:
        retry_while_absent(lambda: aws.sagemaker.describe_model_package(ModelPackageName=package), clock)
    except ClientError as error:
        return is_absent(error)  # whoever may not look takes AWS's word
    return False


def _add_details(aws: Aws, package: ModelPackage) -> ModelPackage:
    found = aws.sagemaker.describe_model_package(ModelPackageName=package.arn)
    properties = found.get("CustomerMetadataProperties", {})
    return replace(package, signature=_find_signature(found), properties=properties)


def _find_signature(found: "DescribeModelPackageOutputTypeDef") -> dict[str, Any] | None:
    """Find the signature that `register-model` wrote; None if others registered the version."""
    containers = found.get("InferenceSpecification", {}).get("Containers") or [{}]
    text = containers[0].get("ModelInput", {}).get("DataInputConfig", "")
    try:
        signature = json.loads(text)
    except ValueError:  # another tool's words
        return None
    return signature if isinstance(signature, dict) and {"input", "output"} <= signature.keys() else None


def _parse_package(item: "ModelPackageSummaryTypeDef") -> ModelPackage:
    return ModelPackage(
        arn=item["ModelPackageArn"],
        group=item.get("ModelPackageGroupName", ""),
        version=item.get("ModelPackageVersion", 0),
        approval=item.get("ModelApprovalStatus", ""),
        description=item.get("ModelPackageDescription", ""),
        created=item["CreationTime"].isoformat(timespec="seconds"),
        status=item.get("ModelPackageStatus", ""),
    )
