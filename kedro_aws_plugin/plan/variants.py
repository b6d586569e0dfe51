"""The variants of an endpoint: which versions share its requests, and what happens beside the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kedro_aws_plugin.config import Deploy
from kedro_aws_plugin.config.sections import parse_package
from kedro_aws_plugin.config.variants import SHADOW, Capture, VersionSettings

ALL_TRAFFIC = "AllTraffic"
"""The name of a variant that has all requests for itself."""

_TEXT = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}
"""What is captured as it is. SageMaker encodes all other content types in base64."""


@dataclass(frozen=True)
class ChosenVariant:
    """A variant as it should be.

    Attributes:
        name: Its name.
        package: The ARN of the approved package.
        weight: Its share of the requests, relative to the other variants'.
        instance_type: Its instance type.
        instance_count: How many instances it has.
    """

    name: str
    package: str
    weight: float
    instance_type: str
    instance_count: int

    @property
    def version(self) -> str:
        """The version that it serves, for people: "version 3 of flights"."""
        group, version = self.package.rsplit("/", 2)[-2:]
        return f"version {version} of {group}"


def choose_variants(
    deploy: Deploy, choose: Callable[[str | None, str | None], str]
) -> tuple[tuple[ChosenVariant, ...], ChosenVariant | None]:
    """Choose the versions of the variants that aws.yml names.

    Args:
        deploy: The endpoint.
        choose: Finds the ARN of an approved version by (group, version), either of which may be None.

    Returns:
        The variants in production, none if aws.yml names none; and the shadow variant, if there is one.
    """

    def make(name: str, settings: VersionSettings, weight: float) -> ChosenVariant:
        named, _ = parse_package(settings.package or "")
        return ChosenVariant(
            name=name,
            package=choose(settings.group or named or deploy.group, settings.package),
            weight=weight,
            instance_type=settings.instance_type or deploy.instance_type,
            instance_count=settings.instance_count or deploy.instance_count,
        )

    variants = tuple(make(name, each, each.weight) for name, each in deploy.variants.items())
    if deploy.shadow is None:
        return variants, None
    weight = sum(each.weight for each in variants) or 1.0
    return variants, make(SHADOW, deploy.shadow, deploy.shadow.share * weight)


def leave_weights_out(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of an endpoint config's definition what can be changed without another config."""
    variants = [
        {member: value for member, value in each.items() if member != "InitialVariantWeight"}
        for each in definition["ProductionVariants"]
    ]
    return {**definition, "ProductionVariants": variants}


def describe_shares(variants: Sequence[ChosenVariant]) -> str:
    """Describe which variant gets which share: "champion 90% (version 3 of flights), ..."."""
    total = sum(each.weight for each in variants)
    return ", ".join(f"{each.name} {each.weight / total:.0%} ({each.version})" for each in variants)


def build_capture_config(capture: Capture) -> dict[str, Any]:
    """Build the DataCaptureConfig of an endpoint config. The destination must be known."""
    modes = [mode for mode, wanted in (("Input", capture.input), ("Output", capture.output)) if wanted]
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": capture.percent,
        "DestinationS3Uri": str(capture.destination).rstrip("/"),
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        "CaptureContentTypeHeader": _TEXT,
    }
