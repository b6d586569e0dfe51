"""A container as SageMaker would start it, as far as the local AWS can: an archive and its environment."""

from dataclasses import dataclass, field

from local_aws.protocol.aws_json import Params
from local_aws.protocol.resources import Region
from local_aws.sagemaker.hosting import find_model

_STARTUP_SECONDS = 600


class CannotServe(Exception):
    """Why a container does not come into service; the text becomes the endpoint's FailureReason."""


@dataclass(frozen=True)
class Container:
    """What a model server needs to know.

    Attributes:
        model_data: S3 URI of the model.tar.gz, if the model has one.
        environment: variables of the container.
        startup_seconds: how long it may take until ``/ping`` answers.
    """

    region: str
    model_data: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    startup_seconds: float = _STARTUP_SECONDS


@dataclass(frozen=True)
class Variant:
    """A production variant: its share of the requests and what serves them."""

    name: str
    weight: float
    serverless: bool
    container: Container


def variants_of(here: Region, config: Params) -> list[Variant]:
    """The production variants of an endpoint config.

    Raises:
        AwsFault: if a model is gone.
        CannotServe: if a model needs what only the real AWS has.
    """
    return [_variant(here, each) for each in config["ProductionVariants"]]


def _variant(here: Region, params: Params) -> Variant:
    containers = find_model(here, params["ModelName"])["Resolved"]
    if len(containers) != 1:
        raise CannotServe(
            f"The local AWS serves models of one container; {params['ModelName']} has {len(containers)}."
        )
    seconds = params.get("ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_SECONDS)
    container = Container(here.name, _archive(containers[0]), containers[0].get("Environment", {}), seconds)
    return Variant(
        params["VariantName"], params["InitialVariantWeight"], "ServerlessConfig" in params, container
    )


def _archive(definition: Params) -> str | None:
    if definition.get("Mode", "SingleModel") != "SingleModel":
        raise CannotServe("The local AWS does not serve multi-model containers.")
    source = definition.get("ModelDataSource", {}).get("S3DataSource", {})
    if source and (source.get("CompressionType"), source.get("S3DataType")) != ("Gzip", "S3Object"):
        raise CannotServe("The local AWS serves models from a model.tar.gz, not from an S3 prefix.")
    uri: str | None = definition.get("ModelDataUrl") or source.get("S3Uri")
    return uri
