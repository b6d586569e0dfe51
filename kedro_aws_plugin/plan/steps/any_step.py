"""The type of every step. It imports all kinds of them: what only looks at AWS does without."""

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

WaitingStep = (
    WaitForApplication
    | WaitForDeletion
    | WaitForEndpoint
    | WaitForExecution
    | WaitForJobRun
    | WaitForStack
    | WaitForStateMachine
    | WaitForTransform
)
"""The kinds of steps that wait for something to end."""

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
    | WaitingStep
)
"""A plain step, or one of those that take more than one request."""
