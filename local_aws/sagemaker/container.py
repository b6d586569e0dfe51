"""The containers of an endpoint, as far as the local AWS runs them: an archive and its environment."""

from dataclasses import asdict, dataclass, field, replace

from local_aws.protocol.aws_json import Params
from local_aws.protocol.resources import Region
from local_aws.sagemaker.hosting import SHA256, find_model

_STARTUP_SECONDS = 600
_DOWNLOAD_SECONDS = 3600
"""What AWS gives a variant that says nothing. Source: ProductionVariant in SageMaker's API reference."""


class CannotServe(Exception):
    """A container does not come into service. The text becomes the endpoint's FailureReason."""


@dataclass(frozen=True)
class Container:
    """The definition of a container.

    Attributes:
        region: The region of its endpoint.
        model_data: The S3 URI of the model.tar.gz, if the model has one.
        environment: The variables of the container.
        startup_seconds: The time it has until ``/ping`` answers, once the model is there.
        download_seconds: The time it has until the model is downloaded and unpacked.
        most_workers: The most processes that are of use, if that is known.
        sha256: The digest of the archive that was registered, if its version tells it.
    """

    region: str
    model_data: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    startup_seconds: float = _STARTUP_SECONDS
    download_seconds: float = _DOWNLOAD_SECONDS
    most_workers: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Variant:
    """A variant of an endpoint.

    Attributes:
        name: The VariantName.
        weight: Its share of the requests, relative to the other variants'.
        serverless: Whether it has a ServerlessConfig.
        container: The container that serves it.
        shadow: Whether it is a shadow variant, which only gets copies.
        instances: How many instances it has.
        config: The endpoint config that it is of.
    """

    name: str
    weight: float
    serverless: bool
    container: Container
    shadow: bool = False
    instances: int = 1
    config: str = ""


def write_variants(variants: list[Variant]) -> list[Params]:
    """Write variants as plain values, which outlive their config, their models and the server."""
    return [asdict(variant) for variant in variants]


def read_variants(written: list[Params]) -> list[Variant]:
    """Read what `write_variants` wrote."""
    return [Variant(**{**each, "container": Container(**each["container"])}) for each in written]


def resolve_variants(here: Region, config: Params) -> list[Variant]:
    """Resolve the variants of an endpoint config, with the containers of their models; the shadow ones last.

    Raises:
        AwsFault: If a model was deleted.
    """
    return [
        replace(_resolve_variant(here, each), config=config["EndpointConfigName"], shadow=shadow)
        for kind, shadow in (("ProductionVariants", False), ("ShadowProductionVariants", True))
        for each in config.get(kind, [])
    ]


def _resolve_variant(here: Region, params: Params) -> Variant:
    container = replace(
        resolve_container(here, params["ModelName"]),
        startup_seconds=params.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS),
        download_seconds=params.get("ModelDataDownloadTimeoutInSeconds", _DOWNLOAD_SECONDS),
    )
    return Variant(
        params["VariantName"],
        params["InitialVariantWeight"],
        "ServerlessConfig" in params,
        container,
        instances=params.get("InitialInstanceCount", 1),
    )


def resolve_container(here: Region, model: str) -> Container:
    """Resolve the container of a model.

    Raises:
        AwsFault: If there is no such model.
    """
    definition = find_model(here, model)["Resolved"][0]
    return Container(
        region=here.name,
        model_data=_find_archive(definition),
        environment=definition.get("Environment", {}),
        sha256=definition.get(SHA256),
    )


def _find_archive(definition: Params) -> str | None:
    source = definition.get("ModelDataSource", {}).get("S3DataSource", {})
    uri: str | None = definition.get("ModelDataUrl") or source.get("S3Uri")
    return uri
