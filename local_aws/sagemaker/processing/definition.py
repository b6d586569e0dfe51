"""What a processing job is to do, as CreateProcessingJob says it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from local_aws.protocol.aws_json import Params
from local_aws.protocol.messages import invalid, unsupported
from local_aws.protocol.service_model import UNKNOWN

_INSIDE = "/opt/ml/processing"
_DAY = 24 * 60 * 60
_NO_ENTRYPOINT = (
    "CreateProcessingJob without AppSpecification.ContainerEntrypoint: the image's own entrypoint is in the "
    "image, which the local AWS does not have. Name the program, as in "
    '["python3", "/opt/ml/processing/input/code/script.py"]'
)


def fill_defaults(params: Params) -> Params:
    """Add what AWS adds to the description of a job."""
    filled = {**params, "StoppingCondition": params.get("StoppingCondition", {"MaxRuntimeInSeconds": _DAY})}
    if "ProcessingInputs" in params:
        filled["ProcessingInputs"] = [_fill_input(each) for each in params["ProcessingInputs"]]
    if "ProcessingOutputConfig" in params:
        outputs = [{"AppManaged": False, **each} for each in params["ProcessingOutputConfig"]["Outputs"]]
        filled["ProcessingOutputConfig"] = {**params["ProcessingOutputConfig"], "Outputs": outputs}
    return filled


def _fill_input(given: Params) -> Params:
    defaults = {
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "S3CompressionType": "None",
    }
    return {"AppManaged": False, **given, "S3Input": {**defaults, **given["S3Input"]}}


def check_supported(params: Params) -> None:
    """Check that the local AWS does what a request asks for, as far as its values are known.

    Raises:
        AwsFault: If it does not.
    """
    if not params["AppSpecification"].get("ContainerEntrypoint"):
        raise unsupported(_NO_ENTRYPOINT)
    if params["ProcessingResources"]["ClusterConfig"].get("InstanceCount", 1) not in {1, UNKNOWN}:
        raise unsupported("processing jobs on several instances; set InstanceCount to 1")
    if params.get("NetworkConfig", {}).get("EnableNetworkIsolation") is True:
        raise unsupported(
            "EnableNetworkIsolation of processing jobs: a process of this machine reaches the network"
        )
    for each in params.get("ProcessingInputs", []):
        if each.get("S3Input", {}).get("S3InputMode") == "Pipe":
            raise unsupported("S3InputMode Pipe of processing jobs; use File")


def check(params: Params) -> None:
    """Check what botocore's model of the request does not.

    Raises:
        AwsFault: If AWS would refuse it, or the local AWS cannot do it.
    """
    check_supported(params)
    inputs, outputs = params.get("ProcessingInputs", []), _list_outputs(params)
    _check_names("InputName", inputs)
    _check_names("OutputName", outputs)
    for each in inputs:
        _check_input(each)
    for each in outputs:
        if "S3Output" not in each:
            raise invalid(f"S3Output of output {each['OutputName']} must be set.")
        _check_place(each["S3Output"], f"output {each['OutputName']}")
    paths = Counter(path for path in _list_paths(inputs, outputs))
    if twice := next((path for path, count in paths.items() if count > 1), None):
        raise invalid(
            f"LocalPath {twice} is used more than once. Each input and output needs one of its own."
        )


def _list_outputs(params: Params) -> list[Params]:
    outputs: list[Params] = params.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return outputs


def _list_paths(inputs: list[Params], outputs: list[Params]) -> Iterator[str]:
    for each in inputs:
        yield each["S3Input"]["LocalPath"].rstrip("/")
    for each in outputs:
        yield each["S3Output"]["LocalPath"].rstrip("/")


def _check_names(member: str, given: list[Params]) -> None:
    counts = Counter(each[member] for each in given)
    if twice := next((name for name, count in counts.items() if count > 1), None):
        raise invalid(f"{member} {twice} is used more than once.")


def _check_input(given: Params) -> None:
    name = f"input {given['InputName']}"
    if "S3Input" not in given:
        raise invalid(f"S3Input of {name} must be set.")
    source: dict[str, Any] = given["S3Input"]
    if source.get("S3CompressionType", "None") != "None":
        raise invalid(f"S3CompressionType {source['S3CompressionType']} of {name} needs S3InputMode Pipe.")
    _check_place(source, name)


def _check_place(place: Params, name: str) -> None:
    path = place.get("LocalPath")
    if not place["S3Uri"].startswith("s3://"):
        raise invalid(f"S3Uri {place['S3Uri']} of {name} must begin with s3://, as in s3://bucket/key.")
    if path is None:
        raise invalid(f"LocalPath of {name} must be set, since AppManaged is false.")
    if not f"{path}/".startswith(f"{_INSIDE}/") or ".." in path.split("/"):
        raise invalid(f"LocalPath {path} of {name} must begin with {_INSIDE}/.")
