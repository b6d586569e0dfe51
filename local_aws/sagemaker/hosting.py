"""SageMaker's operations on models and endpoint configs."""

import re
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import invalid, unsupported
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.resources import Listing, Region, Resource, Resources, pick, read_tags
from local_aws.sagemaker.asynchronous.definition import check_async
from local_aws.sagemaker.registry import find_package

_MODELS = Listing("Models", "ModelName", "ModelArn", ("ModelName", "ModelArn", "CreationTime"))
_CONFIGS = Listing(
    "EndpointConfigs",
    "EndpointConfigName",
    "EndpointConfigArn",
    ("EndpointConfigName", "EndpointConfigArn", "CreationTime"),
)
_KINDS = ("ProductionVariants", "ShadowProductionVariants")
_MEMORY_STEP = 1024
_DIGEST = re.compile(r"[0-9a-f]{64}")

SHA256 = "ArtifactSha256"
"""Where a resolved container has the digest of its archive. No operation of AWS's shows it."""
_NOT_SERVERLESS = ("VpcConfig", "EnableNetworkIsolation", "VolumeSizeInGB")
"""Source: "Feature exclusions" of Serverless Inference in SageMaker's documentation."""


class Models:
    """Operations on models."""

    def __init__(self, resources: Resources, moto: Moto) -> None:
        self._resources = resources
        self._moto = moto

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "CreateModel": self.create,
            "DescribeModel": self.describe,
            "ListModels": self.list,
            "DeleteModel": self.delete,
        }

    def create(self, region: str, params: Params) -> Params:
        """CreateModel, from an image and an archive or from an approved model package."""
        containers = _read_containers(params)
        with self._resources.lock:
            here = self._resources[region]
            name = params["ModelName"]
            arn = here.make_arn("model", name.lower())
            if here.holds(arn):
                raise invalid(f'Cannot create already existing model "{arn}".')
            resolved = [each for container in containers for each in _resolve(here, container)]
            _check_supported(resolved)
            for container in resolved:
                self._check_data(here, container)
            model = {key: value for key, value in params.items() if key != "Tags"}
            if "PrimaryContainer" in model:
                model["PrimaryContainer"] = {"Mode": "SingleModel", **model["PrimaryContainer"]}
            here.models[name] = {
                "EnableNetworkIsolation": False,
                **model,
                "Resolved": resolved,
                "ModelArn": arn,
                "CreationTime": self._resources.now(),
            }
            here.tags[arn] = read_tags(params)
            return {"ModelArn": arn}

    def _check_data(self, here: Region, container: Params) -> None:
        uri = container.get("ModelDataUrl")
        if uri is None:
            return
        parts = urlsplit(uri)
        answer = self._moto.request("HEAD", f"/{parts.netloc}{quote(parts.path)}", region=here.name)
        if answer.status != HTTPStatus.OK:
            raise invalid(f"Could not find model data at {uri}.")

    def describe(self, region: str, params: Params) -> Params:
        """DescribeModel."""
        with self._resources.lock:
            model = find_model(self._resources[region], params["ModelName"])
            return {key: value for key, value in model.items() if key != "Resolved"}

    def list(self, region: str, params: Params) -> Params:
        """ListModels."""
        with self._resources.lock:
            return _MODELS.page(self._resources[region].models.values(), params)

    def delete(self, region: str, params: Params) -> Params:
        """DeleteModel. As on AWS, an endpoint may still serve it."""
        with self._resources.lock:
            here = self._resources[region]
            model = find_model(here, params["ModelName"])
            del here.models[model["ModelName"]]
            here.tags.pop(model["ModelArn"], None)
            return {}


class EndpointConfigs:
    """Operations on endpoint configs."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "CreateEndpointConfig": self.create,
            "DescribeEndpointConfig": self.describe,
            "ListEndpointConfigs": self.list,
            "DeleteEndpointConfig": self.delete,
        }

    def create(self, region: str, params: Params) -> Params:
        """CreateEndpointConfig. Its models must exist."""
        with self._resources.lock:
            here = self._resources[region]
            name = params["EndpointConfigName"]
            arn = here.make_arn("endpoint-config", name.lower())
            if here.holds(arn):
                raise invalid(f'Cannot create already existing endpoint configuration "{arn}".')
            production, shadows = params["ProductionVariants"], params.get("ShadowProductionVariants", [])
            _check_variants(here, [*production, *shadows])
            _check_beside(params, production, shadows)
            check_async(params)
            weighted = {
                kind: [{"InitialVariantWeight": 1.0, **each} for each in variants]
                for kind, variants in zip(_KINDS, (production, shadows), strict=True)
                if variants
            }
            here.configs[name] = {
                "EnableNetworkIsolation": False,
                **{key: value for key, value in params.items() if key != "Tags"},
                **weighted,
                "EndpointConfigArn": arn,
                "CreationTime": self._resources.now(),
            }
            here.tags[arn] = read_tags(params)
            return {"EndpointConfigArn": arn}

    def describe(self, region: str, params: Params) -> Params:
        """DescribeEndpointConfig."""
        with self._resources.lock:
            return dict(find_config(self._resources[region], params["EndpointConfigName"]))

    def list(self, region: str, params: Params) -> Params:
        """ListEndpointConfigs."""
        with self._resources.lock:
            return _CONFIGS.page(self._resources[region].configs.values(), params)

    def delete(self, region: str, params: Params) -> Params:
        """DeleteEndpointConfig. As on AWS, an endpoint whose config was deleted can no longer be updated."""
        with self._resources.lock:
            here = self._resources[region]
            config = find_config(here, params["EndpointConfigName"])
            del here.configs[config["EndpointConfigName"]]
            here.tags.pop(config["EndpointConfigArn"], None)
            return {}


def find_model(here: Region, name: str) -> Resource:
    """Find a model by its name.

    Raises:
        AwsFault: If there is none.
    """
    if name not in here.models:
        raise invalid(f'Could not find model "{here.make_arn("model", name.lower())}".')
    return here.models[name]


def find_config(here: Region, name: str) -> Resource:
    """Find an endpoint config by its name.

    Raises:
        AwsFault: If there is none.
    """
    if name not in here.configs:
        raise invalid(
            f'Could not find endpoint configuration "{here.make_arn("endpoint-config", name.lower())}".'
        )
    return here.configs[name]


def _resolve(here: Region, container: Params) -> list[Params]:
    """Resolve a container definition: for a model package, its containers with the definition's Environment.

    Raises:
        AwsFault: If the package does not exist or is not approved.
    """
    if "ModelPackageName" not in container:
        return [container]
    package = find_package(here, container["ModelPackageName"])
    status = package["ModelApprovalStatus"]
    if status != "Approved":
        raise invalid(
            f"ModelPackage {package['ModelPackageArn']} cannot be used to create a model: "
            f"its ModelApprovalStatus is {status}, not Approved."
        )
    definitions = package.get("InferenceSpecification", {}).get("Containers", [])
    if not definitions:
        raise invalid(
            f"ModelPackage {package['ModelPackageArn']} has no InferenceSpecification with a container."
        )
    environment = container.get("Environment", {})
    stated = str(package.get("CustomerMetadataProperties", {}).get("artifact_sha256", ""))
    digest = {SHA256: stated} if _DIGEST.fullmatch(stated) else {}
    return [
        {**each, "Environment": {**each.get("Environment", {}), **environment}, **digest}
        for each in definitions
    ]


def _read_containers(params: Params) -> list[Params]:
    primary, several = params.get("PrimaryContainer"), params.get("Containers")
    if (primary is None) == (several is None):
        raise invalid("Exactly one of PrimaryContainer and Containers must be specified.")
    containers: list[Params] = [primary] if primary is not None else several or []
    for container in containers:
        if ("ModelPackageName" in container) == bool(
            pick(container, ("Image", "ModelDataUrl", "ModelDataSource"))
        ):
            raise invalid(
                "Specify one of either Image and Model Data URL or ModelPackageName in container definition."
            )
        if "ModelPackageName" not in container and "Image" not in container:
            raise invalid("Container definition must have an Image.")
    return containers


def _check_supported(containers: list[Params]) -> None:
    """Refuse the models that the local AWS could not serve, before an endpoint is made of them."""
    if len(containers) != 1:
        raise unsupported(f"models of {len(containers)} containers; it serves models of one")
    container = containers[0]
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise unsupported("multi-model containers")
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    if source and (source.get("CompressionType"), source.get("S3DataType")) != ("Gzip", "S3Object"):
        raise unsupported("models from an S3 prefix; it serves models from a model.tar.gz")
    for member in ("AdditionalModelDataSources", "AdditionalS3DataSource"):
        if container.get(member):
            raise unsupported(f"models with {member}")


def _find_excluded(settings: Params) -> str | None:
    """Find a setting of a model or a variant that serverless endpoints exclude."""
    return next((each for each in _NOT_SERVERLESS if settings.get(each)), None)


def _check_variants(here: Region, variants: list[Params]) -> None:
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) < len(names):
        raise invalid("Each production variant must have its own VariantName.")
    for variant in variants:
        if "ModelName" not in variant:
            raise invalid(f"Production variant {variant['VariantName']} must have a ModelName.")
        model = find_model(here, variant["ModelName"])
        if "ServerlessConfig" in variant and (excluded := _find_excluded({**model, **variant})):
            raise invalid(
                f"Production variant {variant['VariantName']} is serverless, and serverless endpoints do not "
                f"support {excluded}."
            )
        instances = pick(variant, ("InstanceType", "InitialInstanceCount"))
        if ("ServerlessConfig" in variant) == bool(instances) or len(instances) == 1:
            raise invalid(
                f"Production variant {variant['VariantName']} must have either InstanceType and "
                "InitialInstanceCount, or ServerlessConfig."
            )
        memory = variant.get("ServerlessConfig", {}).get("MemorySizeInMB", _MEMORY_STEP)
        if memory % _MEMORY_STEP:
            raise invalid(
                f"MemorySizeInMB must be one of 1024, 2048, 3072, 4096, 5120 and 6144, not {memory}."
            )


def _check_beside(params: Params, production: list[Params], shadows: list[Params]) -> None:
    """Check several variants, a shadow variant and data capture against each other.

    Source: "ShadowProductionVariants" of CreateEndpointConfig in SageMaker's API reference; "Feature
    exclusions" of Serverless Inference and of shadow tests in the developer guide.

    Raises:
        AwsFault: If AWS does not serve them together.
    """
    if shadows and (len(production) != 1 or len(shadows) != 1):
        raise invalid(
            "With ShadowProductionVariants, you can specify only one variant for ProductionVariants and one "
            "variant for ShadowProductionVariants."
        )
    serverless = [each["VariantName"] for each in [*production, *shadows] if "ServerlessConfig" in each]
    if shadows and serverless:
        raise invalid(f"Shadow variants are not supported with serverless variant {serverless[0]}.")
    if shadows and "AsyncInferenceConfig" in params:
        raise invalid("Shadow variants are not supported with AsyncInferenceConfig.")
    if serverless and len(production) > 1:
        raise invalid(
            f"Serverless variant {serverless[0]} must be the only one: serverless endpoints do not support "
            "multiple production variants."
        )
    if serverless and params.get("DataCaptureConfig", {}).get("EnableCapture", "DataCaptureConfig" in params):
        raise invalid(f"Data capture is not supported with serverless variant {serverless[0]}.")
    options = params.get("DataCaptureConfig", {}).get("CaptureOptions", [])
    if len({each["CaptureMode"] for each in options}) < len(options):
        raise invalid("Each CaptureMode can be specified only once in CaptureOptions.")
