"""Plan the registration of a model: (target, candidate, observed) -> Plan."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.model_artifact.handlers import PROGRAM, SUBMIT_DIRECTORY
from kedro_aws_plugin.model_artifact.payload import CONTENT_TYPES, CSV, JSON
from kedro_aws_plugin.model_artifact.signature import summarize
from kedro_aws_plugin.plan.observed import (
    APPROVED,
    COMPLETED,
    FAILED,
    PENDING,
    REJECTED,
    RegisteredGroup,
    Sample,
)
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps.registry import (
    CreateModelPackage,
    CreateModelPackageGroup,
    UpdateModelPackage,
)
from kedro_aws_plugin.plan.steps.s3 import PutObject, UploadFile
from kedro_aws_plugin.plan.tags import Tags

if TYPE_CHECKING:
    from kedro_aws_plugin.plan.steps.any_step import Step

SAMPLE_TYPE = CSV

_TOKEN_LENGTH = 36
"""The limit of ClientToken in characters."""

MAX_SIGNATURE = 16384
"""The limit of DataInputConfig in characters."""

MAX_PROPERTIES = 50
"""The limit of CustomerMetadataProperties."""


@dataclass(frozen=True)
class Candidate:
    """A model that is ready to be registered.

    Attributes:
        entry: Its catalog entry.
        version: Its Kedro version.
        archive: The model.tar.gz on this machine.
        size: The archive's size in bytes.
        sha256: The archive's SHA-256 digest.
        content_sha256: The SHA-256 digest of the archive's content. Two builds of one model share it.
        image: The URI of the serving image.
        framework_version: The version of AWS's image, e.g. 1.4-2; None for an image of the user's own.
        properties: Lineage, as CustomerMetadataProperties.
        quality: The metrics as SageMaker's model-quality JSON.
        sample: A payload and its answer.
        signature: The model's input and output, as `model_artifact.signature` describes them.
        warnings: Sentences for the user to read.
        environment: The container's own variables, beside those that all have.
    """

    entry: str
    version: str
    archive: Path
    size: int
    sha256: str
    content_sha256: str
    image: str
    framework_version: str | None
    properties: Mapping[str, str]
    quality: bytes | None = None
    sample: Sample | None = None
    signature: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Registration:
    """Where and how to register a candidate.

    Attributes:
        group: The model package group.
        bucket: The bucket of its artifacts.
        region: The region that serves it.
        approve: Whether to approve it at once.
        tags: The tags of the group.
    """

    group: str
    bucket: str
    region: str
    approve: bool
    tags: Tags


def get_artifact_prefix(group: str) -> str:
    """Get the prefix of the S3 keys of everything that is registered in a group."""
    return f"sagemaker/{group}/"


def plan_registration(target: Registration, candidate: Candidate, observed: RegisteredGroup) -> Plan:
    """Plan the upload and the registration, or the approval of the version that is registered already.

    Raises:
        AwsError: If the same model is to be approved that was rejected.
    """
    mark = f"content {_identify(candidate)[:16]}"
    known = next(
        (each for each in observed.packages if mark in each.description and each.status == COMPLETED), None
    )
    steps: list[Step] = []
    if known is None:
        if not observed.exists:
            steps.append(_plan_group(target))
        steps += _plan_uploads(target, candidate)
        same = [each for each in observed.packages if mark in each.description]
        failed = [each.arn for each in same if each.status == FAILED]
        steps.append(_plan_package(target, candidate, mark, failed))
    elif target.approve and known.approval == REJECTED:
        raise AwsError(
            f"Version {known.version} of {target.group} is the same model, and it was rejected. "
            f"To deploy it nevertheless, approve it: "
            f"kedro aws approve-model {known.version} --group {target.group}"
        )
    elif target.approve and known.approval != APPROVED:
        steps.append(UpdateModelPackage(arn=known.arn, approval=APPROVED))
    return Plan(
        title=f"register {candidate.entry} {candidate.version} in {target.group}",
        steps=tuple(steps),
        unchanged=f"{known.arn} ({known.approval})" if known else "",
        warnings=(*candidate.warnings, *_explain_size(candidate)),
    )


def _identify(candidate: Candidate) -> str:
    """Identify a candidate by the digest of its content, and of an image of the user's own, if it has one."""
    if candidate.framework_version is not None:
        return candidate.content_sha256
    return hashlib.sha256(f"{candidate.content_sha256} {candidate.image}".encode()).hexdigest()


def _plan_group(target: Registration) -> CreateModelPackageGroup:
    return CreateModelPackageGroup(
        group=target.group,
        description=f"Registered by kedro aws register-model, artifacts in s3://{target.bucket}",
        tags=target.tags,
    )


def _make_key(target: Registration, candidate: Candidate, name: str) -> str:
    return f"{get_artifact_prefix(target.group)}{candidate.content_sha256[:16]}/{name}"


def _plan_uploads(target: Registration, candidate: Candidate) -> "list[Step]":
    """Plan the uploads, which come before the registration so that a registered version is complete."""
    sample = candidate.sample
    files = {
        "quality.json": (candidate.quality, JSON),
        "sample.csv": (sample.body if sample else None, SAMPLE_TYPE),
        "sample-answer.json": (sample.answer if sample else None, "application/json"),
    }
    uploads: list[Step] = [
        PutObject(bucket=target.bucket, key=_make_key(target, candidate, name), body=body, content_type=kind)
        for name, (body, kind) in files.items()
        if body is not None
    ]
    archive = UploadFile(
        path=candidate.archive,
        size=candidate.size,
        sha256=candidate.sha256,
        bucket=target.bucket,
        key=_make_key(target, candidate, "model.tar.gz"),
        content_type="application/gzip",
    )
    return [*uploads, archive]


def _plan_package(
    target: Registration, candidate: Candidate, mark: str, failed: Sequence[str]
) -> CreateModelPackage:
    base = f"s3://{target.bucket}/{_make_key(target, candidate, '')}"
    container: dict[str, Any] = {
        "Image": candidate.image,
        "ModelDataUrl": f"{base}model.tar.gz",
        "Environment": {
            "SAGEMAKER_PROGRAM": PROGRAM,
            "SAGEMAKER_SUBMIT_DIRECTORY": SUBMIT_DIRECTORY,
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_REGION": target.region,
            **candidate.environment,
        },
    }
    if candidate.framework_version is not None:
        container |= {"Framework": "SAGEMAKER-SCIKIT-LEARN", "FrameworkVersion": candidate.framework_version}
    text = _write_signature(candidate)
    if text is not None and len(text) <= MAX_SIGNATURE:
        container["ModelInput"] = {"DataInputConfig": text}
    quality = {"ContentType": "application/json", "S3Uri": f"{base}quality.json"}
    return CreateModelPackage(
        group=target.group,
        description=f"{candidate.entry} {candidate.version}, {mark}",
        mark=mark,
        token=_make_token(target.group, _identify(candidate), *failed),
        approval=APPROVED if target.approve else PENDING,
        inference={
            "Containers": [container],
            "SupportedContentTypes": list(CONTENT_TYPES),
            "SupportedResponseMIMETypes": sorted(CONTENT_TYPES, key=lambda kind: kind != JSON),
        },
        metrics={"ModelQuality": {"Statistics": quality}} if candidate.quality is not None else None,
        properties=_describe(candidate),
    )


def _make_token(*parts: str) -> str:
    """Make a token that all who register the same content at the same time have in common.

    A registration that failed has used up its token.
    """
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_TOKEN_LENGTH]


def _write_signature(candidate: Candidate) -> str | None:
    """Write the signature in one line; characters other than ASCII are escaped."""
    return None if candidate.signature is None else json.dumps(candidate.signature, separators=(",", ":"))


def _explain_size(candidate: Candidate) -> list[str]:
    text = _write_signature(candidate)
    if text is None or len(text) <= MAX_SIGNATURE:
        return []
    return [
        f"The signature of {candidate.entry} has {len(text)} characters, and a model package takes"
        f" {MAX_SIGNATURE}: only the artifact has it."
    ]


def _describe(candidate: Candidate) -> dict[str, str]:
    """Add the signature in a few words to the lineage, where there is room for one more property."""
    if candidate.signature is None or len(candidate.properties) >= MAX_PROPERTIES:
        return dict(candidate.properties)
    return {**candidate.properties, "signature": summarize(candidate.signature)}
