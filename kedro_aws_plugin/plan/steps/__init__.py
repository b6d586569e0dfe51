"""Every action that may change something in AWS, one frozen dataclass each.

A step knows its AWS operation and the very request it sends: `apply` sends it, a dry run prints it.
"""

from kedro_aws_plugin.plan.steps.registry import (
    CreateModelPackage,
    CreateModelPackageGroup,
    DeleteModelPackage,
    DeleteModelPackageGroup,
    RegistryStep,
    UpdateModelPackage,
)
from kedro_aws_plugin.plan.steps.request import Request
from kedro_aws_plugin.plan.steps.s3 import (
    DeleteObjects,
    PutObject,
    S3Step,
    UploadFile,
)
from kedro_aws_plugin.plan.steps.serving import (
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    CreateServingStep,
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    DeleteServingStep,
    InvokeEndpoint,
    ServingStep,
    UpdateEndpoint,
    WaitForDeletion,
    WaitForEndpoint,
)
from kedro_aws_plugin.plan.steps.stack import CreateStack, StackStep, UpdateStack, WaitForStack

Step = S3Step | RegistryStep | ServingStep | StackStep

__all__ = [
    "CreateEndpoint",
    "CreateEndpointConfig",
    "CreateModel",
    "CreateModelPackage",
    "CreateModelPackageGroup",
    "CreateServingStep",
    "CreateStack",
    "DeleteEndpoint",
    "DeleteEndpointConfig",
    "DeleteModel",
    "DeleteModelPackage",
    "DeleteModelPackageGroup",
    "DeleteObjects",
    "DeleteServingStep",
    "InvokeEndpoint",
    "PutObject",
    "RegistryStep",
    "Request",
    "S3Step",
    "ServingStep",
    "StackStep",
    "Step",
    "UpdateEndpoint",
    "UpdateModelPackage",
    "UpdateStack",
    "UploadFile",
    "WaitForDeletion",
    "WaitForEndpoint",
    "WaitForStack",
]
