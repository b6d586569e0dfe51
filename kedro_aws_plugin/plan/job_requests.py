"""Write a step as the request of a job: CreateProcessingJob or CreateTrainingJob, without its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kedro_aws_plugin.config.serving_settings import Vpc
from kedro_aws_plugin.plan.overrides import Overrides, override
from kedro_aws_plugin.plan.tags import Tags, format_tags
from kedro_aws_plugin.plan.workflow import Group

_PROCESSING_INPUTS = "/opt/ml/processing/input"
_TRAINING_INPUTS = "/opt/ml/input/data"
_WAIT_FOR_SPOT = 2
"""How often its timeout a spot job may take in all, the waiting for capacity among it."""


@dataclass(frozen=True)
class JobPlace:
    """Where a job runs, and from what.

    Attributes:
        files: The folder on S3 with the files of the job.
        image: The URI of the image.
        role_arn: The role of the jobs.
        tags: The tags of the jobs.
        wheels: The folder on S3 with the wheels that the jobs install; empty if there is none.
        output: The folder on S3 for what a training job leaves in its folders for that, which is nothing.
        vpc: The network; None for SageMaker's own.
        overrides: What the user has set in the requests.
    """

    files: str
    image: str
    role_arn: str
    tags: Tags
    wheels: str = ""
    output: str = ""
    vpc: Vpc | None = None
    overrides: Overrides | None = None

    @property
    def inputs(self) -> dict[str, str]:
        """The inputs of a job by name, each with its folder on S3."""
        return {"job": self.files, **({"wheels": self.wheels} if self.wheels else {})}


@dataclass(frozen=True)
class JobRequest:
    """The request of a job.

    Attributes:
        kind: `Processing` or `Training`: Create...Job is the operation, and the step has this type.
        body: The request, without the name.
    """

    kind: str
    body: Mapping[str, Any]

    @property
    def operation(self) -> str:
        """The operation that makes the job."""
        return f"Create{self.kind}Job"


def build_job(group: Group, place: JobPlace, variables: Mapping[str, Any]) -> JobRequest:
    """Build the request of a step's job.

    Args:
        group: The step.
        place: Where it runs, and from what.
        variables: What its options other than `--step` have: how the execution's values are written there.
    """
    arguments = ["--step", group.name, *(part for option in variables.items() for part in option)]
    is_training = group.resources.job == "training"
    build, kind = (_build_training, "Training") if is_training else (_build_processing, "Processing")
    body = {
        **build(group, place, arguments),
        "RoleArn": place.role_arn,
        **({"Environment": dict(group.resources.environment)} if group.resources.environment else {}),
        "Tags": format_tags(place.tags),
    }
    return JobRequest(kind, override(f"Create{kind}Job", body, place.overrides or {}))


def _build_processing(group: Group, place: JobPlace, arguments: list[Any]) -> dict[str, Any]:
    resources = group.resources
    return {
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": resources.instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": resources.volume_gb,
                **({"VolumeKmsKeyId": resources.volume_kms_key} if resources.volume_kms_key else {}),
            }
        },
        "AppSpecification": {
            "ImageUri": place.image,
            "ContainerEntrypoint": ["python3", f"{_PROCESSING_INPUTS}/job/bootstrap.py"],
            "ContainerArguments": arguments,
        },
        "ProcessingInputs": [
            {
                "InputName": name,
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": f"{_PROCESSING_INPUTS}/{name}",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3DataDistributionType": "FullyReplicated",
                },
            }
            for name, uri in place.inputs.items()
        ],
        **({"NetworkConfig": {"VpcConfig": _build_network(place.vpc)}} if place.vpc else {}),
        "StoppingCondition": {"MaxRuntimeInSeconds": resources.timeout_minutes * 60},
    }


def _build_training(group: Group, place: JobPlace, arguments: list[Any]) -> dict[str, Any]:
    resources = group.resources
    seconds = resources.timeout_minutes * 60
    kept = {"KeepAlivePeriodInSeconds": resources.keep_alive_minutes * 60}
    return {
        "AlgorithmSpecification": {
            "TrainingImage": place.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", f"{_TRAINING_INPUTS}/job/bootstrap.py"],
            "ContainerArguments": arguments,
        },
        "InputDataConfig": [
            {
                "ChannelName": name,
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": uri,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
            for name, uri in place.inputs.items()
        ],
        "OutputDataConfig": {"S3OutputPath": place.output},
        "ResourceConfig": {
            "InstanceType": resources.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": resources.volume_gb,
            **({"VolumeKmsKeyId": resources.volume_kms_key} if resources.volume_kms_key else {}),
            **(kept if resources.keep_alive_minutes else {}),
        },
        **({"VpcConfig": _build_network(place.vpc)} if place.vpc else {}),
        "StoppingCondition": {
            "MaxRuntimeInSeconds": seconds,
            **({"MaxWaitTimeInSeconds": seconds * _WAIT_FOR_SPOT} if resources.spot else {}),
        },
        **({"EnableManagedSpotTraining": True} if resources.spot else {}),
    }


def _build_network(vpc: Vpc) -> dict[str, Any]:
    return {"SecurityGroupIds": list(vpc.security_groups), "Subnets": list(vpc.subnets)}
