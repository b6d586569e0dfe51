"""What a training job is to do, as CreateTrainingJob says it."""

from collections import Counter
from typing import Any

from local_aws.protocol.aws_json import Params
from local_aws.protocol.messages import invalid, unsupported
from local_aws.protocol.service_model import UNKNOWN

CHECKPOINTS = "/opt/ml/checkpoints"
_DAY = 24 * 60 * 60
_NO_ENTRYPOINT = (
    "CreateTrainingJob without AlgorithmSpecification.ContainerEntrypoint: what an image or a built-in "
    "algorithm trains by itself is in the image, which the local AWS does not have. Name the program, as in "
    '["python3", "/opt/ml/input/data/code/train.py"]'
)


def fill_defaults(params: Params) -> Params:
    """Add what AWS adds to the description of a job."""
    filled = {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **params,
        "StoppingCondition": {"MaxRuntimeInSeconds": _DAY, **params.get("StoppingCondition", {})},
        "OutputDataConfig": {"CompressionType": "GZIP", **params["OutputDataConfig"]},
    }
    if "CheckpointConfig" in params:
        filled["CheckpointConfig"] = {"LocalPath": CHECKPOINTS, **params["CheckpointConfig"]}
    if "InputDataConfig" in params:
        filled["InputDataConfig"] = [_fill_channel(each) for each in params["InputDataConfig"]]
    return filled


def _fill_channel(given: Params) -> Params:
    source = {"S3DataDistributionType": "FullyReplicated", **given["DataSource"]["S3DataSource"]}
    defaults = {"CompressionType": "None", "RecordWrapperType": "None"}
    return {**defaults, **given, "DataSource": {"S3DataSource": source}}


def check_supported(params: Params) -> None:
    """Check that the local AWS does what a request asks for, as far as its values are known.

    Raises:
        AwsFault: If it does not.
    """
    algorithm, resources = params.get("AlgorithmSpecification", {}), params.get("ResourceConfig", {})
    if not algorithm.get("ContainerEntrypoint"):
        raise unsupported(_NO_ENTRYPOINT)
    if resources.get("InstanceCount", 1) not in {1, UNKNOWN}:
        raise unsupported("training jobs on several instances; set InstanceCount to 1")
    if params.get("EnableNetworkIsolation") is True:
        raise unsupported(
            "EnableNetworkIsolation of training jobs: a process of this machine reaches the network"
        )
    channels = params.get("InputDataConfig", [])
    modes = [algorithm.get("TrainingInputMode"), *(each.get("InputMode") for each in channels)]
    if "Pipe" in modes:
        raise unsupported("the input mode Pipe of training jobs; use File or FastFile")
    for each in channels:
        _check_channel(each)


def _check_channel(channel: dict[str, Any]) -> None:
    name = channel["ChannelName"]
    kind = channel["DataSource"].get("S3DataSource", {}).get("S3DataType")
    if kind not in {"S3Prefix", "ManifestFile", None, UNKNOWN}:
        raise unsupported(f"S3DataType {kind} of channel {name}; use S3Prefix or ManifestFile")
    if channel.get("RecordWrapperType") == "RecordIO":
        raise unsupported(f"RecordWrapperType RecordIO of channel {name}")


def check(params: Params) -> None:
    """Check what botocore's model of the request does not.

    Raises:
        AwsFault: If AWS would refuse it, or the local AWS cannot do it.
    """
    check_supported(params)
    if not params["AlgorithmSpecification"].get("TrainingImage"):
        raise invalid("TrainingImage of AlgorithmSpecification must be set.")
    if "ResourceConfig" not in params:
        raise invalid("ResourceConfig must be set.")
    channels = params.get("InputDataConfig", [])
    counts = Counter(each["ChannelName"] for each in channels)
    if twice := next((name for name, count in counts.items() if count > 1), None):
        raise invalid(f"ChannelName {twice} is used more than once.")
    uris = [params["OutputDataConfig"]["S3OutputPath"]]
    for each in channels:
        if "S3DataSource" not in each["DataSource"]:
            raise invalid(f"S3DataSource of channel {each['ChannelName']} must be set.")
        if each.get("CompressionType", "None") != "None":
            raise invalid(f"CompressionType Gzip of channel {each['ChannelName']} needs the input mode Pipe.")
        uris.append(each["DataSource"]["S3DataSource"]["S3Uri"])
    if wrong := [uri for uri in uris if not uri.startswith("s3://")]:
        raise invalid(f"{wrong[0]} must begin with s3://, as in s3://bucket/key.")
    path = params.get("CheckpointConfig", {}).get("LocalPath", CHECKPOINTS)
    if not path.startswith("/opt/ml/") or ".." in path.split("/"):
        raise unsupported(f"the LocalPath {path} of CheckpointConfig; use {CHECKPOINTS}")
    _check_spot(params)


def _check_spot(params: Params) -> None:
    condition = {"MaxRuntimeInSeconds": _DAY, **params.get("StoppingCondition", {})}
    is_spot = params.get("EnableManagedSpotTraining", False)
    wait = condition.get("MaxWaitTimeInSeconds")
    if is_spot and (wait is None or wait < condition["MaxRuntimeInSeconds"]):
        raise invalid(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds"
        )
    if not is_spot and wait is not None:
        raise invalid("MaxWaitTimeInSeconds can only be set with EnableManagedSpotTraining.")
    if is_spot and params["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
        raise invalid("KeepAlivePeriodInSeconds cannot be set with EnableManagedSpotTraining.")
