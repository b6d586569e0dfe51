"""The type of every step: for type hints only, as it imports all kinds of steps."""

from kedro_aws_plugin.plan.steps.asynchronous import InvokeAsync
from kedro_aws_plugin.plan.steps.base import PlainStep
from kedro_aws_plugin.plan.steps.emr_serverless import WaitForApplication, WaitForJobRun
from kedro_aws_plugin.plan.steps.pipelines import WaitForExecution
from kedro_aws_plugin.plan.steps.registry import CreateModelPackage
from kedro_aws_plugin.plan.steps.s3 import DeleteObjects, UploadFile
from kedro_aws_plugin.plan.steps.serving import (
    CheckEndpoint,
    InvokeEndpoint,
    WaitForDeletion,
    WaitForEndpoint,
)
from kedro_aws_plugin.plan.steps.stack import UpdateStack, WaitForStack
from kedro_aws_plugin.plan.steps.state_machines import WaitForStateMachine
from kedro_aws_plugin.plan.steps.transform import CollectPredictions, WaitForTransform

Step = (
    PlainStep
    | CheckEndpoint
    | CollectPredictions
    | CreateModelPackage
    | DeleteObjects
    | InvokeAsync
    | InvokeEndpoint
    | UpdateStack
    | UploadFile
    | WaitForApplication
    | WaitForDeletion
    | WaitForEndpoint
    | WaitForExecution
    | WaitForJobRun
    | WaitForStack
    | WaitForStateMachine
    | WaitForTransform
)
"""A plain step, or one of those that take more than one request."""
